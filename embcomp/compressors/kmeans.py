"""k-means for codebooks: started in few principal dimensions, widened step by step to all.

Rows and centroids are whole numbers (:mod:`embcomp.compressors.whole`), so that the same centroids are found on every
processor.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from embcomp import draws
from embcomp.arrays import DoubleArray, FloatArray
from embcomp.compressors.whole import Words, longest
from embcomp.kernels.codewords import sums_by_symbol
from embcomp.linear import covariance, principal_directions
from embcomp.threads import BLOCK_ROWS, for_blocks, map_blocks, single_threaded_blas

SEED_TRIALS = 4
CLUSTER_ROWS = 2 * BLOCK_ROWS  # of a block, whose sums are added to those of others
SEED_ROWS = 8 * BLOCK_ROWS  # the distances of a few words take less time than to start a thread
ENOUGH_ROWS = 64  # for a centroid, to draw seeds from
FEWEST_ROWS = 16
POLISH = 2
GROWTH = 2  # times the share of dimensions is the share of rows that k-means sees
ROUGHLY = 2.0**-7  # principal directions whose variances differ by less are as good as each other


def lloyd(vectors: FloatArray, centroids: FloatArray, iterations: int) -> FloatArray:
    """Return ``centroids`` after some rounds of Lloyd's k-means; those without rows split a large cluster.

    ``vectors`` (n, d) and ``centroids`` (K, d) are float32 and left alone.
    """
    vectors, centroids = np.ascontiguousarray(vectors), centroids.copy()
    reach = list(map_blocks(lambda rows: longest(vectors[rows]), len(vectors), CLUSTER_ROWS))
    for round_number in range(iterations):
        counts, sums = _clusters(vectors, reach, Words(centroids))
        alive = counts > 0
        centroids[alive] = np.rint(sums[alive] / counts[alive, None])
        if round_number + 1 < iterations:
            _split(centroids, counts)
    return centroids


def _clusters(vectors: FloatArray, reach: list[float], words: Words) -> tuple[NDArray[np.int64], DoubleArray]:
    """Return how many rows are nearest to each word, int64, shape (K,), and their sums, float64, shape (K, d).

    ``reach`` are the lengths of the longest row of each block.
    """
    _, n_words, dim = words.words.shape

    def of_block(rows: slice) -> tuple[NDArray[np.int64], DoubleArray]:
        codes = words.nearest(vectors[rows], reach[rows.start // CLUSTER_ROWS])
        return np.bincount(codes, minlength=n_words), sums_by_symbol(vectors[rows], codes, n_words)

    counts, sums = np.zeros(n_words, dtype=np.int64), np.zeros((n_words, dim), dtype=np.float64)
    for of_some, sums_of_some in map_blocks(of_block, len(vectors), CLUSTER_ROWS):
        counts += of_some
        sums += sums_of_some
    return counts, sums


def _split(centroids: FloatArray, counts: NDArray[np.intp]) -> None:
    """Move each empty centroid next to that of a largest cluster of two rows or more, which moves the other way."""
    empty = np.flatnonzero(counts == 0)
    largest = np.argsort(-counts, kind="stable")[: len(empty)]
    largest = largest[counts[largest] > 1]
    empty = empty[: len(largest)]
    outwards = np.where(centroids[largest] < 0, np.float32(-1), np.float32(1))
    centroids[empty] = centroids[largest] + outwards
    centroids[largest] -= outwards


def seeded_kmeans(
    vectors: FloatArray, n_centroids: int, rng: np.random.Generator, iterations: int, sample_rows: int
) -> FloatArray:
    """Return centroids, float32, shape (n_centroids, d), from greedy k-means++ seeds: for rows in clusters.

    [Arthur 2007, with the several trials of §3.3]
    All but ``POLISH`` rounds see at most ``sample_rows`` random rows, and seeds are drawn from some of these.
    """
    sample = _sample(vectors, sample_rows, rng)
    if not len(sample):
        return np.zeros((n_centroids, vectors.shape[1]), dtype=np.float32)
    centroids = lloyd(sample, _seeds(_thinned(sample, ENOUGH_ROWS * n_centroids), n_centroids, rng), iterations)
    return lloyd(vectors, centroids, POLISH) if len(sample) < len(vectors) else centroids


def _seeds(rows: FloatArray, n_centroids: int, rng: np.random.Generator) -> FloatArray:
    """Rows drawn one after the other, with odds their squared distance from those drawn; the best of some trials.

    Zeros when all rows coincide with those drawn.
    """
    seeds = np.zeros((n_centroids, rows.shape[1]), dtype=np.float32)
    seeds[0] = rows[draws.below(rng, len(rows), (1,))[0]]
    norms, longest_row = np.einsum("nd,nd->n", rows, rows, dtype=np.float64).astype(np.int64), longest(rows)

    def squared_distances(centroids: FloatArray) -> NDArray[np.int64]:
        words, out = Words(centroids), np.empty((len(rows), len(centroids)), dtype=np.int64)

        def of_block(block: slice) -> None:
            out[block] = norms[block, None] + words.costs(rows[block], longest_row)[0]

        for_blocks(of_block, len(rows), SEED_ROWS)
        return out

    nearest_squared = squared_distances(seeds[:1])[:, 0]
    for number in range(1, n_centroids):
        cumulated = np.add.accumulate(nearest_squared)
        if not cumulated[-1] > 0:
            break
        drawn = np.searchsorted(cumulated, draws.uniform(rng, SEED_TRIALS) * cumulated[-1], side="right")
        drawn = np.minimum(drawn, len(rows) - 1)
        squared = squared_distances(rows[drawn])
        np.minimum(squared, nearest_squared[:, None], out=squared)
        best = int(squared.sum(axis=0).argmin())
        seeds[number], nearest_squared = rows[drawn[best]], squared[:, best]
    return seeds


def progressive_kmeans(
    vectors: FloatArray, n_centroids: int, rng: np.random.Generator, iterations: int, n_widths: int, sample_rows: int
) -> FloatArray:
    """Return centroids, float32, shape (n_centroids, d), found in a growing number of principal directions.

    k-means from random rows ends in poor minima where d is large and the rows have little structure, as residuals
    do. Rows are rotated to their principal directions; k-means runs on the first direction alone, then on
    more, in ``n_widths`` geometric steps up to d, each started from the last one's centroids. The idea is that of
    faiss's ``ProgressiveDimClustering``; see also [Liu 2015].

    All but the last ``POLISH`` rounds see at most ``sample_rows`` random rows; the narrower, the fewer of them.
    """
    n_rows, dim = vectors.shape
    if not n_rows:
        return np.zeros((n_centroids, dim), dtype=np.float32)
    sample = _sample(vectors, sample_rows, rng)
    _, directions = principal_directions(covariance(sample, np.zeros(dim, dtype=np.float32)), ROUGHLY)
    rotated = np.empty_like(sample) if sample is vectors else sample

    def rotate(rows: slice) -> None:
        rotated[rows] = np.rint(sample[rows] @ directions)

    for_blocks(rotate, len(sample))
    widths = sorted({max(1, round(dim ** (step / n_widths))) for step in range(1, n_widths + 1)})
    start = draws.permutation(rng, len(rotated))[:n_centroids]
    centroids = np.zeros((n_centroids, dim), dtype=np.float32)
    centroids[: len(start), : widths[0]] = rotated[start, : widths[0]]
    for width in widths:
        some = _thinned(rotated, max(FEWEST_ROWS * n_centroids, len(rotated) * GROWTH * width // dim))
        centroids[:, :width] = lloyd(some[:, :width], centroids[:, :width], iterations)
    with single_threaded_blas():
        centroids = np.rint(centroids @ directions.T).astype(np.float32)
    return lloyd(vectors, centroids, POLISH) if len(sample) < n_rows else centroids


def _sample(vectors: FloatArray, n_rows: int, rng: np.random.Generator) -> FloatArray:
    """At most ``n_rows`` random rows, in order."""
    if len(vectors) <= n_rows:
        return vectors
    return vectors[np.sort(draws.permutation(rng, len(vectors))[:n_rows])]


def _thinned(rows: FloatArray, n_rows: int) -> FloatArray:
    """Every so many-th row, at least ``n_rows``."""
    return np.ascontiguousarray(rows[:: max(1, len(rows) // n_rows)])
