"""The k rows of largest similarity to one query, by three kinds of codes.

Each function first bounds the similarity of every row cheaply, then computes it exactly for rows that can be among
the k. The result is that of computing it exactly for all rows and sorting by (similarity descending, rank).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from embcomp.arrays import AnyArray, DoubleArray, FloatArray, UInt64Array
from embcomp.bits import BytesArray, row_bytes
from embcomp.kernels.hamming import as_lanes, weighted_costs
from embcomp.search.tables import SCAN_ROWS, Symbols, Tables, byte_tables, exact_sums, rounding_error, table_sums
from embcomp.search.weights import BitWeights
from embcomp.shortlist import Ranked, Shortlist
from embcomp.threads import blocks

Inverse: TypeAlias = float | FloatArray
"""1 / length of each row: one number if all rows have one length, else of shape (n,). Queries have length 1."""

SCORE_UNIT = 2.0**-20  # similarities are rounded to it: about what float32 vectors are good for
NO_BOUND = 2**32 - 1  # above all costs
ONE_SIZE = 1e-5  # relative: far above float32's rounding, far below what separates real weights
SCORE_SLACK = 2 * SCORE_UNIT  # for that rounding, and float64 arithmetic with numbers around 1


def by_hamming(distances: NDArray[np.int64], ranks: NDArray[np.int64], n_bits: int) -> Ranked:
    """Similarity 1 − 2h / bits of rows found by their distances h."""
    return ranks, rounded(1 - 2 * distances / max(1, n_bits))


def by_weights(lanes: UInt64Array, weights: DoubleArray, constant: float, inverse: Inverse, k: int) -> Ranked:
    """Similarity (constant + Σ_i ±weights[i]) · inverse, + where bit i of the row is 1; of rows in ``lanes``.

    The best code has the weights' own signs, and each bit that differs from it costs 2 |weight|. Costs are first
    summed with weights rounded to a few bits (:class:`BitWeights`), whose error is known.
    """
    wanted = _Wanted(weights, constant, inverse)
    coarse = BitWeights.choose(wanted.magnitudes)
    best_code = as_lanes(wanted.best_code[None, :])[0]

    def scores(ranks: NDArray[np.int64], _: AnyArray) -> DoubleArray:
        return wanted.scores(_bytes_of(lanes[ranks], len(weights)), ranks)

    if isinstance(inverse, float):
        shortlist = Shortlist(k, scores, lambda score: wanted.largest_cost(score, coarse.step, coarse.below))
        for rows in blocks(len(lanes), SCAN_ROWS):
            shortlist.offer(weighted_costs(lanes[rows], best_code, coarse.masks), rows.start)
    else:
        step, highest = np.float32(2 * coarse.step), np.float32(wanted.best + 2 * coarse.below)
        largest = abs(highest) + 2 * wanted.magnitudes.sum() + 2 * coarse.below  # of the numbers below, unscaled
        error = float(4 * np.finfo(np.float32).eps * largest * inverse.max(initial=0))
        shortlist = Shortlist(k, scores, lambda score: SCORE_SLACK + error - score)
        for rows in blocks(len(lanes), SCAN_ROWS):
            costs = weighted_costs(lanes[rows], best_code, coarse.masks)
            shortlist.offer((costs * step - highest) * inverse[rows], rows.start)
    return shortlist.best()


class _Wanted:
    """What :func:`by_weights` computes exactly for some rows, and the bounds that follow for others."""

    def __init__(self, weights: DoubleArray, constant: float, inverse: Inverse) -> None:
        weights = _of_one_size(weights)
        self.magnitudes = np.abs(weights)
        self.best_code: BytesArray = np.packbits(weights > 0)
        self.best = constant + float(self.magnitudes.sum())  # before scaling
        self._tables = list(byte_tables(weights))
        self._constant = constant
        self._inverse = inverse

    def scores(self, codes: BytesArray, ranks: NDArray[np.int64]) -> DoubleArray:
        """Similarities of rows of these ranks, whose codes, shape (rows, bytes), are given."""
        return rounded((exact_sums(self._tables, codes) + self._constant) * _of(self._inverse, ranks))

    def largest_cost(self, score: float, step: float, below: float) -> int:
        """Of rows that score so much, in steps: from (best − 2 (step · cost − below)) · inverse ≥ score."""
        least = score - SCORE_SLACK
        if isinstance(self._inverse, float):
            scale = self._inverse
        else:
            scale = float(self._inverse.max()) if least > 0 else 0.0
        if scale == 0:
            return NO_BOUND
        highest = ((self.best - least / scale) / 2 + below) / step
        return int(min(NO_BOUND, highest))  # a whole number: compared with floats, costs would be converted


def all_by_weights(lanes: UInt64Array, weights: DoubleArray, constant: float, inverse: Inverse) -> DoubleArray:
    """Return the similarities of :func:`by_weights` for each row, shape (n,)."""
    tables = list(byte_tables(_of_one_size(weights)))
    codes = _bytes_of(lanes, len(weights))
    sums = [exact_sums(tables, codes[rows]) for rows in blocks(len(lanes))]
    return rounded((np.concatenate([np.empty(0), *sums]) + constant) * _of(inverse, slice(len(lanes))))


def by_tables(planes: Symbols, tables: Tables, inverse: Inverse, k: int, n_rows: int) -> Ranked:
    """Similarity Σ_m tables[m, symbol m] · inverse; ``planes`` are symbols by column, shape (M, n)."""
    error = rounding_error(tables) * float(np.max(inverse, initial=0.0))

    def scores(ranks: NDArray[np.int64], _: AnyArray) -> DoubleArray:
        return rounded(exact_sums(tables, planes[:, ranks].T) * _of(inverse, ranks))

    shortlist = Shortlist(k, scores, lambda score: SCORE_SLACK + error - score)
    for first, sums in table_sums(planes, [-table.astype(np.float32) for table in tables], n_rows):
        shortlist.offer(sums * _of(inverse, slice(first, first + len(sums))), first)
    return shortlist.best()


def by_vectors(
    blocks: Iterator[tuple[int, FloatArray]],
    queries: FloatArray,
    inverse: Inverse,
    k: int,
) -> list[Ranked]:
    """Similarity x·q · inverse for each query; ``blocks`` yields first ranks and vectors x, shape (rows, dim)."""
    nearest = [Shortlist(k) for _ in queries]
    for first, block in blocks:
        scale = _of(inverse, slice(first, first + len(block)))
        for shortlist, query in zip(nearest, queries, strict=True):
            shortlist.offer(-rounded((block @ query).astype(np.float64) * scale), first)
    return [shortlist.best() for shortlist in nearest]


def rounded(similarities: NDArray[np.floating] | np.floating) -> DoubleArray:
    """Round to whole :data:`SCORE_UNIT`; −0 becomes 0."""
    whole: DoubleArray = np.rint(np.asarray(similarities, np.float64) / SCORE_UNIT) * SCORE_UNIT + 0.0
    return whole


def _of_one_size(weights: DoubleArray) -> DoubleArray:
    """Remove float32's rounding from weights that are all ± one number, as those of a decoded code are.

    Rows that differ from it in equally many bits then have equal scores.
    """
    magnitudes = np.abs(weights)
    middle = float(magnitudes.mean()) if len(weights) else 0.0
    if np.abs(magnitudes - middle).max(initial=0.0) > ONE_SIZE * middle:
        return weights
    return np.copysign(middle, weights)


def _bytes_of(lanes: UInt64Array, n_bits: int) -> NDArray[np.uint8]:
    """Undo :func:`as_lanes`."""
    return np.ascontiguousarray(lanes).view(np.uint8)[:, : row_bytes(n_bits)]


def _of(inverse: Inverse, ranks: NDArray[np.int64] | slice) -> Inverse:
    return inverse if isinstance(inverse, float) else inverse[ranks]
