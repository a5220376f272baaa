"""A step of beam search: prefixes of codes, each with every word of one more codebook; the cheapest are kept.

Costs are whole numbers. Of equal ones the first counts, by prefix and then by word.
"""

from __future__ import annotations

from types import ModuleType
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from embcomp import kernels
from embcomp.arrays import Symbols

MOST_WORDS, MOST_WIDTH, MOST_BOOKS = 4096, 64, 256  # that the extension takes

Costs = NDArray[np.signedinteger]


class Tables(NamedTuple):
    """Products of codewords, rounded: numbers of 14 bits, int16, times 2^shift."""

    numbers: NDArray[np.int16]
    shift: int


def extended(own: Costs, tables: Tables, codes: Symbols, costs: Costs, width: int) -> tuple[Symbols, Costs]:
    """Return the ``width`` cheapest extensions of the prefixes of each row, and their costs.

    The cost of prefix p of row i with word w is
    costs[i, p] + own[i, w] + 2^shift · Σ_b tables[b, codes[i, p, b], w].

    Args:
        own: int32 or int64, in which costs are added up, shape (n, K); or (n · prefixes, K), where they differ by
            prefix.
        tables: of shape (j, K, K); or (0, K, K), where what is looked up is in ``own``.
        codes: uint16, shape (n, prefixes, j).
        costs: int64, shape (n, prefixes).
        width: at least 1.

    Returns:
        uint16, shape (n, width', j + 1), and int64, shape (n, width'), cheapest first; width' ≤ prefixes · K.
    """
    n_rows, n_kept, n_books = codes.shape
    n_words = own.shape[1]
    width = min(width, n_kept * n_words)
    best = np.empty((n_rows, width, n_books + 1), dtype=np.uint16)
    best_costs = np.empty((n_rows, width), dtype=np.int64)
    native = native_for(own)
    if native is not None and max(n_kept, width) <= MOST_WIDTH and len(tables.numbers) <= MOST_BOOKS:
        n_own = n_rows * n_kept // max(1, len(own)) or 1
        sizes = (n_rows, n_kept, n_own, n_words, n_books, len(tables.numbers), tables.shift, width)
        arrays = (np.ascontiguousarray(codes), np.ascontiguousarray(costs), best, best_costs)
        native.beam(own, tables.numbers, *arrays, sizes)
        return best, best_costs
    scores = own if len(own) == n_rows * n_kept else np.repeat(own, n_kept, axis=0)
    scores = scores + costs.reshape(-1, 1).astype(own.dtype)
    for table, symbols in zip(tables.numbers, codes.reshape(n_rows * n_kept, n_books).T, strict=False):
        scores += table[symbols].astype(own.dtype) << tables.shift
    scores = scores.reshape(n_rows, n_kept * n_words)
    row = np.arange(n_rows)
    for place in range(width):
        chosen = scores.argmin(axis=1)
        best_costs[:, place] = scores[row, chosen]
        scores[row, chosen] = np.iinfo(own.dtype).max
        best[:, place, :n_books] = codes[row, chosen // n_words]
        best[:, place, n_books] = chosen % n_words
    return best, best_costs


def native_for(own: Costs) -> ModuleType | None:
    """Return the extension, if it takes costs like these."""
    return kernels.native if own.dtype == np.int32 and own.shape[-1] <= MOST_WORDS else None
