"""Codewords of rows: costs, the nearest, sums of the rows that have each, and codes of one of each of D codebooks.

Costs are whole numbers. Of equal ones the first counts.
"""

from __future__ import annotations

from types import ModuleType
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from embcomp import kernels
from embcomp.arrays import DoubleArray, FloatArray, Symbols
from embcomp.kernels.beam import MOST_BOOKS, MOST_WIDTH, MOST_WORDS, Costs, Tables, extended, native_for

INT16 = 2**15
TILE = 16  # words that the extension multiplies together


class Packed(NamedTuple):
    """Codewords as the extension takes them: −2 w in tiles of words, of each tile pairs of numbers; and ‖w‖²."""

    words: NDArray[np.int16]
    norms: NDArray[np.int32]


def quick() -> ModuleType | None:
    """Return the extension, if it multiplies 16-bit numbers faster than a BLAS library does float32."""
    return kernels.native if kernels.native is not None and kernels.native.QUICK_PRODUCTS else None


def packed(words: FloatArray, norms: Costs) -> Packed | None:
    """Pack words, whole numbers, shape (D, K, d), and their squared lengths, shape (D, K); ``None`` for long ones."""
    n_books, n_words, _ = words.shape
    if quick() is None or n_words > MOST_WORDS or norms.max(initial=0) >= INT16**2 // 4:
        return None
    tiles = in_tiles(-2 * words)
    squares = np.zeros((n_books, tiles.shape[1] * TILE), dtype=np.int32)
    squares[:, :n_words] = norms
    return Packed(tiles, squares)


def in_tiles(words: FloatArray) -> NDArray[np.int16]:
    """Return words, shape (D, K, d), in tiles of words, of each tile pairs of numbers, of each pair all words."""
    n_books, n_words, dim = words.shape
    padded = np.zeros((n_books, -(-n_words // TILE) * TILE, dim + dim % 2), dtype=np.int16)
    padded[:, :n_words, :dim] = words
    tiles = padded.reshape(n_books, padded.shape[1] // TILE, TILE, padded.shape[2] // 2, 2)
    return np.ascontiguousarray(tiles.swapaxes(2, 3))


def packed_costs(rows: FloatArray, words: Packed, n_words: int) -> NDArray[np.int32]:
    """Return ‖w‖² − 2 x·w for rows of up to 2¹⁵ units, shape (n, d): int32, shape (D, n, n_words)."""
    n_books = len(words.words)
    costs = np.empty((n_books, len(rows), n_words), dtype=np.int32)
    _run(rows, words, costs, np.empty(0, np.uint16), n_words, n_books)
    return costs


def packed_nearest(rows: FloatArray, words: Packed, n_words: int) -> Symbols:
    """Return the nearest word of one codebook for rows of up to 2¹⁵ units, shape (n, d): uint16, shape (n,)."""
    codes = np.empty(len(rows), dtype=np.uint16)
    _run(rows, words, np.empty(0, np.int32), codes, n_words, 0)
    return codes


def _run(rows: FloatArray, words: Packed, costs: Costs, codes: Symbols, n_words: int, n_books: int) -> None:
    if kernels.native is not None:
        kernels.native.words(np.ascontiguousarray(rows), *words, costs, codes, (*rows.shape, n_words, n_books))


def sums_by_symbol(rows: FloatArray, codes: Symbols, n_words: int) -> DoubleArray:
    """Return the sum of the rows, whole numbers, shape (n, d), of each symbol: float64, shape (n_words, d)."""
    sums = np.zeros((n_words, rows.shape[1]), dtype=np.float64)
    if kernels.native is not None:
        kernels.native.totals(np.ascontiguousarray(rows), np.ascontiguousarray(codes), sums, (*rows.shape, n_words))
        return sums
    for symbol in np.unique(codes).tolist():
        sums[symbol] += rows[codes == symbol].sum(axis=0, dtype=np.float64)
    return sums


def searched(own: Costs, tables: Tables, width: int, sweeps: int) -> Symbols:
    """Return the codes of rows by beam search, which keeps the ``width`` cheapest prefixes, and local search.

    A code costs Σ_j (own[j, i, c_j] + 2^shift · Σ_{k<j} tables[j, k, c_k, c_j]).

    Args:
        own: int32 or int64, shape (D, n, K); sums have this dtype.
        tables: shape (D, D, K, K); tables[j, k, v, w] is tables[k, j, w, v].
        width: at least 1.
        sweeps: of local search, see :func:`improve`.

    Returns:
        uint16, shape (n, D).
    """
    n_books, n_rows, n_words = own.shape
    native = native_for(own)
    if native is not None and n_books <= MOST_BOOKS and width <= MOST_WIDTH:
        found = np.empty((n_rows, n_books), dtype=np.uint16)
        native.search(own, tables.numbers, found, (n_rows, n_books, n_words, tables.shift, width, sweeps))
        return found
    codes, costs = np.empty((n_rows, 1, 0), dtype=np.uint16), np.zeros((n_rows, 1), dtype=np.int64)
    for j in range(n_books):
        kept = width if j + 1 < n_books else 1
        codes, costs = extended(own[j], Tables(tables.numbers[j, :j], tables.shift), codes, costs, kept)
    found = np.ascontiguousarray(codes[:, 0])
    improve(own, tables, found, sweeps)
    return found


def improve(own: Costs, tables: Tables, codes: Symbols, sweeps: int) -> None:
    """Change one symbol after the other, in place, to the cheapest beside the others (iterated conditional modes).

    Args:
        own, tables: as for :func:`searched`.
        codes: uint16, shape (n, D).
        sweeps: over all codebooks.
    """
    n_books, n_rows, n_words = own.shape
    native = native_for(own)
    if native is not None and n_books <= MOST_BOOKS:
        native.search(own, tables.numbers, codes, (n_rows, n_books, n_words, tables.shift, 0, sweeps))
        return
    for j in list(range(n_books)) * sweeps:
        costs = own[j].copy()
        for k in range(n_books):
            if k != j:
                costs += tables.numbers[j, k][codes[:, k]].astype(own.dtype) << tables.shift
        codes[:, j] = costs.argmin(axis=1)
