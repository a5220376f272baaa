"""Grades: bands of frequency rank, and how many bits the codes of each have.

Words of a file are in order of frequency, as a rule. The first thousand are most of any text, and of what is asked of
an embedding, so their codes get more bits: so many, the *slope*, for each halving of the rank. A band is a range of
ranks whose codes have one width. It ends at half of the rank where the next one ends; from an eighth of all on, where
most words are, at 1/√2 of it.

The slope is chosen without labels: the steepest with which the squared error over words drawn uniformly is expected
to be at most 1/32 above that of equal widths, for a normal source with the variances of each band, at its bound
[Cover and Thomas 2006, §10.3.3]. Real codes lose less, or gain: they are the nearer to it the more bits they have.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from embcomp.arrays import DoubleArray

MOST_BANDS = 14
LEAST_ROWS = 512
STEEPEST = 64
SLACK = 1 / 32
BISECTIONS = 50
ORDERED = 0.02
"""Share of variance that bands must explain by their means for a file to be in order of frequency."""


@dataclass(frozen=True)
class BandStatistics:
    """Rows of a band, and the mean and variance of their coordinates: float64, shape (k,)."""

    n_rows: int
    mean: DoubleArray
    variance: DoubleArray


def band_ends(n_rows: int) -> list[int]:
    """Return where bands end, ascending, the last at ``n_rows``; one band if there are few rows."""
    ends = [float(n_rows)]
    while len(ends) < MOST_BANDS and ends[-1] / 2 >= LEAST_ROWS:
        ends.append(ends[-1] / (math.sqrt(2) if ends[-1] > n_rows / 8 * 1.01 else 2))
    return sorted({round(end) for end in ends})


def widths(ends: Sequence[int], average: float, slope: float) -> list[int]:
    """Return the bits of a code in each band, at least 0, whose mean over all rows is ``average`` or just below.

    They fall by ``slope`` from a band to one of twice the rank.
    """
    falls = slope * _octaves(ends)
    counts = np.diff([0, *ends])
    low, high = -slope * 64.0, average + slope * 64.0 + 1.0
    for _ in range(BISECTIONS):
        middle = (low + high) / 2
        fits = float(counts @ np.maximum(0, np.floor(middle - falls))) <= average * ends[-1]
        low, high = (middle, high) if fits else (low, middle)
    return [int(width) for width in np.maximum(0, np.floor(low - falls))]


def _octaves(ends: Sequence[int]) -> DoubleArray:
    """How many doublings of rank each band lies above the first, at the geometric middle of its ends."""
    starts = [ends[0] / 4, *ends[:-1]]
    return np.array([math.log2(start * end / ends[0] ** 2) / 2 for start, end in zip(starts, ends, strict=True)])


def steepest_slope(bands: Sequence[BandStatistics], average: float) -> int:
    """Return the largest slope, in whole bits, that is expected to cost words drawn uniformly next to nothing.

    See the module's text; 0 for one band.
    """
    ends = np.add.accumulate([band.n_rows for band in bands]).tolist()
    if len(ends) < 2:
        return 0
    most_bits = max(widths(ends, average, STEEPEST))
    errors = np.array([band.n_rows * least_errors(band.variance, most_bits) for band in bands])

    def total(slope: int) -> float:
        return float(np.add.accumulate(errors[np.arange(len(ends)), widths(ends, average, slope)])[-1])

    allowed = (1 + SLACK) * total(0)
    return max(slope for slope in range(STEEPEST + 1) if slope == 0 or total(slope) <= allowed)


def least_errors(variances: DoubleArray, most_bits: int) -> DoubleArray:
    """Return the least expected squared error of a normal source with these variances, in 0 to ``most_bits`` bits.

    Reverse water-filling: a variance above the water level costs ½ log₂(σ² / level) bits and leaves the level, one
    below is left as it is. Float64, shape (most_bits + 1,).
    """
    descending = np.sort(variances[variances > 0])[::-1]
    n_bits = np.arange(most_bits + 1)[:, None]
    if not len(descending):
        return np.zeros(most_bits + 1)
    counts = np.arange(1, len(descending) + 1)
    levels = np.exp2((np.add.accumulate(np.log2(descending)) - 2 * n_bits) / counts)
    n_above = np.maximum(1, (descending >= levels).sum(axis=1))
    below = np.add.accumulate(descending[::-1])[::-1]
    rest = np.append(below, 0.0)[n_above]
    errors: DoubleArray = n_above * levels[np.arange(most_bits + 1), n_above - 1] + rest
    return errors


def order_share(bands: Sequence[BandStatistics]) -> float:
    """Return the share of the variance of all rows that lies between bands: 0 where they do not differ.

    Frequent and rare words lie around different means in trained embeddings. Bands of a file in another order all
    have the mean of the file.
    """
    counts = np.array([float(band.n_rows) for band in bands])
    means = np.array([band.mean for band in bands])
    middle = counts @ means / max(1.0, counts.sum())
    between = float(counts @ ((means - middle) ** 2).sum(axis=1))
    within = float(counts @ np.array([band.variance.sum() for band in bands]))
    return between / (between + within) if between + within > 0 else 0.0
