"""Text: one row per line, a word and its numbers; with word2vec's header or without.

Blocks of lines are parsed at once by :mod:`embcomp.formats.lines`, some blocks in parallel. Only the lines for which
that is not safe go one by one through :mod:`embcomp.formats.rows`, which implements all rules and errors.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from itertools import chain
from typing import BinaryIO

import numpy as np

from embcomp.errors import InputError
from embcomp.formats.foreign import known_by_start
from embcomp.formats.format import Block, Format, Rows, Table
from embcomp.formats.lines import ParsedLines, Pieces, parse_pieces
from embcomp.formats.options import ReadOptions
from embcomp.formats.rows import MAX_LINE_BYTES, BadRowError, count_numbers, decode_words, names_of_columns, split_row
from embcomp.formats.sniff import (
    Header,
    contradiction,
    find_header,
    is_binary,
    require_header,
    require_rows,
    usual_length,
)
from embcomp.formats.stream import ByteStream
from embcomp.threads import get_threads, map_ahead

BLOCK_BYTES = 1 << 19
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
READ_BLOCKS = 4  # read and hashed at once: fewer bytes than a piece of a matrix, or memory of those is not given back
MAX_AHEAD = 16  # blocks
NUMBERS_PER_STEP = 1 << 16


def _has_rows(stream: ByteStream) -> bool:
    return usual_length(stream.first_lines) > 0 and known_by_start(stream) is None


def _has_header(stream: ByteStream) -> bool:
    header = find_header(stream)
    if header is None or is_binary(stream):
        return False
    found = contradiction(stream, header)
    if found is not None and found > 1:  # with one number in each row, the first line is a row itself
        raise InputError(f"{stream.line(1)}: header promises {header.dim} dimensions, the rows have {found}")
    return found is None


def _read_glove(stream: ByteStream, options: ReadOptions) -> Rows:
    dim = require_rows(stream)
    has_mark = stream.peek(len(BYTE_ORDER_MARK)) == BYTE_ORDER_MARK
    return _rows(stream, options, dim, None, len(BYTE_ORDER_MARK) if has_mark else 0)


def _read_word2vec(stream: ByteStream, options: ReadOptions) -> Rows:
    header = require_header(stream)
    return _rows(stream, options, header.dim, header, header.length)


def _rows(stream: ByteStream, options: ReadOptions, dim: int, header: Header | None, start: int) -> Rows:
    """Read the rows, which begin at ``start``, or a part of them, of which the header says nothing."""
    if options.part is None:
        stream.read(start)
    else:
        stream.keep_lines(start, options.part)
        header = None
    return Rows(dim, _TextParser(stream, options, dim, header).blocks(), stream.line, finite=True)


class _TextParser:
    """The rows of a GloVe or word2vec text file, or of a fastText ``.vec`` file."""

    def __init__(self, stream: ByteStream, options: ReadOptions, dim: int, header: Header | None) -> None:
        self._dim = dim
        self._stream = stream
        self._options = options
        self._header = header
        self._n_lines = 0 if header is None else 1  # consumed so far, header included
        self._n_blank = 0  # of them, how many blank ones came last
        self._cut_short = False  # by the limit
        self._too_long = False  # the line after the last

    def blocks(self) -> Iterator[Block]:
        """Yield the rows, no more than the limit.

        Raises:
            InputError: a row or the header does not hold.
        """
        for lines in self._parsed():
            yield self._finish(lines)
        if self._too_long:
            place = self._stream.line(self._n_lines + 1)
            raise InputError(f"{place}: the line is longer than {MAX_LINE_BYTES} bytes, allowed at most that")
        self._check_header()

    def _parsed(self) -> Iterator[ParsedLines]:
        """Read blocks and parse them on threads, some ahead of where they are wanted."""
        failure: list[InputError] = []

        def texts() -> Iterator[Pieces]:
            try:
                yield from self._limited()
            except InputError as error:  # what is wrong further ahead comes after what may be wrong here
                failure.append(error)

        parsed = map_ahead(
            partial(parse_pieces, dim=self._dim), self._stream.ahead(texts()), min(MAX_AHEAD, 2 * get_threads())
        )
        yield from chain.from_iterable(parsed)
        if failure:
            raise failure[0]

    def _check_header(self) -> None:
        if self._header is None:
            return
        promised, found = self._header.rows, self._n_lines - self._n_blank - 1
        at_least = "at least " if self._cut_short else ""
        if found > promised or (found < promised and not self._cut_short):
            raise InputError(
                f"{self._stream.line(1)}: header promises {promised} rows, the file has {at_least}{found}"
            )

    def _limited(self) -> Iterator[Pieces]:
        """Stop after as many lines as the limit allows."""
        left = self._options.limit
        for pieces in self._whole_lines():
            if left is not None:
                text = b"".join(pieces)
                n_lines = text.count(b"\n")
                if n_lines >= left:
                    ends = np.flatnonzero(np.frombuffer(text, dtype=np.uint8) == 0x0A)
                    self._cut_short = True
                    yield (text[: ends[left - 1] + 1],)
                    return
                left -= n_lines
            yield pieces

    def _whole_lines(self) -> Iterator[Pieces]:
        """Cut the stream at line feeds; the last line gets one if it has none. Stop at a line that is too long."""
        carry = b""
        while chunk := self._stream.read(READ_BLOCKS * BLOCK_BYTES):
            start = 0
            while start < len(chunk):
                stop = start + BLOCK_BYTES if len(chunk) - start > 1.5 * BLOCK_BYTES else len(chunk)
                cut = chunk.rfind(b"\n", start, stop) + 1
                if cut:
                    yield carry, memoryview(chunk)[start:cut]
                carry = b"" if cut else carry + chunk[start:stop]
                start = cut or stop
                if len(carry) > MAX_LINE_BYTES:
                    self._too_long = True
                    return
        if carry:
            yield carry, b"\n"

    def _finish(self, lines: ParsedLines) -> Block:
        """Drop or refuse what is bad, and decode the words."""
        words, vectors, bad, n_lines = lines
        first = self._n_lines + 1
        self._n_lines += n_lines
        if not len(vectors):
            self._n_blank += n_lines
            return Block([], vectors)
        if first == 1 and 0 not in bad and (named := names_of_columns(vectors[0])):
            bad[0] = named
        n_bad = self._blank_before(first) + len(bad)
        self._n_blank = n_lines - len(vectors)
        numbers: Sequence[int] = range(first, first + len(vectors))
        if bad:
            each = words.split(b"\n")
            row = min(bad)
            if self._options.bad_rows == "error":
                self._decode(b"\n".join(each[:row]), numbers[:row])  # an earlier row may be worse
                raise InputError(f"{self._stream.line(first + row)}: {bad[row]}")
            kept = [row for row in range(len(each)) if row not in bad]
            words = b"\n".join(each[row] for row in kept)
            vectors, numbers = vectors[kept], [first + row for row in kept]
        return Block(self._decode(words, numbers), vectors, numbers, n_bad)

    def _blank_before(self, first: int) -> int:
        """Count blank lines before a row as bad ones: they are allowed at the end of the file only."""
        if self._n_blank and self._options.bad_rows == "error":
            raise InputError(f"{self._stream.line(first - self._n_blank)}: 0 numbers, expected {self._dim}")
        return self._n_blank

    def _decode(self, words: bytes, numbers: Sequence[int]) -> list[str]:
        return decode_words(words, b"\n", self._options.encoding_errors, self._stream.line, numbers)


def _write_glove(out: BinaryIO, table: Table) -> None:
    """Write each number with the fewest digits that give the same float32 back."""
    step = max(1, NUMBERS_PER_STEP // table.dim)
    for words, vectors in table.blocks(_problem):
        for start in range(0, len(words), step):
            numbers = vectors[start : start + step].astype("S32").tolist()  # the shortest form that reads back
            rows = zip(words[start : start + step], numbers, strict=True)
            out.write(b"".join(b"%b %b\n" % (word, b" ".join(row)) for word, row in rows))


def _write_word2vec(out: BinaryIO, table: Table) -> None:
    out.write(f"{table.n_rows} {table.dim}\n".encode())
    _write_glove(out, table)


def _problem(word: str) -> str | None:
    """Say what a word must be to come back from a line of text.

    Spaces inside a word are allowed, as in the GloVe files that have such words; gensim does not read these rows.
    """
    if "\n" in word:
        return "words without line feeds"
    if " " in word or "\t" in word:
        row = word.encode() + b" 0"
        try:
            came_back, _ = split_row(row, 1)
        except BadRowError:
            came_back = b""
        if came_back != word.encode() or count_numbers(row) != 1:
            return "words that neither start or end with spaces nor end in a number after a space"
    return None


GLOVE_TEXT = Format("glove-text", (".txt",), _has_rows, _read_glove, _write_glove, True, True)
WORD2VEC_TEXT = Format("word2vec-text", (".vec",), _has_header, _read_word2vec, _write_word2vec, True, True)
