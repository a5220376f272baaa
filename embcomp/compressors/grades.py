"""Grades: bands of frequency rank, and how many bits the codes of each have.

Words of a file are in order of frequency, as a rule. The first thousand are most of any text, and of what is asked of
an embedding, so their codes get more bits: so many, the *slope*, for each halving of the rank. A band is a range of
ranks whose codes have one width. It ends at half of the rank where the next one ends; from an eighth of all on, where
most words are, at 1/√2 of it.

The slope is chosen without labels, by the squared error expected over words drawn uniformly, for normal sources with
the variances of each band, at its bound [Cover 2006, §10.3.3]. It is the error of unit rows: rare words may be much
shorter than frequent ones, and are asked for by direction all the same. Bands lower the error, because each has a
mean and a table of bits of its own; a slope raises it. The steepest slope is taken that gives half of the gain back,
so that rare words are still better off than without bands.

Words are found to be in order of frequency by two signs. Frequent and rare words lie around different means: the
logarithm of the rank explains a share of the variance of unit rows. And vectors of rare words are shorter, which
tells the one end from the other; where all are equally long, the logarithm of the rank counted from the end must
explain less. docs/decisions.md has what was measured.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from embcomp.arrays import DoubleArray, FloatArray, RowIds
from embcomp.compressors import principal
from embcomp.compressors.filters import random_words
from embcomp.threads import map_blocks

MOST_BANDS = 14
LEAST_ROWS = 512
STEEPEST = 64
TAIL_ROWS = 25_000
BISECTIONS = 50
ORDERED = 0.01
"""Share of the variance of unit rows that the logarithm of the rank explains, at least, in a file in order."""
FALL = -0.1
"""Spearman's ρ of rank and length, at most, in a file in order."""
ALIKE = 1.01
"""Ratio of the 99th to the first percentile of lengths up to which lengths count as equal."""
LOPSIDED = 1.25
"""How much more the logarithm of the rank must explain then than that of the rank counted from the end."""
UNIT = 2.0**-12  # of a coordinate
OCTAVE_UNIT = 2.0**-10


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


def sample_ranks(ranks: RowIds, n_head: int | str) -> RowIds:
    """Return those of ``ranks``, ascending, to learn from: below ``n_head``, and ``TAIL_ROWS`` others.

    These are the ones with the smallest hashes, so that those of more ranks are among those of fewer. With ``all``
    for ``n_head``, all are returned.
    """
    if isinstance(n_head, str):
        return ranks
    head, tail = ranks[ranks < n_head], ranks[ranks >= n_head]
    if len(tail) > TAIL_ROWS:
        hashes = random_words(0, np.zeros(1, np.uint64), tail.astype(np.uint64))
        tail = np.sort(tail[np.argsort(hashes, kind="stable")[:TAIL_ROWS]])
    return np.concatenate([head, tail])


def head_length(ranks: RowIds, n_head: int | str) -> int:
    """Return how many of ``ranks``, ascending, are below ``n_head``; all with ``all``."""
    return len(ranks) if isinstance(n_head, str) else int(np.searchsorted(ranks, n_head))


def slices_of_bands(ranks: RowIds, ends: Sequence[int]) -> list[slice]:
    """Return which of ``ranks``, which ascend, lie in each band."""
    return [slice(start, stop) for start, stop in pairwise(np.searchsorted(ranks, [0, *ends]).tolist())]


def band_statistics(units: FloatArray, ranks: RowIds, ends: Sequence[int]) -> list[BandStatistics]:
    """Return the statistics of each band.

    Args:
        units: float32, shape (n, k), unit rows along directions in which numbers do not depend on each other.
        ranks: of the rows, ascending.
        ends: of the bands.
    """
    moments = [principal.moments(units[rows]) for rows in slices_of_bands(ranks, ends)]
    return [BandStatistics(n_rows, *each) for n_rows, each in zip(np.diff([0, *ends]).tolist(), moments, strict=True)]


def chosen_ends(n_rows: int, grade: float | str, *, ordered: bool) -> list[int]:
    """Return where bands end; one for ``auto`` if words are not in order of frequency, and for a slope of 0."""
    several = ordered if isinstance(grade, str) else grade > 0
    return band_ends(n_rows) if several else [n_rows]


def chosen_slope(bands: Sequence[BandStatistics], average: float, grade: float | str) -> float:
    """Return the slope: what the option says, or for ``auto`` the steepest one."""
    return steepest_slope(bands, average) if isinstance(grade, str) else grade


