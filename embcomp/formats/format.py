"""The interface of a format, for built-in ones and for those of other packages.

Another package adds a format by declaring, in its ``pyproject.toml``::

    [project.entry-points."embcomp.formats"]
    mine = "package.module:MINE"

where ``MINE`` is a :class:`Format` with the same name. It reads, writes, or does both::

    def recognise(stream):
        return stream.peek(4) == b"MINE"

    def read(stream, options):
        with stream.as_file() as path:
            words, matrix = load(path)
        return Rows(matrix.shape[1], matrix_blocks(words, matrix), stream.row)

    MINE = Format("mine", suffixes=(".mine",), recognise=recognise, read=read)
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, BinaryIO, NamedTuple

import numpy as np
from numpy.typing import NDArray

from embcomp.arrays import FloatArray
from embcomp.errors import InputError, OutputError
from embcomp.formats.options import ReadOptions
from embcomp.formats.rows import MAX_WORD_BYTES, shown
from embcomp.formats.stream import ByteStream
from embcomp.text.model import TextModel

BLOCK_BYTES = 1 << 21

WordProblem = Callable[[str], str | None]
"""Says what a word must be that a format cannot hold; ``None``: it can."""


class Block(NamedTuple):
    """Some consecutive rows of a source."""

    words: list[str]
    """k words, in source order; repeated words are still there."""
    vectors: NDArray[Any]
    """Real numbers, shape (k, dim); the reader makes them float32 and drops or refuses rows that are not finite."""
    numbers: Sequence[int] = ()
    """k numbers, counted from 1, by which :attr:`Rows.place` names the rows; without them, rows are counted."""
    n_bad: int = 0
    """Bad rows left out here, as :attr:`ReadOptions.bad_rows` allows."""


class Rows(NamedTuple):
    """An opened source: what its format gives to the reader.

    The reader takes no more rows than :attr:`ReadOptions.limit`, drops repeated words, and hashes the file.
    """

    dim: int
    """Numbers per row."""
    blocks: Iterable[Block]
    """Is gone through once, in bounded memory where the format allows it. Raises ``InputError``."""
    place: Callable[[int], str]
    """Names a row for a message: :meth:`ByteStream.row` or :meth:`ByteStream.line`."""
    n_duplicates: int = 0
    """Rows for repeated words that the file itself leaves out."""
    finite: bool = False
    """Whether vectors are float32, in C order and finite already."""
    text: TextModel | None = None
    """The tokenizer whose tokens the words are, if the source is a sentence model."""


@dataclass(frozen=True)
class Table:
    """Words and vectors to be written: the input of a format's ``write``."""

    name: str
    """The target, for messages; a file, unless the format :attr:`~Format.streams`."""
    source: Iterable[tuple[list[str], FloatArray]]
    n_rows: int
    dim: int

    def blocks(self, problem: WordProblem = lambda word: None) -> Iterator[tuple[list[bytes], FloatArray]]:
        """Yield words in UTF-8 and vectors, little-endian float32, if their number and each of them can be written.

        Raises:
            OutputError: they cannot.
        """
        n_done = 0
        for words, vectors in self.source:
            if vectors.shape != (len(words), self.dim) or n_done + len(words) > self.n_rows:
                raise OutputError(
                    f"{self.name}: got {len(words)} words with vectors of shape {vectors.shape}, "
                    f"expected at most {self.n_rows - n_done} of {self.dim} dimensions"
                )
            finite = np.isfinite(vectors).all(axis=1)
            if not finite.all():
                word = words[int(np.flatnonzero(~finite)[0])]
                raise OutputError(f"{self.name}: the vector of {shown(word)} is not finite, expected finite numbers")
            yield [self._encoded(word, problem) for word in words], vectors.astype("<f4", copy=False)
            n_done += len(words)
        if n_done != self.n_rows:
            raise OutputError(f"{self.name}: got {n_done} rows, expected {self.n_rows}")

    def _encoded(self, word: str, problem: WordProblem) -> bytes:
        try:
            data = word.encode()
        except UnicodeEncodeError:
            raise OutputError(
                f"{self.name}: the word {shown(word)} is not valid Unicode, expected no lone surrogates"
            ) from None
        what = problem(word)
        if what is None and len(data) > MAX_WORD_BYTES:
            what = f"at most {MAX_WORD_BYTES} bytes"
        if what is not None:
            raise OutputError(
                f"{self.name}: the word {shown(word)} cannot be written in this format, expected {what}"
            )
        return data


Recognise = Callable[[ByteStream], bool]
Read = Callable[[ByteStream, ReadOptions], Rows]
Write = Callable[[BinaryIO, Table], None]


@dataclass(frozen=True)
class Format:
    """A format of files: how it is recognised, read and written."""

    name: str
    """What the options ``format`` and ``to`` call it."""
    suffixes: tuple[str, ...] = ()
    """Of file names, by which ``decompress`` chooses it; a source is known by its content alone."""
    recognise: Recognise = lambda stream: False
    """Whether a source is in this format, by :meth:`ByteStream.peek` and ``first_lines``; nothing is read yet.

    Raises ``InputError`` where it is, and contradicts itself."""
    read: Read | None = None
    """Opens a source. ``None``: the format is not read."""
    write: Write | None = None
    """Writes an open file. ``None``: the format is not written."""
    streams: bool = False
    """Whether ``write`` does without seeking and other files, so that it can write to standard output."""
    parted: bool = False
    """Whether ``read`` knows :attr:`ReadOptions.part`."""


@contextmanager
def told(name: str, package: str, errors: tuple[type[BaseException], ...]) -> Iterator[None]:
    """Turn what a package raises for a file into ``InputError``, in one line."""
    try:
        yield
    except errors as error:
        raise InputError(f"{name}: {package} cannot read it: {' '.join(str(error).split())}") from error


def matrix_blocks(words: Sequence[str], matrix: NDArray[Any]) -> Iterator[Block]:
    """Yield the rows of a matrix, in memory or mapped, in blocks of some MB."""
    step = max(1, BLOCK_BYTES // (4 * matrix.shape[1]))
    for start in range(0, len(words), step):
        yield Block(list(words[start : start + step]), matrix[start : min(start + step, len(words))])
