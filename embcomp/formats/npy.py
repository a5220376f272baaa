"""NumPy's ``.npy``: an array of vectors, and the words: in the same file, or one a line in a list beside it.

What is written here is one file, so that no old words can stand beside new vectors: the array of vectors, and after
it a second array, of bytes: the words in UTF-8, each ended by a line feed. NumPy reads the first array as if it were
alone, mapped too; and both from an open file::

    with open("vectors.npy", "rb") as file:
        vectors = np.load(file)
        words = np.load(file).tobytes().decode().split("\\n")[:-1]

A file without words of its own needs a list: ``word_list``, or a file of the same name with ``.words.txt``.
"""

from __future__ import annotations

import io
import os
import warnings
from collections.abc import Callable, Iterator
from functools import partial
from itertools import islice
from pathlib import Path
from tokenize import TokenError
from typing import Any, BinaryIO, NamedTuple

import numpy as np
from numpy.lib import format as npy_format

from embcomp.errors import InputError
from embcomp.formats.format import BLOCK_BYTES, Block, Format, Rows, Table
from embcomp.formats.options import ReadOptions
from embcomp.formats.rows import MAX_DIM, decode_words, shown
from embcomp.formats.stream import READ_BYTES, ByteStream, open_stream
from embcomp.formats.word_lists import LINE_FEED, lines_of, lines_of_list

PARSERS = {(1, 0): npy_format.read_array_header_1_0, (2, 0): npy_format.read_array_header_2_0}
MAX_HEADER_BYTES = 10_000  # NumPy's own limit
MAX_AXES, MAX_LENGTH = 64, 2**63  # likewise
DAMAGE = (
    *(ArithmeticError, AttributeError, LookupError, MemoryError, RuntimeError),
    *(SyntaxError, TokenError, TypeError, ValueError),
)  # what NumPy raises for headers


class Header(NamedTuple):
    """What an array is, and where its numbers start."""

    shape: tuple[int, ...]
    fortran_order: bool
    dtype: np.dtype[Any]
    start: int

    @property
    def row_bytes(self) -> int:
        """Bytes of a row of a matrix."""
        return self.shape[1] * self.dtype.itemsize

    @property
    def end(self) -> int:
        """Where the numbers of a matrix end."""
        return self.start + self.shape[0] * self.row_bytes


def _read(stream: ByteStream, options: ReadOptions) -> Rows:
    header = _header(stream.name, stream.peek(MAX_HEADER_BYTES))
    if header.dtype.kind not in "fiu":
        raise InputError(f"{stream.name}: is an array of {header.dtype}, expected real numbers")
    if len(header.shape) != 2 or not 1 <= header.shape[1] <= MAX_DIM:
        raise InputError(
            f"{stream.name}: is an array of shape {header.shape}, expected (rows, 1 to {MAX_DIM} dimensions)"
        )
    return Rows(header.shape[1], _blocks(stream, header, options), stream.row)


def _header(name: str, head: bytes) -> Header:
    """Parse what an array starts with."""
    version = (*head[6:8],)
    if len(version) == 2 and version not in PARSERS:
        raise InputError(f"{name}: is .npy version {version}, expected (1, 0) or (2, 0)")
    file = io.BytesIO(head)
    try:
        parse = PARSERS[npy_format.read_magic(file)]
        with warnings.catch_warnings(action="ignore"):  # of headers that Python 2 wrote
            shape, fortran_order, dtype = parse(file)
        if len(shape) > MAX_AXES or not all(0 <= length < MAX_LENGTH for length in shape):
            raise ValueError(f"shape is not valid: {shape}")
    except DAMAGE as error:
        raise InputError(f"{name}: the .npy header is damaged: {shown(str(error))}") from error
    if dtype.hasobject:
        raise InputError(f"{name}: holds pickled objects, expected numbers; such arrays are never loaded")
    return Header(shape, fortran_order, dtype, file.tell())


# Vectors


