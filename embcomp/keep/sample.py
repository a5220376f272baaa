"""The rows of a source that suites ask for: what a method would make of them, without encoding the rest.

A method that encodes vectors, fitted to all rows, gives a row the same code whether the others are encoded or not.
One that learns from a sample of the rows learns nearly the same from a part of that.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from itertools import pairwise

import numpy as np

from embcomp.arrays import FloatArray, RowIds
from embcomp.codes import bands_of, fit_codes
from embcomp.compressors.base import Compressor
from embcomp.embedding import Embedding
from embcomp.encoded import EncodedEmbedding
from embcomp.text.words import TextRows

FIT_ROWS = 2**14
"""Of the rows that a method learns from, about how many a first look takes."""
SPREAD_ROWS = 5_000
"""Of the first words, and of the others: the words that fidelity is measured on, and that stand for the mean."""


class Asked:
    """A source that notes which rows are asked for."""

    def __init__(self, source: Embedding) -> None:
        self._source = source
        self._asked = np.zeros(len(source), dtype=np.bool_)
        self.dim, self.ordered, self.offset = source.dim, source.ordered, source.offset
        self.rows, self.align, self.mean_vector = source.rows, source.align, source.mean_vector

    def __len__(self) -> int:
        return len(self._source)

    def first_words(self, n_words: int) -> Sequence[str]:
        """Return the first words in source order."""
        return self._source.first_words(n_words)

    def decode_rows(self, rows: RowIds) -> FloatArray:
        """Return the vectors of the given rows."""
        self._asked[rows] = True
        return self._source.decode_rows(rows)

    @property
    def ranks(self) -> RowIds:
        """The rows asked for, ascending."""
        return np.flatnonzero(self._asked)


class Sample(Embedding):
    """Some rows of a source as a fitted method gives them back, in the order of their ranks."""

    mean: FloatArray
    compressor: Compressor | None
    found: dict[tuple[str, ...], tuple[TextRows, int]]
    """Rows of words of texts, which samples of the same words share."""

    @classmethod
    def of(cls, source: Embedding, ranks: RowIds) -> Sample:
        """Take the rows ``ranks``, and the mean of all."""
        sample = cls([source.words[rank] for rank in ranks.tolist()], source.vectors[ranks])
        sample.mean, sample.compressor, sample.found = source.mean_vector(), None, {}
        return sample

    def as_decoded(self, vectors: FloatArray, mean: FloatArray, compressor: Compressor) -> Sample:
        """The same words with the vectors that a compressor gives back."""
        sample = copy(self)
        sample.vectors, sample.mean, sample.compressor = vectors, mean, compressor
        return sample

    @property
    def offset(self) -> FloatArray | None:  # type: ignore[override]  # an embedding has none
        """What to add to return to the source's origin."""
        return None if self.compressor is None else self.compressor.offset

    def mean_vector(self) -> FloatArray:
        """Return the mean that was given."""
        return self.mean

    def align(self, vectors: FloatArray) -> FloatArray:
        """Bring vectors of the source's space to this one."""
        return vectors if self.compressor is None else self.compressor.align(vectors)


def spread_ranks(n_rows: int) -> RowIds:
    """Return the first ranks and as many of the others, ascending."""
    drawn = np.random.default_rng(0).permutation(np.arange(min(SPREAD_ROWS, n_rows), n_rows))[:SPREAD_ROWS]
    return np.concatenate([np.arange(min(SPREAD_ROWS, n_rows)), np.sort(drawn)])


class Sampler:
    """Builds samples of one source.

    Attributes:
        ranks: of the rows asked for and of the spread ones.
        plain, plain_spread: these rows as the source has them.
    """

    def __init__(self, source: Embedding, asked: RowIds, spread: RowIds) -> None:
        """Take the ranks of the rows that suites ask for, and of those for fidelity and the mean."""
        self._source = source
        self.ranks = np.union1d(spread, asked)
        self.plain, self.plain_spread = Sample.of(source, self.ranks), Sample.of(source, spread)
        self._spread = spread
        n_head = min(SPREAD_ROWS, len(source))
        self._shares = np.full(len(spread), (len(source) - n_head) / max(1, len(spread) - n_head))
        self._shares[:n_head] = 1

    def decoded(self, compressor: Compressor, *, roughly: bool = False) -> tuple[Sample, Sample]:
        """All sampled rows as a compressor gives them back, and the spread ones; it is fitted to the source.

        With ``roughly``, to fewer of the rows that it would learn from.
        """
        source = self._source.vectors
        if compressor.learns_codes:
            vectors = fit_codes(compressor, source).decode(compressor, self.ranks)
            return self._both(vectors, compressor, self._mean(compressor, vectors))
        if roughly and compressor.samples_rows:
            ranks = compressor.sample_ranks(np.arange(len(source), dtype=np.int64))
            ranks = ranks[:: -(-len(ranks) // FIT_ROWS) or 1]
            compressor.fit_sample(source[ranks], ranks, len(source))
        else:
            compressor.fit(source)
        vectors = self._encoded_and_decoded(compressor)
        return self._both(vectors, compressor, self._mean(compressor, vectors))

    def of(self, encoded: EncodedEmbedding) -> tuple[Sample, Sample]:
        """All sampled rows of a whole file in source order, and the spread ones."""
        return self._both(encoded.decode_rows(self.ranks), encoded.compressor, encoded.mean_vector())

    def _both(self, vectors: FloatArray, compressor: Compressor, mean: FloatArray) -> tuple[Sample, Sample]:
        spread = vectors[np.searchsorted(self.ranks, self._spread)]
        return self.plain.as_decoded(vectors, mean, compressor), self.plain_spread.as_decoded(
            spread, mean, compressor
        )

    def _mean(self, compressor: Compressor, vectors: FloatArray) -> FloatArray:
        """The mean of all rows: that of the source, and how far the spread ones are from it."""
        spread = vectors[np.searchsorted(self.ranks, self._spread)]
        aligned = compressor.align(self.plain_spread.vectors)
        apart = np.average(spread.astype(np.float64) - aligned, axis=0, weights=self._shares)
        mean: FloatArray = (compressor.align(self.plain.mean[None])[0] + apart).astype(np.float32)
        return mean

    def _encoded_and_decoded(self, compressor: Compressor) -> FloatArray:
        bands = bands_of(compressor, len(self._source))
        starts = np.searchsorted(self.ranks, [0, *(band.end for band in bands)])
        parts = []
        for grade, (start, stop) in enumerate(pairwise(starts.tolist())):
            codes = compressor.encode(self.plain.vectors[start:stop], grade=grade)
            parts.append(compressor.decode(codes, self.ranks[start:stop], grade))
        return np.concatenate(parts)
