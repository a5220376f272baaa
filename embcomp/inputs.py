"""What callers give as words and vectors, turned into an :class:`Embedding`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from embcomp.arrays import FloatArray
from embcomp.embedding import Embedding, Source
from embcomp.errors import InputError
from embcomp.threads import CHUNK_ROWS


def as_embedding(words: Any, vectors: Any) -> Embedding:
    """Check words and vectors and return them as an embedding.

    Args:
        words: n distinct strings: any sequence, NumPy array, or pandas index or column.
        vectors: n rows of finite numbers: whatever NumPy turns into an array of two dimensions. Float32 in C order is
            used as it is, everything else is copied.

    Raises:
        InputError: in one line, what was found and what was expected.
    """
    listed = as_words(words)
    embedding = Embedding(listed, as_matrix(vectors))
    _refuse_repeated(listed)
    _refuse_not_finite(embedding)
    return replace(embedding, source=Source(rows=len(embedding), dim=embedding.dim))


def as_words(words: Any) -> list[str]:
    """Return words as a list of plain strings.

    Raises:
        InputError: it is no sequence, or an item is no string.
    """
    if isinstance(words, str | bytes):
        raise InputError(f"words must be a sequence of strings, got one {type(words).__name__}")
    try:
        listed = words.tolist() if hasattr(words, "tolist") else list(words)
    except TypeError as error:
        raise InputError(f"words must be a sequence of strings, got {type(words).__name__}") from error
    if not isinstance(listed, list):
        raise InputError(f"words must be a sequence of strings, got {listed!r}")
    for row, word in enumerate(listed):
        if not isinstance(word, str):
            raise InputError(f"word {row} must be a string, got {word!r}")
    return [word if type(word) is str else str(word) for word in listed]


def as_matrix(vectors: Any) -> FloatArray:
    """Return vectors as float32, C order, shape (n, dim).

    Raises:
        InputError: they are no numbers, or have another number of dimensions than two.
    """
    if hasattr(vectors, "detach"):  # a torch tensor that has a gradient does not turn into an array by itself
        vectors = vectors.detach()
    try:
        array = np.asarray(vectors)
        if array.dtype.kind not in "fiubO":
            raise InputError(f"vectors must be numbers, got {array.dtype}")
        with np.errstate(over="ignore"):  # too large for float32 is infinite, which is refused by row
            return np.asarray(array, dtype=np.float32, order="C")
    except (TypeError, ValueError, RuntimeError) as error:
        reason = " ".join(str(error).split())
        raise InputError(f"vectors must be a matrix of numbers, got {type(vectors).__name__}: {reason}") from error


def _refuse_repeated(words: Sequence[str]) -> None:
    if len(set(words)) == len(words):
        return
    first_rows: dict[str, int] = {}
    for row, word in enumerate(words):
        first = first_rows.setdefault(word, row)
        if first != row:
            raise InputError(f"words must be distinct, got {word!r} in rows {first} and {row}")


def _refuse_not_finite(embedding: Embedding) -> None:
    for start in range(0, len(embedding), CHUNK_ROWS):
        finite = np.isfinite(embedding.vectors[start : start + CHUNK_ROWS])
        if not finite.all():
            row, column = (int(place) for place in np.argwhere(~finite)[0])
            raise InputError(
                f"vectors must be finite float32, got {embedding.vectors[start + row, column]} "
                f"in row {start + row} ({embedding.words[start + row]!r}), column {column}"
            )
