"""Parquet and Arrow IPC files (Feather), by the package pyarrow (``pip install '.[parquet]'``).

A table has a column of words and a column of vectors: the columns that ``word_column`` and ``vector_column`` name, or
the only ones that can be it, or those of the usual names. Words are strings, plain or in a dictionary. Vectors are
lists of numbers, of fixed size or not, or binary of fixed size: float32, little-endian. A row with a null, or with
another length than most of the first rows have, is a bad row. Rows are read batch by batch.

What is written has the columns ``word`` and ``vector``, a list of fixed size, in row groups of 25,000 rows.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from embcomp.arrays import AnyArray
from embcomp.errors import InputError
from embcomp.formats.format import BLOCK_BYTES, Block, Format, Rows, Table, told
from embcomp.formats.options import ReadOptions
from embcomp.formats.rows import MAX_DIM, decode_each
from embcomp.formats.stream import ByteStream
from embcomp.plugins import extra

PARQUET_MAGIC = b"PAR1"
ARROW_MAGIC = b"ARROW1"
GROUP_ROWS = 25_000
BATCH_ROWS = 1 << 14
WORD_NAMES = ("word", "token", "key", "text", "term", "id")
VECTOR_NAMES = ("vector", "embedding", "embeddings", "vectors")


def pyarrow() -> Any:
    """Import pyarrow."""
    return extra("pyarrow", "parquet")


def _open_parquet(path: Path) -> tuple[Any, Any]:
    """Return a schema, and a function of the columns' names that yields record batches."""
    file = extra("pyarrow.parquet", "parquet").ParquetFile(path, memory_map=False, pre_buffer=False)
    return file.schema_arrow, lambda names: file.iter_batches(BATCH_ROWS, columns=names, use_threads=False)


def _open_arrow(path: Path) -> tuple[Any, Any]:
    file = pyarrow().ipc.open_file(pyarrow().memory_map(str(path)))
    return file.schema, lambda names: (file.get_batch(each).select(names) for each in range(file.num_record_batches))


def _read(stream: ByteStream, options: ReadOptions, open_table: Any) -> Rows:
    blocks = _blocks(stream, options, open_table)
    return Rows(next(blocks), blocks, stream.row)


def _blocks(stream: ByteStream, options: ReadOptions, open_table: Any) -> Iterator[Any]:
    """Yield the number of dimensions, then blocks: the file stays open between."""
    with stream.as_file() as path, told(stream.name, "pyarrow", (pyarrow().ArrowException, OSError)):
        schema, open_batches = open_table(path)
        names = _columns(stream.name, schema, options)
        batches = open_batches(names)
        first = next((batch for batch in batches if batch.num_rows), None)
        if first is None:
            raise InputError(f"{stream.name}: has no rows, expected at least 1")
        dim = _dim(stream.name, names[1], first.column(1))
        yield dim
        n_rows = 0
        step = max(1, BLOCK_BYTES // (4 * dim))
        while first is not None:
            for start in range(0, first.num_rows, step):
                batch = first.slice(start, step)
                yield _block(stream, options, batch, n_rows, dim)
                n_rows += batch.num_rows
            first = next(batches, None)


# Columns


def _columns(name: str, schema: Any, options: ReadOptions) -> list[str]:
    types = pyarrow().types
    words = [each.name for each in schema if _is_text(types, each.type)]
    vectors = [each.name for each in schema if _is_vector(types, each.type)]
    listed = [f"{each.name} ({each.type})" for each in schema]
    return [
        options.column("word_column", name, words, "columns of strings", listed, WORD_NAMES),
        options.column("vector_column", name, vectors, "columns of lists of numbers", listed, VECTOR_NAMES),
    ]


def _is_text(types: Any, kind: Any) -> bool:
    if types.is_dictionary(kind):
        kind = kind.value_type
    return bool(types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind))


def _is_vector(types: Any, kind: Any) -> bool:
    if types.is_fixed_size_binary(kind):
        return bool(kind.byte_width >= 4 and kind.byte_width % 4 == 0)
    lists = types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind)
    return bool(lists and (types.is_floating(kind.value_type) or types.is_integer(kind.value_type)))


def _dim(name: str, column: str, vectors: Any) -> int:
    """Numbers of most of the first rows."""
    if pyarrow().types.is_fixed_size_binary(vectors.type):
        dim = vectors.type.byte_width // 4
    else:
        lengths = Counter(_lengths(vectors).tolist())
        lengths.pop(-1, None)
        dim = max(lengths, key=lengths.__getitem__, default=0)
    if not 1 <= dim <= MAX_DIM:
        raise InputError(f"{name}: column {column!r} has vectors of {dim} numbers, expected 1 to {MAX_DIM}")
    return int(dim)


def _lengths(vectors: Any) -> AnyArray:
    """Numbers in each row, −1 for null."""
    lengths = extra("pyarrow.compute", "parquet").list_value_length(vectors)
    return np.asarray(lengths.fill_null(-1).to_numpy(zero_copy_only=False), dtype=np.int64)


# Rows


