"""Any source, block by block or all at once."""

from __future__ import annotations

import hashlib
import mmap
import os
import sys
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from glob import glob, has_magic
from itertools import chain
from pathlib import Path
from typing import Protocol

import numpy as np

from embcomp.arrays import FloatArray
from embcomp.embedding import Embedding, Source
from embcomp.errors import InputError
from embcomp.formats.format import Block, Rows
from embcomp.formats.options import DEFAULT_OPTIONS, ReadOptions
from embcomp.formats.registry import open_rows
from embcomp.formats.remote import is_remote, remote_files
from embcomp.formats.rows import not_finite, shown
from embcomp.formats.stream import ByteStream, open_stream
from embcomp.progress import Progress, no_progress
from embcomp.threads import get_threads, map_ahead

RowCheck = Callable[[int], None]


class Words(Protocol):
    """What takes words: a list, or something like it."""

    def extend(self, words: list[str], /) -> None:
        """Take the next words."""
        ...

    def __len__(self) -> int: ...


PIECE_BYTES = 9 << 19  # of a matrix that is being read
LEAST_REPEATED = 10  # rows; so many repeated ones, and more than half, are no accident


class RowReader(Protocol):
    """Distinct words and their vectors, in blocks; ``dim`` numbers each."""

    dim: int

    def __iter__(self) -> Iterator[tuple[list[str], FloatArray]]: ...


def read_embedding(
    source: str | Path | ByteStream, options: ReadOptions = DEFAULT_OPTIONS, progress: Progress = no_progress
) -> Embedding:
    """Read a source into memory: the matrix, the words, and some MB beside them.

    Args:
        source: a file, plain or compressed; ``-`` for standard input; or a stream that is open already.
        options: what to accept.
        progress: called with the stage ``read`` and bytes on disk: done, and in all (0 if unknown).

    Raises:
        InputError: in one line, where, what was found and what was expected.
    """
    with open_blocks(source, options, progress) as reader:
        words: list[str] = []
        matrix = read_matrix(reader, words)
        return Embedding(words, matrix, reader.source, reader.text)


def read_matrix(reader: BlockReader, words: Words, check: RowCheck | None = None) -> FloatArray:
    """Read all rows, float32, C order, shape (n, dim); otherwise as :func:`read_chunks`."""
    return stacked(deque(read_pieces(reader, words, check)), reader.dim)


