"""safetensors, without its package: https://github.com/huggingface/safetensors#format

What is written is one file of three tensors, none of which needs a list of Python strings to be opened: ``vectors``
F32 (rows, dim), ``words`` U8 (bytes,): all words in UTF-8 without gaps, and ``word_ends`` I64 (rows,): where each of
them ends. Such files are read back, and those of static sentence models (:mod:`embcomp.formats.static_model`).
"""

from __future__ import annotations

import json
import math
import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from typing import Any, BinaryIO, NamedTuple

import numpy as np

from embcomp.arrays import AnyArray
from embcomp.documents import BadDocumentError, parse_document
from embcomp.errors import InputError
from embcomp.formats.format import BLOCK_BYTES, Block, Format, Rows, Table
from embcomp.formats.options import ReadOptions
from embcomp.formats.rows import MAX_DIM, MAX_WORD_BYTES, decode_each, shown
from embcomp.formats.stream import ByteStream

WRITTEN_HEADER_BYTES = 504  # with the 8 bytes of its length, a multiple of 64; filled up with spaces
MAX_HEADER_BYTES = 1 << 24
MAX_EXTENTS = 8
OWN = ("vectors", "words", "word_ends")
BFLOAT16 = "BF16"
DTYPES = {"F64": "<f8", "F32": "<f4", "F16": "<f2", BFLOAT16: "<u2"}  # BF16 is the upper half of a float32
DTYPES |= {"I64": "<i8", "I32": "<i4", "I16": "<i2", "I8": "|i1"}
DTYPES |= {"U64": "<u8", "U32": "<u4", "U16": "<u2", "U8": "|u1"}


class Tensor(NamedTuple):
    """Where a tensor is in its file."""

    dtype: str
    """As the file calls it."""
    shape: tuple[int, ...]
    start: int
    """In bytes from the start of the file."""

    @property
    def n_bytes(self) -> int:
        """Its size."""
        return np.dtype(DTYPES[self.dtype]).itemsize * math.prod(self.shape)


class Tensors:
    """The tensors of an open file."""

    def __init__(self, name: str, file: BinaryIO, tensors: dict[str, Tensor]) -> None:
        """Take a file; ``InputError`` if it is shorter than a tensor."""
        self._file, self._tensors = file, tensors
        size = os.fstat(file.fileno()).st_size
        for key, tensor in tensors.items():
            if tensor.start + tensor.n_bytes > size:
                end = tensor.start + tensor.n_bytes
                raise InputError(f"{name}: tensor {shown(key)} should end at byte {end}, the file has {size}")

    def array(self, key: str, start: int = 0, end: int | None = None) -> AnyArray:
        """Read rows of a tensor, those of all of it if no end is given; BF16 becomes float32."""
        tensor = self._tensors[key]
        n_rows, row_shape = tensor.shape[0], tensor.shape[1:]
        end = n_rows if end is None else min(end, n_rows)
        row_bytes = tensor.n_bytes // max(1, n_rows)
        self._file.seek(tensor.start + start * row_bytes)
        data = self._file.read((end - start) * row_bytes)
        array = np.frombuffer(data, DTYPES[tensor.dtype]).reshape(end - start, *row_shape)
        return (array.astype("<u4") << 16).view("<f4") if tensor.dtype == BFLOAT16 else array


def read_tensors(stream: ByteStream) -> dict[str, Tensor]:
    """Return the tensors that a file should have, by name; numbers are not read.

    Raises:
        InputError: its header is damaged.
    """
    length = struct.unpack("<Q", stream.peek(8))[0] if len(stream.peek(8)) == 8 else 0
    header = stream.peek(8 + length)[8:] if length <= MAX_HEADER_BYTES else b""
    if not header or len(header) < length:
        raise InputError(f"{stream.name}: the safetensors header is damaged: it should have {length} bytes")
    try:
        document = parse_document(header)
    except BadDocumentError as error:
        raise InputError(f"{stream.name}: the safetensors header {error}") from error
    document.pop("__metadata__", None)
    return {key: _tensor_of(stream.name, key, entry, 8 + length) for key, entry in document.items()}


def _tensor_of(name: str, key: str, entry: Any, start: int) -> Tensor:
    try:
        dtype, shape, (first, last) = entry["dtype"], tuple(entry["shape"]), entry["data_offsets"]
        numbers = (*shape, first, last)
        known = dtype in DTYPES and len(shape) <= MAX_EXTENTS and all(type(n) is int and n >= 0 for n in numbers)
    except (KeyError, TypeError, ValueError):
        known = False
    if known and (tensor := Tensor(dtype, shape, start + first)).n_bytes == last - first:
        return tensor
    raise InputError(
        f"{name}: tensor {shown(key)} is {shown(json.dumps(entry))}, expected dtype, shape and data_offsets that "
        f"agree, and one of the dtypes {', '.join(DTYPES)}"
    )


