"""NumPy's ``.npy`` beside a list of words: two files, the second with one word per line."""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.lib import format as npy_format
from numpy.typing import NDArray

from embcomp.errors import InputError
from embcomp.files import replacing
from embcomp.formats.format import BLOCK_BYTES, Block, Format, Rows, Table, matrix_blocks
from embcomp.formats.options import ReadOptions
from embcomp.formats.rows import MAX_DIM, decode_words, shown
from embcomp.formats.stream import ByteStream, open_stream

MAX_WORD_LIST_BYTES = 1 << 32
MAX_HEADER_BYTES = 1 << 16
LINE_FEED = b"\n"


def _recognise(stream: ByteStream) -> bool:
    return stream.peek(6) == b"\x93NUMPY"


def _read(stream: ByteStream, options: ReadOptions) -> Rows:
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
    words = words[: options.limit]
    if fortran_order and dim > 1:  # column after column
        return Rows(dim, matrix_blocks(words, _mapped(stream)), stream.row)
    return Rows(dim, _next_rows(stream, words, dim, dtype), stream.row)


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


def _next_rows(stream: ByteStream, words: list[str], dim: int, dtype: np.dtype[Any]) -> Iterator[Block]:
    """C order: row after row."""
    step = max(1, BLOCK_BYTES // (4 * dim))
    for start in range(0, len(words), step):
        block = words[start : start + step]
        size = len(block) * dim * dtype.itemsize
        data = stream.read(size)
        if len(data) < size:
            n_rows = start + len(data) // (dim * dtype.itemsize)
            raise InputError(f"{stream.name}: header promises {len(words)} rows, the file has {n_rows}")
        yield Block(block, np.frombuffer(data, dtype=dtype).reshape(len(block), dim))


def _mapped(stream: ByteStream) -> NDArray[Any]:
    if stream.path is None or stream.compression is not None:
        raise InputError(f"{stream.name}: is in Fortran order, expected C order where it is no plain file")
    try:
        mapped: NDArray[Any] = np.load(stream.path, mmap_mode="r", allow_pickle=False)
    except (ValueError, OSError) as error:
        raise InputError(f"{stream.name}: cannot be mapped: {error}") from error
    return mapped


def _word_list_path(stream: ByteStream, options: ReadOptions) -> Path:
    if options.words is not None:
        return options.words
    path = Path(stream.name)
    for candidate in (_words_beside(path), path.with_suffix(".words.txt")):
        if candidate.is_file():
            return candidate
    raise InputError(f"{stream.name}: has no word list beside it, expected {path.name}.words.txt or `words`")


def _words_beside(path: Path) -> Path:
    return path.with_name(f"{path.name}.words.txt")


def _read_words(path: Path, encoding_errors: str) -> list[str]:
    """One word per line; a carriage return before each line feed is part of the line's end."""
    with open_stream(path) as stream:
        data = stream.read(MAX_WORD_LIST_BYTES)
        if data.count(b"\r\n") == data.count(LINE_FEED):
            data = data.replace(b"\r\n", LINE_FEED)
        n_words = data.count(LINE_FEED) + (data[-1:] not in (b"", LINE_FEED))
        data = data.removesuffix(LINE_FEED)
        return decode_words(data, LINE_FEED, encoding_errors, stream.line, range(1, n_words + 1))


def _write(out: BinaryIO, table: Table) -> None:
    """Write the array, and the words into a file beside it."""
    with replacing(_words_beside(Path(table.name)), force=table.force) as words_out:
        header = {"descr": "<f4", "fortran_order": False, "shape": (table.n_rows, table.dim)}
        npy_format.write_array_header_1_0(out, header)
        for words, vectors in table.blocks(_problem):
            out.write(vectors.tobytes())
            words_out.write(b"".join(b"%b\n" % word for word in words))


def _problem(word: str) -> str | None:
    """Say what a word must be to come back from a list with one word per line."""
    if "\n" in word:
        return "words without line feeds"
    return "words that do not end with a carriage return" if word.endswith("\r") else None


NPY = Format("npy", (".npy",), _recognise, _read, _write)
