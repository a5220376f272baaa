"""The k rows of largest similarity to one query, by three ways of looking at codes.

Each first bounds the similarity of every row cheaply, then computes it exactly for the few rows that can be among the
k. The result is that of computing it exactly for all rows and sorting by (similarity descending, rank).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from embcomp.bits import BytesArray, row_bytes
from embcomp.search.planes import BitWeights, Planes, as_words, hamming_nearest, weighted_costs
from embcomp.search.smallest import Smallest
from embcomp.search.tables import Symbols, Tables, byte_tables, exact_sums, rounding_error, table_sums

Ranked: TypeAlias = tuple[NDArray[np.int64], NDArray[np.float64]]
"""Ranks, int64 (k,), and similarities, float64 (k,), largest first, equal ones by rank."""

Inverse: TypeAlias = float | NDArray[np.float64]
"""1 / (length of query · length of row): one number if all rows have one length, else of shape (n,)."""

SCORE_UNIT = 2.0**-20  # similarities are rounded to it: about what float32 vectors are good for


def by_hamming(planes: Planes, code: BytesArray, k: int, n_rows: int) -> Ranked:
    """Similarity 1 − 2h / bits; ``code`` is one loose row."""
    distances, ranks = hamming_nearest(planes, as_words(code[None, :])[0], k, n_rows)
    return ranks, rounded(1 - 2 * distances / max(1, planes.n_bits))


def by_weights(
    planes: Planes, weights: NDArray[np.float64], constant: float, inverse: Inverse, k: int, n_rows: int
) -> Ranked:
    """Similarity (constant + Σ_i ±weights[i]) · inverse, + where bit i of the row is 1.

    The best code has the weights' own signs, and each bit that differs from it costs 2 |weight|. Costs are first
    summed with weights rounded to a few bits (:class:`BitWeights`), whose error is known.
    """
    magnitudes = np.abs(weights)
    rounded_weights = BitWeights.choose(magnitudes)
    best_code = np.packbits(weights > 0)
    best = constant + float(magnitudes.sum())
    step, below = 2 * rounded_weights.step, 2 * rounded_weights.below
    width = below + 2 * rounded_weights.above
    largest = float(np.max(inverse, initial=0.0))
    if isinstance(inverse, float):
        nearest = Smallest(k, int((width + 2 * SCORE_UNIT / max(largest, SCORE_UNIT)) / step) + 2)
    else:
        nearest = Smallest(k, width * largest + 4 * SCORE_UNIT * (1 + abs(best) * largest))
    for first, costs in weighted_costs(planes, as_words(best_code[None, :])[0], rounded_weights, n_rows):
        if isinstance(inverse, float):
            nearest.offer(costs, first)
        else:
            nearest.offer((costs * step - (best + below)) * inverse[first : first + len(costs)], first)
    costs, ranks = nearest.kept()
    tables = byte_tables(weights)
    n_bytes = row_bytes(planes.n_bits)

    def exact(some: NDArray[np.int64]) -> NDArray[np.float64]:
        code_bytes = np.ascontiguousarray(planes.take(some)).view(np.uint8)[:, :n_bytes]
        return rounded((exact_sums(tables, code_bytes) + constant) * _of(inverse, some))

    return _largest(exact(ranks), ranks, k)


def by_tables(planes: Symbols, tables: Tables, inverse: Inverse, k: int, n_rows: int) -> Ranked:
    """Similarity Σ_m tables[m, symbol m] · inverse; ``planes`` are symbols by column, shape (M, n)."""
    largest = float(np.max(inverse, initial=0.0))
    span = float(np.abs(tables).max(axis=1, initial=0.0).sum()) * largest
    error = rounding_error(tables) * largest + 2.0**-22 * span
    nearest = Smallest(k, 2 * error + 2 * SCORE_UNIT)
    for first, sums in table_sums(planes, -tables.astype(np.float32), n_rows):
        scale = inverse if isinstance(inverse, float) else inverse[first : first + len(sums)]
        nearest.offer(sums * scale, first)
    _, ranks = nearest.kept()
    return _largest(rounded(exact_sums(tables, planes[:, ranks].T) * _of(inverse, ranks)), ranks, k)


def by_vectors(
    blocks: Iterator[tuple[int, NDArray[np.float32]]],
    queries: NDArray[np.float32],
    inverses: list[Inverse],
    k: int,
) -> list[Ranked]:
    """Similarity x·q · inverse for each query; ``blocks`` yields first ranks and vectors x, shape (rows, dim)."""
    nearest = [Smallest(k) for _ in queries]
    for first, block in blocks:
        for collector, query, inverse in zip(nearest, queries, inverses, strict=True):
            scale = inverse if isinstance(inverse, float) else inverse[first : first + len(block)]
            collector.offer(-rounded((block @ query).astype(np.float64) * scale), first)
    found = []
    for collector in nearest:
        costs, ranks = collector.kept()
        found.append(_largest(-costs, ranks, k))
    return found


def rounded(similarities: NDArray[np.floating] | np.floating) -> NDArray[np.float64]:
    """Round to whole :data:`SCORE_UNIT`; −0 becomes 0."""
    whole: NDArray[np.float64] = np.rint(np.asarray(similarities, np.float64) / SCORE_UNIT) * SCORE_UNIT + 0.0
    return whole


def _of(inverse: Inverse, ranks: NDArray[np.int64]) -> Inverse:
    return inverse if isinstance(inverse, float) else inverse[ranks]


def _largest(similarities: NDArray[np.float64], ranks: NDArray[np.int64], k: int) -> Ranked:
    order = np.lexsort((ranks, -similarities))[:k]
    return ranks[order], similarities[order]