def vector_tensor(name: str, key: str, tensors: dict[str, Tensor]) -> Tensor:
    """Return the tensor of vectors; ``InputError`` if it is no matrix of numbers."""
    tensor = tensors[key]
    if len(tensor.shape) != 2 or not 1 <= tensor.shape[1] <= MAX_DIM:
        raise InputError(
            f"{name}: tensor {shown(key)} has the shape {tensor.shape}, expected (rows, 1 to {MAX_DIM} dimensions)"
        )
    return tensor


@contextmanager
def opened(stream: ByteStream, tensors: dict[str, Tensor]) -> Iterator[Tensors]:
    """Open a file for reading its tensors, in any order."""
    with stream.as_file() as path, path.open("rb") as file:
        stream.require_same(file)
        yield Tensors(stream.name, file, tensors)


def _recognise(stream: ByteStream) -> bool:
    start = stream.peek(9)
    return len(start) == 9 and start[8:] == b"{" and struct.unpack_from("<Q", start)[0] <= MAX_HEADER_BYTES


def _read(stream: ByteStream, options: ReadOptions) -> Rows:
    """Read what embcomp wrote, or a static sentence model."""
    tensors = read_tensors(stream)
    if not all(name in tensors for name in OWN):
        from embcomp.formats.static_model import read_model

        return read_model(stream, tensors)
    vectors = vector_tensor(stream.name, OWN[0], tensors)
    return Rows(vectors.shape[1], _own_blocks(stream, options, tensors), stream.row)


def _own_blocks(stream: ByteStream, options: ReadOptions, tensors: dict[str, Tensor]) -> Iterator[Block]:
    vectors, words, ends = (tensors[name] for name in OWN)
    kinds = (words.dtype, words.shape[1:], ends.dtype, ends.shape)
    if kinds != ("U8", (), "I64", vectors.shape[:1]) or not words.shape:
        raise InputError(
            f"{stream.name}: tensors 'words' and 'word_ends' are {words.dtype} {words.shape} and {ends.dtype} "
            f"{ends.shape}, expected U8 (bytes,) and I64 {vectors.shape[:1]}"
        )
    step = max(1, BLOCK_BYTES // (4 * vectors.shape[1]))
    with opened(stream, tensors) as file:
        first = 0
        for start in range(0, vectors.shape[0], step):
            cuts = [first, *file.array("word_ends", start, start + step).tolist()]
            lengths = np.diff(np.array(cuts))
            if lengths.min() < 0 or lengths.max() > MAX_WORD_BYTES or cuts[-1] > words.shape[0]:
                raise InputError(f"{stream.row(start + 1)}: 'word_ends' must ascend, by at most {MAX_WORD_BYTES}")
            text = file.array("words", first, cuts[-1]).tobytes()
            each = (text[begin - first : end - first] for begin, end in pairwise(cuts))
            decoded = decode_each(each, options.encoding_errors, stream.row, range(start + 1, start + len(cuts)))
            yield Block(decoded, file.array("vectors", start, start + step))
            first = cuts[-1]


def tensor_entry(dtype: str, shape: list[int], start: int, n_bytes: int) -> dict[str, object]:
    """Describe a tensor in a header; ``start`` is counted from the header's end."""
    return {"dtype": dtype, "shape": shape, "data_offsets": [start, start + n_bytes]}


def header_bytes(tensors: dict[str, dict[str, object]]) -> bytes:
    """Return what stands before the numbers: 512 bytes for a few tensors."""
    text = json.dumps(tensors, separators=(",", ":")).encode().ljust(WRITTEN_HEADER_BYTES)
    return struct.pack("<Q", len(text)) + text


def _write(out: BinaryIO, table: Table) -> None:
    """Write vectors as they come, then the words, then the header before them."""
    n_rows, dim = table.n_rows, table.dim
    out.write(bytes(8 + WRITTEN_HEADER_BYTES))
    text = bytearray()
    ends = np.empty(n_rows, dtype="<i8")
    n_done = 0
    for words, vectors in table.blocks():
        out.write(vectors.tobytes())
        for word in words:
            text += word
            ends[n_done] = len(text)
            n_done += 1
    out.write(text)
    out.write(ends.tobytes())
    n_vectors, n_text = 4 * n_rows * dim, len(text)
    header = {
        "vectors": tensor_entry("F32", [n_rows, dim], 0, n_vectors),
        "words": tensor_entry("U8", [n_text], n_vectors, n_text),
        "word_ends": tensor_entry("I64", [n_rows], n_vectors + n_text, ends.nbytes),
    }
    out.seek(0)
    out.write(header_bytes(header))


SAFETENSORS = Format("safetensors", (".safetensors",), _recognise, _read, _write)
