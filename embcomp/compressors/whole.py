"""Rows as whole numbers of one unit, and costs of codewords for them, which are exact.

A row of usual length is 2⁹ to 2¹⁰ units long; one longer than ``LONGEST`` units is shortened to that. With ‖x‖‖w‖
below 2²⁴ the product of a row and a codeword is exact in float32, in any order of adding; longer ones are multiplied
in float64.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from embcomp.arrays import DoubleArray, FloatArray, Symbols
from embcomp.exact import total, unit_below, whole_rows
from embcomp.kernels.beam import Costs, cheapest
from embcomp.threads import map_blocks

USUAL_BITS = 10
LONGEST_BITS = 13
LONGEST = 2**LONGEST_BITS
FLOAT32_EXACT = 0.99 * 2**24  # less than 2²⁴: what is compared with it is rounded
INT32_EXACT = 0.99 * 2**31


def unit_of(rows: FloatArray) -> float:
    """Return a unit for ``rows``, a power of two: their median length is 2⁹ to 2¹⁰ units. 1 where all are 0."""

    def of_block(block: slice) -> DoubleArray:
        whole, units = whole_rows(rows[block])
        lengths: DoubleArray = np.sqrt(np.einsum("nd,nd->n", whole, whole)) * units
        return lengths

    lengths = np.sort(np.concatenate([np.zeros(0), *map_blocks(of_block, len(rows))]))
    lengths = lengths[lengths > 0]
    return unit_below(float(lengths[len(lengths) // 2]), USUAL_BITS) if len(lengths) else 1.0


def unit_of_codebooks(codebooks: FloatArray) -> float:
    """Return a unit for sums of one codeword of each codebook, shape (D, K, d), and for the longest of codewords."""
    wide = codebooks.astype(np.float64)
    squares = total(wide * wide, axis=2)
    usual = math.sqrt(total(squares) / max(1, codebooks.shape[1]))
    longest = math.sqrt(squares.max(initial=0))
    if not longest > 0:
        return 1.0
    return max(unit_below(usual, USUAL_BITS), unit_below(longest, LONGEST_BITS))


def scaled(numbers: FloatArray, factor: float) -> FloatArray:
    """Return float32 numbers times a power of two, which float32 may not hold."""
    return np.multiply(numbers, factor, dtype=np.float64).astype(np.float32)


def to_whole(rows: FloatArray, unit: float) -> FloatArray:
    """Return rows in whole units, float32; those of more than ``LONGEST`` units are shortened to that."""
    wide = np.multiply(rows, 1 / unit, dtype=np.float64)
    exponents = np.frexp(np.abs(wide).max(axis=1, initial=0))[1] - LONGEST_BITS - 1
    wide *= np.ldexp(1.0, -np.maximum(exponents, 0))[:, None]
    whole = np.rint(wide)
    long = np.sqrt(np.einsum("nd,nd->n", whole, whole))
    over = long > LONGEST
    wide[over] *= (LONGEST / long[over])[:, None]
    return np.rint(wide).astype(np.float32)


def longest(rows: FloatArray) -> float:
    """Return the length of the longest row; 0 for no rows."""
    return math.sqrt(float(np.einsum("nd,nd->n", rows, rows).max(initial=0)))


class Words:
    """Codewords, whole numbers, to compute costs with.

    Attributes:
        words: float32, shape (K, d).
        norms: their squared lengths, int64, shape (K,).
        longest: length of the longest.
    """

    def __init__(self, words: FloatArray) -> None:
        """Take codewords, whole numbers, float32, shape (K, d)."""
        wide = words.astype(np.float64)
        self.words = words
        self.norms = np.einsum("kd,kd->k", wide, wide).astype(np.int64)
        self.longest = math.sqrt(float(self.norms.max(initial=0)))
        self._doubled = np.ascontiguousarray(-2 * words.T)

    def products(self, rows: FloatArray, longest_row: float) -> NDArray[np.floating]:
        """Return −2 x·w for every row x and codeword w, shape (n, K), exact: float32 or float64.

        Args:
            rows: whole numbers, float32, shape (n, d).
            longest_row: their lengths are at most about this.
        """
        exact = longest_row * self.longest < FLOAT32_EXACT
        return rows @ self._doubled if exact else rows.astype(np.float64) @ self._doubled

    def dtype(self, longest_row: float) -> type[np.signedinteger]:
        """Return the shortest integers that hold costs."""
        return np.int32 if (2 * longest_row + self.longest) * self.longest < INT32_EXACT else np.int64

    def costs(self, rows: FloatArray, longest_row: float, dtype: type[np.signedinteger] | None = None) -> Costs:
        """Return ‖x − w‖² − ‖x‖² for every row x and codeword w, shape (n, K); see :meth:`products`."""
        out: Costs = self.products(rows, longest_row).astype(dtype or self.dtype(longest_row))
        out += self.norms.astype(out.dtype)
        return out

    def nearest(self, rows: FloatArray, longest_row: float) -> Symbols:
        """Return the codeword nearest to each row, the first of equals: uint16, shape (n,)."""
        return cheapest(self.products(rows, longest_row), self.norms.astype(self.dtype(longest_row)))
