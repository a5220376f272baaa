"""Nested additive codes: a sequence of codebooks of which rows use the first few, frequent ones more.

A row with m codewords is near their sum, one of each of the first m codebooks. Rows and codewords are whole numbers,
so that the search for codewords compares exact numbers: a row of length 1 is 2¹¹ long here, and a sum of products of
what is below 2²⁴ in magnitude is exact in float32, whatever the order of adding.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from embcomp.arrays import FloatArray, Symbols
from embcomp.compressors.additive import Beam, Search, sum_of_codewords
from embcomp.compressors.kmeans import progressive_kmeans, seeded_kmeans, sums_by_symbol
from embcomp.progress import Progress
from embcomp.threads import for_blocks

UNIT_LENGTH = np.float32(2**11)
BEAM = 5
ROUNDS = 3
SWEEPS = 3
RIDGE = 1.0  # in rows: how firmly a codeword stays where it was
SEEDED_ITERATIONS = 12
ITERATIONS = 5
N_WIDTHS = 8
SAMPLE_PER_CENTROID = 256

Depths = NDArray[np.int64]
"""Codewords of each row, int64, shape (n,)."""


def whole(rows: FloatArray) -> FloatArray:
    """Return unit rows, or parts of them, as whole numbers."""
    scaled: FloatArray = rows * UNIT_LENGTH
    return np.rint(scaled)


def fit_nested(
    rows: FloatArray, depths: Depths, n_words: int, rng: np.random.Generator, progress: Progress
) -> FloatArray:
    """Return codebooks for rows that use the first ``depths`` of them.

    Each is started by k-means on what the best prefixes leave of the rows that use it. Then codewords move to the
    mean of what the others leave, and codes are searched for again, in turn [Martinez 2016].

    Args:
        rows: whole numbers, float32, shape (n, k).
        depths: int64, shape (n,); the largest says how many codebooks there are.
        n_words: codewords in a codebook.
        rng: for k-means.
        progress: called once a codebook and once a round.

    Returns:
        Whole numbers, float32, shape (codebooks, n_words, k).
    """
    order = np.argsort(-depths, kind="stable")
    rows, depths = rows[order], depths[order]
    n_books = int(depths.max(initial=0))
    n_users = [int(np.count_nonzero(depths > book)) for book in range(n_books)]
    books, codes = _started(rows, n_users, n_words, rng, progress)
    for round_number in range(ROUNDS if n_books else 0):
        progress("codewords", round_number, ROUNDS)
        _move(books, rows, codes, n_users)
        for depth in np.unique(depths[depths > 0]).tolist():
            users = slice(int(np.count_nonzero(depths > depth)), int(np.count_nonzero(depths >= depth)))
            found = np.ascontiguousarray(codes[users, :depth])
            Search(books[:depth]).improve_all(rows[users], found, SWEEPS)
            codes[users, :depth] = found
    progress("codewords", ROUNDS, ROUNDS)
    return books


def _started(
    rows: FloatArray, n_users: list[int], n_words: int, rng: np.random.Generator, progress: Progress
) -> tuple[FloatArray, Symbols]:
    """Return codebooks by residual k-means, and the codes of rows: those of row i in its first columns."""
    books = np.zeros((len(n_users), n_words, rows.shape[1]), dtype=np.float32)
    codes = np.zeros((len(rows), len(n_users)), dtype=np.uint16)
    beam = Beam.empty(len(rows))
    for book, n_rows in enumerate(n_users):
        progress("codebooks", book, len(n_users))
        beam = Beam(beam.codes[:n_rows], beam.costs[:n_rows])
        rest = rows[:n_rows] - sum_of_codewords(books[:book], beam.codes[:, 0])
        sample = SAMPLE_PER_CENTROID * n_words
        if book == 0:  # rows have clusters, what is left over after the first codebook has few
            started = seeded_kmeans(rest, n_words, rng, SEEDED_ITERATIONS, sample)
        else:
            started = progressive_kmeans(rest, n_words, rng, ITERATIONS, N_WIDTHS, sample)
        books[book] = np.rint(started)
        beam = _extended(Search(books[: book + 1]), rows[:n_rows], beam)
        codes[:n_rows, : book + 1] = beam.codes[:, 0]
    progress("codebooks", len(n_users), len(n_users))
    return books, codes


def _extended(search: Search, rows: FloatArray, beam: Beam) -> Beam:
    """Extend the prefixes of all rows by a symbol of the last codebook."""
    last = search.dims - 1
    width = min(BEAM, beam.codes.shape[1] * search.ways)
    codes = np.empty((len(rows), width, last + 1), dtype=np.uint16)
    costs = np.empty((len(rows), width), dtype=np.float32)
    words = search.codebooks[last]
    half_norms = np.einsum("kd,kd->k", words, words) / 2

    def of_block(block: slice) -> None:
        unary = half_norms - rows[block] @ words.T
        extended = search.extend(Beam(beam.codes[block], beam.costs[block]), unary, last, width)
        codes[block], costs[block] = extended.codes, extended.costs

    for_blocks(of_block, len(rows), search.block_rows(width))
    return Beam(codes, costs)


def _move(books: FloatArray, rows: FloatArray, codes: Symbols, n_users: list[int]) -> None:
    """Move codewords, one codebook after the other, to where they lower the error most, in place."""
    rest = rows.copy()
    for book, n_rows in enumerate(n_users):
        rest[:n_rows] -= books[book, codes[:n_rows, book]]
    for _ in range(SWEEPS):
        for book, n_rows in enumerate(n_users):
            symbols = codes[:n_rows, book]
            counts = np.bincount(symbols, minlength=books.shape[1])[:, None]
            sums = sums_by_symbol(rest[:n_rows], symbols[:, None], books.shape[1])[0]
            moves = np.rint(sums / (counts + RIDGE)).astype(np.float32)
            books[book] += moves
            rest[:n_rows] -= moves[symbols]
