"""Clustering into a given number of clusters, by :mod:`scipy.cluster`: k-means and agglomerative.

Given points in the same order, results are the same on every run; callers sort their rows first. Equal points are
never told apart: where there are fewer distinct points than clusters asked for, there are fewer clusters.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from embcomp.arrays import DoubleArray
from embcomp.eval.statistics import IntArray, unit_rows

Linkage = Literal["ward", "average", "complete"]

N_STARTS = 10
STILL = 1e-9  # of the largest coordinate: k-means ends when points come no closer to their centres, on average


def k_means(points: DoubleArray, n_clusters: int, seed: int) -> IntArray:
    """Cluster by Lloyd's algorithm from ten k-means++ starts; the tightest result counts, of equals the first.

    Args:
        points: float64, shape (n, dim), n at least 1.
        n_clusters: at least 1.
        seed: of the generator that draws the starts.

    Returns:
        Cluster numbers, int64, shape (n,).
    """
    from scipy.cluster import vq

    rng = np.random.default_rng(seed)
    centred = points - points.mean(axis=0)  # smaller numbers, smaller rounding errors; distances are the same
    n_clusters = min(n_clusters, len(np.unique(centred, axis=0)))
    best, tightest = np.zeros(len(points), dtype=np.int64), np.inf
    for _ in range(N_STARTS if n_clusters > 1 else 0):
        start = start_centres(centred, n_clusters, rng)
        centres, _ = vq.kmeans(centred, start, thresh=STILL * np.abs(centred).max())
        labels, distances = vq.vq(centred, centres)
        if distances @ distances < tightest:
            best, tightest = labels.astype(np.int64), distances @ distances
    return best


def start_centres(points: DoubleArray, n_clusters: int, rng: np.random.Generator) -> DoubleArray:
    """Draw the first centres of k-means++ [Arthur 2007], float64, shape (n_clusters, dim).

    Each is the best of 2 + ln k candidates, as in scikit-learn. scipy draws one candidate only, with which purity on
    ESSLLI-2c is five points lower (40 seeds). There must be as many distinct points as clusters.
    """
    squares = np.einsum("ij,ij->i", points, points)
    nearest = np.full(len(points), np.inf)
    candidates = rng.integers(len(points), size=1)
    chosen: list[int] = []
    while True:
        distances = squares[candidates, None] - 2 * points[candidates] @ points.T + squares
        reach = np.minimum(nearest, np.maximum(distances, 0))
        best = int(reach.sum(axis=1).argmin())
        nearest = reach[best]
        chosen.append(int(candidates[best]))
        if len(chosen) == n_clusters:
            return points[chosen]
        candidates = rng.choice(len(points), 2 + int(np.log(n_clusters)), p=nearest / nearest.sum())


def cosine_distances(points: DoubleArray) -> DoubleArray:
    """1 − cosine of all pairs of rows, condensed as scipy does, float64, shape (n·(n−1)/2,).

    A zero vector is at 1 from others and at 0 from another zero vector, as if it had a direction of its own.
    """
    from scipy.spatial.distance import pdist

    units = unit_rows(points)
    condensed: DoubleArray = pdist(np.column_stack([units, ~units.any(axis=1)]), "sqeuclidean") / 2
    return condensed


def agglomerative(condensed: DoubleArray, linkage: Linkage, n_clusters: int) -> IntArray:
    """Merge the closest clusters until ``n_clusters`` are left; of equally close ones, scipy's first.

    Args:
        condensed: distances of all pairs, as ``scipy.spatial.distance.pdist`` gives them (Euclidean for Ward).
        linkage: how far two clusters are from each other.
        n_clusters: at least 1.

    Returns:
        Cluster numbers, int64, shape (n,).
    """
    from scipy.cluster import hierarchy

    if len(condensed) == 0:
        return np.zeros(1, dtype=np.int64)
    merges = hierarchy.linkage(condensed, linkage)
    # fcluster cuts by height, so that equal heights would leave fewer clusters: cut by the number of the merge
    merges[:, 2] = np.where(merges[:, 2] > 0, np.arange(1, len(merges) + 1), 0)
    labels = hierarchy.fcluster(merges, len(merges) + 1 - n_clusters, "distance")
    return labels.astype(np.int64) - 1
