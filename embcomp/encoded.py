"""A compressed embedding: vocabulary + codes + the fitted compressor that made them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embcomp import bits
from embcomp.arrays import FloatArray
from embcomp.compressors.base import Compressor
from embcomp.embedding import Embedding, Source, mean_rows
from embcomp.errors import InputError, ParameterError
from embcomp.progress import Progress, no_progress
from embcomp.vocabulary import Vocabulary

DECODE_BLOCK_ROWS = 8192


@dataclass
class EncodedEmbedding:
    """Words and their codes, in memory or mapped from a container; vectors are decoded when asked for.

    Attributes:
        vocabulary: words <-> rows.
        stream: codes of all rows, one after the other without gaps (see :mod:`embcomp.bits`).
        compressor: fitted; knows the layout of a row of code.
        source: what the vectors were read from.
        report: facts about the fit, for people.
    """

    vocabulary: Vocabulary
    stream: bits.BytesArray
    compressor: Compressor
    source: Source = field(default_factory=Source)
    report: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def encode(
        cls, embedding: Embedding, compressor: Compressor, progress: Progress = no_progress
    ) -> EncodedEmbedding:
        """Fit ``compressor`` to an embedding and encode it. Rows are stored in the order of the vocabulary."""
        return cls.fit(Vocabulary.build(embedding.words), embedding.vectors, compressor, embedding.source, progress)

    @classmethod
    def fit(
        cls,
        vocabulary: Vocabulary,
        vectors: FloatArray,
        compressor: Compressor,
        source: Source,
        progress: Progress = no_progress,
    ) -> EncodedEmbedding:
        """Fit ``compressor`` to vectors in source order and encode them; the words as such are no longer needed."""
        codes = compressor.fit_encode(vectors, vocabulary.rows_by_rank, progress)
        return cls.from_codes(vocabulary, codes, compressor, source)

    @classmethod
    def from_codes(
        cls,
        vocabulary: Vocabulary,
        codes: bits.BytesArray,
        compressor: Compressor,
        source: Source,
        report: dict[str, Any] | None = None,
    ) -> EncodedEmbedding:
        """Put together what ``compressor`` made: loose rows of code, in source order.

        ``report`` is the compressor's own, of its fit, if not given.
        """
        width = compressor.layout.row_bits
        ranks = vocabulary.ranks_by_row
        stream = np.empty(bits.stream_bytes(len(codes), width), dtype=np.uint8)
        for start in range(0, len(codes), bits.ROWS_PER_BLOCK):
            packed = bits.tighten(codes[ranks[start : start + bits.ROWS_PER_BLOCK]], width)
            stream[start * width // 8 :][: len(packed)] = packed
        return cls(vocabulary, stream, compressor, source, compressor.report if report is None else report)

    def __len__(self) -> int:
        return len(self.vocabulary)

    def __contains__(self, word: object) -> bool:
        return word in self.vocabulary

    @property
    def words(self) -> list[str]:
        """All words in source order (in row order if the order was dropped)."""
        return list(self.vocabulary)

    @property
    def dim(self) -> int:
        """Numbers per decoded vector."""
        return self.compressor.dim

    @property
    def ordered(self) -> bool:
        """Whether the source order was kept."""
        return self.vocabulary.has_order

    def first_words(self, n_words: int) -> list[str]:
        """Return the first words in source order (in row order if that was dropped), all if there are fewer."""
        return [self.vocabulary.word(row) for row in self.vocabulary.rows_by_rank[:n_words].tolist()]

    def rows(self, words: Iterable[str]) -> NDArray[np.int64]:
        """Return the rows of many words, int64, −1 where a word is missing."""
        return self.vocabulary.rows(words)

    def codes_at(self, rows: NDArray[np.int64]) -> bits.BytesArray:
        """Return the codes of the given rows as loose rows."""
        return bits.take(self.stream, self.compressor.layout.row_bits, rows)

    def decode_rows(self, rows: NDArray[np.int64]) -> FloatArray:
        """Return the decoded vectors of the given rows, float32, shape (k, dim)."""
        return self.compressor.decode(self.codes_at(rows), rows)

    def vector(self, word: str) -> FloatArray:
        """Return the decoded vector of one word, float32, shape (dim,).

        Raises:
            MissingWordError: it is not in the vocabulary.
        """
        row = self.vocabulary.row(word)
        decoded: FloatArray = self.decode_rows(np.array([row], dtype=np.int64))[0]
        return decoded

    def blocks(self) -> Iterator[tuple[list[str], FloatArray]]:
        """Yield all words and their decoded vectors, some thousands at a time, in source order."""
        rows = self.vocabulary.rows_by_rank
        for start in range(0, len(self), DECODE_BLOCK_ROWS):
            block = rows[start : start + DECODE_BLOCK_ROWS]
            yield [self.vocabulary.word(row) for row in block.tolist()], self.decode_rows(block)

    def require_encoding(self) -> None:
        """Refuse if the method cannot encode new vectors.

        Raises:
            ParameterError: a code belongs to its row.
        """
        if not self.compressor.encodes_vectors:
            raise ParameterError(f"{self.compressor.name}: new words cannot be added: a code belongs to its row")

    def extended(self, more: Embedding) -> tuple[EncodedEmbedding, int]:
        """Return this embedding and the words of ``more`` after it, encoded alike; and how many were there before.

        The report lists what was added under ``added``. Words that are there already keep their code.

        Raises:
            ParameterError: the method cannot encode new vectors.
            InputError: ``more`` has other dimensions.
        """
        self.require_encoding()
        if more.dim != self.dim:
            raise InputError(
                f"{more.source.name}: {more.dim} dimensions, expected {self.dim} as in the compressed file"
            )
        new = np.flatnonzero(self.rows(more.words) < 0)
        vocabulary = Vocabulary.build([*self.words, *(more.words[index] for index in new.tolist())])
        old_codes = self.codes_at(self.vocabulary.rows_by_rank)
        codes = np.concatenate([old_codes, self.compressor.encode(more.vectors[new])])
        addition = {"name": more.source.name, "sha256": more.source.sha256, "rows": len(new)}
        report = self.report | {"added": [*self.report.get("added", []), addition]}
        grown = EncodedEmbedding.from_codes(vocabulary, codes, self.compressor, self.source, report)
        return grown, len(more) - len(new)

    def decode_all(self) -> FloatArray:
        """Return all vectors in source order, float32, shape (n, dim)."""
        codes = bits.loosen(self.stream, self.compressor.layout.row_bits, 0, len(self))
        rows = self.vocabulary.rows_by_rank
        return self.compressor.decode(codes[rows], rows)

    @cached_property
    def _mean(self) -> FloatArray:
        total = np.zeros(self.dim, dtype=np.float64)
        for start in range(0, len(self), DECODE_BLOCK_ROWS):
            rows = np.arange(start, min(start + DECODE_BLOCK_ROWS, len(self)), dtype=np.int64)
            total += mean_rows(self.decode_rows(rows)).astype(np.float64) * len(rows)
        return (total / max(1, len(self))).astype(np.float32)

    @property
    def offset(self) -> FloatArray | None:
        """What to add to decoded vectors to come back to the origin of the source."""
        return self.compressor.offset

    def mean_vector(self) -> FloatArray:
        """Return the mean of all decoded vectors, float32, shape (dim,); zeros if there are none."""
        return self._mean
