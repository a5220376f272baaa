"""Text: one row per line, a word and its numbers; with word2vec's header or without.

Blocks of lines are taken apart at once by :mod:`embcomp.formats.lines`, some blocks at a time; the lines for which
that is not safe, and only they, go one by one through :mod:`embcomp.formats.rows`, which knows all rules and all
complaints.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

import numpy as np

from embcomp.errors import InputError
from embcomp.formats.detect import Detected
from embcomp.formats.lines import ParsedLines, parse_lines
from embcomp.formats.options import ReadOptions
from embcomp.formats.parser import Block
from embcomp.formats.rows import MAX_LINE_BYTES, BadRowError, parse_row, shown
from embcomp.formats.stream import ByteStream
from embcomp.threads import get_threads, map_ahead

BLOCK_BYTES = 1 << 19
MAX_AHEAD = 4  # blocks
KEPT_BYTES = 1 << 22


class TextParser:
    """The rows of a GloVe or word2vec text file, or of a fastText ``.vec`` file."""

    shadows = 0

    def __init__(self, stream: ByteStream, detected: Detected, options: ReadOptions) -> None:
        self.format = detected.format
        self.dim = detected.dim
        self.bad_rows = 0
        self._stream = stream
        self._options = options
        self._header = detected.header
        self._n_lines = 0  # consumed so far, header included
        self._n_blank = 0  # of them, how many blank ones came last
        self._cut_short = False  # by the limit
        self._too_long = False  # the line after the last
        if self._header is not None:
            stream.read(self._header.length)
            self._n_lines = 1

    def place(self, number: int) -> str:
        """Name a line."""
        return f"{self._stream.name}:{number}"

    def blocks(self) -> Iterator[Block]:
        """Yield the rows, no more than the limit.

        Raises:
            InputError: a row or the header does not hold.
        """
        for lines in self._parsed():
            yield self._finish(lines)
        if self._too_long:
            place = self.place(self._n_lines + 1)
            raise InputError(f"{place}: the line is longer than {MAX_LINE_BYTES} bytes, allowed at most that")
        self._check_header()

    def _parsed(self) -> Iterator[ParsedLines]:
        """Read blocks and parse them on threads, some ahead of where they are wanted."""
        _keep_freed_memory()
        failure: list[InputError] = []

        def texts() -> Iterator[bytes]:
            try:
                yield from self._limited()
            except InputError as error:  # what is wrong further ahead comes after what may be wrong here
                failure.append(error)

        yield from map_ahead(partial(parse_lines, dim=self.dim), texts(), min(MAX_AHEAD, get_threads()))
        if failure:
            raise failure[0]

    def _check_header(self) -> None:
        if self._header is None:
            return
        promised, found = self._header.rows, self._n_lines - self._n_blank - 1
        at_least = "at least " if self._cut_short else ""
        if found > promised or (found < promised and not self._cut_short):
            raise InputError(f"{self.place(1)}: header promises {promised} rows, the file has {at_least}{found}")

    def _limited(self) -> Iterator[bytes]:
        """Stop after as many lines as the limit allows."""
        left = self._options.limit
        for text in self._whole_lines():
            if left is not None:
                n_lines = text.count(b"\n")
                if n_lines >= left:
                    ends = np.flatnonzero(np.frombuffer(text, dtype=np.uint8) == 0x0A)
                    self._cut_short = True
                    yield text[: ends[left - 1] + 1]
                    return
                left -= n_lines
            yield text

    def _whole_lines(self) -> Iterator[bytes]:
        """Cut the stream at line feeds; the last line gets one if it has none. Stop at a line that is too long."""
        carry = b""
        while chunk := self._stream.read(BLOCK_BYTES):
            cut = chunk.rfind(b"\n") + 1
            if cut:
                yield b"".join((carry, memoryview(chunk)[:cut]))
                carry = chunk[cut:]
            else:
                carry += chunk
            if len(carry) > MAX_LINE_BYTES:
                self._too_long = True
                return
        if carry:
            yield carry + b"\n"

    def _finish(self, lines: ParsedLines) -> Block:
        """Look at the rows that are not done yet, and drop or refuse what is bad."""
        first = self._n_lines + 1
        self._n_lines += lines.n_lines
        n_rows = len(lines)
        if n_rows == 0:
            self._n_blank += lines.n_lines
            return Block([], lines.vectors, range(0))
        self._refuse_blank(first)
        self._n_blank = lines.n_lines - n_rows

        words, vectors, done = lines.words, lines.vectors, lines.done
        for row in np.flatnonzero(~done).tolist():
            try:
                words[row], vectors[row] = parse_row(lines.line(row), self.dim)
                done[row] = True
            except BadRowError as error:
                if self._options.bad_rows == "error":
                    self._decode(words[:row], range(first, first + row))  # an earlier row may be worse
                    raise InputError(f"{self.place(first + row)}: {error}") from None
                self.bad_rows += 1
        if done.all():
            numbers: Sequence[int] = range(first, first + n_rows)
        else:
            kept = np.flatnonzero(done)
            words, vectors, numbers = [words[row] for row in kept], vectors[kept], (kept + first).tolist()
        return Block(self._decode(words, numbers), vectors, numbers)

    def _refuse_blank(self, first: int) -> None:
        """Blank lines are allowed at the end of the file only, and there it goes on."""
        if self._n_blank == 0:
            return
        if self._options.bad_rows == "error":
            raise InputError(f"{self.place(first - self._n_blank)}: 0 numbers, expected {self.dim}")
        self.bad_rows += self._n_blank

    def _decode(self, words: list[bytes], numbers: Sequence[int]) -> list[str]:
        errors = self._options.encoding_errors
        try:
            return b"\n".join(words).decode("utf-8", errors).split("\n") if words else []
        except UnicodeDecodeError:
            for word, number in zip(words, numbers, strict=True):
                try:
                    word.decode("utf-8")
                except UnicodeDecodeError as error:
                    raise InputError(
                        f"{self.place(number)}: {shown(word)} is not valid UTF-8 ({error.reason}); "
                        f"--encoding-errors replace or ignore gets past it"
                    ) from None
            raise


def _keep_freed_memory() -> None:
    """Make glibc reuse the memory of arrays up to some MB instead of giving it back and asking for it again.

    Its ``malloc`` adapts to the largest block that was ever freed. Without this, half of the time goes into page
    faults; elsewhere it does nothing. What is larger, as tables of words that are outgrown, is still given back.
    """
    np.empty(KEPT_BYTES, dtype=np.uint8)
