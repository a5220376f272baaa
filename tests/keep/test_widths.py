from __future__ import annotations

import math

import pytest

from embcomp.keep.widths import Tried, crossing, following, slope_of

LEAST, MOST = 10, 1_000


def low_at(width: int) -> float:
    """A bound that is 1 without loss, and 0.9 at 100 bits."""
    return 1 - 10 / width


def tried(*widths: int) -> list[Tried]:
    return [Tried(width, 1_000 * width, low_at(width)) for width in widths]


def after(share: float, *widths: int, slope: float | None = None) -> int | None:
    return following(tried(*widths), share, LEAST, MOST, slope)


def test_the_slope_is_that_over_the_inverse_of_the_width():
    assert slope_of(*tried(200, 100)) == pytest.approx(10)
    assert slope_of(*tried(100, 200)) == pytest.approx(10)
    assert slope_of(Tried(100, 1, 0.9), Tried(200, 2, 0.8)) is None
    assert slope_of(Tried(100, 1, 0.9), Tried(200, 2, -math.inf)) is None


def test_where_the_line_crosses_the_bar():
    (one,) = tried(100)
    assert crossing(one, 0.95, 10) == pytest.approx(200)
    assert crossing(one, 1.01, 10) == math.inf


@pytest.mark.parametrize(
    ("share", "widths", "slope", "expected"),
    [
        (0.95, (100,), None, 200),  # nothing is known: double
        (0.80, (100,), None, 50),  # or halve
        (0.95, (100,), 10.0, 202),  # 1 % above the crossing
        (0.95, (50, 100), None, 202),
        (0.80, (100, 200), None, 50),  # 1 % above 50, on the way down
        (0.50, (100, 200), None, 25),  # at most by a factor of four
        (0.899, (100, 200), None, 91),  # and at least by a tenth
        (0.999, (100, 200), None, 800),
        (0.999, (800, 900), None, MOST),
        (0.999, (MOST,), None, None),
        (0.1, (12, 24), None, 11),
        (-0.1, (LEAST, 20), None, None),
        (0.95, (100, 400), None, 202),
        (0.95, (195, 202), None, None),  # files are alike
        (0.95, (100, 202), None, None),  # so is what could be found between
    ],
)
def test_the_width_to_try_next(share, widths, slope, expected):
    assert after(share, *widths, slope=slope) == expected


def test_a_step_narrows_a_curve_that_jumps():
    found = [Tried(100, 1_000, -math.inf), Tried(400, 4_000, 1.0)]
    assert following(found, 0.9, LEAST, MOST) == 202  # 1 % above the middle by the logarithm
    found = [Tried(100, 1_000, 0.899), Tried(400, 4_000, 5.0)]
    assert following(found, 0.9, LEAST, MOST) == 131  # 1 % above a tenth of the way


def test_few_steps_find_the_smallest():
    share, widths = 0.93, [100]
    while (width := after(share, *widths)) is not None:
        widths.append(width)
    passed = min(width for width in widths if low_at(width) >= share)
    assert len(widths) <= 4
    assert passed <= 1.06 * 10 / (1 - share)
