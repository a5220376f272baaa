"""Exact similarities: float64 sums of table entries, in one order, rounded to a unit."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from embcomp.arrays import DoubleArray

Symbols = NDArray[np.uint8] | NDArray[np.uint16] | NDArray[np.uint32]
Tables = Sequence[DoubleArray]  # one for each column of symbols; they may differ in length

SCORE_UNIT = 2.0**-20  # similarities are rounded to it: about what float32 vectors are good for
BYTE_BITS = np.unpackbits(np.arange(256, dtype=np.uint8)[:, None], axis=1).astype(np.float64)


def exact_sums(tables: Tables, symbols: Symbols) -> DoubleArray:
    """Return Σ_m tables[m, symbols[:, m]], float64, shape (k,); ``symbols`` has shape (k, M).

    Added in the order of m whatever the other rows are, so that equal rows have equal sums.
    """
    total = np.zeros(len(symbols), dtype=np.float64)
    for column, table in enumerate(tables):
        total += table[symbols[:, column]]
    return total


def byte_tables(weights: DoubleArray) -> DoubleArray:
    """Return what each byte of a binary code adds to Σ_i ±weights[i]: float64, shape (bytes, 256)."""
    padded = np.zeros(-(-len(weights) // 8) * 8, dtype=np.float64)
    padded[: len(weights)] = weights
    tables: DoubleArray = np.einsum("mj,bj->mb", padded.reshape(-1, 8), 2 * BYTE_BITS - 1)
    return tables


def rounded(similarities: NDArray[np.floating] | np.floating) -> DoubleArray:
    """Round to whole :data:`SCORE_UNIT`; −0 becomes 0."""
    whole: DoubleArray = np.rint(np.asarray(similarities, np.float64) / SCORE_UNIT) * SCORE_UNIT + 0.0
    return whole
