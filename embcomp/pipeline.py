"""From a source to an encoded embedding, in as little memory as the method allows.

*head*    The method fits on the first rows (``Compressor.head_rows``). They are held, then one chunk of rows at a
          time.
*sample*  The method fits on the first rows and some of the others (``Compressor.sample_ranks``). All rows are held if
          there is room for them; else the sample is, and the source is read again to encode it.
*matrix*  The method fits on all rows, and they are held.

The result is that of fitting and encoding in memory, to the byte.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from typing import Protocol

import numpy as np

from embcomp.arrays import FloatArray, RowIds
from embcomp.codes import CodesWriter, fit_codes
from embcomp.compressors.base import Compressor
from embcomp.encoded import EncodedEmbedding
from embcomp.errors import InputError, ParameterError
from embcomp.formats import BlockReader, ReadOptions, open_blocks, read_chunks, read_matrix
from embcomp.memory import free_memory
from embcomp.progress import Progress, no_progress
from embcomp.threads import BLOCK_ROWS, CHUNK_ROWS
from embcomp.vocabulary import Vocabulary

COPIES = 3  # of the head that a fit may hold
SQUARES = 5  # matrices of dim × dim, float64, that a fit may hold: the covariance, its factors, rotations
SHARE_OF_MEMORY = 0.5
CERTAINTY = 1.25  # a matrix that will be too large by this factor is refused at once: later rows may be shorter


class RowReader(Protocol):
    """Distinct words and their vectors, in blocks; ``dim`` numbers each."""

    dim: int

    def __iter__(self) -> Iterator[tuple[list[str], FloatArray]]: ...


def encode_source(
    source: str | Path,
    compressor: Compressor,
    options: ReadOptions,
    progress: Progress = no_progress,
    max_memory: int | None = None,
    *,
    drop_order: bool = False,
    approve: Callable[[float], None] = lambda seconds: None,
) -> EncodedEmbedding:
    """Read, fit and encode a source.

    Args:
        source: a file, or ``-`` for standard input.
        compressor: not fitted yet.
        options: how to read.
        progress: called for reading and fitting.
        max_memory: bytes that vectors may take while they are being compressed; ``None`` for half of the free memory.
        drop_order: rows ascend by their words, see :meth:`EncodedEmbedding.without_order`.
        approve: told how long fitting all rows will take, before it starts; what it raises comes out.

    Raises:
        InputError: the source cannot be read as it is.
        ParameterError: the method needs more rows at once than ``max_memory`` holds.
    """
    allowance = allowed_memory(max_memory)
    in_final_order = drop_order and not compressor.encodes_vectors  # a code belongs to its row
    whole = partial(_encode_matrix, ascending=in_final_order, approve=approve)
    encode = whole if compressor.head_rows is None else _encode_after_head
    if compressor.samples_rows and Path(source).is_file():  # which can be read again
        encode = partial(_encode_sample, again=partial(open_blocks, source, options, progress), approve=approve)
    with open_blocks(source, options, progress) as reader:
        encoded = encode(reader, compressor, allowance, progress)
    return encoded.without_order() if drop_order else encoded


def allowed_memory(max_memory: int | None) -> int:
    """Return the bytes that vectors may take: what is given, or half of what is free."""
    return max_memory if max_memory is not None else int(SHARE_OF_MEMORY * free_memory())


def _encode_matrix(
    reader: BlockReader,
    compressor: Compressor,
    allowance: int,
    progress: Progress,
    *,
    ascending: bool,
    approve: Callable[[float], None],
) -> EncodedEmbedding:
    words, matrix = read_matrix(reader, partial(_require_room_for_all, reader, compressor, allowance))
    if ascending:
        order = sorted(range(len(words)), key=words.__getitem__)
        words, matrix = [words[each] for each in order], matrix[order]
    vocabulary = Vocabulary.build(words)
    del words
    approve(compressor.seconds_to_fit(*matrix.shape))
    progress("fit", 0, 0)
    codes = fit_codes(compressor, matrix, progress)
    return EncodedEmbedding.from_codes(vocabulary, codes, compressor, reader.source, reader.text)


def _encode_after_head(
    reader: BlockReader, compressor: Compressor, allowance: int, progress: Progress
) -> EncodedEmbedding:
    n_head = compressor.head_rows or 0
    words: list[str] = []
    check = partial(_require_room_for_head, reader, compressor, allowance)
    chunks = read_chunks(reader, words, -(-n_head // BLOCK_ROWS) * BLOCK_ROWS, 2 * CHUNK_ROWS, check)
    first = next(chunks)
    progress("fit", 0, 0)
    compressor.fit(first[:n_head], progress)
    codes = CodesWriter(compressor)
    codes.add(first)
    del first
    for chunk in chunks:
        codes.add(chunk)
    return EncodedEmbedding.from_codes(
        Vocabulary.build(words), codes.finish(), compressor, reader.source, reader.text
    )


def _encode_sample(
    reader: BlockReader,
    compressor: Compressor,
    allowance: int,
    progress: Progress,
    *,
    again: Callable[[], AbstractContextManager[BlockReader]],
    approve: Callable[[float], None],
) -> EncodedEmbedding:
    words, held, ranks = read_sample(reader, compressor, allowance)
    sample = compressor.sample_ranks(ranks)
    whole = len(held) == len(words)
    rows = held if len(sample) == len(held) else held[np.isin(ranks, sample)]
    if not whole:
        held = rows[:0]
    approve(compressor.seconds_to_fit(*rows.shape))
    progress("fit", 0, 0)
    compressor.fit_sample(rows, sample, len(words), progress)
    vocabulary = Vocabulary.build(words)
    del words, rows
    codes = CodesWriter(compressor)
    if whole:
        codes.add(held, progress)
    else:
        with again() as second:
            for chunk in read_chunks(second, [], 2 * CHUNK_ROWS, 2 * CHUNK_ROWS):
                codes.add(chunk)
            if second.source != reader.source:
                raise InputError(f"{reader.source.name}: changed while it was read")
    return EncodedEmbedding.from_codes(vocabulary, codes.finish(), compressor, reader.source, reader.text)


def read_sample(reader: RowReader, compressor: Compressor, allowance: int) -> tuple[list[str], FloatArray, RowIds]:
    """Return all words, and rows with their ranks: all of them if there is room, else the sample and a few more."""
    words: list[str] = []
    held, ranks = np.empty((0, reader.dim), dtype=np.float32), np.empty(0, dtype=np.int64)
    most = allowance // (COPIES * 4 * reader.dim)
    for block_words, vectors in reader:
        start, first = len(held), len(words)
        words += block_words
        held.resize((start + len(vectors), reader.dim), refcheck=False)  # realloc moves pages, it copies nothing
        held[start:] = vectors
        ranks = np.concatenate([ranks, np.arange(first, len(words), dtype=np.int64)])
        if len(held) > most:
            sample = compressor.sample_ranks(ranks)
            require_room_to_fit(compressor, len(sample), reader.dim, allowance)
            held, ranks, most = held[np.isin(ranks, sample)], sample, max(most, 2 * len(sample))
    require_room_to_fit(compressor, len(compressor.sample_ranks(ranks)), reader.dim, allowance)
    return words, held, ranks


def _require_room_for_all(reader: BlockReader, compressor: Compressor, allowance: int, n_rows: int) -> None:
    n_bytes = 4 * n_rows * reader.dim
    if n_bytes > allowance or n_bytes > CERTAINTY * allowance * reader.share_read > 0:
        in_all = int(n_bytes / (reader.share_read or 1))
        raise ParameterError(
            f"{compressor.name}: needs all rows in memory at once, about {in_all} bytes, "
            f"`max_memory` allows {allowance}; raise it{_instead(compressor)}"
        )


def _require_room_for_head(reader: BlockReader, compressor: Compressor, allowance: int, n_rows: int) -> None:
    n_head = compressor.head_rows or 0
    if _bytes_to_fit(min(n_rows, n_head), reader.dim) > allowance:
        raise ParameterError(
            f"{compressor.name}: the first {n_head} rows take up to {_bytes_to_fit(n_head, reader.dim)} bytes while "
            f"they are fitted, `max_memory` allows {allowance}; raise it{_instead(compressor)}"
        )


def require_room_to_fit(compressor: Compressor, n_rows: int, dim: int, allowance: int) -> None:
    """Raise ``ParameterError`` if so many rows take more than ``allowance`` bytes while they are fitted."""
    if (needed := _bytes_to_fit(n_rows, dim)) > allowance:
        raise ParameterError(
            f"{compressor.name}: {n_rows} rows to learn from take up to {needed} bytes while they are fitted, "
            f"`max_memory` allows {allowance}; raise it, or learn from fewer rows with `fit_rows`"
        )


def _bytes_to_fit(n_rows: int, dim: int) -> int:
    return COPIES * 4 * n_rows * dim + SQUARES * 8 * dim**2


def _instead(compressor: Compressor) -> str:
    head = None if compressor.learns_codes else compressor.option_for("head")
    return "" if head is None else f", or learn from fewer rows with `{head.name}`"
