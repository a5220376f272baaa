"""Lengths of rows in a few bits, on a logarithmic scale.

Codes of unit rows lose the lengths of rows. That is no loss where cosines of single words are compared; trained
lengths differ little, and follow frequency. Static sentence models and tables of language models live on them: a text
is the mean of its words' vectors, and a long vector is an important word.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from embcomp.arrays import DoubleArray, FloatArray

SPREAD = 3.0
"""How many times more than those of normally distributed numbers lengths must spread to be kept."""
QUANTILE = 2.326  # of a normal distribution: the 99th percentile
BISECTIONS = 40
MOST_BITS = 8
CHOSEN_BITS = 5
"""Bits of a length where they are kept without being asked for."""


def vary(lengths: DoubleArray, dim: int) -> bool:
    """Tell whether lengths above 0 vary so much that they are meant to: the 99th percentile over the first.

    The ratio must be :data:`SPREAD` times that of rows of ``dim`` normally distributed numbers.
    """
    ordered = np.sort(lengths[lengths > 0])
    if not len(ordered):
        return False
    return bool(ordered[99 * len(ordered) // 100] > SPREAD * _chance(dim) * ordered[len(ordered) // 100])


def _chance(dim: int) -> float:
    """The 99th percentile over the first of the lengths of normal rows [Wilson 1931]; infinite in few dimensions."""
    variance = 2 / (9 * dim)
    high, low = 1 - variance + QUANTILE * variance**0.5, 1 - variance - QUANTILE * variance**0.5
    return float((high / low) ** 1.5) if low > 0 else np.inf


def related(lengths: DoubleArray, others: DoubleArray) -> bool:
    """Tell whether two lengths of each row vary together: half of the variance of one follows from the other."""
    one, other = lengths - mean_of(lengths), others - mean_of(others)
    products = one * other
    shared = float(np.add.accumulate(products)[-1]) / max(1, len(products))
    return 2 * shared * abs(shared) >= mean_square(one) * mean_square(other)


def mean_of(lengths: DoubleArray) -> float:
    """Return the mean, added one after the other; 0 for none."""
    return float(np.add.accumulate(lengths)[-1]) / len(lengths) if len(lengths) else 0.0


def chosen_bits(option: int | str, lengths: DoubleArray, dim: int) -> int:
    """Return the bits of a length: what the option says, or for ``auto`` 5 where lengths vary, else 0."""
    if not isinstance(option, str):
        return option
    return CHOSEN_BITS if vary(lengths, dim) else 0


def length_levels(lengths: DoubleArray, n_bits: int) -> FloatArray:
    """Return lengths that codes of ``n_bits`` bits stand for, ascending, float32, shape (2^n_bits,).

    From the shortest above 0 to the longest, each a constant factor above the one before. With no bits: the root mean
    square of the lengths.
    """
    positive = np.sort(lengths[lengths > 0])
    if not len(positive):
        return np.zeros(2**n_bits, dtype=np.float32)
    if n_bits == 0:
        return np.array([mean_square(lengths) ** 0.5], dtype=np.float32)
    ratio = _root(float(positive[-1] / positive[0]), 2**n_bits - 1)
    steps = np.concatenate([[float(positive[0])], np.full(2**n_bits - 1, ratio)])
    return np.multiply.accumulate(steps).astype(np.float32)


def mean_square(lengths: DoubleArray) -> float:
    """Return the mean of squares, added one after the other; 0 for none."""
    return float(np.add.accumulate(np.square(lengths))[-1]) / len(lengths) if len(lengths) else 0.0


def nearest_lengths(lengths: DoubleArray, levels: FloatArray) -> NDArray[np.uint16]:
    """Return the index of the level whose ratio to each length is nearest to 1, uint16, shape (n,)."""
    wide = levels.astype(np.float64)
    return np.searchsorted(np.sqrt(wide[1:] * wide[:-1]), lengths).astype(np.uint16)


def _root(value: float, n: int) -> float:
    """Return the n-th root of a number of at least 1, by products only: libraries differ in the last digit of pow."""
    low, high = 1.0, 2.0
    while _power(high, n) < value:
        low, high = high, 2 * high
    for _ in range(BISECTIONS):
        middle = (low + high) / 2
        low, high = (middle, high) if _power(middle, n) <= value else (low, middle)
    return low


def _power(base: float, n: int) -> float:
    result = 1.0
    for digit in f"{n:b}":
        result *= result * base if digit == "1" else result
    return result
