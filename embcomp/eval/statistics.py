"""Correlation, purity and their bootstrap, as functions of arrays.

The bootstrap [Efron 1979] draws n items with replacement, ``n_resamples`` times. A resample is held as a row of
*counts* (how often each item was drawn), so that ranks, correlations and purities of many resamples are computed
at once without building the resampled data. Draws depend on the seed and n only: two systems measured on the
same items with the same seed see the same resamples, as a paired comparison requires.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from embcomp.arrays import DoubleArray

IntArray = NDArray[np.int64]

N_RESAMPLES = 1000
BLOCK_CELLS = 1 << 19  # resamples × items held at once: about 4 MB a matrix

COSINE_DECIMALS = 6  # float32 has seven; two cosines that differ in the sixth are different


def cosines(left: NDArray[np.floating], right: NDArray[np.floating]) -> DoubleArray:
    """Cosine of each row of ``left`` with the same row of ``right``, float64, shape (n,); 0 with a zero vector.

    Rounded to :data:`COSINE_DECIMALS`: codes of few bits have few distinct cosines, and vectors decoded in float32
    would order such ties by their rounding errors.
    """
    a, b = left.astype(np.float64), right.astype(np.float64)
    products = np.einsum("ij,ij->i", a, b)
    norms = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
    result: DoubleArray = np.divide(products, norms, out=np.zeros_like(products), where=norms > 0)
    return result.round(COSINE_DECIMALS)


def unit_rows(matrix: NDArray[np.floating]) -> DoubleArray:
    """Rows scaled to length 1, float64; zero rows stay zero."""
    wide = matrix.astype(np.float64)
    norms = np.linalg.norm(wide, axis=1, keepdims=True)
    units: DoubleArray = np.divide(wide, norms, out=np.zeros_like(wide), where=norms > 0)
    return units


def tie_groups(values: DoubleArray) -> IntArray:
    """Number the distinct values in ascending order; give each item its value's number, int64, shape (n,)."""
    groups: IntArray = np.unique(values, return_inverse=True)[1].astype(np.int64)
    return groups


def average_ranks(values: DoubleArray) -> DoubleArray:
    """Ranks from 1, ties share their mean rank, float64, shape (n,)."""
    groups = tie_groups(values)
    ranks: DoubleArray = _grouped_ranks(np.bincount(groups)[None, :])[0][groups]
    return ranks


def pearson(x: DoubleArray, y: DoubleArray) -> float:
    """Pearson's correlation; NaN if either side is constant or empty."""
    if len(x) == 0 or np.ptp(x) == 0 or np.ptp(y) == 0:
        return float("nan")
    a, b = x - x.mean(), y - y.mean()
    return float(np.clip(a @ b / np.sqrt((a @ a) * (b @ b)), -1, 1))


def spearman(x: DoubleArray, y: DoubleArray) -> float:
    """Spearman's ρ: Pearson's correlation of average ranks; NaN if either side is constant or empty."""
    return pearson(average_ranks(x), average_ranks(y))


