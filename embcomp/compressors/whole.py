"""Rows as whole numbers of one unit, and costs of codewords for them, which are exact.

A row of usual length is 2⁹ to 2¹⁰ units long; one longer than ``LONGEST`` units is shortened to that. With ‖x‖‖w‖
below 2²⁴ the product of a row and a codeword is exact in float32, in any order of adding; longer ones are multiplied
in float64.
"""

from __future__ import annotations

import math
from functools import cached_property

import numpy as np

from embcomp.arrays import DoubleArray, FloatArray, Symbols
from embcomp.exact import total, unit_below, whole_rows
from embcomp.kernels.beam import Costs
from embcomp.kernels.codewords import INT16, Packed, packed, packed_costs, packed_nearest
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
    """Codewords of one or several codebooks, whole numbers, to compute costs with.

    Attributes:
        words: float32, shape (D, K, d).
        norms: their squared lengths, int64, shape (D, K).
        longest: length of the longest.
    """

    def __init__(self, words: FloatArray) -> None:
        """Take codewords, whole numbers, float32, shape (K, d) or (D, K, d)."""
        self.words = words if words.ndim == 3 else words[None]
        self.norms = np.einsum("jkd,jkd->jk", self.words, self.words, dtype=np.float64).astype(np.int64)
        self.longest = math.sqrt(float(self.norms.max(initial=0)))

    @cached_property
    def _packed(self) -> Packed | None:
        return packed(self.words, self.norms)

    def _fitting(self, longest_row: float) -> Packed | None:
        """Return the words as the extension takes them, if it takes rows of this length."""
        fits = longest_row < INT16 and self.dtype(longest_row) == np.int32
        return self._packed if fits else None

    def dtype(self, longest_row: float) -> type[np.signedinteger]:
        """Return the shortest integers that hold costs."""
        return np.int32 if (2 * longest_row + self.longest) * self.longest < INT32_EXACT else np.int64

    def costs(self, rows: FloatArray, longest_row: float) -> Costs:
        """Return ‖x − w‖² − ‖x‖² for every row x and codeword w, shape (D, n, K).

        Args:
            rows: whole numbers, float32, shape (n, d).
            longest_row: their lengths are at most about this.
        """
        fitting = self._fitting(longest_row)
        if fitting is not None:
            return packed_costs(rows, fitting, self.words.shape[1])
        exact = longest_row * self.longest < FLOAT32_EXACT
        products = (rows if exact else rows.astype(np.float64)) @ (-2 * self.words.swapaxes(1, 2))
        costs: Costs = products.astype(self.dtype(longest_row))
        costs += self.norms[:, None].astype(costs.dtype)
        return costs

    def nearest(self, rows: FloatArray, longest_row: float) -> Symbols:
        """Return the nearest word of the only codebook for each row, the first of equals: uint16, shape (n,)."""
        fitting = self._fitting(longest_row)
        if fitting is not None:
            return packed_nearest(rows, fitting, self.words.shape[1])
        codes: Symbols = self.costs(rows, longest_row)[0].argmin(axis=1).astype(np.uint16)
        return codes