def read_pieces(reader: RowReader, words: Words, check: RowCheck | None = None) -> Iterator[FloatArray]:
    """Yield the rows in chunks of some MB, put together on another thread; otherwise as :func:`read_chunks`."""
    size = max(1, PIECE_BYTES // (4 * reader.dim))
    return map_ahead(_piece, _gathered(reader, words, size, check), 1)


def _piece(blocks: list[FloatArray]) -> FloatArray:
    """Put blocks together in memory that goes back as soon as it is not needed: ``malloc`` may keep it."""
    n_rows, dim = sum(map(len, blocks)), blocks[0].shape[1]
    memory = mmap.mmap(-1, max(1, 4 * n_rows * dim))
    if sys.platform == "linux":
        memory.madvise(mmap.MADV_HUGEPAGE)
    return np.concatenate(blocks, out=np.frombuffer(memory, np.float32, n_rows * dim).reshape(n_rows, dim))


def stacked(chunks: deque[FloatArray], dim: int) -> FloatArray:
    """Put chunks of rows together; each is taken out of the queue, so that its memory is free before the next.

    An array that grows instead would be copied, or have its memory in small pages.
    """
    lengths = [len(chunk) for chunk in chunks]
    rows = np.empty((sum(lengths), dim), dtype=np.float32)
    pairs = ((place, chunks.popleft()) for place in np.split(rows, np.cumsum(lengths[:-1], dtype=np.int64)))
    deque(map_ahead(lambda pair: np.copyto(*pair), pairs if lengths else (), get_threads()), maxlen=0)
    return rows


def read_chunks(reader: RowReader, words: Words, size: int, check: RowCheck | None = None) -> Iterator[FloatArray]:
    """Yield the rows in chunks; the last may have fewer.

    Args:
        reader: not read from yet.
        words: takes the words, as a list does.
        size: rows of a chunk, at least 1.
        check: told how many rows there are each time before some more are held; what it raises comes out.
    """
    return map(np.concatenate, _gathered(reader, words, size, check))


def _gathered(reader: RowReader, words: Words, size: int, check: RowCheck | None) -> Iterator[list[FloatArray]]:
    """Yield what a chunk consists of: blocks, and parts of blocks."""
    held, n_held, n_rows = list[FloatArray](), 0, 0
    for block_words, block in reader:
        words.extend(block_words)
        n_rows += len(block)
        if check is not None:
            check(n_rows)
        rest = block
        while n_held + len(rest) >= size:
            taken = size - n_held
            gathered, held = [*held, rest[:taken]], []
            rest, n_held = rest[taken:], 0
            yield gathered
        held.append(rest)
        n_held += len(rest)
    if n_held:
        yield held


@contextmanager
def open_blocks(
    source: str | Path | ByteStream,
    options: ReadOptions = DEFAULT_OPTIONS,
    progress: Progress = no_progress,
    max_known: int = sys.maxsize,
) -> Iterator[BlockReader]:
    """Open a source to read it block by block, in bounded memory but for the words: see :class:`BlockReader`.

    Raises:
        InputError: it cannot be read, is empty, or is of no known format.
    """
    first, *others = files_of(source)
    if others and options.part is not None:
        raise InputError(f"{source}: `part` needs one file, got {1 + len(others)}")
    with open_stream(first) as stream:
        reader = BlockReader(stream, options, progress, others, Path(str(source)).name if others else "", max_known)
        try:
            yield reader
        finally:
            reader.close()


def files_of(source: str | Path | ByteStream) -> list[str | Path | ByteStream]:
    """Return the files that a source stands for, in the order of their paths; or the source itself.

    It may be a pattern with ``*``, ``?`` or ``[…]``, or a folder of Parquet files, which may be in folders of their
    own. As in other programs, those whose names start with ``_`` or ``.`` are left out.
    """
    if isinstance(source, ByteStream):
        return [source]
    name = str(source)
    if dataset := _parquet_files(name):
        return [*dataset]
    if not has_magic(name.partition("?")[0] if is_remote(name) else name) or os.path.lexists(name):
        return [source]
    found = remote_files(name) if is_remote(name) else sorted(glob(name, recursive=True))  # noqa: PTH207  of any folder
    if not found:
        raise InputError(f"{name}: there are no such files")
    return [*found]


def can_be_read_again(source: str | Path) -> bool:
    """Whether a source is made of files, and not of pipes or devices."""
    names = map(str, files_of(source))
    return all(is_remote(name) or Path(name).is_file() or Path(name).is_dir() for name in names)


def _parquet_files(folder: str) -> list[Path]:
    if is_remote(folder) or not os.path.isdir(folder):  # noqa: PTH112  a name that is too long is none
        return []
    return sorted(each for each in Path(folder).rglob("*.parquet") if not each.name.startswith(("_", ".")))


class BlockReader:
    """Blocks of distinct words and their vectors; afterwards, where they came from.

    All words are held, to know repeated ones, or the first ``max_known``. Rows that repeat a later word are then
    given out; who finds them says so, see :meth:`leave_out`.

    Attributes:
        dim: numbers per vector.
        format: the detected format of the source.
        text: the tokenizer, if the source is a sentence model.
    """

    def __init__(
        self,
        stream: ByteStream,
        options: ReadOptions,
        progress: Progress,
        others: Sequence[str | Path | ByteStream] = (),
        name: str = "",
        max_known: int = sys.maxsize,
    ) -> None:
        """Open a source; ``others`` are files that continue it, and ``name`` is that of all together."""
        self._stream = stream
        self._others, self._name = others, name
        self._max_known = max_known
        self._digests: list[str] = []
        self._options = options
        self._progress = progress
        self._source: Source | None = None
        self._words = None if options.words is None else frozenset(options.words)
        self.format, self._rows = open_rows(stream, options)
        self.dim, self.text = self._rows.dim, self._rows.text
        self._n_duplicates = 0
        sizes = [stream.size, *map(_size_of, others)]
        self._n_before, self._n_all = 0, sum(sizes) if others and all(sizes) else 0

    def __iter__(self) -> Iterator[tuple[list[str], FloatArray]]:
        """Yield blocks: k ≥ 1 words, and float32, C order, shape (k, dim). Can be done once."""
        seen: set[str] = set()
        n_kept = n_bad = n_unwanted = n_repeated = 0
        for block in self._numbered():
            finite = self._finite(block)
            wanted = self._wanted(finite)
            distinct = self._distinct(wanted, seen)
            n_bad += block.n_bad + len(block.words) - len(finite.words)
            n_unwanted += len(finite.words) - len(wanted.words)
            n_repeated += len(wanted.words) - len(distinct.words)
            n_kept += len(distinct.words)
            self._stream.count_words(distinct.words)
            self._progress("read", *self._bytes())
            if distinct.words:
                yield distinct.words, distinct.vectors
        if self._options.whole and self._options.part is None:
            self._require_rows(n_kept, n_repeated, n_unwanted)
        self._source = Source(
            name=self._name or self._stream.base_name,
            format=self.format,
            sha256=self._sha256(),
            rows=n_kept,
            dim=self.dim,
            duplicates_dropped=n_repeated + self._n_duplicates,
            bad_rows_dropped=n_bad,
            unwanted_dropped=n_unwanted,
            reading=self._options.reading,
            words_not_found=0 if self._words is None else len(self._words) - n_kept,
        )

    @property
    def source(self) -> Source:
        """Provenance; known when all blocks have been taken."""
        if self._source is None:
            raise InputError(f"{self._stream.name}: has not been read to its end")
        return self._source

    def leave_out(self, n_rows: int) -> None:
        """Count rows that were given out, and turned out to repeat a word, as repeated ones.

        Raises:
            InputError: there are some, and repeated words are refused; or there are too many.
        """
        source = self.source
        if n_rows and self._options.duplicates == "error":
            raise InputError(f"{source.name}: {n_rows} rows repeat a word, expected distinct words")
        self._source = replace(
            source,
            rows=source.rows - n_rows,
            duplicates_dropped=source.duplicates_dropped + n_rows,
            words_not_found=source.words_not_found + (0 if self._words is None else n_rows),
        )
        self._require_rows(self._source.rows, self._source.duplicates_dropped, 0)

    @property
    def share_read(self) -> float:
        """How much of the source has been taken from disk, from 0 to 1; 0 where its size is not known."""
        done, in_all = self._bytes()
        return done / in_all if in_all else 0.0

    def _bytes(self) -> tuple[int, int]:
        """Bytes that have been taken from disk, and in all; 0 where that is not known."""
        return self._n_before + self._stream.n_raw, self._n_all or self._stream.size

    def close(self) -> None:
        """Close what the format holds open where not all blocks were taken."""
        if isinstance(self._rows.blocks, Generator):
            self._rows.blocks.close()

    def _numbered(self) -> Iterator[Block]:
        """Yield the format's blocks up to the limit, each row with its number."""
        n_rows, limit = 0, self._options.limit or sys.maxsize
        for words, vectors, numbers, n_bad in chain.from_iterable(rows.blocks for rows in self._parts()):
            left = limit - n_rows
            if left <= 0:  # the format does not stop by itself
                self._close()
                return
            own = numbers or range(n_rows + 1, n_rows + 1 + len(words))
            yield Block(words[:left], vectors[:left], own[:left], n_bad)
            n_rows += len(words) + n_bad

    def _parts(self) -> Iterator[Rows]:
        """Yield the rows of one file after the other."""
        yield self._rows
        self._close()
        for path in self._others:
            self._n_before += self._stream.size
            with open_stream(path) as self._stream:
                self.format, self._rows = open_rows(self._stream, self._options)
                if self._rows.dim != self.dim:
                    raise InputError(f"{self._stream.name}: {self._rows.dim} dimensions, expected {self.dim}")
                yield self._rows
                self._close()

    def _close(self) -> None:
        """Take note of a file that has been read."""
        self._n_duplicates += self._rows.n_duplicates
        digest, expected = self._stream.drain(), self._stream.expected_sha256
        if expected and digest != expected:
            raise InputError(f"{self._stream.name}: has the SHA-256 {digest}, the server says {expected}")
        self._digests.append(digest)

    def _sha256(self) -> str:
        """That of the file; of several, that of their SHA-256s, one a line; and as the user expects it."""
        several = "".join(f"{digest}\n" for digest in self._digests)
        found = self._digests[0] if len(self._digests) == 1 else hashlib.sha256(several.encode()).hexdigest()
        wanted = self._options.sha256
        if wanted is not None and found != wanted.lower():
            raise InputError(f"{self._name or self._stream.name}: has the SHA-256 {found}, expected {wanted}")
        return found

    def _finite(self, block: Block) -> Block:
        """Make vectors float32, and drop or refuse rows that are not finite then."""
        if self._rows.finite:
            return block
        with np.errstate(over="ignore", invalid="ignore"):
            vectors = np.ascontiguousarray(block.vectors, dtype=np.float32)
            block = block._replace(vectors=vectors)
            if np.isfinite(vectors.sum()):  # usually, and much sooner seen than for each number
                return block
        finite = np.isfinite(vectors).all(axis=1)
        if self._options.bad_rows == "error" and not finite.all():
            row = int(np.flatnonzero(~finite)[0])
            column = int(np.flatnonzero(~np.isfinite(vectors[row]))[0])
            found = not_finite(column + 1, str(vectors[row, column]))
            raise InputError(f"{self._rows.place(block.numbers[row])}: {found}")
        return _keep(block, np.flatnonzero(finite).tolist())

    def _wanted(self, block: Block) -> Block:
        """Drop rows of words that are not wanted."""
        words = self._words
        if words is None or words.issuperset(block.words):
            return block
        return _keep(block, [row for row, word in enumerate(block.words) if word in words])

    def _require_rows(self, n_kept: int, n_repeated: int, n_unwanted: int) -> None:
        """Refuse a source of which nothing is left, or whose rows were not cut where they should be."""
        name = self._stream.name
        if not n_kept and n_unwanted:
            raise InputError(f"{name}: none of the {len(self._words or ())} words that `words` names is there")
        if not n_kept:
            raise InputError(f"{name}: no rows are left, expected at least 1")
        if n_repeated > max(n_kept, LEAST_REPEATED):
            raise InputError(
                f"{name}: {n_repeated} of {n_kept + n_repeated} rows repeat the word of an earlier row, expected "
                f"distinct words before {self.dim} numbers; words that end in a number after a space, as in "
                "'new york 12', cannot be told from numbers: join them as in 'new_york_12', or use .npy"
            )

    def _distinct(self, block: Block, seen: set[str]) -> Block:
        """Drop or refuse rows of words seen before."""
        words, is_full = block.words, len(seen) >= self._max_known
        if seen.isdisjoint(words):
            n_before = len(seen)
            seen.update(() if is_full else words)
            if is_full or len(seen) == n_before + len(words):
                return block
            seen.difference_update(words)
        kept = []
        for row, word in enumerate(words):
            if word not in seen:
                seen.update(() if is_full else (word,))
                kept.append(row)
            elif self._options.duplicates == "error":
                place = self._rows.place(block.numbers[row])
                raise InputError(f"{place}: the word {shown(word)} occurs twice, expected distinct words")
        return _keep(block, kept)


def _size_of(path: str | Path | ByteStream) -> int:
    """Bytes of a file; 0 if it is none."""
    return Path(path).stat().st_size if isinstance(path, str | Path) and Path(path).is_file() else 0


def _keep(block: Block, rows: Sequence[int]) -> Block:
    """Return only the given rows."""
    chosen = list(rows)
    words, numbers = [block.words[row] for row in chosen], [block.numbers[row] for row in chosen]
    return Block(words, block.vectors[chosen], numbers, block.n_bad)
