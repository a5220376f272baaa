"""Which width to try next, from what those tried so far keep.

The share of the quality that a code loses falls about as its width grows: it is taken to be a line over 1 / width.
That line goes through the two trials nearest to the bar, or has the slope of an earlier method.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

NEAR = 1.1  # ratio of two files' bytes that are as good as equal, for a first look
CLOSE = 1.02  # of a file that passed and of one where the line crosses the bar
AIM = 1.01  # a little wider than that
FACTOR = 2.0  # from the first width to the second
LEAST_FACTOR, MOST_FACTOR = 1.1, 4.0
EDGE = 0.1  # of the way between two widths, the least that a step narrows it down by


class Tried(NamedTuple):
    """A width, the bytes of its file, and the least lower bound of what that keeps."""

    width: int
    n_bytes: int
    low: float


def slope_of(one: Tried, other: Tried) -> float | None:
    """How much of the bound is lost for an increase of 1 / width by 1; ``None`` if that is not a number above 0."""
    rise = (one.low - other.low) / (1 / other.width - 1 / one.width)
    return rise if math.isfinite(rise) and rise > 0 else None


def crossing(tried: Tried, share: float, slope: float) -> float:
    """The width where a line with this slope through a trial has the bound ``share``; infinite if there is none."""
    inverse = 1 / tried.width + (tried.low - share) / slope
    return 1 / inverse if inverse > 0 else math.inf


def following(tried: Sequence[Tried], share: float, least: int, most: int, slope: float | None = None) -> int | None:
    """The width to try next, from ``least`` to ``most``; ``None`` if no other is worth it.

    Args:
        tried: of one method, at least one.
        share: that the bound has to reach.
        least, most: widths.
        slope: of another method.
    """
    ascending = sorted(tried)
    failed = [each for each in ascending if each.low < share]
    passed = [each for each in ascending if each.low >= share]
    if failed and passed:
        return _between(failed[-1], passed[0], share)
    nearest = ascending[-2:] if failed else ascending[:2]
    slope = (slope_of(nearest[1], nearest[0]) if len(nearest) == 2 else None) or slope
    if failed:
        width = FACTOR * failed[-1].width if slope is None else AIM * crossing(failed[-1], share, slope)
        limits = (LEAST_FACTOR * failed[-1].width, MOST_FACTOR * failed[-1].width)
    else:
        width = passed[0].width / FACTOR if slope is None else AIM * crossing(passed[0], share, slope)
        limits = (passed[0].width / MOST_FACTOR, passed[0].width / LEAST_FACTOR)
    found = max(least, min(most, round(max(limits[0], min(limits[1], width)))))
    return None if found in (each.width for each in tried) else found


def _between(failed: Tried, passed: Tried, share: float) -> int | None:
    low, high = failed.width, passed.width
    if high - low <= 1 or passed.n_bytes <= NEAR * failed.n_bytes:
        return None
    slope = slope_of(passed, failed)
    found = math.sqrt(low * high) if slope is None else crossing(passed, share, slope)
    place = (found - low) / (high - low)
    if passed.n_bytes <= CLOSE * (failed.n_bytes + place * (passed.n_bytes - failed.n_bytes)):
        return None
    place = min(1 - EDGE, max(EDGE, place))
    return min(high - 1, max(low + 1, round(AIM * (low + place * (high - low)))))
