"""The k rows of largest similarity: by distances, by tables of codewords, and by vectors.

The result is that of computing the similarity exactly for all rows and sorting by (similarity descending, rank).
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from embcomp.arrays import AnyArray, DoubleArray, FloatArray
from embcomp.kernels.sums import SCORE_UNIT, Symbols, Tables, exact_sums, rounded
from embcomp.kernels.weights import Inverse
from embcomp.search.tables import rounding_error, table_sums
from embcomp.shortlist import Ranked, Shortlist

SCORE_SLACK = 2 * SCORE_UNIT  # for that rounding, and float64 arithmetic with numbers around 1


def by_hamming(distances: NDArray[np.int64], ranks: NDArray[np.int64], n_bits: int) -> Ranked:
    """Similarity 1 − 2h / bits of rows found by their distances h."""
    return ranks, rounded(1 - 2 * distances / max(1, n_bits))


def by_tables(planes: Symbols, tables: Tables, inverse: Inverse, k: int, n_rows: int) -> Ranked:
    """Similarity Σ_m tables[m, symbol m] · inverse; ``planes`` are symbols by column, shape (M, n).

    Sums in float32 bound the similarity of every row; those that can be among the k are computed exactly.
    """
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


def _of(inverse: Inverse, ranks: NDArray[np.int64] | slice) -> Inverse:
    return inverse if isinstance(inverse, float) else inverse[ranks]
