"""From a source to an encoded embedding, in as little memory as the method allows.

*head*    The method fits on the first rows (``Compressor.head_rows``). They are held, then one chunk of rows at a
          time.
*sample*  The method fits on the first rows and some of the others (``Compressor.sample_ranks``). All rows are held if
          there is room for them; else the sample is, and the source is read again to encode it.
*matrix*  The method fits on all rows, and they are held.

Words, their order and codes wait in a :class:`~embcomp.spool.Room`, and beyond it in files. As many words as there
is memory for are remembered while a source is read; the rows that repeat a later one are found when the words are
sorted, and left out then. The result is that of fitting and encoding in memory, to the byte.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path

import numpy as np

from embcomp.arrays import FloatArray, RowIds
from embcomp.codes import Codes, CodesWriter, fit_codes
from embcomp.compressors.base import Compressor
from embcomp.encoded import EncodedEmbedding
from embcomp.errors import InputError, ParameterError
from embcomp.formats import (
    BlockReader,
    ReadOptions,
    RowReader,
    Words,
    can_be_read_again,
    open_blocks,
    read_chunks,
    read_matrix,
    read_pieces,
    stacked,
)
from embcomp.memory import free_memory
from embcomp.progress import Progress, no_progress
from embcomp.spool import Room
from embcomp.threads import BLOCK_ROWS
from embcomp.vocabulary import HEAD_WORDS, Vocabulary, VocabularyBuilder

COPIES = 3  # of the head that a fit may hold
SQUARES = 5  # matrices of dim × dim, float64, that a fit may hold: the covariance, its factors, rotations
SHARE_OF_MEMORY = 0.5
CERTAINTY = 1.25  # a matrix that will be too large by this factor is refused at once: later rows may be shorter
SHARE_OF_WORDS = 0.25  # of the allowance: to know repeated words
SHARE_OF_ROOM = 0.25  # of the allowance: for what need not stay in memory
KNOWN_BYTES = 150  # of a word in a set
MOST_KNOWN = {"first": 2**20, "error": 2**22}  # words, by what becomes of repeated ones: an error should name the row
SPOOLED_BYTES = 50  # of a word that waits to be sorted, and of its page, its rank and its place in the order
MANY_ROWS = 2**20  # a sample of so many is one of all


@dataclass
class _Work:
    """What the ways from a source to codes have in common."""

    reader: BlockReader
    compressor: Compressor
    allowance: int
    room: Room
    progress: Progress
    approve: Callable[[float], None]
    again: Callable[[], AbstractContextManager[BlockReader]]

    def __post_init__(self) -> None:
        self.words = VocabularyBuilder([HEAD_WORDS], room=self.room)

    def vocabulary(self) -> tuple[Vocabulary, RowIds]:
        """Return the vocabulary, and which rows were read that are not in it, since they repeat a word."""
        parts, repeated = self.words.finish()
        self.reader.leave_out(len(repeated))
        return Vocabulary(parts), repeated

    def result(self, vocabulary: Vocabulary, codes: Codes) -> EncodedEmbedding:
        """Return the embedding."""
        return EncodedEmbedding.from_codes(vocabulary, codes, self.compressor, self.reader.source, self.reader.text)


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
        max_memory: bytes that vectors, words, their order and codes may take; ``None`` for half of the free memory.
        drop_order: rows ascend by their words, see :meth:`EncodedEmbedding.without_order`.
        approve: told how long fitting all rows will take, before it starts; what it raises comes out.

    Raises:
        InputError: the source cannot be read as it is.
        ParameterError: the method needs more rows at once than ``max_memory`` holds.
        OutputError: what ``max_memory`` does not hold cannot be kept in a file.
    """
    allowance = allowed_memory(max_memory)
    in_final_order = drop_order and not compressor.encodes_vectors  # a code belongs to its row
    encode: Callable[[_Work], EncodedEmbedding] = partial(_encode_matrix, ascending=in_final_order)
    if compressor.samples_rows and can_be_read_again(source):
        encode = _encode_sample
    elif compressor.head_rows is not None:
        encode = _encode_after_head
    max_known = min(MOST_KNOWN[options.duplicates], int(SHARE_OF_WORDS * allowance / KNOWN_BYTES))
    max_known = max(max_known, HEAD_WORDS, compressor.head_rows or 0)
    again = partial(open_blocks, source, options, progress, max_known)
    with again() as reader:
        room = Room(int(SHARE_OF_ROOM * allowance))
        encoded = encode(_Work(reader, compressor, allowance, room, progress, approve, again))
    return encoded.without_order() if drop_order else encoded


