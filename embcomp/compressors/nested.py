"""Nested additive codes: a sequence of codebooks of which rows use the first few, frequent ones more.

A row with m codewords is near their sum, one of each of the first m codebooks. Rows and codewords are whole numbers,
so that the search for codewords compares exact numbers: a row of length 1 is 2¹¹ long here, and a sum of products of
what is below 2²⁴ in magnitude is exact in float32, whatever the order of adding.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from embcomp.arrays import FloatArray
from embcomp.compressors.additive import Search, move, residual_codebooks
from embcomp.progress import Progress

UNIT_LENGTH = np.float32(2**11)
BEAM = 5
ROUNDS = 3
SWEEPS = 3

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
        depths: int64, shape (n,), not ascending; the first says how many codebooks there are.
        n_words: codewords in a codebook.
        rng: for k-means.
        progress: called once a codebook and once a round.

    Returns:
        Whole numbers, float32, shape (codebooks, n_words, k).
    """
    n_books = int(depths.max(initial=0))
    n_users = [int(np.count_nonzero(depths > book)) for book in range(n_books)]
    books, codes = residual_codebooks(rows, n_users, n_words, BEAM, rng, progress)
    for round_number in range(ROUNDS if n_books else 0):
        progress("codewords", round_number, ROUNDS)
        move(books, rows, codes, n_users, SWEEPS)
        for depth in np.unique(depths[depths > 0]).tolist():
            users = slice(int(np.count_nonzero(depths > depth)), int(np.count_nonzero(depths >= depth)))
            found = np.ascontiguousarray(codes[users, :depth])
            Search(books[:depth], 1.0).improve_all(rows[users], found, SWEEPS)
            codes[users, :depth] = found
    progress("codewords", ROUNDS, ROUNDS)
    return books
