"""Uncompressed embeddings: words and a float32 matrix, and where they came from."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from embcomp.arrays import FloatArray
from embcomp.errors import InputError
from embcomp.exact import total
from embcomp.threads import CHUNK_ROWS

if TYPE_CHECKING:
    from embcomp.text.model import TextModel


@dataclass(frozen=True)
class Source:
    """What an embedding was read from, and which rows were dropped."""

    name: str = ""
    """The file's base name; empty if it came from nowhere, ``-`` for standard input."""
    format: str = ""
    """``glove-text``, ``word2vec-text``, ``word2vec-binary``, ``fasttext-binary``, ``npy``, or another."""
    sha256: str = ""
    """Of the file as it lies on disk, before decompression."""
    rows: int = 0
    """Rows kept."""
    dim: int = 0
    """Numbers per row."""
    duplicates_dropped: int = 0
    """Rows whose word had been seen before."""
    bad_rows_dropped: int = 0
    """Bad rows left out."""
    unwanted_dropped: int = 0
    """Rows left out because only some words were wanted."""
    words_not_found: int = 0
    """Wanted words that the source does not have."""

    reading: str = ""
    """Options of reading that were given, as JSON: those that change words or vectors."""

    def to_json(self) -> dict[str, Any]:
        """The fields by name; without those that say nothing about options that were not given."""
        fields = asdict(self)
        if not (self.unwanted_dropped or self.words_not_found):
            del fields["unwanted_dropped"], fields["words_not_found"]
        if not self.reading:
            del fields["reading"]
        return fields


@dataclass
class Embedding:
    """Distinct words in source order and their vectors.

    Attributes:
        words: n distinct strings.
        vectors: float32, C order, shape (n, dim).
        source: provenance.
        text: the tokenizer, if the words are tokens of a sentence model.

    Raises:
        InputError: numbers of words and vectors differ, or there are no dimensions.
    """

    words: Sequence[str]
    vectors: FloatArray
    source: Source = field(default_factory=Source)
    text: TextModel | None = None

    def __post_init__(self) -> None:
        if self.vectors.ndim != 2 or self.vectors.shape[1] == 0:
            raise InputError(f"vectors must have shape (rows, at least 1), got {self.vectors.shape}")
        if len(self.words) != len(self.vectors):
            raise InputError(f"{len(self.words)} words, but {len(self.vectors)} vectors")

    def __len__(self) -> int:
        return len(self.words)

    @property
    def dim(self) -> int:
        """Numbers per vector."""
        return int(self.vectors.shape[1])

    @cached_property
    def index(self) -> dict[str, int]:
        """Row of each word."""
        return {word: row for row, word in enumerate(self.words)}

    def __contains__(self, word: object) -> bool:
        return word in self.index

    @property
    def ordered(self) -> bool:
        """Words are in source order: always."""
        return True

    def first_words(self, n_words: int) -> Sequence[str]:
        """Return the first words in source order, all of them if there are fewer."""
        return self.words[:n_words]

    def rows(self, words: Iterable[str]) -> NDArray[np.int64]:
        """Return the rows of many words, int64, −1 where a word is missing."""
        return np.fromiter((self.index.get(word, -1) for word in words), dtype=np.int64)

    def decode_rows(self, rows: NDArray[np.int64]) -> FloatArray:
        """Return the vectors of the given rows, float32, shape (k, dim)."""
        return self.vectors[rows]

    @property
    def offset(self) -> None:
        """Nothing: these are the vectors of the source."""
        return None

    def align(self, vectors: FloatArray) -> FloatArray:
        """Return vectors of the source's space as they are."""
        return vectors

    def mean_vector(self) -> FloatArray:
        """Return the mean of all vectors, float32, shape (dim,); zeros if there are none."""
        return mean_rows(self.vectors)


def mean_rows(matrix: FloatArray) -> FloatArray:
    """Mean of the rows, float32, from sums of chunks that do not depend on the order; zeros for no rows."""
    sums = np.zeros(matrix.shape[1], dtype=np.float64)
    for start in range(0, len(matrix), CHUNK_ROWS):
        sums += total(matrix[start : start + CHUNK_ROWS], axis=0)
    return (sums / max(1, len(matrix))).astype(np.float32)
