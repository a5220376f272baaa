"""ALONE's filters: random source matrices, and which of their columns each row takes [Takase 2020, §2.1].

Everything here comes from a seed through a counter-based generator: the value at any place of any stream follows from
three numbers, without the values before it, so that one row's filter is regenerated without touching another's, and
by any implementation. All arithmetic is on unsigned 64-bit integers, modulo 2⁶⁴. With ``mix`` the output function of
SplitMix64 [Steele 2014] and γ its increment::

    mix(z):                  z ← (z ⊕ (z ≫ 30)) · 0xBF58476D1CE4E5B9
                             z ← (z ⊕ (z ≫ 27)) · 0x94D049BB133111EB
                             z ⊕ (z ≫ 31)
    γ                        0x9E3779B97F4A7C15
    key(seed, stream)        mix(mix(seed + γ) ⊕ stream)
    word(seed, stream, i)    mix(key(seed, stream) + (i + 1) · γ)

Stream 0 holds the source matrices, stream 1 + t the assignments of attempt t. Written with M matrices of c columns
of D numbers:

*Column* of matrix m that row r takes at attempt t: ((word(seed, 1 + t, r · M + m) ≫ 32) · c) ≫ 32.

*Binary* source, number k of column j of matrix m, i = (m · c + j) · D + k: 1 if (word(seed, 0, i) ≫ 32) < T, else 0,
with T = round((1 − p_o^(1/M)) · 2³²); for p_o = 0.5 and M = 8 that is 356 464 920. Exact on every machine.

*Real* source, same i: Box and Muller's standard normal, in float64, then rounded to float32. With e = i − i mod 2,
u = ((word(seed, 0, e) ≫ 11) + 1) / 2⁵³ and v = (word(seed, 0, e + 1) ≫ 11) / 2⁵³:
√(−2 ln u) · cos(2π v) for even i and √(−2 ln u) · sin(2π v) for odd i. Mathematical libraries differ in the last bits
of ln, cos and sin in float64; after rounding to float32 two of them agree in all but about one number in 10⁸, and
there differ by one unit in the last place, far below what two matrix multiplications differ by.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embcomp.arrays import FloatArray, UInt64Array
from embcomp.threads import blocks

U64 = np.uint64
MASK = 2**64 - 1
GAMMA = 0x9E3779B97F4A7C15
SOURCES = 0  # stream
ASSIGNMENTS = 1  # stream of attempt 0; the following attempts have the following streams

MAX_COLUMNS = 65536  # assignments are uint16
DRAWN = 2**16  # numbers at once; even, so that pairs stay together

Assignments = NDArray[np.uint16]
"""Columns taken by each row, shape (n, M)."""


def mix(values: UInt64Array) -> UInt64Array:
    """Return SplitMix64's output function of each value."""
    mixed = values ^ (values >> U64(30))
    mixed *= U64(0xBF58476D1CE4E5B9)
    mixed ^= mixed >> U64(27)
    mixed *= U64(0x94D049BB133111EB)
    mixed ^= mixed >> U64(31)
    return mixed


def key(seed: int, streams: UInt64Array) -> UInt64Array:
    """Return where each stream starts."""
    return mix(mix(np.array([(seed + GAMMA) & MASK], dtype=U64)) ^ streams)


def random_words(seed: int, streams: UInt64Array, index: UInt64Array) -> UInt64Array:
    """Return word(seed, stream, i) for each stream and i; the two shapes are broadcast."""
    return mix(key(seed, streams) + (index + U64(1)) * U64(GAMMA))


def assign(
    seed: int, rows: NDArray[np.int64], attempts: NDArray[np.int64], n_matrices: int, n_columns: int
) -> Assignments:
    """Return the columns that rows take, uint16, shape (n, M).

    Args:
        seed: of everything.
        rows: the rows' numbers in the container, shape (n,).
        attempts: which draw of each row counts, shape (n,); 0 unless an earlier one was taken.
        n_matrices: M.
        n_columns: c.
    """
    out = np.empty((len(rows), n_matrices), dtype=np.uint16)
    matrix = np.arange(n_matrices, dtype=U64)
    for block in blocks(len(rows)):
        index = rows[block, None].astype(U64)
        index = np.add(index * U64(n_matrices), matrix, dtype=U64)
        words = random_words(seed, attempts[block, None].astype(U64) + U64(ASSIGNMENTS), index)
        out[block] = ((words >> U64(32)) * U64(n_columns)) >> U64(32)
    return out


