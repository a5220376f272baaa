"""A block of lines of text: most are parsed by a kernel, the others one by one."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from embcomp.arrays import FloatArray
from embcomp.formats.rows import MAX_WORD_BYTES, BadRowError, parse_row
from embcomp.kernels.text import parse_rows


class ParsedLines(NamedTuple):
    """The rows of some lines: of all up to the last one that is not blank."""

    words: list[bytes]
    vectors: FloatArray
    """float32, shape (n_rows, dim)."""
    bad: dict[int, BadRowError]
    """What is wrong with rows whose word and vector do not hold, by their index."""
    n_lines: int


def parse_lines(text: bytes, dim: int) -> ParsedLines:
    """Parse lines, each ended by a line feed."""
    words, vectors, done = parse_rows(text, dim, MAX_WORD_BYTES)
    n_lines = n_rows = len(words)
    while n_rows and not done[n_rows - 1] and not words[n_rows - 1].strip():
        n_rows -= 1
    words, vectors, done = words[:n_rows], vectors[:n_rows], done[:n_rows]
    bad = {}
    for row in np.flatnonzero(~done).tolist():
        try:
            words[row], vectors[row] = parse_row(words[row], dim)
        except BadRowError as error:
            bad[row] = error
    return ParsedLines(words, vectors, bad, n_lines)
