"""What the reader of one format is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple, Protocol

import numpy as np

from embcomp.embedding import FloatMatrix
from embcomp.errors import InputError
from embcomp.formats.rows import not_finite


class Block(NamedTuple):
    """Some consecutive rows of a source."""

    words: list[str]
    """k words, in source order; repeated words are still there."""
    vectors: FloatMatrix
    """float32, C order, shape (k, dim), all finite."""
    numbers: Sequence[int]
    """k numbers, counted from 1, by which :meth:`Parser.place` names the rows."""

    def keep(self, rows: Sequence[int]) -> Block:
        """Return only the given rows."""
        chosen = list(rows)
        return Block([self.words[row] for row in chosen], self.vectors[chosen], [self.numbers[row] for row in chosen])


class Parser(Protocol):
    """The rows of a source in one format."""

    @property
    def format(self) -> str:
        """One of the names in :data:`embcomp.formats.FORMAT_NAMES`."""
        ...

    @property
    def dim(self) -> int:
        """Numbers per row."""
        ...

    @property
    def bad_rows(self) -> int:
        """Rows dropped so far."""
        ...

    @property
    def shadows(self) -> int:
        """Rows so far that a gensim file keeps for words that it had dropped as duplicates."""
        ...

    def blocks(self) -> Iterator[Block]:
        """Yield the rows, no more than the limit."""
        ...

    def place(self, number: int) -> str:
        """Name a row for a message."""
        ...


def keep_finite(block: Block, parser: Parser, bad_rows: str) -> Block:
    """Return the rows without NaN and infinities.

    Raises:
        InputError: there are such rows and they are not to be skipped.
    """
    finite = np.isfinite(block.vectors).all(axis=1)
    if finite.all():
        return block
    if bad_rows == "error":
        row = int(np.flatnonzero(~finite)[0])
        column = int(np.flatnonzero(~np.isfinite(block.vectors[row]))[0])
        found = not_finite(column + 1, str(block.vectors[row, column]))
        raise InputError(f"{parser.place(block.numbers[row])}: {found}")
    return block.keep(np.flatnonzero(finite).tolist())