def _blocks(stream: ByteStream, header: Header, options: ReadOptions) -> Iterator[Block]:
    """Rows of a file that is mapped, with the words that come after them, or those of a list."""
    with stream.as_file() as path, path.open("rb") as file:
        stream.require_same(file)
        n_bytes = os.fstat(file.fileno()).st_size
        if n_bytes < header.end:
            n_rows = max(0, (n_bytes - header.start) // header.row_bytes)
            raise InputError(f"{stream.name}: header promises {header.shape[0]} rows, the file has {n_rows}")
        if options.word_list is None and n_bytes > header.end:
            lines = _own_lines(stream, file, header.end, n_bytes)
            yield from _rows_of(file, header, _word_blocks(stream, header, options, lines, stream.row))
            return
        with open_stream(_word_list_path(stream, options)) as listed:
            words = _word_blocks(stream, header, options, lines_of_list(listed), listed.line)
            yield from _rows_of(file, header, words)


def _rows_of(file: BinaryIO, header: Header, word_blocks: Iterator[list[str]]) -> Iterator[Block]:
    n_done = 0
    for words in word_blocks:
        order: Any = "F" if header.fortran_order else "C"
        matrix = np.memmap(file, header.dtype, "r", header.start, header.shape, order)
        yield Block(words, matrix[n_done : n_done + len(words)])
        n_done += len(words)


# Words


def _word_blocks(
    stream: ByteStream, header: Header, options: ReadOptions, lines: Iterator[bytes], place: Callable[[int], str]
) -> Iterator[list[str]]:
    """Yield the words of one block of rows after the other, in the end to know that there are as many as rows."""
    n_rows, step = header.shape[0], max(1, BLOCK_BYTES // (4 * header.shape[1]))
    n_wanted = min(n_rows, options.limit or n_rows)
    for start in range(0, n_wanted, step):
        block = list(islice(lines, min(step, n_wanted - start)))
        if block:
            numbers = range(start + 1, start + 1 + len(block))
            yield decode_words(LINE_FEED.join(block), LINE_FEED, options.encoding_errors, place, numbers)
        if len(block) < min(step, n_wanted - start):
            raise _mismatch(stream, header, start + len(block))
    n_more = sum(1 for _ in lines)
    if n_wanted + n_more != n_rows:
        raise _mismatch(stream, header, n_wanted + n_more)


def _mismatch(stream: ByteStream, header: Header, n_words: int) -> InputError:
    return InputError(f"{stream.name}: {header.shape[0]} rows, but {n_words} words in the word list")


def _own_lines(stream: ByteStream, file: BinaryIO, start: int, end: int) -> Iterator[bytes]:
    """The words that follow the vectors in the same file, not yet decoded."""
    stream.require_words_within(end - start)
    file.seek(start)
    header = _header(stream.name, file.read(MAX_HEADER_BYTES))
    n_bytes = end - start - header.start
    if header.dtype != np.uint8 or header.shape != (n_bytes,):
        raise InputError(
            f"{stream.name}: after the vectors is an array of {header.dtype} of shape {header.shape}, "
            f"expected the words: uint8 of shape {(n_bytes,)}"
        )
    file.seek(start + header.start)
    return lines_of(stream.name, iter(partial(file.read, READ_BYTES), b""))


def _word_list_path(stream: ByteStream, options: ReadOptions) -> Path:
    if options.word_list is not None:
        return options.word_list
    path = Path(stream.name)
    for candidate in (path.with_name(f"{path.name}.words.txt"), path.with_suffix(".words.txt")):
        if os.path.isfile(candidate):  # noqa: PTH113  a name that is too long is no file
            return candidate
    raise InputError(
        f"{stream.name}: has no words in it and no word list beside it, expected {path.name}.words.txt or `word_list`"
    )


# Writing


def _write(out: BinaryIO, table: Table) -> None:
    """Write the vectors as they come, then the words."""
    shape: tuple[int, ...] = (table.n_rows, table.dim)
    npy_format.write_array_header_1_0(out, {"descr": "<f4", "fortran_order": False, "shape": shape})
    text = bytearray()
    for words, vectors in table.blocks(_problem):
        out.write(vectors.tobytes())
        text += b"".join(b"%b\n" % word for word in words)
    npy_format.write_array_header_1_0(out, {"descr": "|u1", "fortran_order": False, "shape": (len(text),)})
    out.write(text)


def _problem(word: str) -> str | None:
    """Say what a word must be to be one line."""
    return "words without line feeds" if "\n" in word else None


NPY = Format("npy", (".npy",), lambda stream: stream.peek(6) == npy_format.MAGIC_PREFIX, _read, _write, True)
