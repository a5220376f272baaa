"""NumPy's ``.npy`` beside a list of words: two files, the second with one word per line."""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib import format as npy_format
from numpy.typing import NDArray

from embcomp.errors import InputError
from embcomp.formats.matrix import MatrixParser, rows_per_block
from embcomp.formats.options import ReadOptions
from embcomp.formats.rows import MAX_DIM, shown
from embcomp.formats.stream import ByteStream

MAX_WORD_LIST_BYTES = 1 << 32
MAX_HEADER_BYTES = 1 << 16
LINE_FEED = b"\n"

Rows = Iterator[tuple[list[str], NDArray[Any]]]


def open_npy(stream: ByteStream, options: ReadOptions) -> MatrixParser:
    """Read a two-dimensional array of numbers and its word list.

    Raises:
        InputError: it is another kind of array, or the word list is missing or has another length.
    """
    shape, fortran_order, dtype = _read_header(stream)
    if dtype.hasobject:
        raise InputError(f"{stream.name}: holds pickled objects, expected numbers; such arrays are never loaded")
    if dtype.kind not in "fiu":
        raise InputError(f"{stream.name}: is an array of {dtype}, expected real numbers")
    if len(shape) != 2 or not 1 <= shape[1] <= MAX_DIM:
        raise InputError(f"{stream.name}: is an array of shape {shape}, expected (rows, 1 to {MAX_DIM} dimensions)")
    n_rows, dim = shape
    words = _read_words(_word_list_path(stream, options), options.encoding_errors)
    if len(words) != n_rows:
        raise InputError(f"{stream.name}: {n_rows} rows, but {len(words)} words in the word list")
    n_wanted = min(n_rows, options.limit or n_rows)
    del words[n_wanted:]
    rows = _mapped_rows(stream, words) if fortran_order and dim > 1 else _next_rows(stream, words, dim, dtype)
    return MatrixParser(stream.name, "npy", dim, rows, options.bad_rows)


def _read_header(stream: ByteStream) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    readers = {(1, 0): npy_format.read_array_header_1_0, (2, 0): npy_format.read_array_header_2_0}
    head = BytesIO(stream.peek(MAX_HEADER_BYTES))
    try:
        version = npy_format.read_magic(head)
        if version not in readers:
            raise InputError(f"{stream.name}: is .npy version {version}, expected (1, 0) or (2, 0)")
        header: tuple[tuple[int, ...], bool, np.dtype[Any]] = readers[version](head)
    except (ValueError, TypeError, SyntaxError) as error:
        raise InputError(f"{stream.name}: the .npy header is damaged: {shown(str(error))}") from error
    stream.read(head.tell())
    return header


def _next_rows(stream: ByteStream, words: list[str], dim: int, dtype: np.dtype[Any]) -> Rows:
    """C order: row after row."""
    step = rows_per_block(dim)
    for start in range(0, len(words), step):
        block = words[start : start + step]
        size = len(block) * dim * dtype.itemsize
        data = stream.read(size)
        if len(data) < size:
            n_rows = start + len(data) // (dim * dtype.itemsize)
            raise InputError(f"{stream.name}: header promises {len(words)} rows, the file has {n_rows}")
        yield block, np.frombuffer(data, dtype=dtype).reshape(len(block), dim)


def _mapped_rows(stream: ByteStream, words: list[str]) -> Rows:
    """Fortran order: column after column, so that the file must be one that can be mapped."""
    if stream.path is None or stream.compression is not None:
        raise InputError(f"{stream.name}: is in Fortran order, expected C order where it is no plain file")
    try:
        matrix = np.load(stream.path, mmap_mode="r", allow_pickle=False)
    except (ValueError, OSError) as error:
        raise InputError(f"{stream.name}: cannot be mapped: {error}") from error
    step = rows_per_block(matrix.shape[1])
    for start in range(0, len(words), step):
        block = words[start : start + step]
        yield block, matrix[start : start + len(block)]


def _word_list_path(stream: ByteStream, options: ReadOptions) -> Path:
    if options.words is not None:
        return options.words
    path = Path(stream.name)
    for candidate in (path.with_name(f"{path.name}.words.txt"), path.with_suffix(".words.txt")):
        if candidate.is_file():
            return candidate
    raise InputError(
        f"{stream.name}: has no word list beside it, expected {path.name}.words.txt or the option --words"
    )


def _read_words(path: Path, encoding_errors: str) -> list[str]:
    """One word per line; a carriage return before each line feed is part of the line's end."""
    with ByteStream(path) as stream:
        data = stream.read(MAX_WORD_LIST_BYTES)
    if data.count(b"\r\n") == data.count(LINE_FEED):
        data = data.replace(b"\r\n", LINE_FEED)
    try:
        words = data.decode("utf-8", encoding_errors).split("\n")
    except UnicodeDecodeError as error:
        line = data.count(LINE_FEED, 0, error.start)
        raise InputError(
            f"{path}:{line + 1}: {shown(data.split(LINE_FEED)[line])} is not valid UTF-8 ({error.reason}); "
            f"--encoding-errors replace or ignore gets past it"
        ) from None
    return words[:-1] if words[-1] == "" else words
