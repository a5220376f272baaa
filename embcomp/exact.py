"""Sums, products and signs that are the same on every processor, in every order of adding.

Libraries add in different orders: as wide as the processor's registers are, in as many parts as there are threads.
Results differ by rounding, and decisions that hang on the last digit differ with them. Two things do not depend on
the order:

*   Numbers on a *grid*, multiples of one power of two (the grid's *unit*). Their sums and products are exact while
    all magnitudes stay below 2²⁴ units in float32 and 2⁵³ in float64, so there is nothing to round. For a product of
    matrices it is enough that Σ|a||b| stays below, and by Cauchy and Schwarz that ‖a‖‖b‖ does.
*   Operations on single numbers. IEEE 754 has one result for +, −, ×, ÷, √ and rounding to integers.

Fits of methods that promise the same bytes everywhere consist of these. docs/reproducibility.md says more.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embcomp.arrays import DoubleArray, FloatArray

SUM_BITS = 52  # of a float64's 53: one is left for a carry
PRODUCT_BITS = 20  # of a number in a product of blocks of rows: 2 · 20 bits and 2¹² rows make 52
FLOAT32_EPS = 2.0**-24  # largest relative error of one float32 operation
FLOAT64_EPS = 2.0**-53
SMALLEST = 2.0**-120  # far above what float32 products lose where they, or what a processor makes 0, are too small


def unit_below(largest: float, bits: int) -> float:
    """Return the unit of the finest grid on which numbers up to ``largest`` in magnitude have ``bits`` bits."""
    return math.ldexp(1.0, math.frexp(largest)[1] - bits)


def on_grid(values: NDArray[np.floating], unit: float) -> DoubleArray:
    """Return ``values`` rounded to multiples of ``unit``, a power of two; half a unit goes to the even multiple."""
    rounded: DoubleArray = np.multiply(values, 1 / unit, dtype=np.float64)
    np.rint(rounded, out=rounded)
    rounded *= unit
    return rounded


def largest_magnitude(values: NDArray[np.floating]) -> float:
    """Return the largest |value|; 0 for none."""
    return float(max(values.max(initial=0), -values.min(initial=0)))


def total(values: NDArray[np.floating], axis: int | None = None) -> Any:
    """Return the sum, float64, the same in any order: of numbers on the finest grid on which it is exact.

    Rounding to that grid changes a number by at most 2⁻⁵¹ · n of the largest, where n are summed.
    """
    n_summed = values.size if axis is None else values.shape[axis]
    largest = np.abs(values).max(axis=axis, keepdims=True, initial=0)
    units = np.ldexp(1.0, np.frexp(largest)[1] - SUM_BITS + max(1, n_summed).bit_length())
    whole = values * (1 / units)
    np.rint(whole, out=whole)
    return whole.sum(axis=axis) * (units.reshape(()) if axis is None else units.squeeze(axis))


def gram(rows: NDArray[np.floating]) -> DoubleArray:
    """Return XᵀX of at most 2¹² rows, float64, shape (d, d): exact for X on a grid of 20 bits."""
    unit = unit_below(largest_magnitude(rows), PRODUCT_BITS)
    whole = np.multiply(rows, 1 / unit, dtype=np.float64)
    np.rint(whole, out=whole)
    product: DoubleArray = whole.T @ whole
    product *= unit * unit
    return product


def whole_rows(rows: FloatArray) -> tuple[DoubleArray, DoubleArray]:
    """Return rows as whole numbers, float64, whose squared lengths are exact, and the unit of each row."""
    bits = (SUM_BITS - rows.shape[1].bit_length()) // 2
    exponents = np.frexp(np.abs(rows).max(axis=1, initial=0))[1] - bits
    whole = rows.astype(np.float64)
    whole *= np.ldexp(1.0, -exponents)[:, None]
    return np.rint(whole, out=whole), np.ldexp(1.0, exponents)


def without(rows: FloatArray, removed: FloatArray) -> tuple[DoubleArray, DoubleArray]:
    """Return rows less their parts along some directions, as whole numbers, and the unit of each row.

    Args:
        rows: float32, shape (n, d).
        removed: orthonormal rows on the grid 2⁻²⁵, shape (r, d).
    """
    whole, units = whole_rows(rows)
    if len(removed):
        wide = removed.astype(np.float64)
        whole -= np.rint(np.rint(whole @ wide.T) @ wide)
    return whole, units


def product(a: NDArray[np.floating], b: NDArray[np.floating]) -> FloatArray:
    """Return the product of two matrices, float32: of 24 bits of the numbers of each, as many as keep it exact."""
    bits = min(24, (SUM_BITS - a.shape[-1].bit_length()) // 2)
    one, other = unit_below(largest_magnitude(a), bits), unit_below(largest_magnitude(b), bits)
    whole = np.rint(np.multiply(a, 1 / one, dtype=np.float64)) @ np.rint(np.multiply(b, 1 / other, dtype=np.float64))
    out: FloatArray = (whole * (one * other)).astype(np.float32)
    return out


def energy(rows: FloatArray) -> float:
    """Return Σ ‖x‖² over the rows, the same in any order of adding."""
    return float(total(total(np.square(rows, dtype=np.float64), axis=0)))


def above_zero(rows: FloatArray, matrix: FloatArray) -> NDArray[np.bool_]:
    """Return where rows · matrix, of real numbers, is above 0: bool, shape (n, k).

    The product is computed in float32. Where it is so near 0 that its sign may be due to rounding, it is computed in
    float64, and where that is too near, without rounding.

    Args:
        rows: float32, shape (n, d).
        matrix: float32, shape (d, k).
    """
    product = rows @ matrix
    lengths = np.sqrt(np.einsum("nd,nd->n", rows, rows))
    widest = math.sqrt(np.einsum("dk,dk->k", matrix, matrix, dtype=np.float64).max(initial=0))
    bounds = lengths * np.float32(widest * _slack(len(matrix), FLOAT32_EPS)) + np.float32(len(matrix) * SMALLEST)
    largest = bounds.max(initial=0)
    above: NDArray[np.bool_] = product > largest
    doubtful = np.flatnonzero(above ^ (product > -largest))
    row, column = np.divmod(doubtful, product.shape[1])
    near = product.ravel()[doubtful]
    above.ravel()[doubtful] = near > 0
    undecided = np.flatnonzero(np.abs(near) <= bounds[row])
    for start in range(0, len(undecided), UNDECIDED_AT_ONCE):
        some = undecided[start : start + UNDECIDED_AT_ONCE]
        terms = rows[row[some]].astype(np.float64) * matrix.T[column[some]]
        above[row[some], column[some]] = _sums_above_zero(terms)
    return above


UNDECIDED_AT_ONCE = 4096


def _slack(n_terms: int, eps: float) -> float:
    """How far a sum of ``n_terms`` products may be from the truth, relative to Σ|a||b|, twice over.

    [Higham 2002, §3.1]: n · eps / (1 − n · eps) in any order.
    """
    return 2 * n_terms * eps / (1 - n_terms * eps)


def _sums_above_zero(terms: DoubleArray) -> NDArray[np.bool_]:
    """Where the sum of a row of products of two float32 numbers, which float64 holds, is above 0."""
    sums = terms.sum(axis=1)
    above: NDArray[np.bool_] = sums > 0
    bounds = _slack(terms.shape[1], FLOAT64_EPS) * np.abs(terms).sum(axis=1)
    for row in np.flatnonzero(np.abs(sums) < bounds):
        above[row] = math.fsum(terms[row].tolist()) > 0
    return above
