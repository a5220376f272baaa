"""Sums of looked-up numbers: inner products of a query with vectors that are sums of codewords.

With codewords C of shape (M, K, dim), a row whose symbols are s decodes to Σ_m C[m, s_m], and its inner product with
a query q is Σ_m T[m, s_m] with the *tables* T = C · q, shape (M, K) [Jégou, Douze, Schmid 2011, "Product quantization
for nearest neighbor search", §III: asymmetric distance computation].
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

Symbols = NDArray[np.uint8] | NDArray[np.uint16] | NDArray[np.uint32]
Tables = NDArray[np.float64]

BLOCK_ROWS = 16384
BYTE_BITS = np.unpackbits(np.arange(256, dtype=np.uint8)[:, None], axis=1).astype(np.float64)


def exact_sums(tables: Tables, symbols: Symbols) -> NDArray[np.float64]:
    """Return Σ_m tables[m, symbols[:, m]], float64, shape (k,); ``symbols`` has shape (k, M).

    Added in the order of m whatever the other rows are, so that equal rows have equal sums.
    """
    total = np.zeros(len(symbols), dtype=np.float64)
    for column, table in enumerate(tables):
        total += table[symbols[:, column]]
    return total


def byte_tables(weights: NDArray[np.float64]) -> Tables:
    """Return what each byte of a binary code adds to Σ_i ±weights[i]: float64, shape (bytes, 256)."""
    padded = np.zeros(-(-len(weights) // 8) * 8, dtype=np.float64)
    padded[: len(weights)] = weights
    tables: Tables = np.einsum("mj,bj->mb", padded.reshape(-1, 8), 2 * BYTE_BITS - 1)
    return tables


def table_sums(
    planes: Symbols, tables: NDArray[np.float32], n_rows: int
) -> Iterator[tuple[int, NDArray[np.float32]]]:
    """Yield first rank and sums, float32, of blocks of the first ``n_rows`` rows; valid until the next.

    ``planes`` are symbols by column, shape (M, n), in order of rank.
    """
    total = np.empty(BLOCK_ROWS, dtype=np.float32)
    looked_up = np.empty(BLOCK_ROWS, dtype=np.float32)
    for first in range(0, n_rows, BLOCK_ROWS):
        block = planes[:, first : min(first + BLOCK_ROWS, n_rows)]
        sums, buffer = total[: block.shape[1]], looked_up[: block.shape[1]]
        sums.fill(0)
        for table, column in zip(tables, block, strict=True):
            np.take(table, column, out=buffer, mode="clip")
            np.add(sums, buffer, sums)
        yield first, sums


def rounding_error(tables: Tables) -> float:
    """Bound the error of :func:`table_sums`: M additions in float32 of numbers no larger than the tables'."""
    largest = np.abs(tables).max(axis=1, initial=0.0)
    return float(2 * (len(tables) + 1) * np.finfo(np.float32).eps * largest.sum())
