"""Slow second readers of other programs' files. They share no code with the package."""

from __future__ import annotations

import io
import re
import struct
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embcomp.formats import ReadOptions

Read = tuple[list[str], NDArray[np.float32]] | None
Reference = Callable[[bytes, ReadOptions], Read]
"""Returns words and vectors of a file; ``None``: it is damaged, or must be refused with these options."""


class UndecidedError(Exception):
    """Numbers so large that the outcome depends on the order in which they are added up."""


MAX_DIM = 2**20
MAX_WORD_BYTES = 2**20


def npy(data: bytes, options: ReadOptions) -> Read:
    """Two arrays, vectors and the words, as NumPy reads them."""
    if data[6:8] == b"\x03\0":  # for records only
        return None
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


# fastText


class _DamagedError(Exception):
    """A rule of the format does not hold."""


class _Bytes:
    """Reads from front to back."""

    def __init__(self, data: bytes) -> None:
        self.data, self.at = data, 0

    def take(self, size: int) -> bytes:
        _require(0 <= size <= len(self.data) - self.at)
        self.at += size
        return self.data[self.at - size : self.at]

    def number(self, size: int) -> int:
        return int.from_bytes(self.take(size), "little", signed=True)

    def reals(self, count: int) -> list[float]:
        return [each for (each,) in struct.iter_unpack("<f", self.take(4 * count))]

    def word(self) -> bytes:
        word = b""
        while (letter := self.take(1)) != b"\0":
            word += letter
        _require(len(word) <= 2**14)
        return word


def _require(condition: bool) -> None:
    if not condition:
        raise _DamagedError


def fasttext(data: bytes, options: ReadOptions) -> Read:
    """A model, byte after byte and subword after subword."""
    try:
        lines, vectors = _model(_Bytes(data), options.limit)
    except _DamagedError:
        return None
    return chosen_rows(lines, vectors, options)


def _model(file: _Bytes, limit: int | None) -> tuple[list[bytes], NDArray[np.float64]]:
    _require(file.take(4) == b"\xba\x16\x4f\x2f")
    version = file.number(4)
    dim, _, _, _, _, _, _, kind, n_buckets, shortest, longest, _ = (file.number(4) for _ in range(12))
    file.take(8)
    if version == 11 and kind == 3:
        longest = 0
    _require(version in (11, 12) and 1 <= dim <= MAX_DIM and n_buckets >= 0 and longest <= 32)
    n_entries, n_words, n_labels = (file.number(4) for _ in range(3))
    file.take(8)
    n_pruned = file.number(8)
    _require(n_words >= 0 and n_labels >= 0 and n_words + n_labels == n_entries)
    words = []
    for number in range(n_entries):
        word = file.word()
        file.take(8)
        _require(file.number(1) == (number >= n_words) and not re.search(rb"[\x80-\xbf]{33}", word))
        words.append(word)
    pruned: dict[int, int] = {}
    for _ in range(n_pruned):
        bucket, row = file.number(4), file.number(4)
        _require(bucket >= 0 and row >= 0)
        pruned.setdefault(bucket, row)
    rows, n_rows = _rows_of_matrix(file, dim)
    n_left = max([row + 1 for row in pruned.values()], default=0) if n_pruned >= 0 else n_buckets
    _require(n_rows >= n_words + (n_left if longest > 0 and n_buckets else 0))
    vectors = []
    for number, word in enumerate(words[:n_words][:limit]):
        chosen = [number]
        for subword in subwords(word, shortest, longest) if n_buckets and word != b"</s>" else []:
            bucket = fnv(subword) % n_buckets
            if n_pruned < 0 or bucket in pruned:
                chosen.append(n_words + (bucket if n_pruned < 0 else pruned[bucket]))
        added = [rows(row) for row in chosen]
        if any(1e30 < largest < np.inf for largest in (float(np.abs(each).max()) for each in added)):
            raise UndecidedError
        vectors.append(sum(added) / len(chosen))
    return words[:n_words][:limit], np.array(vectors).reshape(len(vectors), dim)


def _rows_of_matrix(file: _Bytes, dim: int) -> tuple[Callable[[int], NDArray[np.float64]], int]:
    if file.take(1) == b"\0":
        n_rows, n_columns = file.number(8), file.number(8)
        _require(n_rows >= 0 and n_columns == dim)
        matrix = np.frombuffer(file.take(4 * n_rows * dim), "<f4").reshape(n_rows, dim).astype(np.float64)
        return matrix.__getitem__, n_rows
    has_lengths, n_rows, n_columns, n_codes = file.take(1) != b"\0", file.number(8), file.number(8), file.number(4)
    _require(n_rows >= 0 and n_columns == dim)
    codes = file.take(n_codes)
    books = _books(file, dim)
    _require(len(codes) == n_rows * len(books))
    length_codes = file.take(n_rows) if has_lengths else b""
    lengths = _books(file, 1)[0] if has_lengths else []

    def row(number: int) -> NDArray[np.float64]:
        own = codes[number * len(books) : (number + 1) * len(books)]
        vector = [each for book, code in zip(books, own, strict=True) for each in book[code]]
        return np.array(vector) * (lengths[length_codes[number]][0] if has_lengths else 1.0)

    return row, n_rows


def _books(file: _Bytes, dim: int) -> list[list[list[float]]]:
    n_columns, n_symbols, width, last = (file.number(4) for _ in range(4))
    _require(n_columns == dim and n_symbols >= 1 and 1 <= last <= width and (n_symbols - 1) * width + last == dim)
    return [[file.reals(each) for _ in range(256)] for each in [width] * (n_symbols - 1) + [last]]


def subwords(word: bytes, shortest: int, longest: int) -> list[bytes]:
    """All of them, with repetitions, in any order; characters are bytes and those that go on with them."""
    letters = [match[0] for match in re.finditer(rb"[^\x80-\xbf][\x80-\xbf]*", b"<" + word + b">")]
    found = []
    for start in range(len(letters)):
        for end in range(start + max(1, shortest), min(start + longest, len(letters)) + 1):
            if end - start > 1 or 0 < start < len(letters) - 1:
                found.append(b"".join(letters[start:end]))
    return found


def fnv(text: bytes) -> int:
    """FNV-1a in 32 bits, of bytes with a sign."""
    value = 2166136261
    for each in text:
        value = ((value ^ (each if each < 128 else each + 0xFFFFFF00)) * 16777619) % 2**32
    return value
