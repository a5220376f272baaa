"""Lines of text: a word and numbers, with single spaces between."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from embcomp import kernels
from embcomp.arrays import FloatArray

_OF_NUMBERS = b"0123456789+-.eE"


def parse_rows(text: bytes, dim: int, most_word: int) -> tuple[list[bytes], FloatArray, NDArray[np.bool_]]:
    """Parse lines, each ended by a line feed, as far as that is plain.

    Args:
        text: the lines.
        dim: numbers in each, at least 1.
        most_word: bytes that a word may have.

    Returns:
        The words, or the whole line where a row is not parsed; float32, shape (n_lines, dim), of numbers rounded to
        float64 and then to float32; which rows are parsed, shape (n_lines,).
    """
    n_rows = text.count(b"\n")
    vectors = np.empty((n_rows, dim), dtype=np.float32)
    done = np.zeros(n_rows, dtype=np.bool_)
    if kernels.native is not None:
        spans = np.empty((n_rows, 2), dtype=np.int64)
        kernels.native.text_rows(text, vectors, spans, done, (n_rows, dim, most_word))
        return [text[start:end] for start, end in spans.tolist()], vectors, done
    words = text.split(b"\n")
    words.pop()
    with np.errstate(over="ignore"):
        for row, line in enumerate(words):
            word, *fields = line.rstrip().split(b" ")
            if len(fields) == dim and len(word) <= most_word and not b"".join(fields).translate(None, _OF_NUMBERS):
                try:
                    vectors[row] = list(map(float, fields))
                except ValueError:
                    continue
                done[row] = np.isfinite(vectors[row]).all()
                words[row] = word if done[row] else line
    return words, vectors, done