def allowed_memory(max_memory: int | None) -> int:
    """Return the bytes that vectors, words and codes may take: what is given, or half of what is free."""
    return max_memory if max_memory is not None else int(SHARE_OF_MEMORY * free_memory())


def _encode_matrix(work: _Work, *, ascending: bool) -> EncodedEmbedding:
    check = partial(_require_room_for_all, work)
    matrix = read_matrix(work.reader, work.words, check)
    vocabulary, repeated = work.vocabulary()
    if len(repeated):
        matrix = np.delete(matrix, repeated, axis=0)
    if ascending:
        vocabulary, order = vocabulary.without_order([len(matrix)])
        matrix = matrix[order]
    work.approve(work.compressor.seconds_to_fit(*matrix.shape))
    work.progress("fit", 0, 0)
    return work.result(vocabulary, fit_codes(work.compressor, matrix, work.progress))


def _encode_after_head(work: _Work) -> EncodedEmbedding:
    n_head = work.compressor.head_rows or 0
    check = partial(_require_room_for_head, work)
    chunks = read_chunks(work.reader, work.words, BLOCK_ROWS, check)
    first = stacked(deque(islice(chunks, -(-n_head // BLOCK_ROWS))), work.reader.dim)
    work.progress("fit", 0, 0)
    work.compressor.fit(first[:n_head], work.progress)
    codes = CodesWriter(work.compressor, room=work.room)
    codes.add(first)
    del first
    codes.add_chunks(chunks)
    vocabulary, repeated = work.vocabulary()
    made = codes.finish()
    return work.result(vocabulary, made.without(repeated) if len(repeated) else made)


def _encode_sample(work: _Work) -> EncodedEmbedding:
    """Read the words, and the rows to learn from; learn; then encode the rows that are held, or all in turn."""
    held, ranks = read_sample(work.reader, work.compressor, work.allowance, work.words)
    whole = len(held) == len(work.words)
    vocabulary, repeated = work.vocabulary()
    if len(repeated) and whole:
        held = np.delete(held, repeated, axis=0)
        ranks = np.arange(len(held), dtype=np.int64)
    elif len(repeated):  # with them, the ranks of other rows were chosen
        with work.again() as reader:
            rest = _Without(reader, repeated)
            held, ranks = read_sample(rest, work.compressor, work.allowance, deque(maxlen=0))
    sample = work.compressor.sample_ranks(ranks)
    rows = held if len(sample) == len(held) else held[np.isin(ranks, sample)]
    if not whole:
        held = rows[:0]
    work.approve(work.compressor.seconds_to_fit(*rows.shape))
    work.progress("fit", 0, 0)
    work.compressor.fit_sample(rows, sample, len(vocabulary), work.progress)
    del rows
    codes = CodesWriter(work.compressor, room=work.room)
    if whole:
        codes.add(held, work.progress)
    else:
        _encode_again(work, codes, repeated)
    return work.result(vocabulary, codes.finish())


def read_sample(reader: RowReader, compressor: Compressor, allowance: int, words: Words) -> tuple[FloatArray, RowIds]:
    """Return rows with their ranks: all of them if there is room, else the sample and a few more.

    Args:
        reader: not read from yet.
        compressor: chooses the sample.
        allowance: bytes that learning from it may take.
        words: takes all words, as a list does.
    """
    held, ranks = deque[FloatArray](), [np.empty(0, dtype=np.int64)]
    n_rows, most = 0, allowance // (COPIES * 4 * reader.dim)
    for chunk in read_pieces(reader, words):
        held.append(chunk)
        ranks.append(np.arange(n_rows, n_rows + len(chunk), dtype=np.int64))
        n_rows += len(chunk)
        if sum(map(len, held)) > most:
            known = np.concatenate(ranks)
            sample = compressor.sample_ranks(known)
            _require_room_for_sample(reader, compressor, allowance, len(sample), n_rows)
            held.append(stacked(held, reader.dim)[np.isin(known, sample)])
            ranks, most = [sample], max(most, 2 * len(sample))
    known = np.concatenate(ranks)
    require_room_to_fit(compressor, len(compressor.sample_ranks(known)), reader.dim, allowance)
    return stacked(held, reader.dim), known


class _Without:
    """The rows of a reader but for some, given by their numbers, ascending."""

    def __init__(self, reader: BlockReader, left_out: RowIds) -> None:
        self.dim = reader.dim
        self._reader, self._left_out = reader, left_out

    def __iter__(self) -> Iterator[tuple[list[str], FloatArray]]:
        done = 0
        for words, vectors in self._reader:
            kept = np.setdiff1d(np.arange(done, done + len(words)), self._left_out, assume_unique=True) - done
            done += len(words)
            whole = len(kept) == len(words)
            yield (words, vectors) if whole else ([words[row] for row in kept.tolist()], vectors[kept])


def _encode_again(work: _Work, codes: CodesWriter, repeated: RowIds) -> None:
    with work.again() as reader:
        rest = _Without(reader, repeated) if len(repeated) else reader
        codes.add_chunks(read_chunks(rest, deque(maxlen=0), BLOCK_ROWS))
        reader.leave_out(len(repeated))
        if reader.source != work.reader.source:
            raise InputError(f"{reader.source.name}: changed while it was read")


def _require_room_for_all(work: _Work, n_rows: int) -> None:
    reader, compressor, allowance = work.reader, work.compressor, work.allowance
    n_bytes = 4 * n_rows * reader.dim + word_bytes(n_rows)
    if n_bytes > allowance or n_bytes > CERTAINTY * allowance * reader.share_read > 0:
        in_all = int(n_bytes / (reader.share_read or 1))
        raise ParameterError(
            f"{compressor.name}: needs all rows in memory at once, about {in_all} bytes, "
            f"`max_memory` allows {allowance}; raise it{_instead(compressor)}"
        )


def _require_room_for_head(work: _Work, n_rows: int) -> None:
    n_head = work.compressor.head_rows or 0
    if _bytes_to_fit(min(n_rows, n_head), work.reader.dim) > work.allowance:
        raise ParameterError(
            f"{work.compressor.name}: the first {n_head} rows take up to "
            f"{_bytes_to_fit(n_head, work.reader.dim)} bytes while they are fitted, `max_memory` allows "
            f"{work.allowance}; raise it{_instead(work.compressor)}"
        )


def _require_room_for_sample(
    reader: RowReader, compressor: Compressor, allowance: int, n_sampled: int, n_rows: int
) -> None:
    """Refuse if the sample takes too much, or surely will when all rows are read, where their number is known."""
    n_all = int(n_rows / (getattr(reader, "share_read", 0) or 1))
    n_expected = len(compressor.sample_ranks(np.arange(min(n_all, MANY_ROWS), dtype=np.int64)))
    n_expected = max(n_sampled, n_all if n_expected == MANY_ROWS else n_expected)
    too_many = _bytes_to_fit(n_expected, reader.dim) > CERTAINTY * allowance
    if too_many or _bytes_to_fit(n_sampled, reader.dim) > allowance:
        require_room_to_fit(compressor, n_expected, reader.dim, allowance)


def require_room_to_fit(compressor: Compressor, n_rows: int, dim: int, allowance: int) -> None:
    """Raise ``ParameterError`` if so many rows take more than ``allowance`` bytes while they are fitted."""
    if (needed := _bytes_to_fit(n_rows, dim)) > allowance:
        raise ParameterError(
            f"{compressor.name}: {n_rows} rows to learn from take up to {needed} bytes while they are fitted, "
            f"`max_memory` allows {allowance}; raise it, or learn from fewer rows with `fit_rows`"
        )


def word_bytes(n_words: int) -> int:
    """Return the bytes of memory that so many words take while they are read, where none waits in a file."""
    return KNOWN_BYTES * min(n_words, MOST_KNOWN["first"]) + SPOOLED_BYTES * n_words


def _bytes_to_fit(n_rows: int, dim: int) -> int:
    return COPIES * 4 * n_rows * dim + SQUARES * 8 * dim**2


def _instead(compressor: Compressor) -> str:
    head = None if compressor.learns_codes else compressor.option_for("head")
    return "" if head is None else f", or learn from fewer rows with `{head.name}`"
