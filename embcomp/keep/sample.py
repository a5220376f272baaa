"""The rows of a source that suites ask for: what a method would make of them, without encoding the rest.

A method that encodes vectors, fitted to all rows, gives a row the same code whether the others are encoded or not.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from embcomp.arrays import FloatArray, RowIds
from embcomp.codes import bands_of, fit_codes
from embcomp.compressors.base import Compressor
from embcomp.embedding import Embedding, mean_rows
from embcomp.encoded import EncodedEmbedding

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

    @classmethod
    def of(
        cls,
        source: Embedding,
        ranks: RowIds,
        vectors: FloatArray,
        mean: FloatArray,
        compressor: Compressor | None = None,
    ) -> Sample:
        """Take vectors of the rows ``ranks``, the mean of all, and what gave them back; the source's own without."""
        sample = cls([source.words[rank] for rank in ranks.tolist()], vectors)
        sample.mean, sample.compressor = mean, compressor
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
    """Builds samples of one source."""

    def __init__(self, source: Embedding) -> None:
        self._source = source
        self.spread = self.ranks = spread_ranks(len(source))
        self._head_share = min(SPREAD_ROWS, len(source)) / max(1, len(source))

    def ask(self, ranks: RowIds) -> None:
        """Sample these rows too."""
        self.ranks = np.union1d(self.spread, ranks)

    def plain(self, ranks: RowIds) -> Sample:
        """The source's own rows."""
        return Sample.of(self._source, ranks, self._source.vectors[ranks], self._source.mean_vector())

    def decoded(self, compressor: Compressor) -> tuple[Sample, Sample]:
        """All sampled rows as a compressor gives them back, and the spread ones; it is fitted if it is not."""
        vectors = self._vectors(compressor)
        spread = vectors[np.searchsorted(self.ranks, self.spread)]
        head = mean_rows(spread[:SPREAD_ROWS])
        rest = mean_rows(spread[SPREAD_ROWS:]) if len(spread) > SPREAD_ROWS else head
        mean = (self._head_share * head + (1 - self._head_share) * rest).astype(np.float32)
        return (
            Sample.of(self._source, self.ranks, vectors, mean, compressor),
            Sample.of(self._source, self.spread, spread, mean, compressor),
        )

    def spread_of(self, encoded: EncodedEmbedding) -> Sample:
        """The spread rows of a whole file in source order."""
        vectors, mean = encoded.decode_rows(self.spread), encoded.mean_vector()
        return Sample.of(self._source, self.spread, vectors, mean, encoded.compressor)

    def _vectors(self, compressor: Compressor) -> FloatArray:
        if compressor.learns_codes:
            return fit_codes(compressor, self._source.vectors).decode(compressor, self.ranks)
        compressor.fit(self._source.vectors)
        bands = bands_of(compressor, len(self._source))
        starts = np.searchsorted(self.ranks, [0, *(band.end for band in bands)])
        parts = []
        for grade, (start, stop) in enumerate(pairwise(starts.tolist())):
            ranks = self.ranks[start:stop]
            codes = compressor.encode(self._source.vectors[ranks], grade=grade)
            parts.append(compressor.decode(codes, ranks, grade))
        return np.concatenate(parts)
