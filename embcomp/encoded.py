"""A compressed embedding: vocabulary + codes + the fitted compressor that made them. A row is a word's rank."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from embcomp import bits
from embcomp.arrays import FloatArray
from embcomp.codes import Codes, CodesWriter, fit_codes
from embcomp.compressors.base import Compressor
from embcomp.embedding import Embedding, Source, mean_rows
from embcomp.errors import InputError, ParameterError
from embcomp.memory import forget, require_memory
from embcomp.progress import Progress, no_progress
from embcomp.spool import Room
from embcomp.threads import CHUNK_ROWS
from embcomp.vocabulary import Vocabulary

if TYPE_CHECKING:
    from embcomp.text.model import TextModel

LISTED_BYTES = 80  # of a word, besides its letters, as a string in a list
CHUNK_NUMBERS = 2**24  # in decoded vectors held at once, where eight rows have fewer


@dataclass
class EncodedEmbedding:
    """Words and their codes, in memory or mapped from a container; vectors are decoded when asked for.

    Attributes:
        vocabulary: words <-> rows.
        codes: of all rows.
        compressor: fitted; knows the layout of a row of code.
        source: what the vectors were read from.
        report: facts about the fit, for people.
        text: the tokenizer, if the words are tokens of a sentence model.
    """

    vocabulary: Vocabulary
    codes: Codes
    compressor: Compressor
    source: Source = field(default_factory=Source)
    report: dict[str, Any] = field(default_factory=dict)
    text: TextModel | None = None

    @classmethod
    def encode(
        cls, embedding: Embedding, compressor: Compressor, progress: Progress = no_progress
    ) -> EncodedEmbedding:
        """Fit ``compressor`` to an embedding and encode it."""
        codes = fit_codes(compressor, embedding.vectors, progress)
        vocabulary = Vocabulary.build(embedding.words)
        return cls.from_codes(vocabulary, codes, compressor, embedding.source, embedding.text)

    @classmethod
    def from_codes(
        cls,
        vocabulary: Vocabulary,
        codes: Codes,
        compressor: Compressor,
        source: Source,
        text: TextModel | None = None,
    ) -> EncodedEmbedding:
        """Build an embedding from what ``compressor`` made, with the report of its fit."""
        return cls(vocabulary, codes, compressor, source, compressor.report, text)

    def __len__(self) -> int:
        return len(self.vocabulary)

    def __contains__(self, word: object) -> bool:
        return word in self.vocabulary

    @property
    def words(self) -> list[str]:
        """All words by rank: in source order, unless that was dropped.

        Raises:
            MemoryLimitError: they take more than is allowed.
        """
        n_bytes = self.vocabulary.text_bytes
        require_memory(n_bytes + LISTED_BYTES * len(self), f"{len(self)} words of {n_bytes} bytes")
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
        """Return the first words by rank, all if there are fewer."""
        return self.vocabulary.first_words(n_words)

    def rows(self, words: Iterable[str]) -> NDArray[np.int64]:
        """Return the rows of many words, int64, −1 where a word is missing."""
        return self.vocabulary.ranks(words)

    def codes_at(self, rows: NDArray[np.int64]) -> bits.BytesArray:
        """Return the codes of the given rows as loose rows; raises ``ParameterError`` if codes differ in width."""
        return self.codes.of_one_width(rows)

    def decode_rows(self, rows: NDArray[np.int64]) -> FloatArray:
        """Return the decoded vectors of the given rows, float32, shape (k, dim).

        Raises:
            MemoryLimitError: they would take more than is allowed.
        """
        if len(rows) > 1:
            require_memory(4 * len(rows) * self.dim, f"{len(rows)} vectors of {self.dim} dimensions")
        return self.codes.decode(self.compressor, rows)

    def vector(self, word: str) -> FloatArray:
        """Return the decoded vector of one word, float32, shape (dim,).

        Raises:
            MissingWordError: it is not in the vocabulary.
        """
        return self.codes.decode_one(self.compressor, self.vocabulary.rank(word))

    def blocks(self) -> Iterator[tuple[list[str], FloatArray]]:
        """Yield all words and their decoded vectors, some thousands at a time, by rank."""
        words = iter(self.vocabulary)
        for _, vectors in self.chunks():
            yield list(islice(words, len(vectors))), vectors

    def chunks(self) -> Iterator[tuple[int, FloatArray]]:
        """Yield the first rank and the decoded vectors of some rows after the other."""
        n_rows = max(8, min(CHUNK_ROWS, CHUNK_NUMBERS // self.dim // 8 * 8))
        for start in range(0, len(self), n_rows):
            yield start, self.decode_rows(np.arange(start, min(start + n_rows, len(self)), dtype=np.int64))
            for stream in self.codes.streams:
                forget(stream)

    def without_order(self) -> EncodedEmbedding:
        """Return the same words and codes in an order that need not be stored: ascending, in each band of codes.

        Raises:
            ParameterError: a code belongs to its row, and rows would change.
        """
        vocabulary, ranks = self.vocabulary.without_order([band.end for band in self.codes.bands])
        if not self.compressor.encodes_vectors and (ranks != np.arange(len(ranks))).any():
            raise ParameterError(
                f"{self.compressor.name}: the order can be dropped when a file is compressed only: "
                "a code belongs to its row"
            )
        return replace(self, vocabulary=vocabulary, codes=self.codes.moved(ranks))

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
            OutputError: words or codes have to wait in a file, and there is no room for it.
        """
        self.require_encoding()
        if more.dim != self.dim:
            raise InputError(
                f"{more.source.name}: {more.dim} dimensions, expected {self.dim} as in the compressed file"
            )
        new = np.flatnonzero(self.rows(more.words) < 0)
        vocabulary = Vocabulary.build((more.words[index] for index in new.tolist()), after=self.vocabulary)
        codes = CodesWriter(self.compressor, self.codes, Room())
        codes.add(more.vectors[new])
        addition = {"name": more.source.name, "sha256": more.source.sha256, "rows": len(new)}
        report = self.report | {"added": [*self.report.get("added", []), addition]}
        grown = replace(self, vocabulary=vocabulary, codes=codes.finish(), report=report)
        if not self.ordered:
            grown = grown.without_order()
        return grown, len(more) - len(new)

    def decode_all(self) -> FloatArray:
        """Return all vectors by rank, float32, shape (n, dim).

        Raises:
            MemoryLimitError: they would take more than is allowed.
        """
        require_memory(4 * len(self) * self.dim, f"{len(self)} vectors of {self.dim} dimensions")
        return self.codes.decode_all(self.compressor)

    @cached_property
    def _mean(self) -> FloatArray:
        total = np.zeros(self.dim, dtype=np.float64)
        for _, vectors in self.chunks():
            total += mean_rows(vectors).astype(np.float64) * len(vectors)
        return (total / max(1, len(self))).astype(np.float32)

    @property
    def offset(self) -> FloatArray | None:
        """What to add to decoded vectors to return to the origin of the source."""
        return self.compressor.offset

    def align(self, vectors: FloatArray) -> FloatArray:
        """Bring vectors of the source's space, float32, shape (k, dim), to the space of decoded ones."""
        return self.compressor.align(vectors)

    def mean_vector(self) -> FloatArray:
        """Return the mean of all decoded vectors, float32, shape (dim,); zeros if there are none."""
        return self._mean
