"""A block of lines of text, split and parsed at once where that is safe."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from embcomp.arrays import FloatArray
from embcomp.formats.decimals import Positions, parse_any, parse_short
from embcomp.formats.rows import MAX_LINE_BYTES, MAX_WORD_BYTES

FEW = 8  # a token alone takes as long as some in a row


@dataclass
class ParsedLines:
    """Lines, and the rows that were parsed without examining each line."""

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
    for end in (b"\r\n", b" \n"):  # as word2vec and fastText write it
        if text.endswith(end):
            text = text.replace(end, b"\n")
    codes = np.frombuffer(text, dtype=np.uint8)
    starts, ends, regular, cuts = _cut(codes, dim)
    n_lines = len(ends)
    if text[-2:].isspace() or n_lines == len(text):  # the last line may be blank
        n_rows = int(np.searchsorted(starts, len(text.rstrip())))
        starts, ends = starts[:n_rows], ends[:n_rows]

    spans = zip(starts[regular].tolist(), cuts[:, 0].tolist(), strict=True)
    words = [text[start:cut] for start, cut in spans]
    vectors, good = parse_short(codes, cuts)
    done = np.logical_and.reduce(good, axis=1)
    rest = np.flatnonzero(~done)
    if len(rest):
        vectors[rest] = _parse_again(text, cuts[rest], vectors[rest], good[rest])
        done[rest] = np.logical_and.reduce(np.isfinite(vectors[rest]), axis=1)
    if len(regular) == len(starts):
        text = b"" if done.all() else text  # it is as large as the vectors, and others are waiting
        return ParsedLines(text, n_lines, starts, ends, words, vectors, done)

    parsed = ParsedLines(
        text, n_lines, starts, ends, [b""] * len(starts), np.zeros((len(starts), dim), np.float32), starts < 0
    )
    parsed.vectors[regular] = vectors
    parsed.done[regular] = done
    for row, word in zip(regular.tolist(), words, strict=True):
        parsed.words[row] = word
    return parsed


def _cut(codes: NDArray[np.uint8], dim: int) -> tuple[Positions, Positions, Positions, Positions]:
    """Find the lines, and among them the regular ones: ``dim`` spaces or tabs, none next to another or to the end.

    Returns:
        Where lines start and end, shape (n,); the numbers of the regular ones, shape (k,), and the positions of their
        separators and of their end, shape (k, dim + 1).
    """
    separators = np.flatnonzero(codes <= 0x20)
    kinds = codes.take(separators)
    last = np.flatnonzero(kinds == 0x0A)
    ends = separators[last]
    starts = np.concatenate(([0], ends[:-1] + 1))
    is_regular = last - np.concatenate(([-1], last[:-1])) == dim + 1
    is_regular &= ends - starts <= MAX_LINE_BYTES
    gaps = separators[1:] - separators[:-1]
    if gaps.min(initial=2) == 1 or np.count_nonzero(kinds == 0x20) + len(last) < len(kinds):
        empty = np.flatnonzero((gaps == 1) & (kinds[:-1] != 0x0A))
        strange = np.flatnonzero((kinds != 0x20) & (kinds != 0x09) & (kinds != 0x0A))
        is_regular[np.searchsorted(last, np.concatenate((empty, strange)))] = False
    rows = np.flatnonzero(is_regular)
    if len(rows) * (dim + 1) == len(separators):
        cuts = separators.reshape(len(rows), dim + 1)
    else:
        cuts = separators[last[rows, None] + np.arange(-dim, 1)]
    short = cuts[:, 0] - starts[rows] <= MAX_WORD_BYTES
    return (starts, ends, rows, cuts) if short.all() else (starts, ends, rows[short], cuts[short])


def _parse_again(text: bytes, cuts: Positions, vectors: FloatArray, good: NDArray[np.bool_]) -> FloatArray:
    """Parse the tokens that are still missing in some rows; only those tokens if they are few.

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
