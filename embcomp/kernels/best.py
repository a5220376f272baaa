"""The rows of codes with the best scores, where scores are sums of table entries.

A code is bytes, and each stands for an entry of a table. The sum of a row's entries and a base, times its gain, plus
its shift, is its score. The extension first sums entries rounded to bytes, whose error is known, and computes exactly
the rows that this does not exclude. NumPy computes all rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from types import ModuleType

import numpy as np
from numpy.typing import NDArray

from embcomp import kernels
from embcomp.arrays import DoubleArray, FloatArray, RowIds
from embcomp.shortlist import Ranked, Shortlist
from embcomp.threads import blocks

Codes = NDArray[np.uint8] | NDArray[np.uint16]

BLOCK = 64  # rows whose bytes of one column stand together
STEP_BLOCKS = 256  # × 64 rows × 8 bytes are 128 kB of sums and as many of entries: both fit the second-level cache
WIDE, HALF = 256, 16  # entries of the table of a byte, and of half a byte
MOST_COLUMNS = 32767  # that the extension takes
SCORE_UNIT = 2.0**-20  # scores are rounded to it: about what float32 vectors are good for


@dataclass(frozen=True)
class Rows:
    """Codes laid out to be searched, and what their sums are multiplied with.

    Attributes:
        codes: uint8, shape (blocks, columns, 64): row 64 b + r is codes[b, :, r]. uint16 where wide tables need it.
        n_rows: how many there are; the rest of the last block is zeros.
        gains: of each row, at least 0, float32, shape (n,); or one for all.
        shifts: of each row, at least 0, float32, shape (n,); ``None``: none.
    """

    codes: Codes
    n_rows: int
    gains: float | FloatArray = 1.0
    shifts: FloatArray | None = None

    @classmethod
    def laid_out(cls, codes: Codes, gains: float | FloatArray = 1.0, shifts: FloatArray | None = None) -> Rows:
        """Take codes by rank, shape (n, columns)."""
        n_rows, n_columns = codes.shape
        n_whole, n_blocks = n_rows // BLOCK, -(-n_rows // BLOCK)
        out: Codes = np.zeros((n_blocks, n_columns, BLOCK), codes.dtype)
        if kernels.native is None:  # NumPy looks up many blocks of a column
            out = np.zeros((n_columns, n_blocks, BLOCK), codes.dtype).transpose(1, 0, 2)
        out[:n_whole] = codes[: n_whole * BLOCK].reshape(n_whole, BLOCK, n_columns).transpose(0, 2, 1)
        if n_rows % BLOCK:
            out[n_whole, :, : n_rows % BLOCK] = codes[n_whole * BLOCK :].T
        return cls(out, n_rows, gains, shifts)

    def first(self, n_rows: int) -> Rows:
        """Return the first rows only, or all if there are fewer."""
        if n_rows >= self.n_rows:
            return self
        n_rows = max(0, n_rows)
        gains = self.gains if isinstance(self.gains, float) else self.gains[:n_rows]
        return Rows(
            self.codes[: -(-n_rows // BLOCK)], n_rows, gains, None if self.shifts is None else self.shifts[:n_rows]
        )


@dataclass(frozen=True)
class Tables:
    """What the columns of codes stand for, for some queries.

    Attributes:
        wide: of the first columns, float64, shape (queries, wide columns, any).
        halves: of the high four bits and of the low four of the others, float64, shape (queries, columns, 2, 16).
        numbers: what each sum begins with, and what shifts are multiplied with: float64, shape (queries, 2).
    """

    wide: DoubleArray
    halves: DoubleArray
    numbers: DoubleArray


Part = tuple[Rows, Tables]


def best_rows(parts: Sequence[Part], k: int) -> list[Ranked]:
    """Return for each query the ``k`` rows of largest score, of equals the first, and their scores.

    Parts have the same queries, and follow one another: the first row of one has the rank after the last row of the
    one before it. ``k`` is at least 1; fewer are returned if there are fewer rows.
    """
    n_queries, n_rows = len(parts[0][1].numbers), sum(rows.n_rows for rows, _ in parts)
    if kernels.native is None or not n_queries * n_rows or any(_too_large(rows) for rows, _ in parts):
        return [_best(parts, query, k) for query in range(n_queries)]
    k, first = min(k, n_rows), 0
    scores, ranks = np.empty((n_queries, k)), np.empty((n_queries, k), dtype=np.int64)
    for rows, tables in parts:
        if rows.n_rows:
            _in_c(kernels.native, rows, tables, scores, ranks, (first, n_rows))
            first += rows.n_rows
    return list(zip(ranks, scores, strict=True))


def all_scores(parts: Sequence[Part]) -> DoubleArray:
    """Return the scores of all rows for the first query."""
    return np.concatenate([np.empty(0), *(scores for _, scores in _scores(parts, 0))])


def _best(parts: Sequence[Part], query: int, k: int) -> Ranked:
    nearest = Shortlist(k)
    for first, scores in _scores(parts, query):
        nearest.offer(-scores, first)
    return nearest.best()


def _scores(parts: Sequence[Part], query: int) -> Iterator[tuple[int, DoubleArray]]:
    """Yield first ranks and the scores of rows from these on: float64 sums in the order of the columns, rounded."""
    before = 0
    for rows, tables in parts:
        base, shift = tables.numbers[query].tolist()
        high, low = tables.halves[query].transpose(1, 0, 2)
        joined = [*tables.wide[query], *(high[:, :, None] + low[:, None, :]).reshape(-1, WIDE)]
        for some in blocks(len(rows.codes), STEP_BLOCKS):
            first, stop = some.start * BLOCK, min(some.stop * BLOCK, rows.n_rows)
            sums = np.full((some.stop - some.start, BLOCK), base)
            entries = np.empty_like(sums)
            for column, table in enumerate(joined):
                np.add(sums, table.take(rows.codes[some, column], out=entries, mode="clip"), sums)
            scores = sums.reshape(-1)[: stop - first]
            scores *= rows.gains if isinstance(rows.gains, float) else rows.gains[first:stop]
            if rows.shifts is not None:
                scores += shift * rows.shifts[first:stop].astype(np.float64)
            yield before + first, rounded(scores)
        before += rows.n_rows


def rounded(scores: NDArray[np.floating] | np.floating) -> DoubleArray:
    """Round to whole :data:`SCORE_UNIT`; −0 becomes 0."""
    whole: DoubleArray = np.rint(np.asarray(scores, np.float64) / SCORE_UNIT) * SCORE_UNIT + 0.0
    return whole


def _too_large(rows: Rows) -> bool:
    return rows.codes.dtype != np.uint8 or rows.codes.shape[1] > MOST_COLUMNS


def _in_c(
    native: ModuleType, rows: Rows, tables: Tables, scores: DoubleArray, ranks: RowIds, place: tuple[int, int]
) -> None:
    """``place`` is the first rank and the number of rows of all parts."""
    (n_queries, k), n_columns, nothing = scores.shape, rows.codes.shape[1], np.empty(0, np.float32)
    entries = np.concatenate([tables.wide.reshape(n_queries, -1), tables.halves.reshape(n_queries, -1)], axis=1)
    one, gain = (nothing, rows.gains) if isinstance(rows.gains, float) else (rows.gains, 0.0)
    native.best(
        rows.codes,
        entries,
        tables.numbers,
        one,
        nothing if rows.shifts is None else rows.shifts,
        np.empty(entries.shape[1] // 2 + WIDE * n_columns, np.uint16),
        scores,
        ranks,
        (n_queries, rows.n_rows, n_columns, tables.wide.shape[1], k, *place),
        gain,
    )
