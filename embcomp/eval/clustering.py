"""Clustering into a given number of clusters: k-means and agglomerative.

Given points in the same order, results are the same on every run; callers sort their rows first.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from embcomp.eval.score import FloatArray
from embcomp.eval.statistics import IntArray, unit_rows

Linkage = Literal["ward", "average", "complete"]
Metric = Literal["euclidean", "cosine"]

N_STARTS = 10
MAX_ITERATIONS = 300


def k_means(points: FloatArray, n_clusters: int, seed: int) -> IntArray:
    """Cluster by Lloyd's algorithm from ten k-means++ starts [Arthur & Vassilvitskii 2007]; the tightest wins.

    Like scikit-learn's: each new start centre is the best of 2 + ln k candidates, and a cluster that loses all its
    points takes a point far from its own centre. Ties go to the lower number. Unlike it, iteration ends only when
    no point moves (or after 300 rounds), and the ten runs advance together, so that one product serves them all.

    Args:
        points: float64, shape (n, dim), n at least 1.
        n_clusters: at least 1; with fewer distinct points, some clusters stay empty.
        seed: of the generator that picks the starts.

    Returns:
        Cluster numbers, int64, shape (n,).
    """
    rng = np.random.default_rng(seed)
    centred = points - points.mean(axis=0)  # smaller numbers, smaller rounding errors; distances are the same
    centres = _start_centres(centred, n_clusters, rng)
    labels = np.full((N_STARTS, len(points)), -1, dtype=np.int64)
    moving = np.arange(N_STARTS)
    for _ in range(MAX_ITERATIONS):
        distance = _squared_distances(centred, centres[moving])
        new_labels = distance.argmin(axis=2)
        moved = (new_labels != labels[moving]).any(axis=1)
        labels[moving] = new_labels
        if not moved.any():
            break
        nearest = np.take_along_axis(distance, new_labels[:, :, None], axis=2)[:, :, 0]
        moving = moving[moved]
        centres[moving] = _means(centred, new_labels[moved], nearest[moved], n_clusters)
    inertia = [float(((centred - run[own]) ** 2).sum()) for run, own in zip(centres, labels, strict=True)]
    best: IntArray = labels[int(np.argmin(inertia))]
    return best


def distances(points: FloatArray, metric: Metric) -> FloatArray:
    """Distances of all pairs of rows, condensed as scipy does, float64, shape (n·(n−1)/2,).

    Cosine distance is 1 − cosine; a zero vector is at 1 from others and at 0 from another zero vector.
    """
    from scipy.spatial.distance import pdist, squareform

    if metric == "euclidean":
        return pdist(points, "euclidean")
    units = unit_rows(points)
    condensed: FloatArray = pdist(units, "sqeuclidean") / 2
    zeros = np.flatnonzero(~units.any(axis=1))
    if len(zeros):
        square = squareform(condensed)
        square[zeros, :] = square[:, zeros] = 1
        square[np.ix_(zeros, zeros)] = 0
        condensed = squareform(square)
    return condensed


def agglomerative(condensed: FloatArray, linkage: Linkage, n_clusters: int) -> IntArray:
    """Merge the closest clusters until ``n_clusters`` are left; of equally close ones, scipy's first.

    Equal points are never told apart: where there are fewer distinct points, there are fewer clusters.

    Args:
        condensed: distances as :func:`distances` gives them (Euclidean for Ward).
        linkage: how far two clusters are from each other.
        n_clusters: at least 1.

    Returns:
        Cluster numbers, int64, shape (n,).
    """
    if len(condensed) == 0:
        return np.zeros(1, dtype=np.int64)
    from scipy.cluster import hierarchy

    return cut(hierarchy.linkage(condensed, linkage), n_clusters)


def cut(merges: FloatArray, n_clusters: int) -> IntArray:
    """Undo the last merges of a linkage matrix, leaving exactly ``n_clusters``, but no merge of height 0.

    scipy's ``fcluster`` cuts by height, so that equal heights leave fewer clusters; this counts merges, as
    scikit-learn does.
    """
    n_points = len(merges) + 1
    root = np.arange(n_points + len(merges))
    n_merges = max(n_points - n_clusters, int(np.count_nonzero(merges[:, 2] <= 0)))
    for step, (left, right) in enumerate(merges[:n_merges, :2].astype(np.int64)):
        root[left] = root[right] = n_points + step
    for node in range(n_points + n_merges - 1, -1, -1):  # parents have higher numbers: settle them first
        root[node] = root[root[node]]
    labels: IntArray = np.unique(root[:n_points], return_inverse=True)[1].astype(np.int64)
    return labels


def _start_centres(points: FloatArray, n_clusters: int, rng: np.random.Generator) -> FloatArray:
    """k-means++ with several candidates for each centre, float64, shape (starts, n_clusters, dim)."""
    n_candidates = 2 + int(np.log(n_clusters))
    starts = np.arange(N_STARTS)
    centres = np.empty((N_STARTS, n_clusters, points.shape[1]))
    centres[:, 0] = points[rng.integers(len(points), size=N_STARTS)]
    nearest = _squared_distances(points, centres[:, :1])[:, :, 0]
    for number in range(1, n_clusters):
        candidates = _draw(nearest, rng.random((N_STARTS, n_candidates)))
        reach = np.minimum(nearest[:, :, None], _squared_distances(points, points[candidates]))
        winner = reach.sum(axis=1).argmin(axis=1)
        centres[:, number] = points[candidates[starts, winner]]
        nearest = reach[starts, :, winner]
    return centres


def _draw(weights: FloatArray, uniform: FloatArray) -> IntArray:
    """Item numbers drawn by weight for each run, int64, shape of ``uniform``."""
    cumulative = np.cumsum(weights, axis=1)
    draws = uniform * cumulative[:, -1:]
    found = [np.searchsorted(sums, draw, side="right") for sums, draw in zip(cumulative, draws, strict=True)]
    drawn: IntArray = np.minimum(np.array(found, dtype=np.int64), weights.shape[1] - 1)
    return drawn


def _means(points: FloatArray, labels: IntArray, distance: FloatArray, n_clusters: int) -> FloatArray:
    """Mean of each cluster's points, for each run; an empty cluster moves to a point far from its own centre."""
    n_runs = len(labels)
    members = (labels[:, None, :] == np.arange(n_clusters)[None, :, None]).astype(np.float64)
    counts = members.sum(axis=2)
    sums = (members.reshape(n_runs * n_clusters, -1) @ points).reshape(n_runs, n_clusters, -1)
    centres: FloatArray = sums / np.maximum(counts, 1)[:, :, None]
    for run in np.flatnonzero((counts == 0).any(axis=1)):
        empty = np.flatnonzero(counts[run] == 0)
        farthest = np.argsort(-distance[run], kind="stable")
        centres[run, empty] = points[np.resize(farthest, len(empty))]
    return centres


def _squared_distances(points: FloatArray, centres: FloatArray) -> FloatArray:
    """Squared Euclidean distances, float64, shape (runs, n, k), from centres of shape (runs, k, dim)."""
    n_runs, k, dim = centres.shape
    flat = centres.reshape(n_runs * k, dim)
    distance = points @ flat.T
    distance *= -2
    distance += np.einsum("ij,ij->i", points, points)[:, None]
    distance += np.einsum("ij,ij->i", flat, flat)
    np.maximum(distance, 0, out=distance)
    return distance.reshape(len(points), n_runs, k).transpose(1, 0, 2)
