"""A step of beam search: prefixes of codes, each with every word of one more codebook; the cheapest are kept.

Costs are whole numbers. Of equal ones the first counts, by prefix and then by word.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from embcomp import kernels
from embcomp.arrays import Symbols

MOST_WORDS, MOST_WIDTH = 4096, 64  # that the extension takes

Costs = NDArray[np.signedinteger]


def extended(
    products: NDArray[np.floating],
    norms: Costs,
    tables: Costs,
    codes: Symbols,
    costs: Costs,
    width: int,
) -> tuple[Symbols, Costs]:
    """Return the ``width`` cheapest extensions of the prefixes of each row, and their costs.

    The cost of prefix p of row i with word w is
    costs[i, p] + products[i, w] + norms[w] + Σ_b tables[b, codes[i, p, b], w].

    Args:
        products: whole numbers, float32 or float64, shape (n, K); or (n · prefixes, K), where they differ by prefix.
        norms: shape (K,), of the dtype in which costs are added up, int32 or int64.
        tables: of this dtype, shape (j, K, K); or (0, K, K), where what is looked up is in ``products``.
        codes: uint16, shape (n, prefixes, j).
        costs: int64, shape (n, prefixes).
        width: at least 1.

    Returns:
        uint16, shape (n, width', j + 1), and int64, shape (n, width'), cheapest first; width' ≤ prefixes · K.
    """
    n_rows, n_kept, n_books = codes.shape
    n_words = len(norms)
    width = min(width, n_kept * n_words)
    best = np.empty((n_rows, width, n_books + 1), dtype=np.uint16)
    best_costs = np.empty((n_rows, width), dtype=np.int64)
    if (
        kernels.native is not None
        and products.dtype == np.float32
        and norms.dtype == np.int32
        and max(n_words / MOST_WORDS, n_kept / MOST_WIDTH, width / MOST_WIDTH) <= 1
    ):
        sizes = (n_rows, n_kept, n_rows * n_kept // max(1, len(products)) or 1, n_words, n_books, len(tables), width)
        arrays = (np.ascontiguousarray(codes), np.ascontiguousarray(costs), best, best_costs)
        kernels.native.beam(products, norms, tables, *arrays, sizes)
        return best, best_costs
    scores = products.astype(norms.dtype)
    scores += norms
    if len(scores) != n_rows * n_kept:
        scores = np.repeat(scores, n_kept, axis=0)
    scores += costs.reshape(-1, 1).astype(norms.dtype)
    for table, symbols in zip(tables, codes.reshape(n_rows * n_kept, n_books).T, strict=False):
        scores += table[symbols]
    scores = scores.reshape(n_rows, n_kept * n_words)
    row = np.arange(n_rows)
    for place in range(width):
        chosen = scores.argmin(axis=1)
        best_costs[:, place] = scores[row, chosen]
        scores[row, chosen] = np.iinfo(norms.dtype).max
        best[:, place, :n_books] = codes[row, chosen // n_words]
        best[:, place, n_books] = chosen % n_words
    return best, best_costs


def cheapest(products: NDArray[np.floating], norms: Costs) -> Symbols:
    """Return the word of least products[i, w] + norms[w] of each row, the first of equals: uint16, shape (n,)."""
    n_rows, n_words = products.shape
    codes, costs = np.empty((n_rows, 1, 0), dtype=np.uint16), np.zeros((n_rows, 1), dtype=np.int64)
    return extended(products, norms, np.empty((0, n_words, n_words), norms.dtype), codes, costs, 1)[0][:, 0, 0]
