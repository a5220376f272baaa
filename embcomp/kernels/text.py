"""Lines of text: a word and numbers, with single spaces between."""

from __future__ import annotations

from types import ModuleType

import numpy as np
from numpy.typing import NDArray

from embcomp import kernels
from embcomp.arrays import FloatArray

Parsed = tuple[bytes, FloatArray, NDArray[np.bool_]]

_OF_NUMBERS = b"0123456789+-.eE"


def count_lines(text: bytes) -> int:
    """Return the number of line feeds."""
    return text.count(b"\n") if kernels.native is None else int(kernels.native.text_lines(text))


def parse_rows(text: bytes, dim: int, most_word: int, n_lines: int | None = None) -> Parsed:
    """Parse lines, each ended by a line feed, as far as that is plain.

    Args:
        text: the lines.
        dim: numbers in each, at least 1.
        most_word: bytes that a word may have.
        n_lines: how many lines there are, where that is known.

    Returns:
        The words, joined by line feeds, or the whole line where a row is not parsed; float32, shape (n_lines, dim),
        of numbers rounded to float64 and then to float32; which rows are parsed, shape (n_lines,).
    """
    if kernels.native is not None:
        return _in_c(kernels.native, text, count_lines(text) if n_lines is None else n_lines, dim, most_word)
    words = text.split(b"\n")
    words.pop()
    vectors = np.empty((len(words), dim), dtype=np.float32)
    done = np.zeros(len(words), dtype=np.bool_)
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
    return b"\n".join(words), vectors, done


def _in_c(native: ModuleType, text: bytes, n_rows: int, dim: int, most_word: int) -> Parsed:
    words = np.empty(len(text), dtype=np.uint8)
    vectors = np.empty((n_rows, dim), dtype=np.float32)
    done = np.empty(n_rows, dtype=np.bool_)
    n_bytes = native.text_rows(text, words, vectors, done, (n_rows, dim, most_word))
    return words[: max(0, n_bytes - 1)].tobytes(), vectors, done