def _block(stream: ByteStream, options: ReadOptions, batch: Any, n_before: int, dim: int) -> Block:
    words, vectors = batch.column(0), batch.column(1)
    problems = _problems(words, vectors, dim)
    bad = np.flatnonzero(problems != 0)
    if len(bad) and options.bad_rows == "error":
        row = int(bad[0])
        null = WHAT_IS_NULL.get(int(problems[row]))
        what = f"{null} is null" if null else f"{len(vectors[row])} numbers, expected {dim}"
        raise InputError(f"{stream.row(n_before + row + 1)}: {what}")
    numbers = np.arange(n_before + 1, n_before + 1 + len(words))
    if len(bad):
        good = pyarrow().array(problems == 0)
        words, vectors, numbers = words.filter(good), vectors.filter(good), numbers[problems == 0]
    return Block(_words(stream, options, words, numbers), _matrix(vectors, dim), numbers.tolist(), len(bad))


NULL_WORD, NULL_VECTOR, NULL_NUMBER, OTHER_LENGTH = range(1, 5)
WHAT_IS_NULL = {NULL_WORD: "the word", NULL_VECTOR: "the vector", NULL_NUMBER: "a number"}


def _problems(words: Any, vectors: Any, dim: int) -> AnyArray:
    """What is wrong with each row; 0 for nothing."""
    problems = np.zeros(len(words), dtype=np.int8)
    if not pyarrow().types.is_fixed_size_binary(vectors.type):
        lengths = _lengths(vectors)
        problems[lengths != dim] = OTHER_LENGTH
        flat = vectors.flatten()
        if flat.null_count:
            owners = np.repeat(np.arange(len(words)), np.maximum(lengths, 0))
            problems[owners[flat.is_null().to_numpy(zero_copy_only=False)]] = NULL_NUMBER
    problems[vectors.is_null().to_numpy(zero_copy_only=False)] = NULL_VECTOR
    problems[words.is_null().to_numpy(zero_copy_only=False)] = NULL_WORD
    return problems


def _matrix(vectors: Any, dim: int) -> AnyArray:
    """Vectors of one length and without nulls, shape (n, dim)."""
    if pyarrow().types.is_fixed_size_binary(vectors.type):
        data = np.frombuffer(vectors.buffers()[1] or b"", dtype="<f4")
        return data[vectors.offset * dim : (vectors.offset + len(vectors)) * dim].reshape(len(vectors), dim)
    flat: AnyArray = vectors.flatten().to_numpy(zero_copy_only=False)  # not `values`, which a slice does not cut
    return flat.reshape(len(vectors), dim)


def _words(stream: ByteStream, options: ReadOptions, words: Any, numbers: AnyArray) -> list[str]:
    if pyarrow().types.is_dictionary(words.type):
        words = words.dictionary_decode()
    try:
        listed: list[str] = words.to_pylist()
    except UnicodeDecodeError:
        arrow = pyarrow()
        data = words.cast(arrow.large_string()).view(arrow.large_binary()).to_pylist()
        return decode_each(data, options.encoding_errors, stream.row, numbers.tolist())
    return listed


# Writing


def _write(out: BinaryIO, table: Table, open_writer: Any) -> None:
    """Write rows in groups, as they come."""
    arrow = pyarrow()
    schema = arrow.schema([("word", arrow.string()), ("vector", arrow.list_(arrow.float32(), table.dim))])
    with open_writer(out, schema) as writer:
        words: list[str] = []
        vectors = [np.zeros((0, table.dim), dtype=np.float32)]
        for more_words, more in table.blocks():
            words += [word.decode() for word in more_words]
            vectors.append(more)
            if len(words) >= GROUP_ROWS:
                writer.write(_batch(schema, words, np.concatenate(vectors)))
                words, vectors = [], vectors[:1]
        if words or not table.n_rows:
            writer.write(_batch(schema, words, np.concatenate(vectors)))


def _batch(schema: Any, *columns: Any) -> Any:
    """Return rows as a record batch; the last column is a matrix."""
    arrow = pyarrow()
    *plain, kind = schema.types
    arrays = [arrow.array(column, each) for column, each in zip(columns[:-1], plain, strict=True)]
    lists = arrow.FixedSizeListArray.from_arrays(arrow.array(columns[-1].ravel()), type=kind)
    return arrow.RecordBatch.from_arrays([*arrays, lists], schema=schema)


def _parquet_writer(out: BinaryIO, schema: Any) -> Any:
    options = {"use_dictionary": False, "compression": "none", "write_statistics": False}
    return extra("pyarrow.parquet", "parquet").ParquetWriter(out, schema, **options)


def write_codes(out: BinaryIO, n_bytes: int, batches: Iterable[tuple[int, list[str], AnyArray]]) -> None:
    """Write columns of rows' numbers, words, and uint8 of shape (k, ``n_bytes``) as lists of fixed size."""
    arrow = pyarrow()
    kinds = {"row": arrow.int32(), "word": arrow.string(), "code": arrow.list_(arrow.uint8(), n_bytes)}
    schema = arrow.schema(list(kinds.items()))
    with _parquet_writer(out, schema) as writer:
        for start, words, codes in batches:
            writer.write(_batch(schema, np.arange(start, start + len(words), dtype=np.int32), words, codes))


PARQUET = Format(
    "parquet",
    (".parquet",),
    lambda stream: stream.peek(4) == PARQUET_MAGIC,
    lambda stream, options: _read(stream, options, _open_parquet),
    lambda out, table: _write(out, table, _parquet_writer),
)
ARROW = Format(
    "arrow",
    (".arrow", ".feather"),
    lambda stream: stream.peek(6) == ARROW_MAGIC,
    lambda stream, options: _read(stream, options, _open_arrow),
    lambda out, table: _write(out, table, pyarrow().ipc.new_file),
)
