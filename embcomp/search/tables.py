"""Sums of table entries: inner products of a query with vectors that are sums of codewords.

With codewords C of shape (M, K, dim), a row whose symbols are s decodes to Σ_m C[m, s_m], and its inner product with
a query q is Σ_m T[m, s_m] with the *tables* T = C · q, shape (M, K) [Jégou 2011, §III:
asymmetric distance computation].
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from embcomp.arrays import DoubleArray, FloatArray
from embcomp.kernels.sums import Symbols, Tables

SCAN_ROWS = 32768  # × 4 bytes of sums and as many of what is looked up: both fit the second-level cache
JOINT_WAYS = 4096  # float32 tables of so many entries, 16 kB, fit the first-level cache


def symbols_joined(ways: int) -> int:
    """How many symbols of K ``ways`` are looked up at once: as many as have few enough combinations."""
    joined = 1
    while ways > 1 and ways ** (joined + 1) <= JOINT_WAYS:
        joined += 1
    return joined


def n_joint_entries(n_symbols: int, ways: int) -> int:
    """How many sums :func:`join_tables` gives, at most."""
    n_joined = symbols_joined(ways)
    combinations: int = ways**n_joined
    return -(-n_symbols // n_joined) * combinations


def join_symbols(symbols: NDArray[np.integer], ways: int) -> Symbols:
    """Turn (n, M) symbols into columns of joint symbols, shape (⌈M / joined⌉, n): base-K numbers."""
    n_joined = symbols_joined(ways)
    columns = []
    for first in range(0, symbols.shape[1], n_joined):
        joint = np.zeros(len(symbols), dtype=np.int64)
        for column in symbols.T[first : first + n_joined]:
            joint = joint * ways + column
        columns.append(joint.astype(np.min_scalar_type(max(1, ways**n_joined - 1))))
    return np.stack(columns) if columns else np.empty((0, len(symbols)), dtype=np.uint8)


def join_tables(tables: DoubleArray) -> Tables:
    """Turn (M, K) tables into those of joint symbols: sums of all combinations."""
    n_joined = symbols_joined(tables.shape[1])
    joined = []
    for first in range(0, len(tables), n_joined):
        joint = np.zeros(1)
        for table in tables[first : first + n_joined]:
            joint = (joint[:, None] + table).reshape(-1)
        joined.append(joint)
    return joined


def table_sums(planes: Symbols, tables: Sequence[FloatArray], n_rows: int) -> Iterator[tuple[int, FloatArray]]:
    """Yield first rank and sums, float32, of blocks of the first ``n_rows`` rows; valid until the next.

    ``planes`` are symbols by column, shape (M, n), in order of rank.
    """
    total = np.empty(SCAN_ROWS, dtype=np.float32)
    looked_up = np.empty(SCAN_ROWS, dtype=np.float32)
    for first in range(0, n_rows, SCAN_ROWS):
        block = planes[:, first : min(first + SCAN_ROWS, n_rows)]
        sums, buffer = total[: block.shape[1]], looked_up[: block.shape[1]]
        sums.fill(0)
        for table, column in zip(tables, block, strict=True):
            np.take(table, column, out=buffer, mode="clip")
            np.add(sums, buffer, sums)
        yield first, sums


def rounding_error(tables: Tables) -> float:
    """Bound the error of :func:`table_sums`: M additions in float32 of numbers no larger than the tables'."""
    largest = sum(float(np.abs(table).max(initial=0.0)) for table in tables)
    return float(2 * (len(tables) + 1) * np.finfo(np.float32).eps * largest)
