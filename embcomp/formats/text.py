"""Text: one row per line, a word and its numbers; with word2vec's header or without.

A block of lines is taken apart at once; the lines for which that is not safe, and only they, go one by one through
:mod:`embcomp.formats.rows`, which knows all rules and all complaints.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from embcomp.embedding import FloatMatrix
from embcomp.errors import InputError
from embcomp.formats.detect import Detected
from embcomp.formats.options import ReadOptions
from embcomp.formats.parser import Block
from embcomp.formats.rows import MAX_LINE_BYTES, MAX_WORD_BYTES, BadRowError, parse_row, shown
from embcomp.formats.stream import ByteStream

BLOCK_BYTES = 1 << 21

_SAFE = b"0123456789+-.eE "


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
        left = self._options.limit
        for text in self._whole_lines():
            lines = _Lines(text, left)
            yield self._parse(lines)
            if left is not None:
                left -= len(lines)
                if left <= 0:
                    self._check_header("at least ")
                    return
        self._check_header()

    def _check_header(self, at_least: str = "") -> None:
        if self._header is None:
            return
        promised, found = self._header.rows, self._n_lines - self._n_blank - 1
        if found > promised or (found < promised and not at_least):
            raise InputError(f"{self.place(1)}: header promises {promised} rows, the file has {at_least}{found}")

    def _whole_lines(self) -> Iterator[bytes]:
        """Cut the stream at line feeds; the last line gets one if it has none."""
        carry = b""
        while chunk := self._stream.read(BLOCK_BYTES):
            cut = chunk.rfind(b"\n") + 1
            if cut:
                yield carry + chunk[:cut]
                carry = b""
            elif len(carry) > MAX_LINE_BYTES:
                raise InputError(_too_long(self.place(self._n_lines + 1)))
            carry += chunk[cut:]
        if carry:
            yield carry + b"\n"

    def _parse(self, lines: _Lines) -> Block:
        first = self._n_lines + 1
        self._n_lines += len(lines)
        n_rows = len(lines) - lines.n_blank
        if n_rows == 0:
            self._n_blank += len(lines)
            return Block([], np.empty((0, self.dim), dtype=np.float32), range(0))
        self._refuse_blank(first)
        self._n_blank = lines.n_blank

        words, vectors, done = lines.parse_regular(n_rows, self.dim)
        for row in np.flatnonzero(~done).tolist():
            try:
                words[row], vectors[row] = parse_row(lines[row], self.dim)
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


class _Lines:
    """Some lines of text, each ended by a line feed; as many of the last as are blank are told apart."""

    def __init__(self, text: bytes, limit: int | None) -> None:
        if b"\r\n" in text:
            text = text.replace(b"\r\n", b"\n")
        if b" \n" in text:  # as word2vec and fastText write it
            text = text.replace(b" \n", b"\n")
        self._text = text
        self._bytes = np.frombuffer(text, dtype=np.uint8)
        self._ends = np.flatnonzero(self._bytes == 0x0A)[:limit]
        self._starts = np.concatenate(([0], self._ends[:-1] + 1))
        content = len(text[: self._ends[-1]].rstrip())
        self.n_blank = len(self) - int(np.searchsorted(self._starts, content))

    def __len__(self) -> int:
        return len(self._ends)

    def __getitem__(self, row: int) -> bytes:
        return self._text[self._starts[row] : self._ends[row]]

    def parse_regular(self, n_rows: int, dim: int) -> tuple[list[bytes], FloatMatrix, NDArray[np.bool_]]:
        """Parse those of the first ``n_rows`` lines that are a word and ``dim`` numbers with single separators.

        Returns:
            words; float32, shape (n_rows, dim); and for which rows these hold.
        """
        starts, ends = self._starts[:n_rows], self._ends[:n_rows]
        separators = self._separators()
        before = np.searchsorted(separators, ends)
        regular = np.flatnonzero(np.diff(before, prepend=0) == dim)
        cuts = separators[before[regular] - dim]
        fits = (cuts - starts[regular] <= MAX_WORD_BYTES) & (ends[regular] - starts[regular] <= MAX_LINE_BYTES)
        regular, cuts = regular[fits], cuts[fits]

        text = self._text
        pairs = zip(starts[regular].tolist(), cuts.tolist(), strict=True)
        regular_words = [text[start:cut] for start, cut in pairs]
        tails = [text[cut:end] for cut, end in zip(cuts.tolist(), ends[regular].tolist(), strict=True)]
        numbers, good = parse_tails(tails, dim)
        if len(regular) == n_rows:
            return regular_words, numbers, good
        words = [b""] * n_rows
        for row, word in zip(regular.tolist(), regular_words, strict=True):
            words[row] = word
        vectors = np.empty((n_rows, dim), dtype=np.float32)
        vectors[regular] = numbers
        done = np.zeros(n_rows, dtype=np.bool_)
        done[regular] = good
        return words, vectors, done

    def _separators(self) -> NDArray[np.int64]:
        mask = self._bytes == 0x20
        if b"\t" in self._text:
            mask |= self._bytes == 0x09
        return np.flatnonzero(mask)


def parse_tails(tails: list[bytes], dim: int) -> tuple[FloatMatrix, NDArray[np.bool_]]:
    """Parse the ends of lines, each ``dim`` times a separator and a number.

    Returns:
        float32, shape (k, dim); and for which rows it holds.
    """
    vectors = _numbers(tails, dim)
    if vectors is None:
        vectors = np.full((len(tails), dim), np.nan, dtype=np.float32)
        for row, tail in enumerate(tails):
            vector = _numbers([tail], dim)
            if vector is not None:
                vectors[row] = vector
    return vectors, np.logical_and.reduce(np.isfinite(vectors), axis=1)


def _numbers(tails: list[bytes], dim: int) -> FloatMatrix | None:
    """Parse all tails with the C library's exact parser, or none if a single token is not a plain number.

    All tokens are of safe characters and none is empty. Such a token is read as one number, or stops the parser,
    or is read as several (``1-2``): so if there are as many numbers as tokens, each token is one.
    """
    text = b"".join(tails).replace(b"\t", b" ")
    if b"  " in text or text.translate(None, _SAFE):
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("error", DeprecationWarning)  # numpy 1 warns where numpy 2 raises
        try:
            flat = np.fromstring(text, dtype=np.float32, sep=" ")
        except (ValueError, DeprecationWarning):
            return None
    return flat.reshape(len(tails), dim) if flat.size == len(tails) * dim else None


def _too_long(place: str) -> str:
    return f"{place}: the line is longer than {MAX_LINE_BYTES} bytes, allowed at most that"
