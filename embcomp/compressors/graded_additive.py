"""Additive codes with refinements: codewords for all words, more of them and scalars for the frequent ones."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embcomp import draws
from embcomp.arrays import FloatArray, RowIds
from embcomp.checks import Integer
from embcomp.compressors import scalar
from embcomp.compressors.additive import Search, move, residual_codebooks, sum_of_codewords
from embcomp.compressors.graded import Fields, GradedCompressor
from embcomp.compressors.options import RANDOM_STATE, auto
from embcomp.compressors.state import array
from embcomp.errors import CorruptError
from embcomp.progress import Progress

WAYS = 256
SYMBOL_BITS = 8
WORD_BITS = 4  # of a number of a codeword
STATE_SHARE = 0.06  # of the bits of all codes that codebooks may take
MOST_BOOKS = 8
UNIT_LENGTH = np.float32(2**11)  # of a row of length 1 in whole numbers
BEAM = 5
ROUNDS = 3
SWEEPS = 3


class AdditiveCompressor(GradedCompressor):
    """Sums of codewords, then scalar codes of what is left; more of both for frequent words.

    Additive quantization [Babenko and Lempitsky 2014] with codebooks of 256 codewords, of which a code has the first
    few (:func:`fit_nested`): as many as its width holds, up to all. Bits beyond go to scalars, as in
    :class:`~embcomp.compressors.transform.TransformCompressor`. Codewords are stored as scalar codes of 4 bits.

    Attributes:
        codewords_: two numbers of 4 bits a byte, shape (codebooks, 256, (kept + 1) // 2).
        codeword_spreads_: what their levels are multiplied with, shape (codebooks, kept).
    """

    name = "additive"
    summary = "sums of codewords and scalar refinements, more for frequent words"

    codebooks: int | str = auto(
        Integer(0, 64), "most codewords of a word; 'auto' for few enough that they take little room"
    )
    random_state: int = RANDOM_STATE

    depths_: NDArray[np.uint8] = array("|u1", "bands")
    codewords_: NDArray[np.uint8] = array("|u1", "books", WAYS, lambda self: (self.centres_.shape[1] + 1) // 2)
    codeword_spreads_: NDArray[np.float16] = array("<f2", "books", "kept")
    codeword_levels_: FloatArray = array("<f4", 2**WORD_BITS)

    def _fit_books(
        self, rest: FloatArray, band_of_row: RowIds, widths: list[int], progress: Progress
    ) -> tuple[FloatArray, list[int]]:
        depths = np.minimum(self._most_books(), np.array(widths, dtype=np.int64) // SYMBOL_BITS)
        rows = whole(rest)
        rng = draws.generator(self.random_state)
        self._store(fit_nested(rows, depths[band_of_row], WAYS, rng, progress))
        self.depths_ = depths.astype(np.uint8)
        books = self._restored()
        for depth in np.unique(depths[depths > 0]).tolist():
            users = np.flatnonzero(depths[band_of_row] == depth)
            found = Search(books[:depth], 1.0).encode(rows[users], BEAM)
            rest[users] -= sum_of_codewords(books[:depth], found) / UNIT_LENGTH
        return rest, (np.array(widths) - SYMBOL_BITS * depths).tolist()

    def _most_books(self) -> int:
        if not isinstance(self.codebooks, str):
            return self.codebooks
        book_bits = WORD_BITS * WAYS * len(self.directions_)
        return min(MOST_BOOKS, int(STATE_SHARE * self._average * float(self.ends_[-1]) / book_bits))

    def _store(self, books: FloatArray) -> None:
        """Round codewords to what is stored of them."""
        spreads = np.sqrt(np.square(books, dtype=np.float64).mean(axis=1)) / UNIT_LENGTH
        self.codeword_spreads_ = spreads.astype(np.float16)
        self.codeword_levels_ = scalar.levels(WORD_BITS)
        scales = self.codeword_spreads_.astype(np.float32)[:, None, :] * UNIT_LENGTH
        scaled = np.divide(books, scales, out=np.zeros_like(books), where=scales > 0)
        symbols = scalar.nearest_levels(scaled, WORD_BITS).astype(np.uint8)
        if symbols.shape[2] % 2:
            symbols = np.concatenate([symbols, np.zeros((*symbols.shape[:2], 1), dtype=np.uint8)], axis=2)
        self.codewords_ = (symbols[:, :, ::2] << 4 | symbols[:, :, 1::2]).astype(np.uint8)

    def _restored(self) -> FloatArray:
        """Return codebooks as whole numbers, float32, shape (codebooks, 256, kept)."""
        pairs = np.stack([self.codewords_ >> 4, self.codewords_ & 15], axis=3)
        n_books, n_words, n_pairs = self.codewords_.shape
        symbols = pairs.reshape(n_books, n_words, 2 * n_pairs)[:, :, : self.codeword_spreads_.shape[1]]
        levels = self.codeword_levels_[symbols]
        return whole(levels * self.codeword_spreads_.astype(np.float32)[:, None, :])

    @cached_property
    def _books(self) -> FloatArray:
        return self._restored()

    @cached_property
    def _scaled_books(self) -> FloatArray:
        """The codebooks beside unit rows, which all bands share."""
        books: FloatArray = self._books / UNIT_LENGTH
        return books

    @cached_property
    def _searches(self) -> dict[int, Search]:
        """A search for each number of codewords that a band has."""
        return {depth: Search(self._books[:depth], 1.0) for depth in np.unique(self.depths_).tolist() if depth}

    def _check_state(self) -> None:
        """Check that there are as many codebooks as a band has codewords."""
        super()._check_state()
        if self.depths_.max(initial=0) > len(self.codewords_):
            raise CorruptError(f"state 'depths' must be at most {len(self.codewords_)}, got {self.depths_.max()}")

    def _before_encoding(self) -> None:
        _ = self._searches

    def _encode_books(
        self, rest: FloatArray, band: int
    ) -> tuple[FloatArray, list[tuple[NDArray[np.unsignedinteger[Any]], int]]]:
        depth = int(self.depths_[band])
        if not depth:
            return rest, []
        codes = self._searches[depth].encode(whole(rest), BEAM)
        return rest - sum_of_codewords(self._books[:depth], codes) / UNIT_LENGTH, [(codes, SYMBOL_BITS)]

    def _codebooks(self, band: int) -> FloatArray:
        return self._scaled_books[: int(self.depths_[band])]

    def _book_fields(self, band: int) -> Fields:
        depth = int(self.depths_[band])
        return [(depth, SYMBOL_BITS)] if depth else []

    @property
    def _used(self) -> NDArray[np.bool_]:
        return super()._used | (len(self.codewords_) > 0)


def whole(rows: FloatArray) -> FloatArray:
    """Return unit rows, or parts of them, as whole numbers."""
    scaled: FloatArray = rows * UNIT_LENGTH
    return np.rint(scaled)


def fit_nested(
    rows: FloatArray, depths: NDArray[np.int64], n_words: int, rng: np.random.Generator, progress: Progress
) -> FloatArray:
    """Return codebooks for rows that use the first ``depths`` of them.

    Each is started by k-means on what the best prefixes leave of the rows that use it. Then codewords move to the
    mean of what the others leave, and codes are searched for again, in turn [Martinez 2016].

    Args:
        rows: whole numbers, float32, shape (n, k).
        depths: codewords of each row, int64, shape (n,), not ascending.
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
