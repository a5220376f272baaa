"""A block of lines of text, split and parsed at once where that is safe."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from embcomp.arrays import FloatArray
from embcomp.formats.decimals import Positions, parse_any, parse_short
from embcomp.formats.rows import MAX_LINE_BYTES, MAX_WORD_BYTES, BadRowError, parse_row

FEW = 8  # a token alone takes as long as some in a row


class ParsedLines(NamedTuple):
    """The rows of some lines: of all up to the last one that is not blank."""

    words: list[bytes]
    vectors: FloatArray
    """float32, shape (n_rows, dim)."""
    bad: dict[int, BadRowError]
    """What is wrong with rows whose word and vector do not hold, by their index."""
    n_lines: int


def parse_lines(text: bytes, dim: int) -> ParsedLines:
    """Parse lines, each ended by a line feed.

    Rows of a word and ``dim`` numbers with single separators are parsed together, all others one by one.
    """
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
    if len(regular) < len(starts):
        words, vectors, done = _spread(regular, len(starts), words, vectors, done)
    bad = {}
    for row in np.flatnonzero(~done).tolist():
        try:
            words[row], vectors[row] = parse_row(text[starts[row] : ends[row]], dim)
        except BadRowError as error:
            bad[row] = error
    return ParsedLines(words, vectors, bad, n_lines)


def _spread(
    rows: Positions, n_rows: int, words: list[bytes], vectors: FloatArray, done: NDArray[np.bool_]
) -> tuple[list[bytes], FloatArray, NDArray[np.bool_]]:
    """Put words and vectors where their rows are among others, which are not done."""
    all_words, all_vectors = [b""] * n_rows, np.empty((n_rows, vectors.shape[1]), dtype=np.float32)
    all_done = np.zeros(n_rows, dtype=np.bool_)
    all_vectors[rows], all_done[rows] = vectors, done
    for row, word in zip(rows.tolist(), words, strict=True):
        all_words[row] = word
    return all_words, all_vectors, all_done


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
