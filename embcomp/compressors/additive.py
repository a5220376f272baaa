"""Additive quantization: a row is approximated by a sum of one codeword from each of D codebooks.

[Babenko 2014]; codebooks started as residual k-means [Chen 2010], assigned by beam search and local search, and moved
to where they lower the error most, in turn with the search, as in LSQ [Martinez 2016].

Where we differ: rows and codewords are whole numbers of one unit (:mod:`embcomp.compressors.whole`), so that costs of
codes are exact and the same codes are found on every processor; and codebooks are moved one after the other, some
sweeps over all, where LSQ solves for all at once.

Shapes: codebooks float32 (D, K, d); codes uint16 (n, D); targets float32 (n, d). The cost of a code is

    ‖x − Σ_j w_j‖² − ‖x‖² = Σ_j (‖w_j‖² − 2 x·w_j) + 2 Σ_{i<j} w_i·w_j

with the last products looked up in tables.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from embcomp.arrays import DoubleArray, FloatArray, Symbols
from embcomp.compressors.kmeans import progressive_kmeans, seeded_kmeans
from embcomp.compressors.whole import (
    INT32_EXACT,
    LONGEST,
    Words,
    longest,
    scaled,
    to_whole,
    unit_of,
    unit_of_codebooks,
)
from embcomp.kernels.beam import Costs, Tables, extended
from embcomp.kernels.codewords import improve, searched, sums_by_symbol
from embcomp.memory import require_memory
from embcomp.progress import Progress, no_progress
from embcomp.threads import BLOCK_ROWS, CHUNK_ROWS, for_blocks, map_blocks

TABLE_WORDS = 8192  # up to this many codewords (D·K), all their products are kept: at most 128 MB
TABLE_BITS = 13  # and the sign: four products add up to 16 bits
BLOCK_SCORES = 2**19  # costs in a block: 2 MB
LOOKUP_FLOPS = 4  # a number added from a table takes as long as this many multiply-adds of a matrix product
BLOCK_TILE = 64
SAMPLE_PER_CENTROID = 256
SEEDED_ITERATIONS = 12
KMEANS_ITERATIONS = 5
KMEANS_WIDTHS = 8
LOCAL_SWEEPS = 3
MOVING_SWEEPS = 3
STARTING_SWEEPS = 30  # from codewords that were not made for the codes


def sum_of_codewords(codebooks: FloatArray, codes: NDArray[np.unsignedinteger]) -> FloatArray:
    """Return Σ_j codebooks[j, codes[:, j]], float32, shape (n, d)."""
    total = np.zeros((len(codes), codebooks.shape[2]), dtype=np.float32)
    for j, codebook in enumerate(codebooks):
        total += codebook[codes[:, j]]
    return total


def squared_error(targets: FloatArray, codebooks: FloatArray, codes: Symbols) -> float:
    """Return ‖X − X̂‖², summed in float64: exact for whole numbers."""

    def of_block(rows: slice) -> float:
        difference = (targets[rows] - sum_of_codewords(codebooks, codes[rows])).astype(np.float64)
        return float(np.vdot(difference, difference))

    return sum(map_blocks(of_block, len(targets)))


class Search:
    """Looks for the codes of rows, given the codebooks."""

    def __init__(self, codebooks: FloatArray, unit: float | None = None) -> None:
        """Take codebooks, float32, shape (D, K, d), and the unit that they and rows are rounded to."""
        self.unit = unit_of_codebooks(codebooks) if unit is None else unit
        self.codebooks = np.rint(scaled(codebooks, 1 / self.unit))
        self.dims, self.ways, self.dim = (int(length) for length in codebooks.shape)
        self._words, self._books = Words(self.codebooks), [Words(book) for book in self.codebooks]
        reach = sum(words.longest for words in self._books)
        self._dtype = np.int32 if reach * (reach + 2 * LONGEST) < INT32_EXACT else np.int64
        looked_up = self.dims * self.ways <= TABLE_WORDS and (self.dims - 1) * LOOKUP_FLOPS <= self.dim
        self._tables = self._all_tables() if looked_up else None

    def _all_tables(self) -> Tables:
        """2 w·w' of all codewords, by codebook of w', codebook of w, w, w'."""
        n_words, flat = self.dims * self.ways, self.codebooks.reshape(-1, self.dim)
        require_memory(2 * n_words**2, f"products of {n_words} codewords")
        numbers = np.empty((self.dims, self.dims, self.ways, self.ways), dtype=np.int16)
        two = sorted([0.0, *(words.longest for words in self._books)])[-2:]
        shift = max(0, int(2 * two[0] * two[1]).bit_length() - TABLE_BITS)
        for j, words in enumerate(self._books):
            products = words.norms - words.costs(flat, self._words.longest)[0]
            rounded = (products + ((1 << shift) >> 1)) >> shift
            limits = 1 - 2**TABLE_BITS, 2**TABLE_BITS - 1  # those of codewords of the same codebook are not used
            numbers[j] = np.clip(rounded, *limits).reshape(self.dims, self.ways, self.ways)
        return Tables(numbers, shift)

    def _costs(self, words: Words, rows: FloatArray) -> Costs:
        return words.costs(rows, longest(rows)).astype(self._dtype, copy=False)

    def _extended(self, beam: Beam, rows: FloatArray, j: int, width: int) -> Beam:
        """Add a symbol of codebook ``j`` to every prefix of ``rows``, whole numbers.

        The products with the prefix come from tables, or from what it leaves of the row.
        """
        n_kept = beam.codes.shape[1]
        if self._tables is not None:
            tables = Tables(self._tables.numbers[j, :j], self._tables.shift)
        else:
            tables = Tables(np.empty((0, self.ways, self.ways), np.int16), 0)
            prefixes = beam.codes.reshape(len(rows) * n_kept, j)
            rows = np.repeat(rows, n_kept, axis=0) - sum_of_codewords(self.codebooks[:j], prefixes)
        return Beam(*extended(self._costs(self._books[j], rows)[0], tables, *beam, width))

    def _searched(self, rows: FloatArray, width: int, sweeps: int) -> Symbols:
        """Return the codes of ``rows``, whole numbers."""
        if self._tables is not None:
            return searched(self._costs(self._words, rows), self._tables, width, sweeps)
        beam = Beam.empty(len(rows))
        for j in range(self.dims):
            beam = self._extended(beam, rows, j, width if j + 1 < self.dims else 1)
        codes = beam.codes[:, 0].copy()
        self._improve(rows, codes, sweeps)
        return codes

    def _improve(self, rows: FloatArray, codes: Symbols, sweeps: int) -> None:
        """Change one symbol at a time, in place, to the best given the others (iterated conditional modes).

        Without tables: with r the residual of all D words, the costs of codebook j without its present word w are
        ‖w'‖² − 2 (r + w)·w'. Rows that a sweep has not changed are done.
        """
        if self._tables is not None:
            improve(self._costs(self._words, rows), self._tables, codes, sweeps)
            return
        active = np.arange(len(rows))
        for _ in range(sweeps):
            found = codes[active]
            before = found.copy()
            self._sweep(rows[active] - sum_of_codewords(self.codebooks, found), found)
            codes[active] = found
            active = active[(found != before).any(axis=1)]
            if not len(active):
                return

    def _sweep(self, residual: FloatArray, codes: Symbols) -> None:
        longest_residual = longest(residual)  # no step makes one longer
        for j, words in enumerate(self._books):
            residual += self.codebooks[j, codes[:, j]]
            best = words.nearest(residual, longest_residual + words.longest)
            residual -= self.codebooks[j, best]
            codes[:, j] = best

    def _block_rows(self, n_costs: int) -> int:
        """Rows to search at once, each of which has so many costs."""
        return min(BLOCK_ROWS, max(1, BLOCK_SCORES // n_costs // BLOCK_TILE) * BLOCK_TILE)

    def encode(self, targets: FloatArray, width: int, sweeps: int = LOCAL_SWEEPS) -> Symbols:
        """Return codes, uint16 (n, D), by beam search and then local search; a row's do not depend on the others."""
        codes = np.empty((len(targets), self.dims), dtype=np.uint16)

        def of_block(block: slice) -> None:
            codes[block] = self._searched(to_whole(targets[block], self.unit), width, sweeps)

        for_blocks(of_block, len(targets), self._block_rows(self.ways * self.dims))
        return codes

    def extend_all(self, rows: FloatArray, beam: Beam, width: int) -> Beam:
        """Extend the prefixes of all ``rows``, whole numbers, by a symbol of the last codebook."""
        last = self.dims - 1
        width = min(width, beam.codes.shape[1] * self.ways)
        codes = np.empty((len(rows), width, last + 1), dtype=np.uint16)
        costs = np.empty((len(rows), width), dtype=np.int64)

        def of_block(block: slice) -> None:
            extended = self._extended(Beam(beam.codes[block], beam.costs[block]), rows[block], last, width)
            codes[block], costs[block] = extended

        for_blocks(of_block, len(rows), self._block_rows(self.ways * width))
        return Beam(codes, costs)

    def improve_all(self, targets: FloatArray, codes: Symbols, sweeps: int = LOCAL_SWEEPS) -> None:
        """Local search from given codes, in place."""

        def of_block(block: slice) -> None:
            self._improve(to_whole(targets[block], self.unit), codes[block], sweeps)

        for_blocks(of_block, len(targets), self._block_rows(self.ways * self.dims))


class Beam(NamedTuple):
    """The best prefixes of each row: codes uint16 (n, width, j), costs int64 (n, width), best first."""

    codes: Symbols
    costs: Costs

    @classmethod
    def empty(cls, n_rows: int) -> Beam:
        """One empty prefix a row."""
        return cls(np.empty((n_rows, 1, 0), dtype=np.uint16), np.zeros((n_rows, 1), dtype=np.int64))


def least_squares(targets: FloatArray, codes: Symbols, codebooks: FloatArray) -> FloatArray:
    """Return codebooks about where they minimise ‖X − X̂‖² for given codes; unused codewords stay where they are."""
    unit = unit_of(targets)
    whole = np.rint(scaled(codebooks, 1 / unit))
    move(whole, to_whole(targets, unit), codes, [len(targets)] * len(codebooks), STARTING_SWEEPS)
    return scaled(whole, unit)


def move(codebooks: FloatArray, rows: FloatArray, codes: Symbols, n_users: list[int], sweeps: int) -> None:
    """Move codewords, one codebook after the other, to where they lower the error most, in place (Gauss-Seidel).

    Args:
        codebooks: whole numbers, float32, shape (D, K, d).
        rows: whole numbers, float32, shape (n, d).
        codes: uint16, shape (n, D).
        n_users: how many of the rows, the first ones, have a codeword of each codebook.
        sweeps: over all codebooks.
    """
    rest = rows.copy()
    for book, n_rows in enumerate(n_users):
        _subtract(rest[:n_rows], codebooks[book], codes[:, book])
    for _ in range(sweeps):
        for book, n_rows in enumerate(n_users):
            symbols = codes[:n_rows, book]
            counts = np.maximum(1, np.bincount(symbols, minlength=codebooks.shape[1]))
            moves = np.rint(_sums(rest[:n_rows], symbols, codebooks.shape[1]) / counts[:, None]).astype(np.float32)
            codebooks[book] += moves
            _subtract(rest[:n_rows], moves, symbols)


def _sums(rows: FloatArray, symbols: Symbols, n_words: int) -> DoubleArray:
    """Return the sum of the rows of each symbol, see :func:`sums_by_symbol`."""
    parts = map_blocks(lambda block: sums_by_symbol(rows[block], symbols[block], n_words), len(rows), CHUNK_ROWS)
    return sum(parts, np.zeros((n_words, rows.shape[1])))


def _subtract(rows: FloatArray, words: FloatArray, symbols: Symbols) -> None:
    """Subtract from each row the word of its symbol, in place."""

    def of_block(block: slice) -> None:
        rows[block] -= words[symbols[block]]

    for_blocks(of_block, len(rows))


def start_codebook(rest: FloatArray, ways: int, rng: np.random.Generator, *, first: bool) -> FloatArray:
    """Return a codebook by k-means on what the codebooks before leave of rows: whole numbers, float32, (K, d)."""
    if first:  # rows have clusters, what is left after the first codebook has few
        return seeded_kmeans(rest, ways, rng, SEEDED_ITERATIONS, SAMPLE_PER_CENTROID * ways)
    return progressive_kmeans(rest, ways, rng, KMEANS_ITERATIONS, KMEANS_WIDTHS, SAMPLE_PER_CENTROID * ways)


def residual_codebooks(
    rows: FloatArray, n_users: list[int], ways: int, width: int, rng: np.random.Generator, progress: Progress
) -> tuple[FloatArray, Symbols]:
    """Return codebooks and codes by residual k-means: each codebook for the residuals of the best prefixes so far.

    Args:
        rows: whole numbers, float32, shape (n, d).
        n_users: how many of the rows, the first ones, have a codeword of each codebook; not ascending.
        ways: codewords in a codebook.
        width: prefixes that are kept.
        rng: for k-means.
        progress: called once a codebook.

    Returns:
        Whole numbers, float32, shape (codebooks, ways, d); and uint16, shape (n, codebooks).
    """
    codebooks = np.zeros((len(n_users), ways, rows.shape[1]), dtype=np.float32)
    codes = np.zeros((len(rows), len(n_users)), dtype=np.uint16)
    beam = Beam.empty(len(rows))
    for j, n_rows in enumerate(n_users):
        progress("codebooks", j, len(n_users))
        rest, beam = rows[:n_rows].copy(), Beam(beam.codes[:n_rows], beam.costs[:n_rows])
        for book in range(j):
            _subtract(rest, codebooks[book], codes[:n_rows, book])
        codebooks[j] = start_codebook(rest, ways, rng, first=j == 0)
        beam = Search(codebooks[: j + 1], 1.0).extend_all(rows[:n_rows], beam, width)
        codes[:n_rows, : j + 1] = beam.codes[:, 0]
    progress("codebooks", len(n_users), len(n_users))
    return codebooks, codes


def fit_additive(
    targets: FloatArray,
    dims: int,
    ways: int,
    width: int,
    iterations: int,
    rng: np.random.Generator,
    progress: Progress = no_progress,
) -> tuple[FloatArray, Symbols, list[float]]:
    """Fit codebooks to ``targets``: residual k-means, then codewords are moved and codes improved alternately.

    Returns:
        Codebooks float32 (D, K, d), codes uint16 (n, D), and the squared errors ‖X − X̂‖² after the start and after
        each iteration; an iteration that would raise the error is undone and ends the fit.
    """
    unit = unit_of(targets)
    rows = to_whole(targets, unit)
    codebooks, codes = residual_codebooks(rows, [len(rows)] * dims, ways, width, rng, progress)
    errors = [squared_error(rows, codebooks, codes)]
    for iteration in range(iterations if len(rows) else 0):
        progress("least squares", iteration, iterations)
        moved, again = codebooks.copy(), codes.copy()
        move(moved, rows, codes, [len(rows)] * dims, MOVING_SWEEPS)
        Search(moved, 1.0).improve_all(rows, again)
        error = squared_error(rows, moved, again)
        if not error < errors[-1]:
            break
        codebooks, codes = moved, again
        errors.append(error)
    progress("least squares", iterations, iterations)
    return scaled(codebooks, unit), codes, [error * unit**2 for error in errors]
