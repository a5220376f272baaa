"""Scalar quantization: numbers rounded to a few levels each, those of large variance to more.

A number of ``n_bits`` bits is the index of the nearest of 2^n_bits levels, in ascending order, times a scale. The
levels are those of Lloyd and Max for a bell-shaped density [Max 1960, "Quantizing for minimum distortion"], the same
for all data and coordinates: coordinates along principal directions are nearly normal. Where they are not, they have
heavier tails, so the density is a normal one with a hundredth of the numbers drawn from one twice as wide; that costs
a normal coordinate 1 % of its error with few bits and 12 % with many, and saves a heavy-tailed one three quarters.

Nothing here depends on the processor: levels come out of sums in a fixed order, and numbers are compared with
thresholds after operations on single numbers only.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from embcomp.arrays import DoubleArray, FloatArray

MOST_BITS = 12
STEP = 2.0**-10  # of the axis on which levels are sought
REACH = 12 * 2**10  # steps: a density twice as wide as normal is below 2⁻²⁵ of its peak there
WIDE_SHARE, WIDTH = 0.01, 2.0
WIDE_START = 0.17  # (WIDE_SHARE / WIDTH)^⅓
ROUNDS = 400
SETTLED = 2.0**-24
UNIT = 2.0**-20  # levels are multiples of it

IntArray = NDArray[np.int64]


@cache
def levels(n_bits: int) -> FloatArray:
    """Return the levels of ``n_bits`` bits for numbers of variance 1, ascending and symmetric, float32, (2^n_bits,).

    Lloyd's rounds: a level moves to the mean of the numbers nearest to it. They start where about the cube root of
    the density has equal shares, which is where they end for many bits [Panter and Dite 1951, "Quantization
    distortion in pulse-count modulation with nonuniform spacing of levels"].
    """
    if n_bits == 0:
        return np.zeros(1, dtype=np.float32)
    density, axis = _density(), (np.arange(REACH) + 0.5) * STEP
    count, moment = _cumulated(density), _cumulated(density * axis)
    share = _cumulated(_bell(3**0.5) + WIDE_START * _bell(WIDTH * 3**0.5))
    half = 2 ** (n_bits - 1)
    found = np.interp((np.arange(half) + 0.5) * (share[-1] / half), share[1:], axis)
    for _ in range(ROUNDS):
        ends = np.searchsorted(axis, (found[1:] + found[:-1]) / 2)
        ends = np.concatenate([[0], ends, [REACH]])
        inside = count[ends[1:]] - count[ends[:-1]]
        moved = np.where(inside > 0, (moment[ends[1:]] - moment[ends[:-1]]) / np.where(inside > 0, inside, 1), found)
        settled = np.abs(moved - found).max() < SETTLED
        found = moved
        if settled:
            break
    found = np.rint(found / UNIT) * UNIT
    return np.concatenate([-found[::-1], found]).astype(np.float32)


@cache
def thresholds(n_bits: int) -> FloatArray:
    """Return what separates the levels: half-way, float32, shape (2^n_bits − 1,)."""
    each = levels(n_bits).astype(np.float64)
    return ((each[1:] + each[:-1]) / 2).astype(np.float32)


@cache
def distortion(n_bits: int) -> float:
    """Return the mean squared error of ``n_bits`` bits for a normal number of variance 1; 1 for no bits."""
    axis = (np.arange(REACH) + 0.5) * STEP
    density = _bell(1.0)
    error = (levels(n_bits)[np.searchsorted(thresholds(n_bits), axis.astype(np.float32))] - axis) ** 2
    return float(_cumulated(error * density)[-1] / _cumulated(density)[-1])


def allot(variances: DoubleArray, n_bits: int) -> IntArray:
    """Share bits among coordinates: each goes where it lowers the squared error most, the first of equals.

    Reverse water-filling [Cover and Thomas 2006, §10.3.3] in whole bits.

    Args:
        variances: float64, shape (k,), at least 0.
        n_bits: in total; those beyond ``MOST_BITS`` a coordinate are left over.

    Returns:
        Bits of each coordinate, int64, shape (k,).
    """
    left = np.array([distortion(bits) for bits in range(MOST_BITS + 1)])
    savings = (left[:-1] - left[1:])[:, None] * variances  # of the first, second, … bit; falls in each column
    order = np.argsort(-savings.ravel(), kind="stable")[:n_bits]
    return np.bincount(order % len(variances), minlength=len(variances))


def nearest_levels(values: FloatArray, n_bits: int) -> NDArray[np.uint16]:
    """Return the index of the nearest level of each number, the lower of equals: uint16, the shape of ``values``."""
    limits = thresholds(n_bits)
    if n_bits > COUNTED_BITS:
        return np.searchsorted(limits, values).astype(np.uint16)
    out = np.zeros(values.shape, dtype=np.uint16)
    for limit in limits:
        out += values > limit
    return out


COUNTED_BITS = 3  # up to here, comparing with each threshold takes less time than a binary search


def _density() -> DoubleArray:
    """The density at the middle of each step of the positive half of the axis, up to a factor."""
    return (1 - WIDE_SHARE) * _bell(1.0) + WIDE_SHARE / WIDTH * _bell(WIDTH)


def _bell(width: float) -> DoubleArray:
    """exp(−x² / 2w²) at the middle of each step, by multiplication: libraries differ in the last digit of exp."""
    exponent = (STEP / width) ** 2
    ratio = 1 - exponent + exponent**2 / 2  # exp(−exponent): the next term is below 2⁻⁶³
    first = 1 - exponent / 8 + exponent**2 / 128
    falls = np.multiply.accumulate(np.full(REACH - 1, ratio))
    return np.multiply.accumulate(np.concatenate([[first], falls]))


def _cumulated(values: DoubleArray) -> DoubleArray:
    """Sums of the first 0, 1, … numbers, added one after the other."""
    return np.concatenate([[0.0], np.add.accumulate(values)])
