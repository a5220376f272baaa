"""Decoded vectors as sums of what the symbols of a code stand for: what search needs to do without decoding."""

from __future__ import annotations

from dataclasses import dataclass

from embcomp.arrays import DoubleArray, FloatArray


@dataclass(frozen=True)
class Levels:
    """Symbols of one width, each of which stands for a number along a direction of its own.

    Attributes:
        levels: the numbers, float32, shape (2^bits,).
        directions: float64, shape (symbols, dim).
    """

    levels: FloatArray
    directions: DoubleArray


@dataclass(frozen=True)
class Words:
    """Symbols of one width, each of which stands for a vector.

    Attributes:
        words: float32, shape (symbols, 2^bits, dim).
    """

    words: FloatArray


@dataclass(frozen=True)
class Lookup:
    """A decoded vector is a · (base + the sum of what its symbols stand for) + origin, with some a of at least 0.

    Attributes:
        base: float64, shape (dim,).
        parts: the symbols in the order of the code, without that of the length.
        origin: float32, shape (dim,); ``None`` for zeros.
    """

    base: DoubleArray
    parts: tuple[Levels | Words, ...]
    origin: FloatArray | None = None