def resample_counts(n_items: int, seed: int, n_resamples: int = N_RESAMPLES) -> Iterator[IntArray]:
    """Yield blocks of counts, int64, shape (block, n_items), each row summing to ``n_items``."""
    rng = np.random.default_rng(seed)
    block = max(1, BLOCK_CELLS // max(1, n_items))
    for start in range(0, n_resamples, block):
        n_rows = min(block, n_resamples - start)
        drawn = rng.integers(0, n_items, size=(n_rows, n_items), dtype=np.int64)
        drawn += np.arange(n_rows, dtype=np.int64)[:, None] * n_items
        yield np.bincount(drawn.ravel(), minlength=n_rows * n_items).reshape(n_rows, n_items)


def bootstrap_spearman(x: DoubleArray, y: DoubleArray, seed: int, n_resamples: int = N_RESAMPLES) -> DoubleArray:
    """Spearman's ρ on each resample of the pairs (x, y), float64, shape (n_resamples,); NaN where undefined."""
    x_groups, y_groups = tie_groups(x), tie_groups(y)
    blocks = []
    for counts in resample_counts(len(x), seed, n_resamples):
        x_ranks = _resampled_ranks(counts, x_groups)
        y_ranks = _resampled_ranks(counts, y_groups)
        blocks.append(_weighted_correlation(counts, x_ranks, y_ranks))
    return np.concatenate(blocks)


def bootstrap_mean(values: DoubleArray, seed: int, n_resamples: int = N_RESAMPLES) -> DoubleArray:
    """Mean of ``values`` on each resample, float64, shape (n_resamples,)."""
    return bootstrap_ratio(values, np.ones(len(values)), seed, n_resamples)


def bootstrap_ratio(part: DoubleArray, whole: DoubleArray, seed: int, n_resamples: int = N_RESAMPLES) -> DoubleArray:
    """Sum of ``part`` over sum of ``whole`` on each resample, float64; NaN where the latter is 0."""
    blocks = []
    for counts in resample_counts(len(part), seed, n_resamples):
        below = counts @ whole
        blocks.append(np.divide(counts @ part, below, out=np.full(len(below), np.nan), where=below > 0))
    return np.concatenate(blocks)


def bootstrap_pearson(x: DoubleArray, y: DoubleArray, seed: int, n_resamples: int = N_RESAMPLES) -> DoubleArray:
    """Pearson's correlation on each resample of the pairs (x, y), float64; NaN where undefined."""
    a, b = x - x.mean(), y - y.mean()
    terms = np.stack([a, b, a * a, b * b, a * b], axis=1)
    blocks = []
    for counts in resample_counts(len(x), seed, n_resamples):
        a_mean, b_mean, aa, bb, ab = (counts @ terms / len(x)).T
        spread = np.sqrt(np.maximum(aa - a_mean**2, 0) * np.maximum(bb - b_mean**2, 0))
        top = ab - a_mean * b_mean
        blocks.append(np.divide(top, spread, out=np.full(len(counts), np.nan), where=spread > 0))
    return np.concatenate(blocks)


def majority_hits(clusters: IntArray, categories: IntArray) -> NDArray[np.bool_]:
    """Whether each item is of the most frequent category of its cluster (the lowest of equals), shape (n,).

    The mean of this is the clustering's purity. Resampling it holds clusters and their majorities fixed: taking
    majorities again in each resample would only raise the purity.
    """
    n_categories = int(categories.max()) + 1
    n_cells = (int(clusters.max()) + 1) * n_categories
    table = np.bincount(clusters * n_categories + categories, minlength=n_cells).reshape(-1, n_categories)
    hits: NDArray[np.bool_] = table.argmax(axis=1)[clusters] == categories
    return hits


def paired_p_value(resamples: NDArray[np.floating], baseline: NDArray[np.floating]) -> float:
    """Two-sided bootstrap p-value of 'no difference', from paired resamples of two systems.

    Twice the smaller share of resamples on which the difference has either sign, zeros counting for both, with
    one added to numerator and denominator so that it is never 0 [Davison 1997, eq. 4.11].
    """
    difference = resamples - baseline
    difference = difference[~np.isnan(difference)]
    tail = min(np.count_nonzero(difference <= 0), np.count_nonzero(difference >= 0))
    return min(1.0, 2 * (int(tail) + 1) / (len(difference) + 1))


def _grouped_ranks(group_counts: IntArray) -> DoubleArray:
    """Mean rank of each tie group, from counts of its items, shape (resamples, groups)."""
    return np.cumsum(group_counts, axis=1) - (group_counts - 1) / 2


def _resampled_ranks(counts: IntArray, groups: IntArray) -> DoubleArray:
    """Average rank of each item within each resample, float64, shape of ``counts``."""
    order = np.argsort(groups, kind="stable")
    starts = np.searchsorted(groups[order], np.arange(groups.max() + 1))
    return _grouped_ranks(np.add.reduceat(counts[:, order], starts, axis=1))[:, groups]


def _weighted_correlation(counts: IntArray, x: DoubleArray, y: DoubleArray) -> DoubleArray:
    """Pearson's correlation per resample of ranks ``x`` and ``y``, whose means are both (n + 1) / 2."""
    middle = (counts.shape[1] + 1) / 2
    a, b = x - middle, y - middle
    weighted = counts * a
    covariance = np.einsum("ij,ij->i", weighted, b)
    x_variance = np.einsum("ij,ij->i", weighted, a)
    y_variance = np.einsum("ij,ij,ij->i", counts, b, b)
    spread = np.sqrt(x_variance * y_variance)
    result: DoubleArray = np.divide(covariance, spread, out=np.full(len(counts), np.nan), where=spread > 0)
    return result
