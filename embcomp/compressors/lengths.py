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
"""Ratio of the 99th to the first percentile of lengths from which on they are kept."""
UNIT = 2.0**-20  # of the ratio of two levels
BISECTIONS = 40


def vary(lengths: DoubleArray) -> bool:
    """Tell whether lengths above 0 vary so much that they are meant to: the 99th percentile and the first."""
    ordered = np.sort(lengths[lengths > 0])
    if not len(ordered):
        return False
    return bool(ordered[99 * len(ordered) // 100] > SPREAD * ordered[len(ordered) // 100])


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