def widths(ends: Sequence[int], average: float, slope: float) -> list[int]:
    """Return the bits of a code in each band, at least 0, whose mean over all rows is ``average`` or just below.

    They fall by ``slope`` from a band to one of twice the rank.
    """
    falls = slope * _octaves([max(1, end) for end in ends])
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
    """Return the slope, in whole bits, that gives half of what bands gain to frequent words; see the module's text.

    0 for one band.
    """
    ends = np.add.accumulate([band.n_rows for band in bands]).tolist()
    if len(ends) < 2:
        return 0
    most_bits = max(widths(ends, average, STEEPEST))
    errors = np.array([band.n_rows * least_errors(band.variance, most_bits) for band in bands])

    def total(slope: int) -> float:
        return float(np.add.accumulate(errors[np.arange(len(ends)), widths(ends, average, slope)])[-1])

    without_bands = least_errors(_together(bands), most_bits)
    allowed = (total(0) + ends[-1] * float(np.interp(average, np.arange(most_bits + 1), without_bands))) / 2
    return max(slope for slope in range(STEEPEST + 1) if slope == 0 or total(slope) <= allowed)


def _together(bands: Sequence[BandStatistics]) -> DoubleArray:
    """Return the variance of each coordinate of the rows of all bands, float64, shape (k,)."""
    shares = np.array([[float(band.n_rows)] for band in bands])
    shares /= max(1.0, shares.sum())
    means, variances = np.array([band.mean for band in bands]), np.array([band.variance for band in bands])
    middle = np.add.accumulate(shares * means)[-1]
    variance: DoubleArray = np.add.accumulate(shares * (variances + (means - middle) ** 2))[-1]
    return variance


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


def order_share(units: FloatArray, long: DoubleArray, ranks: RowIds, n_rows: int) -> tuple[float, bool]:
    """Tell whether rows are in order of frequency.

    Args:
        units: unit rows, float32, shape (n, k).
        long: lengths of the vectors, float64, shape (n,).
        ranks: of the rows, ascending, int64, shape (n,).
        n_rows: of the file.

    Returns:
        The share of the variance of unit rows that the logarithm of the rank explains, and whether they are.
    """
    share = _explained(units, _octave_of(ranks))
    if not share >= ORDERED:
        return share, False
    ordered = np.sort(long)
    if ordered[99 * len(long) // 100] > ALIKE * ordered[len(long) // 100]:
        return share, _rank_correlation(long) <= FALL
    return share, share > LOPSIDED * _explained(units, _octave_of(n_rows - 1 - ranks))


def _explained(units: FloatArray, values: DoubleArray) -> float:
    """Return the share of the variance of rows that is linear in ``values``, whole numbers; 0 for constants.

    Sums are of whole numbers: exact for up to 2²⁵ rows.
    """
    n_rows = max(1, len(units))

    def sums_of(rows: slice) -> DoubleArray:
        whole = np.rint(units[rows].astype(np.float64) / UNIT)
        return np.array([values[rows] @ whole, whole.sum(axis=0)])

    products, sums = sum(map_blocks(sums_of, len(units)), np.zeros((2, units.shape[1])))
    along = products - values.sum() * (sums / n_rows)
    spread = float(values @ values - values.sum() * (values.sum() / n_rows))
    _, variance = principal.moments(units)
    total = spread * n_rows * float(np.add.accumulate(variance)[-1])
    return float(np.add.accumulate(np.square(along * UNIT))[-1]) / total if total > 0 else 0.0


def _octave_of(ranks: RowIds) -> DoubleArray:
    """Return log₂(rank + 1), linear within each octave, in units of 2⁻¹⁰: the same number from every library."""
    fractions, exponents = np.frexp(ranks + 1.0)
    octaves: DoubleArray = np.rint((exponents + 2 * fractions - 2) / OCTAVE_UNIT)
    return octaves


def _rank_correlation(long: DoubleArray) -> float:
    """Return Spearman's ρ of lengths and their places; equal lengths count as ascending."""
    n_rows = len(long)
    places = np.empty(n_rows, dtype=np.int64)
    places[np.argsort(long, kind="stable")] = np.arange(n_rows)
    squares = int(np.square(places - np.arange(n_rows)).sum())
    return 1 - 6 * squares / (n_rows * (n_rows**2 - 1)) if n_rows > 1 else 0.0
