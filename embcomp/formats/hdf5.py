"""HDF5, by the package h5py (``pip install '.[hdf5]'``): a dataset of words and one of vectors.

They are the datasets that ``word_column`` and ``vector_column`` name by their paths, or the only list of strings and
the only matrix of numbers with as many rows. Links out of the file, external and virtual data are not followed.

What is written has the datasets ``words`` and ``vectors``.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, BinaryIO

import numpy as np

from embcomp.errors import InputError
from embcomp.formats.format import BLOCK_BYTES, Block, Format, Rows, Table, told
from embcomp.formats.options import ReadOptions
from embcomp.formats.rows import MAX_DIM, decode_each
from embcomp.formats.stream import ByteStream
from embcomp.plugins import extra

MAGIC = b"\x89HDF\r\n\x1a\n"
MAX_DATASETS = 10_000
CHUNK_ROWS = 1024
DAMAGE = (OSError, RuntimeError, KeyError, ValueError)


def h5py() -> Any:
    """Import h5py."""
    return extra("h5py", "hdf5")


def _read(stream: ByteStream, options: ReadOptions) -> Rows:
    blocks = _blocks(stream, options)
    return Rows(next(blocks), blocks, stream.row)


def _blocks(stream: ByteStream, options: ReadOptions) -> Iterator[Any]:
    """Yield the number of dimensions, then blocks: the file stays open between."""
    package = h5py()
    with stream.as_file() as path, told(stream.name, "h5py", DAMAGE), package.File(path, "r") as file:
        words, vectors = _datasets(stream.name, file, options)
        n_rows, dim = vectors.shape
        yield dim
        step = max(1, BLOCK_BYTES // (4 * dim))
        for start in range(0, n_rows, step):
            end = min(start + step, n_rows)
            data = [each if isinstance(each, bytes) else str(each).encode() for each in words[start:end]]
            numbers = range(start + 1, end + 1)
            decoded = decode_each(data, options.encoding_errors, stream.row, numbers)
            yield Block(decoded, vectors[start:end], numbers)


def _datasets(name: str, file: Any, options: ReadOptions) -> tuple[Any, Any]:
    found = _inner_datasets(name, file)
    listed = [f"{key} {each.dtype} {each.shape}" for key, each in found.items()]
    vectors = [key for key, each in found.items() if each.ndim == 2 and each.dtype.kind in "fiu"]
    matrix = found[options.column("vector_column", name, vectors, "matrices of numbers", listed)]
    is_text = h5py().check_string_dtype
    lists = [key for key, each in found.items() if each.shape == matrix.shape[:1] and is_text(each.dtype)]
    what = f"lists of {matrix.shape[0]} strings"
    words = found[options.column("word_column", name, lists, what, listed)]
    if not 1 <= matrix.shape[1] <= MAX_DIM:
        raise InputError(f"{name}: is a matrix of shape {matrix.shape}, expected (rows, 1 to {MAX_DIM} dimensions)")
    return words, matrix


def _inner_datasets(name: str, file: Any) -> dict[str, Any]:
    """Datasets by path, whose data are in the file itself."""
    found: dict[str, Any] = {}

    def visit(key: str, each: Any) -> None:
        if isinstance(each, h5py().Dataset) and not each.external and not each.is_virtual:
            if len(found) == MAX_DATASETS:
                raise InputError(f"{name}: has more than {MAX_DATASETS} datasets, allowed at most that")
            found[key] = each

    file.visititems(visit)
    return found


def _write(out: BinaryIO, table: Table) -> None:
    """Write rows as they come."""
    package = h5py()
    with package.File(out, "w", libver="latest", track_order=False) as file:
        kind = package.string_dtype("utf-8")
        rows = min(CHUNK_ROWS, table.n_rows) or None
        words = file.create_dataset("words", (table.n_rows,), kind, track_times=False)
        vectors = file.create_dataset(
            "vectors", (table.n_rows, table.dim), "<f4", chunks=rows and (rows, table.dim), track_times=False
        )
        n_done = 0
        for more, block in table.blocks(_problem):
            words[n_done : n_done + len(more)] = np.array(more, dtype=object)
            vectors[n_done : n_done + len(more)] = block
            n_done += len(more)


def _problem(word: str) -> str | None:
    """Say what a word must be to be a string of C."""
    return "words without the character 0" if "\0" in word else None


HDF5 = Format("hdf5", (".h5", ".hdf5"), lambda stream: stream.peek(8) == MAGIC, _read, _write)
