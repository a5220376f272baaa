"""Vectors as lengths and unit rows along principal directions, the same on every processor.

A vector x has the coordinates (x − mean) · Dᵀ, with k orthonormal rows D stored as small integers times a scale of
each row. Its *length* is that of the coordinates, and its *unit row* the coordinates over the length, each times a
weight (:func:`whitening`). A product of integers is exact in any order of adding, and what follows are operations on
single numbers, so that a vector has the same unit row on every machine, alone or among others.
"""

from __future__ import annotations

import numpy as np

from embcomp.arrays import AnyArray, DoubleArray, FloatArray
from embcomp.threads import for_blocks, map_blocks

WHOLE_BITS = 18  # of a number relative to the largest of its row: 18 + 15 bits and 2¹³ dimensions stay below 2⁵³
UNIT = 0.25  # of a coordinate, in units of the row: squares of 2²⁰ · 2² and 2¹³ dimensions stay below 2⁵³
MEAN_UNIT = 2.0**-22
SQUARE_UNIT = 2.0**-12
POWER_BITS = 12
NEXT_TO_NOTHING = 1e-6  # of the largest singular value: directions without variance are not blown up


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


def whitening(singular_values: DoubleArray, exponent: float) -> FloatArray:
    """Return weights that even out how far rows spread: σ^−exponent, float32, shape (k,).

    Times a factor with which the mean square of all coordinates stays what it was. Powers are rounded to 12 bits,
    because libraries differ in their last digit.
    """
    squares = np.square(np.maximum(singular_values, NEXT_TO_NOTHING * singular_values.max(initial=0)))
    if not squares.any():
        return np.ones(len(squares), dtype=np.float32)
    mantissas, exponents = np.frexp(squares ** (-exponent / 2))
    weights: DoubleArray = np.ldexp(np.rint(mantissas * 2.0**POWER_BITS), exponents - POWER_BITS)
    before, after = np.add.accumulate(squares)[-1], np.add.accumulate(squares * weights**2)[-1]
    weights *= np.sqrt(before / after)
    return weights.astype(np.float32)


def unit_rows(
    vectors: FloatArray, mean: FloatArray, directions: AnyArray, scales: FloatArray, weights: FloatArray
) -> tuple[FloatArray, DoubleArray]:
    """Return weighted unit rows, and lengths.

    Args:
        vectors: float32, shape (n, d).
        mean: float32, shape (d,).
        directions: integers of up to 16 bits, shape (k, d).
        scales: float32, shape (k,).
        weights: float32, shape (k,).

    Returns:
        Float32, shape (n, k), zeros for rows of length 0; and float64, shape (n,).
    """
    units = np.empty((len(vectors), len(directions)), dtype=np.float32)
    lengths = np.empty(len(vectors), dtype=np.float64)
    transposed = np.ascontiguousarray(directions.T, dtype=np.float64)
    wide_scales = scales.astype(np.float64) / UNIT

    def of_block(rows: slice) -> None:
        whole, row_units = _whole(vectors[rows] - mean)
        along = whole @ transposed
        along *= wide_scales
        lengths[rows] = _to_units(np.rint(along, out=along)) * (row_units * UNIT)
        np.multiply(along, weights, out=units[rows], casting="same_kind")

    for_blocks(of_block, len(vectors))
    return units, lengths


def directions_of(vectors: FloatArray, mean: FloatArray) -> FloatArray:
    """Return (x − mean) / ‖x − mean‖, float32, shape (n, d); zeros for rows of length 0."""
    out = np.empty(vectors.shape, dtype=np.float32)

    def of_block(rows: slice) -> None:
        whole, _ = _whole(vectors[rows] - mean)
        _to_units(whole)
        out[rows] = whole

    for_blocks(of_block, len(vectors))
    return out


def lengths_of(vectors: FloatArray) -> DoubleArray:
    """Return the lengths of vectors, float32, shape (n, d), to about 2⁻¹⁶: float64, shape (n,)."""
    out = np.empty(len(vectors), dtype=np.float64)

    def of_block(rows: slice) -> None:
        whole, row_units = _whole(vectors[rows])
        out[rows] = _to_units(whole) * row_units

    for_blocks(of_block, len(vectors))
    return out


def _whole(rows: FloatArray) -> tuple[DoubleArray, DoubleArray]:
    """Return rows rounded to integers below 2¹⁸ in magnitude, float64, and the unit of each row, a power of two."""
    exponents = np.frexp(np.abs(rows).max(axis=1, initial=0))[1].astype(np.int64) - WHOLE_BITS
    whole = rows.astype(np.float64)
    whole *= np.ldexp(1.0, -exponents)[:, None]
    return np.rint(whole, out=whole), np.ldexp(1.0, exponents)


def _to_units(whole: DoubleArray) -> DoubleArray:
    """Divide rows of whole numbers by their lengths, in place, and return these."""
    lengths: DoubleArray = np.sqrt(np.einsum("nk,nk->n", whole, whole))
    whole /= np.where(lengths > 0, lengths, 1)[:, None]
    return lengths


def moments(units: FloatArray) -> tuple[DoubleArray, DoubleArray]:
    """Return the mean and the variance of each coordinate of unit rows, float64, shape (k,); zeros for no rows.

    Sums are of multiples of 2⁻²², and of squares of multiples of 2⁻¹²: exact for up to 2²⁶ rows.
    """
    n_rows = max(1, len(units))

    def sums_of(rows: slice) -> DoubleArray:
        sums: DoubleArray = np.rint(units[rows] / MEAN_UNIT).sum(axis=0, dtype=np.float64)
        return sums

    def squares_of(rows: slice) -> DoubleArray:
        coarse = np.rint((units[rows] - mean) / SQUARE_UNIT)
        squares: DoubleArray = np.einsum("nk,nk->k", coarse, coarse)
        return squares

    mean = sum(map_blocks(sums_of, len(units)), np.zeros(units.shape[1])) * (MEAN_UNIT / n_rows)
    squares = sum(map_blocks(squares_of, len(units)), np.zeros(units.shape[1]))
    return mean, squares * (SQUARE_UNIT**2 / n_rows)
