"""A block of lines of text: most are parsed by a kernel, the others one by one."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from embcomp.arrays import FloatArray
from embcomp.formats.rows import MAX_WORD_BYTES, BadRowError, parse_row
from embcomp.kernels.text import count_lines, parse_rows

FEW_LINES = 64

Pieces = tuple[bytes | memoryview, ...]  # of a text


class ParsedLines(NamedTuple):
    """The rows of some lines: of all up to the last one that is not blank."""

    words: bytes
    """Joined by line feeds."""
    vectors: FloatArray
    """float32, shape (n_rows, dim)."""
    bad: dict[int, BadRowError]
    """What is wrong with rows whose word and vector do not hold, by their index."""
    n_lines: int


def parse_pieces(pieces: Pieces, dim: int) -> Iterable[ParsedLines]:
    """Parse the lines of a text, each ended by a line feed.

    A text that has more lines than rows of ``dim`` numbers can be, whose vectors would take far more bytes, is parsed
    in pieces, when they are wanted.
    """
    text = b"".join(pieces)
    most = max(FEW_LINES, len(text) // (2 * dim))
    n_lines = count_lines(text)
    if n_lines <= most:
        return [parse_lines(text, dim, n_lines)]
    ends = np.flatnonzero(np.frombuffer(text, dtype=np.uint8) == 0x0A) + 1
    return (parse_lines(text[start:end], dim) for start, end in pairwise([0, *ends[most - 1 : -1 : most], len(text)]))


def parse_lines(text: bytes, dim: int, n_lines: int | None = None) -> ParsedLines:
    """Parse lines, each ended by a line feed; ``n_lines`` is their number, where it is known."""
    words, vectors, done = parse_rows(text, dim, MAX_WORD_BYTES, n_lines)
    if done.all():
        return ParsedLines(words, vectors, {}, len(done))
    each = words.split(b"\n")
    while each and not done[len(each) - 1] and not each[-1].strip():
        each.pop()
    bad = {}
    for row in np.flatnonzero(~done[: len(each)]).tolist():
        try:
            each[row], vectors[row] = parse_row(each[row], dim)
        except BadRowError as error:
            bad[row] = error
    return ParsedLines(b"\n".join(each), vectors[: len(each)], bad, len(done))
