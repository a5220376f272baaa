"""Neighbours among uncompressed vectors, with the names of gensim's ``KeyedVectors``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property

import numpy as np

from embcomp.arrays import FloatArray
from embcomp.embedding import Embedding
from embcomp.errors import MissingWordError
from embcomp.search import by_vectors
from embcomp.threads import blocks


class PlainVectors:
    """Uncompressed vectors that are searched by cosine, exactly; equal scores come in order of rank."""

    def __init__(self, embedding: Embedding) -> None:
        self.embedding = embedding

    def __contains__(self, word: object) -> bool:
        return word in self.embedding

    def most_similar(
        self,
        positive: Sequence[str | FloatArray],
        negative: Sequence[str | FloatArray] = (),
        topn: int = 10,
        restrict_vocab: int | None = None,
    ) -> list[tuple[str, float]]:
        """Return the words nearest to the mean of ``positive`` minus ``negative``, none of these among them.

        Args:
            positive, negative: words, or vectors of shape (dim,); words count with length 1.
            topn: how many.
            restrict_vocab: look at the first so many words only.

        Returns:
            [(word, cosine)], most similar first, rounded to 2⁻²⁰.

        Raises:
            MissingWordError: a word is not there.
        """
        signed = [(key, sign) for keys, sign in ((positive, 1), (negative, -1)) for key in keys]
        query = unit(np.sum([sign * self._vector(key) for key, sign in signed], axis=0, dtype=np.float64))
        given = {self.embedding.index[key] for key, _ in signed if isinstance(key, str)}
        n_rows = min(restrict_vocab or len(self.embedding), len(self.embedding))
        queries = query.astype(np.float32)[None, :]
        ((ranks, scores),) = by_vectors(self._blocks(n_rows), queries, self._inverse, min(topn + len(given), n_rows))
        found = zip(ranks.tolist(), scores.tolist(), strict=True)
        return [(self.embedding.words[rank], score) for rank, score in found if rank not in given][:topn]

    def _vector(self, key: str | FloatArray) -> FloatArray:
        if not isinstance(key, str):
            return key
        row = self.embedding.index.get(key)
        if row is None:
            raise MissingWordError(key)
        return unit(self.embedding.vectors[row])

    def _blocks(self, n_rows: int) -> Iterator[tuple[int, FloatArray]]:
        for rows in blocks(n_rows):
            yield rows.start, self.embedding.vectors[rows]

    @cached_property
    def _inverse(self) -> FloatArray:
        """1 / length of each vector, 0 for zeros: float32, shape (n,)."""
        lengths = np.concatenate([np.linalg.norm(block, axis=1) for _, block in self._blocks(len(self.embedding))])
        inverse: FloatArray = np.divide(1, lengths, out=np.zeros_like(lengths), where=lengths > 0)
        return inverse


def unit(vector: FloatArray) -> FloatArray:
    """Scale to length 1; zeros stay zeros."""
    length = np.linalg.norm(vector)
    scaled: FloatArray = vector / length if length > 0 else vector
    return scaled
