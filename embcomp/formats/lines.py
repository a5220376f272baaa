"""A block of lines of text, taken apart at once: as far as that is safe, line by line."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from embcomp.arrays import FloatArray
from embcomp.formats.decimals import parse_any, parse_short
from embcomp.formats.rows import MAX_LINE_BYTES, MAX_WORD_BYTES

Positions = NDArray[np.int64]

FEW = 8  # a token alone takes as long as some in a row

_TRAILING = (b" ", b"\r")


@dataclass
class ParsedLines:
    """Lines, and what could be made of them without looking at each."""

    text: bytes
    """Empty if all is done."""
    n_lines: int
    starts: Positions
    """Of the lines up to the last one that is not blank: the rows."""
    ends: Positions
    words: list[bytes]
    vectors: FloatArray
    """float32, shape (n_rows, dim)."""
    done: NDArray[np.bool_]
    """Where words and vectors hold; the other rows need a closer look."""

    def __len__(self) -> int:
        return len(self.words)

    def line(self, row: int) -> bytes:
        """Return a line without its line feed."""
        return self.text[self.starts[row] : self.ends[row]]


def parse_lines(text: bytes, dim: int) -> ParsedLines:
    """Parse lines, each ended by a line feed; those that are a word and ``dim`` numbers with single separators."""
    if text.isspace():
        nothing = np.zeros(0, dtype=np.int64)
        vectors = np.empty((0, dim), dtype=np.float32)
        return ParsedLines(text, text.count(b"\n"), nothing, nothing, [], vectors, np.zeros(0, dtype=np.bool_))
    codes = np.frombuffer(text, dtype=np.uint8)
    even = None if b"\t" in text else _even_rows(codes, dim)
    if even is not None:
        starts, cuts = even
        ends, n_lines, n_rows = cuts[:, -1], len(cuts), len(cuts)
        regular = np.arange(n_rows)
    else:
        text, codes, ends = _without_trailing_space(text)
        n_lines = len(ends)
        starts = np.concatenate(([0], ends[:-1] + 1))
        n_rows = int(np.searchsorted(starts, len(text.rstrip())))
        starts, ends = starts[:n_rows], ends[:n_rows]
        regular, cuts = _regular_rows(text, starts, ends, dim)

    word_spans = zip(starts[regular].tolist(), cuts[:, 0].tolist(), strict=True)
    found_words = [text[start:cut] for start, cut in word_spans]
    vectors, good = parse_short(codes, cuts)
    done = np.logical_and.reduce(good, axis=1)
    rest = np.flatnonzero(~done)
    if len(rest):
        vectors[rest] = _parse_again(text, cuts[rest], vectors[rest], good[rest])
        done[rest] = np.logical_and.reduce(np.isfinite(vectors[rest]), axis=1)
    if len(regular) == n_rows:
        text = b"" if done.all() else text  # it is as large as the vectors, and others are waiting
        return ParsedLines(text, n_lines, starts, ends, found_words, vectors, done)

    parsed = ParsedLines(
        text,
        n_lines,
        starts,
        ends,
        [b""] * n_rows,
        np.empty((n_rows, dim), dtype=np.float32),
        np.zeros(n_rows, dtype=np.bool_),
    )
    parsed.vectors[regular] = vectors
    parsed.done[regular] = done
    for row, word in zip(regular.tolist(), found_words, strict=True):
        parsed.words[row] = word
    return parsed


def _even_rows(codes: NDArray[np.uint8], dim: int) -> tuple[Positions, Positions] | None:
    """Find the rows if each is ``dim`` spaces apart from each other and a line feed, and nothing else of the kind.

    Returns:
        where rows start, shape (n,), and the positions of spaces and line feeds, shape (n, dim + 1); or ``None``.
    """
    if codes[-2:-1].tobytes() in _TRAILING:
        return None
    separators = np.flatnonzero(codes <= 0x20)
    if len(separators) % (dim + 1):
        return None
    cuts = separators.reshape(-1, dim + 1)
    kinds = codes.take(cuts)
    if not ((kinds[:, -1] == 0x0A).all() and (kinds[:, :-1] == 0x20).all()):
        return None
    if (separators[1:] - separators[:-1]).min() == 1:  # two together, or an empty word
        return None
    starts = np.concatenate(([0], cuts[:-1, -1] + 1))
    if (cuts[:, 0] - starts).max() > MAX_WORD_BYTES or (cuts[:, -1] - starts).max() > MAX_LINE_BYTES:
        return None
    return starts, cuts


def _without_trailing_space(text: bytes) -> tuple[bytes, NDArray[np.uint8], Positions]:
    """Take away carriage returns at the ends of lines, and single spaces as word2vec and fastText write them.

    Returns:
        the text; its bytes, uint8; where its lines end.
    """
    codes = np.frombuffer(text, dtype=np.uint8)
    ends = np.flatnonzero(codes == 0x0A)
    for code, end in ((0x0D, b"\r\n"), (0x20, b" \n")):
        if (codes[ends - 1] == code).any():
            text = text.replace(end, b"\n")
            codes = np.frombuffer(text, dtype=np.uint8)
            ends = np.flatnonzero(codes == 0x0A)
    return text, codes, ends


def _regular_rows(text: bytes, starts: Positions, ends: Positions, dim: int) -> tuple[Positions, Positions]:
    """Find the rows of ``dim`` separators, none next to another or to the end.

    Returns:
        their numbers, shape (k,); the positions of their separators and of their end, shape (k, dim + 1).
    """
    codes = np.frombuffer(text, dtype=np.uint8)
    is_separator = codes == 0x20
    if b"\t" in text:
        is_separator |= codes == 0x09
    separators = np.flatnonzero(is_separator)
    before = np.searchsorted(separators, ends)
    is_regular = np.diff(before, prepend=0) == dim
    doubled = separators[:-1][np.diff(separators) == 1]
    within = np.searchsorted(ends, doubled)
    is_regular[within[within < len(ends)]] = False  # past the last row there may be lines of spaces
    is_regular &= ends - starts <= MAX_LINE_BYTES
    rows = np.flatnonzero(is_regular)
    rows = rows[separators[before[rows] - dim] - starts[rows] <= MAX_WORD_BYTES]
    rows = rows[ends[rows] - separators[before[rows] - 1] > 1]
    cuts = np.empty((len(rows), dim + 1), dtype=np.int64)
    cuts[:, -1] = ends[rows]
    if len(rows) * dim == len(separators):
        cuts[:, :-1] = separators.reshape(len(rows), dim)
    else:
        cuts[:, :-1] = separators[(before[rows] - dim)[:, None] + np.arange(dim)]
    return rows, cuts


def _parse_again(text: bytes, cuts: Positions, vectors: FloatArray, good: NDArray[np.bool_]) -> FloatArray:
    """Parse what is not good yet in some rows: those tokens alone if they are few.

    Returns:
        float32, shape (n_rows, dim); NaN where there is no number.
    """
    dim = vectors.shape[1]
    rows, columns = np.nonzero(~good)
    if len(rows) * FEW > good.size:
        return _parse_tails([text[start:end] for start, end in cuts[:, [0, -1]].tolist()], dim)
    spans = zip(cuts[rows, columns].tolist(), cuts[rows, columns + 1].tolist(), strict=True)
    vectors[rows, columns] = _parse_tails([text[start:end] for start, end in spans], 1)[:, 0]
    return vectors


def _parse_tails(tails: list[bytes], dim: int) -> FloatArray:
    """Parse the ends of lines, each ``dim`` times a separator and a token; rows of NaN where they are not numbers."""
    vectors = _parse_together(tails, dim)
    if vectors is None:
        vectors = np.full((len(tails), dim), np.nan, dtype=np.float32)
        for row, tail in enumerate(tails):
            vector = _parse_together([tail], dim)
            if vector is not None:
                vectors[row] = vector
    return vectors


def _parse_together(tails: list[bytes], dim: int) -> FloatArray | None:
    flat = parse_any(b"".join(tails).replace(b"\t", b" "), len(tails) * dim)
    return None if flat is None else flat.reshape(len(tails), dim)
