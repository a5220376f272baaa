"""Vectors as lengths and directions along principal directions, the same on every processor.

A vector x has the coordinates (x − mean) · Dᵀ, with k orthonormal rows D stored as small integers times a scale of
each row. Its *length* is that of the coordinates, and its *unit row* the coordinates over the length. A product of
integers is exact in any order of adding, and what follows are operations on single numbers, so that a vector has the
same unit row on every machine, alone or among others.
"""

from __future__ import annotations

import numpy as np

from embcomp.arrays import AnyArray, DoubleArray, FloatArray
from embcomp.threads import for_blocks

WHOLE_BITS = 18  # of a number relative to the largest of its row: 18 + 15 bits and 2¹³ dimensions stay below 2⁵³
UNIT = 0.25  # of a coordinate, in units of the row: squares of 2²⁰ · 2² and 2¹³ dimensions stay below 2⁵³


def stored_directions(directions: DoubleArray, dtype: str) -> tuple[AnyArray, FloatArray]:
    """Return rows of unit length as integers of ``dtype``, and the scale of each row.

    Args:
        directions: float64, shape (k, d).
        dtype: ``|i1`` or ``<i2``.

    Returns:
        Integers, shape (k, d), and float32, shape (k,).
    """
    largest = np.abs(directions).max(axis=1, initial=0)
    scales = (largest / np.iinfo(dtype).max).astype(np.float32)
    scales[scales == 0] = 1
    return np.rint(directions / scales.astype(np.float64)[:, None]).astype(dtype), scales


def unit_rows(
    vectors: FloatArray, mean: FloatArray, directions: AnyArray, scales: FloatArray
) -> tuple[FloatArray, DoubleArray]:
    """Return unit rows and lengths.

    Args:
        vectors: float32, shape (n, d).
        mean: float32, shape (d,).
        directions: integers of up to 16 bits, shape (k, d).
        scales: float32, shape (k,).

    Returns:
        Float32, shape (n, k), zeros for rows of length 0; and float64, shape (n,).
    """
    units = np.empty((len(vectors), len(directions)), dtype=np.float32)
    lengths = np.empty(len(vectors), dtype=np.float64)
    transposed = np.ascontiguousarray(directions.T, dtype=np.float64)
    wide_scales = scales.astype(np.float64) / UNIT

    def of_block(rows: slice) -> None:
        whole, row_units = whole_rows(vectors[rows] - mean)
        along = whole @ transposed
        along *= wide_scales
        np.rint(along, out=along)
        squares = np.einsum("nk,nk->n", along, along)
        long = np.sqrt(squares)
        along /= np.where(long > 0, long, 1)[:, None]
        units[rows] = along
        lengths[rows] = long * (row_units * UNIT)

    for_blocks(of_block, len(vectors))
    return units, lengths


def whole_rows(rows: FloatArray) -> tuple[DoubleArray, DoubleArray]:
    """Return rows rounded to integers below 2¹⁸ in magnitude, float64, and the unit of each row, a power of two."""
    exponents = np.frexp(np.abs(rows).max(axis=1, initial=0))[1].astype(np.int64) - WHOLE_BITS
    whole = rows.astype(np.float64)
    whole *= np.ldexp(1.0, -exponents)[:, None]
    return np.rint(whole, out=whole), np.ldexp(1.0, exponents)


def moments(units: FloatArray) -> tuple[DoubleArray, DoubleArray]:
    """Return the mean and the variance of each coordinate, float64, shape (k,); zeros for no rows.

    Sums are of multiples of 2⁻²², and of squares of multiples of 2⁻¹²: exact for up to 2²⁸ unit rows.
    """
    n_rows = max(1, len(units))
    mean = np.rint(units.astype(np.float64) * 2.0**22).sum(axis=0) / 2.0**22 / n_rows
    coarse = np.rint((units - mean).astype(np.float64) * 2.0**12) / 2.0**12
    return mean, np.einsum("nk,nk->k", coarse, coarse) / n_rows