@dataclass(frozen=True)
class Redrawn:
    """The rows whose first assignment was taken, and which draw counts for them instead.

    Attributes:
        rows: ascending, int64, shape (k,).
        attempts: from 1, int64, shape (k,).
    """

    rows: NDArray[np.int64]
    attempts: NDArray[np.int64]

    def attempts_of(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the attempt that counts for each of ``rows``, 0 where it is the first."""
        attempts = np.zeros(len(rows), dtype=np.int64)
        if len(self.rows):
            place = np.minimum(np.searchsorted(self.rows, rows), len(self.rows) - 1)
            found = self.rows[place] == rows
            attempts[found] = self.attempts[place[found]]
        return attempts


def redraw(seed: int, rows: NDArray[np.int64], n_matrices: int, n_columns: int) -> Redrawn:
    """Draw again until no two of ``rows`` share all M columns; the row with the lowest number keeps a draw.

    [Takase 2020, §2.1] counts on collisions being rare, 1 − exp(−V² / 2c^M), and lets those words share a vector.
    There must be at least twice as many combinations as rows, so that a draw succeeds at least every other time.

    Args:
        seed: of everything.
        rows: distinct, in any order, shape (n,).
        n_matrices: M.
        n_columns: c.
    """
    ordered = np.sort(rows)
    attempts = np.zeros(len(ordered), dtype=np.int64)
    drawn = assign(seed, ordered, attempts, n_matrices, n_columns)
    while len(again := repeated(drawn)):
        attempts[again] += 1
        drawn[again] = assign(seed, ordered[again], attempts[again], n_matrices, n_columns)
    late = np.flatnonzero(attempts)
    return Redrawn(ordered[late], attempts[late])


def repeated(rows: NDArray[np.generic]) -> NDArray[np.intp]:
    """Return the numbers of the rows of a matrix that repeat an earlier row, ascending."""
    if rows.shape[1] == 0:
        return np.arange(1, len(rows))
    contents = np.ascontiguousarray(rows).view(np.dtype((np.void, rows.shape[1] * rows.itemsize)))[:, 0]
    first = np.unique(contents, return_index=True)[1]
    is_repeat = np.ones(len(rows), dtype=np.bool_)
    is_repeat[first] = False
    return np.flatnonzero(is_repeat)


def one_threshold(zeros: float, n_matrices: int) -> int:
    """Return T, so that the OR of M columns is 0 with probability ``zeros`` (p_o of [Takase 2020, §2.1])."""
    ones: float = 1.0 - zeros ** (1.0 / n_matrices)
    return round(ones * 2**32)


def binary_sources(seed: int, n_matrices: int, n_columns: int, dim: int, zeros: float) -> NDArray[np.uint8]:
    """Return the source matrices of binary masks: 0 or 1, uint8, shape (M, c, dim)."""
    ones = np.empty(n_matrices * n_columns * dim, dtype=np.uint8)
    threshold = U64(one_threshold(zeros, n_matrices))
    for block in blocks(len(ones), DRAWN):
        ones[block] = (_source_words(seed, block.start, block.stop) >> U64(32)) < threshold
    return ones.reshape(n_matrices, n_columns, dim)


def real_sources(seed: int, n_matrices: int, n_columns: int, dim: int) -> FloatArray:
    """Return the source matrices of real filters: standard normal, float32, shape (M, c, dim)."""
    sources = np.empty(n_matrices * n_columns * dim, dtype=np.float32)
    for block in blocks(len(sources), DRAWN):
        n_numbers = block.stop - block.start
        words = _source_words(seed, block.start, block.stop + n_numbers % 2)
        uniform = (words >> U64(11)).astype(np.float64)
        radius = np.sqrt(-2.0 * np.log((uniform[0::2] + 1.0) * 2.0**-53))
        angle = 2.0 * np.pi * (uniform[1::2] * 2.0**-53)
        pairs = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)
        sources[block] = pairs.reshape(-1)[:n_numbers]
    return sources.reshape(n_matrices, n_columns, dim)


def _source_words(seed: int, start: int, stop: int) -> UInt64Array:
    """Words of the source matrices, some of them."""
    return random_words(seed, np.array([SOURCES], dtype=U64), np.arange(start, stop, dtype=U64))


def combine(sources: NDArray[np.uint8] | FloatArray, assignments: Assignments) -> FloatArray:
    """Return m_w of [Takase 2020, eq. 1] for each row of assignments, float32, shape (n, dim).

    Binary sources (uint8): 1 where any of the columns has 1 (eq. 2). Real sources: the sum of the columns, divided
    by √M so that it has unit variance, which the paper leaves to o to learn.
    """
    filters: NDArray[Any] = sources[0][assignments[:, 0]]
    for source, column in zip(sources[1:], assignments.T[1:], strict=True):
        if sources.dtype == np.uint8:
            filters |= source[column]
        else:
            filters += source[column]
    if sources.dtype == np.uint8:
        return filters.astype(np.float32)
    filters *= np.float32(1 / np.sqrt(len(sources)))
    return filters
