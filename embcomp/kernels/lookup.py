"""Sums of table entries, float32: for each row one of each table, in the order of the tables."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from embcomp import kernels
from embcomp.arrays import FloatArray
from embcomp.threads import blocks

STEP_ROWS = 32768  # × 4 bytes of sums and as many of what is looked up: both fit the second-level cache


def table_sums(columns: NDArray[np.uint16], tables: Sequence[FloatArray], base: float, out: FloatArray) -> None:
    """Write the sums of ``base`` and table entries of each row to ``out``.

    Args:
        columns: what is looked up, uint16, shape (tables, n), C order; the last entry for what is beyond a table.
        tables: float32, of any lengths but 0.
        base: rounded to float32 first.
        out: float32, shape (n,).
    """
    if kernels.native is not None:
        ends = np.cumsum([len(table) for table in tables], dtype=np.int64)
        joined = np.concatenate([np.empty(0, np.float32), *tables])
        kernels.native.lookup(columns, joined, ends, out, (len(tables), len(out), len(joined)), base)
        return
    looked_up = np.empty(min(STEP_ROWS, len(out)), dtype=np.float32)
    for rows in blocks(len(out), STEP_ROWS):
        sums = out[rows]
        buffer = looked_up[: len(sums)]
        sums.fill(base)
        for table, column in zip(tables, columns[:, rows], strict=True):
            table.take(column, out=buffer, mode="clip")
            np.add(sums, buffer, sums)
