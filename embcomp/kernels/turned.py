"""Rows times a matrix, so that a row's product does not depend on the rows beside it or on the processor."""

from __future__ import annotations

import numpy as np

from embcomp import kernels
from embcomp.arrays import FloatArray


def turned(rows: FloatArray, matrix: FloatArray, start: FloatArray, out: FloatArray) -> None:
    """Write ``start`` + rows · matrix to ``out``; products are rounded, and added in the order of a row's columns.

    All are float32 in C order: shapes (n, k), (k, dim), (dim,) and (n, dim).
    """
    if kernels.native is not None:
        kernels.native.turned(rows, matrix, start, out, (*rows.shape, len(start)))
        return
    out[:] = start
    with np.errstate(over="ignore", invalid="ignore"):
        for column, step in zip(rows.T, matrix, strict=True):
            out += np.multiply.outer(column, step)
