"""Random numbers that are the same on every machine and with every release of numpy.

numpy keeps the sequences of its bit generators from release to release, but not what its distributions make of them
[NEP 19], and a normal distribution asks the system's exp and log. So these are made from 64-bit numbers by shifts,
integer arithmetic and sorting.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from embcomp.arrays import DoubleArray


def generator(*seed: int) -> np.random.Generator:
    """Return a generator started from one or more numbers ≥ 0."""
    return np.random.Generator(np.random.PCG64(seed))


def bits64(rng: np.random.Generator, n: int) -> NDArray[np.uint64]:
    """Return ``n`` numbers of 64 random bits."""
    drawn: NDArray[np.uint64] = rng.bit_generator.random_raw(n)
    return drawn


def uniform(rng: np.random.Generator, n: int) -> DoubleArray:
    """Return ``n`` numbers from [0, 1), multiples of 2⁻⁵³."""
    return (bits64(rng, n) >> np.uint64(11)).astype(np.float64) * 2.0**-53


def below(rng: np.random.Generator, bound: int, shape: tuple[int, ...]) -> NDArray[np.int64]:
    """Return integers from 0 to ``bound`` − 1, int64; ``bound`` is at most 2³¹, odds differ by ``bound`` · 2⁻³²."""
    drawn = (bits64(rng, math.prod(shape)) >> np.uint64(32)) * np.uint64(bound) >> np.uint64(32)
    return drawn.astype(np.int64).reshape(shape)


def permutation(rng: np.random.Generator, n: int) -> NDArray[np.int64]:
    """Return the numbers 0 to ``n`` − 1 in random order."""
    return np.argsort(bits64(rng, n), kind="stable")


def bell(rng: np.random.Generator, shape: tuple[int, ...]) -> DoubleArray:
    """Return nearly normal numbers with mean 0 and variance 1/3, multiples of 2⁻¹⁶: sums of four uniform ones.

    Their fourth moment is 2.7 times the square of the second, where that of a normal distribution is 3 times.
    """
    drawn = bits64(rng, math.prod(shape))[:, None] >> np.array([0, 16, 32, 48], dtype=np.uint64)
    sums = (drawn & np.uint64(0xFFFF)).sum(axis=1, dtype=np.int64) - 4 * 0xFFFF // 2
    values: DoubleArray = sums * 2.0**-16
    return values.reshape(shape)
