"""k-means for codebooks: started in few principal dimensions, widened step by step to all."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from embcomp.arrays import DoubleArray, FloatArray, Symbols
from embcomp.linear import covariance, principal_directions
from embcomp.threads import for_blocks, map_blocks, single_threaded_blas

SPLIT = np.float32(1e-4)  # how far apart, relative to its length, the halves of a split centroid start
SUM_ROWS = 16384  # rows summed in float32 before float64 takes over


def nearest(vectors: FloatArray, centroids: FloatArray) -> Symbols:
    """Return the index of each row's nearest centroid, the first of equals; uint16, shape (n,)."""
    half_norms = np.einsum("kd,kd->k", centroids, centroids) / 2
    transposed = np.ascontiguousarray(centroids.T)
    out = np.empty(len(vectors), dtype=np.uint16)

    def of_block(rows: slice) -> None:
        scores = vectors[rows] @ transposed
        np.subtract(half_norms, scores, out=scores)
        out[rows] = scores.argmin(axis=1)

    for_blocks(of_block, len(vectors))
    return out


def sums_by_symbol(vectors: FloatArray, codes: Symbols, ways: int) -> DoubleArray:
    """Return the sum of the rows that have each symbol: float64, shape (dims, ways, d).

    ``codes`` has shape (n, dims). The product Sᵀ X with the one-hot matrix S of shape (n, dims · ways).
    """
    from scipy.sparse import csr_array

    dims = codes.shape[1]
    first = np.arange(dims, dtype=np.int32) * ways

    def of_block(rows: slice) -> FloatArray:
        columns = (codes[rows] + first).ravel()
        n_rows = len(codes[rows])
        starts = np.arange(0, n_rows * dims + 1, dims, dtype=np.int32)
        ones = np.ones(len(columns), dtype=np.float32)
        one_hot = csr_array((ones, columns, starts), shape=(n_rows, dims * ways))
        product: FloatArray = one_hot.T @ vectors[rows]
        return product

    total = np.zeros((dims * ways, vectors.shape[1]), dtype=np.float64)
    for product in map_blocks(of_block, len(vectors), SUM_ROWS):
        total += product
    return total.reshape(dims, ways, -1)


def lloyd(vectors: FloatArray, centroids: FloatArray, iterations: int) -> FloatArray:
    """Return ``centroids`` after some rounds of Lloyd's k-means; those without rows split a large cluster.

    ``vectors`` (n, d) and ``centroids`` (K, d) are float32 and left alone.
    """
    centroids = centroids.copy()
    for round_number in range(iterations):
        assigned = nearest(vectors, centroids)
        counts = np.bincount(assigned, minlength=len(centroids))
        sums = sums_by_symbol(vectors, assigned[:, None], len(centroids))[0]
        alive = counts > 0
        centroids[alive] = (sums[alive] / counts[alive, None]).astype(np.float32)
        if round_number + 1 < iterations:
            _split(centroids, counts)
    return centroids


def _split(centroids: FloatArray, counts: NDArray[np.intp]) -> None:
    """Move each empty centroid next to that of a largest cluster of two rows or more, which moves the other way."""
    empty = np.flatnonzero(counts == 0)
    largest = np.argsort(-counts, kind="stable")[: len(empty)]
    largest = largest[counts[largest] > 1]
    empty = empty[: len(largest)]
    centroids[empty] = centroids[largest] * (1 + SPLIT)
    centroids[largest] *= 1 - SPLIT


def seeded_kmeans(
    vectors: FloatArray, n_centroids: int, rng: np.random.Generator, iterations: int, sample_rows: int
) -> FloatArray:
    """Return centroids, float32, shape (n_centroids, d), from greedy k-means++ seeds: for rows in clusters.

    [Arthur 2007, with the several trials of §3.3]
    Seeds are drawn from, and all but ``POLISH`` rounds see, at most ``sample_rows`` random rows.
    """
    sample = _sample(vectors, sample_rows, rng)
    if not len(sample):
        return np.zeros((n_centroids, vectors.shape[1]), dtype=np.float32)
    centroids = lloyd(sample, _seeds(sample, n_centroids, rng), iterations)
    return lloyd(vectors, centroids, POLISH) if len(sample) < len(vectors) else centroids


