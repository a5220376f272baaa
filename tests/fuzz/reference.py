"""Slow second readers of other programs' files. They share no code with the package."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embcomp.formats import ReadOptions

Read = tuple[list[str], NDArray[np.float32]] | None
Reference = Callable[[bytes, ReadOptions], Read]
"""Returns words and vectors of a file; ``None``: it is damaged, or must be refused with these options."""

MAX_DIM = 2**20
MAX_WORD_BYTES = 2**20


def npy(data: bytes, options: ReadOptions) -> Read:
    """Two arrays, vectors and the words, as NumPy reads them."""
    file = io.BytesIO(data)
    try:
        vectors = np.lib.format.read_array(file, allow_pickle=False)
        text = np.lib.format.read_array(file, allow_pickle=False)
    except Exception:  # NumPy has many
        return None
    if file.read() or vectors.ndim != 2 or not 1 <= vectors.shape[1] <= MAX_DIM or vectors.dtype.kind not in "fiu":
        return None
    if text.dtype != np.uint8 or text.ndim != 1:
        return None
    *lines, rest = text.tobytes().split(b"\n")
    lines += [rest] if rest else []
    if len(lines) != len(vectors) or any(len(line) > MAX_WORD_BYTES for line in lines):
        return None
    return chosen_rows(lines, vectors, options)


def chosen_rows(lines: list[bytes], vectors: NDArray[Any], options: ReadOptions) -> Read:
    """Apply the options, one row after the other."""
    kept: dict[str, NDArray[np.float32]] = {}
    with np.errstate(over="ignore", invalid="ignore"):
        rows = vectors.astype(np.float32)
    for line, row in zip(lines[: options.limit], rows, strict=False):
        try:
            word = line.decode("utf-8", options.encoding_errors)
        except UnicodeDecodeError:
            return None
        if not np.isfinite(row).all():
            if options.bad_rows == "error":
                return None
            continue
        if word in kept and options.duplicates == "error":
            return None
        kept.setdefault(word, row)
    if not kept:
        return None
    matrix = np.array(list(kept.values()), dtype=np.float32).reshape(len(kept), vectors.shape[1])
    return list(kept), matrix