def _seeds(rows: FloatArray, n_centroids: int, rng: np.random.Generator) -> FloatArray:
    """Rows drawn one after the other, with odds their squared distance from those drawn; the best of some trials.

    Zeros when all rows coincide with those drawn.
    """
    seeds = np.zeros((n_centroids, rows.shape[1]), dtype=np.float32)
    seeds[0] = rows[rng.integers(len(rows))]
    norms = np.einsum("nd,nd->n", rows, rows)
    nearest_squared = np.square(rows - seeds[0]).sum(axis=1)
    for number in range(1, n_centroids):
        cumulated = np.cumsum(nearest_squared, dtype=np.float64)
        if not cumulated[-1] > 0:
            break
        drawn = np.searchsorted(cumulated, rng.random(SEED_TRIALS) * cumulated[-1], side="right")
        drawn = np.minimum(drawn, len(rows) - 1)
        with single_threaded_blas():
            squared = norms[:, None] + norms[drawn] - 2 * (rows @ rows[drawn].T)
        np.clip(squared, 0, nearest_squared[:, None], out=squared)
        squared[drawn, np.arange(SEED_TRIALS)] = 0
        best = int(squared.sum(axis=0, dtype=np.float64).argmin())
        seeds[number], nearest_squared = rows[drawn[best]], squared[:, best]
    return seeds


SEED_TRIALS = 4


def progressive_kmeans(
    vectors: FloatArray, n_centroids: int, rng: np.random.Generator, iterations: int, n_widths: int, sample_rows: int
) -> FloatArray:
    """Return centroids, float32, shape (n_centroids, d), found in a growing number of principal directions.

    k-means from random rows ends in poor minima where d is large and the rows have little structure, as residuals
    do. Rows are rotated to their principal directions; k-means runs on the first direction alone, then on
    more, in ``n_widths`` geometric steps up to d, each started from the last one's centroids. The idea is that of
    faiss's ``ProgressiveDimClustering``; see also [Liu 2015].

    Narrow widths use at most ``sample_rows`` random rows; the last ``POLISH`` rounds, at full width, use all.
    """
    n_rows, dim = vectors.shape
    if not n_rows:
        return np.zeros((n_centroids, dim), dtype=np.float32)
    sample = _sample(vectors, sample_rows, rng)
    _, directions = principal_directions(covariance(sample, np.zeros(dim, dtype=np.float32)))
    rotation = directions.astype(np.float32)
    with single_threaded_blas():
        rotated = sample @ rotation
    widths = sorted({max(1, round(dim ** (step / n_widths))) for step in range(1, n_widths + 1)})
    start = rng.permutation(len(rotated))[:n_centroids]
    centroids = np.zeros((n_centroids, dim), dtype=np.float32)
    centroids[: len(start), : widths[0]] = rotated[start, : widths[0]]
    for width in widths:
        narrow = np.ascontiguousarray(rotated[:, :width])
        centroids[:, :width] = lloyd(narrow, centroids[:, :width], iterations)
    with single_threaded_blas():
        centroids = centroids @ np.ascontiguousarray(rotation.T)
    return lloyd(vectors, centroids, POLISH) if len(sample) < n_rows else centroids


POLISH = 2


def _sample(vectors: FloatArray, n_rows: int, rng: np.random.Generator) -> FloatArray:
    """At most ``n_rows`` random rows, in order."""
    if len(vectors) <= n_rows:
        return vectors
    return vectors[np.sort(rng.permutation(len(vectors))[:n_rows])]
