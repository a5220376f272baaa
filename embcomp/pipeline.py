"""From a source to an encoded embedding in as little memory as the method allows.

Three ways, from the least memory to the most:

*head*     the method fits on the first rows (``Compressor.head_rows``): one pass, holding those rows, then one chunk
           of rows at a time. The result is that of fitting and encoding in memory, to the byte.
*matrix*   the method looks at all rows and they fit: one pass, holding the matrix.
*summary*  they do not fit, and mean, covariance and a sample of the rows are enough for the method: two passes.
           What comes from the sample differs from the fit in memory; each method's ``fit_summary`` says what that is.
           The words are known after the first pass, so that the second writes codes where they belong in the file.
           (In one pass, codes are held until all words are known, whose order is that of the file.)
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from embcomp import bits
from embcomp.bits import BytesArray
from embcomp.compressors.base import Compressor, Summary
from embcomp.container.writer import codes_to_come, save
from embcomp.embedding import MEAN_BLOCK_ROWS, FloatMatrix, Source
from embcomp.encoded import EncodedEmbedding
from embcomp.errors import InputError, ParameterError
from embcomp.formats import BlockReader, ReadOptions, open_blocks, read_matrix
from embcomp.progress import Progress, no_progress
from embcomp.threads import BLOCK_ROWS, single_threaded_blas
from embcomp.vocabulary import Vocabulary

CHUNK_ROWS = 2 * MEAN_BLOCK_ROWS  # whole blocks of every fixed size, so that sums and products are cut alike
SAMPLE_ROWS = 50_000
SQUARES = 5  # matrices of dim × dim, float64, that a fit may hold: the covariance, its factors, rotations
SHARE_OF_FREE_MEMORY = 0.5
CERTAINTY = 1.25  # a matrix that will be this much too large is given up at once: later rows may be shorter


class MatrixTooLargeError(Exception):
    """The matrix grows beyond its allowance; the argument is about how many bytes it takes. Caught in this module."""


def encode_source(
    source: str | Path,
    compressor: Compressor,
    options: ReadOptions,
    progress: Progress = no_progress,
    max_memory: int | None = None,
) -> EncodedEmbedding:
    """Read, fit and encode a source.

    Args:
        source: a file, or ``-`` for standard input.
        compressor: not fitted yet.
        options: how to read.
        progress: told about reading and fitting.
        max_memory: bytes that vectors may take while they are being compressed; ``None`` for half of the free memory.

    Raises:
        InputError: the source cannot be read as it is.
        ParameterError: the method needs more rows at once than ``max_memory`` holds.
    """
    allowance = max_memory if max_memory is not None else _half_of_free_memory()
    encoded = _encode_in_one_pass(source, compressor, options, progress, allowance)
    if encoded is None:
        return _encode_in_two_passes(source, compressor, options, progress, allowance, _in_memory)
    return encoded


def compress_source(
    source: str | Path,
    target: str | Path,
    compressor: Compressor,
    options: ReadOptions,
    progress: Progress = no_progress,
    max_memory: int | None = None,
    *,
    force: bool = False,
    drop_order: bool = False,
) -> EncodedEmbedding:
    """Read, fit, encode and write: :func:`encode_source`, then :func:`embcomp.container.writer.save`.

    Where there are two passes and the target is a file, codes go into it as they are made.

    Raises:
        InputError, ParameterError: as :func:`encode_source`.
        OutputError: as :func:`embcomp.container.writer.save`.
    """
    allowance = max_memory if max_memory is not None else _half_of_free_memory()
    encoded = _encode_in_one_pass(source, compressor, options, progress, allowance)
    if encoded is None and str(target) != "-":
        make_room = partial(codes_to_come, Path(target), force=force, drop_order=drop_order)
        return _encode_in_two_passes(source, compressor, options, progress, allowance, make_room)
    if encoded is None:
        encoded = _encode_in_two_passes(source, compressor, options, progress, allowance, _in_memory)
    save(encoded, target, force=force, drop_order=drop_order)
    return encoded


def _encode_in_one_pass(
    source: str | Path, compressor: Compressor, options: ReadOptions, progress: Progress, allowance: int
) -> EncodedEmbedding | None:
    """Encode by the first or the second way; ``None`` if the method looks at all rows and they do not fit."""
    if compressor.head_rows is not None:
        with open_blocks(source, options, progress) as reader:
            return _encode_after_head(reader, compressor, compressor.head_rows, allowance, progress)
    try:
        with open_blocks(source, options, progress) as reader:
            words, matrix = read_matrix(reader, partial(_require_that_it_fits, reader, allowance))
    except MatrixTooLargeError as error:
        if compressor.needs_all_rows:
            instead = ", or learn from fewer rows with --fit-rows" if "fit_rows" in compressor.get_config() else ""
            raise ParameterError(
                f"{compressor.name}: needs all rows in memory at once, about {error.args[0]} bytes, "
                f"--max-memory allows {allowance}; raise it{instead}"
            ) from None
        return None
    vocabulary = Vocabulary.build(words)
    del words
    return EncodedEmbedding.fit(vocabulary, matrix, compressor, reader.source, progress)


def _require_that_it_fits(reader: BlockReader, allowance: int, n_rows: int) -> None:
    n_bytes = 4 * n_rows * reader.dim
    if n_bytes > allowance or n_bytes > CERTAINTY * allowance * reader.share_read > 0:
        raise MatrixTooLargeError(int(n_bytes / (reader.share_read or 1)))


class RowQueue:
    """Rows arrive in blocks of any size and leave in chunks of the size asked for."""

    def __init__(self, dim: int) -> None:
        self._blocks: list[FloatMatrix] = []
        self._dim = dim
        self.n_rows = 0

    def push(self, rows: FloatMatrix) -> None:
        """Append rows; they are kept, not copied."""
        self._blocks.append(rows)
        self.n_rows += len(rows)

    def pop(self, n_rows: int) -> FloatMatrix:
        """Take the first ``n_rows`` rows, or all that there are."""
        taken = np.empty((min(n_rows, self.n_rows), self._dim), dtype=np.float32)
        filled = 0
        while filled < len(taken):
            block = self._blocks[0]
            used = block[: len(taken) - filled]
            taken[filled : filled + len(used)] = used
            filled += len(used)
            self._blocks[:1] = [block[len(used) :]] if len(used) < len(block) else []
        self.n_rows -= len(taken)
        return taken


def chunks(
    reader: BlockReader, words: list[str] | None, size: int = CHUNK_ROWS, first: int | None = None
) -> Iterator[FloatMatrix]:
    """Yield the reader's rows in chunks of ``size`` (the last may be shorter); its words are appended to ``words``.

    ``first`` is the size of the first chunk, where that is another.
    """
    queue = RowQueue(reader.dim)
    wanted = size if first is None else first
    for block_words, vectors in reader:
        if words is not None:
            words += block_words
        queue.push(vectors)
        while queue.n_rows >= wanted:
            yield queue.pop(wanted)
            wanted = size
    if queue.n_rows:
        yield queue.pop(wanted)


def _encode_after_head(
    reader: BlockReader, compressor: Compressor, head_rows: int, allowance: int, progress: Progress
) -> EncodedEmbedding:
    _require_room(compressor, f"the {head_rows} rows of --fit-rows", 3, head_rows, reader.dim, allowance)
    words: list[str] = []
    rows = chunks(reader, words, first=-(-head_rows // BLOCK_ROWS) * BLOCK_ROWS)
    first = next(rows)
    compressor.fit(first[:head_rows], progress)
    codes = np.array(compressor.encode(first))  # its own memory, which can grow
    del first
    codes = _extended(codes, compressor, rows)
    return EncodedEmbedding.from_codes(Vocabulary.build(words), codes, compressor, reader.source)


class MakeRoom(Protocol):
    """Gives a context with an empty stream of codes for all words; codes are put into it within the context."""

    def __call__(
        self, vocabulary: Vocabulary, compressor: Compressor, source: Source
    ) -> AbstractContextManager[BytesArray]:
        """Make room."""
        ...


@contextmanager
def _in_memory(vocabulary: Vocabulary, compressor: Compressor, source: Source) -> Iterator[BytesArray]:
    yield np.zeros(bits.stream_bytes(len(vocabulary), compressor.layout.row_bits), dtype=np.uint8)


def _encode_in_two_passes(
    source: str | Path,
    compressor: Compressor,
    options: ReadOptions,
    progress: Progress,
    allowance: int,
    make_room: MakeRoom,
) -> EncodedEmbedding:
    if str(source) == "-":
        raise ParameterError(
            f"{compressor.name}: the rows take more than {allowance} bytes, and standard input cannot be read twice; "
            "raise --max-memory, or give a file"
        )
    words: list[str] = []
    with open_blocks(source, options, progress) as reader:
        _require_room(compressor, f"a sample of {SAMPLE_ROWS} rows", 2, SAMPLE_ROWS, reader.dim, allowance)
        seed = int(compressor.get_config().get("random_state", 0))
        summary = summarize(reader, words, seed, SAMPLE_ROWS)
    provenance = reader.source
    text, ends = "".join(words), np.cumsum([len(word) for word in words])  # a tenth of the memory
    del words
    compressor.fit_summary(summary, progress)
    del summary
    vocabulary = Vocabulary.build([text[start:end] for start, end in pairwise([0, *ends.tolist()])])
    del text, ends
    with make_room(vocabulary, compressor, provenance) as stream, open_blocks(source, options, progress) as reader:
        rank = 0
        for chunk in chunks(reader, None, MEAN_BLOCK_ROWS):
            rows = vocabulary.rows_by_rank[rank : rank + len(chunk)]
            rank += len(chunk)
            bits.place(stream, compressor.layout.row_bits, rows, compressor.encode(chunk)[: len(rows)])
        if reader.source != provenance:
            raise InputError(f"{provenance.name}: changed while it was being read a second time")
    return EncodedEmbedding(vocabulary, stream, compressor, provenance, compressor.report)


def summarize(reader: BlockReader, words: list[str], seed: int, sample_rows: int) -> Summary:
    """Take one pass: exact mean and covariance, and an even sample (Vitter's Algorithm R), seeded.

    Its words are appended to ``words``.
    """
    rng = np.random.default_rng(seed)
    total = np.zeros(reader.dim, dtype=np.float64)
    products = np.zeros((reader.dim, reader.dim), dtype=np.float64)
    sample = np.empty((sample_rows, reader.dim), dtype=np.float32)  # pages that are not written take no memory
    n_rows = 0
    for chunk in chunks(reader, words, MEAN_BLOCK_ROWS):
        total += chunk.sum(axis=0, dtype=np.float64)
        for start in range(0, len(chunk), BLOCK_ROWS):
            wide = chunk[start : start + BLOCK_ROWS].astype(np.float64)
            with single_threaded_blas():
                products += wide.T @ wide
        n_room = min(len(chunk), max(0, sample_rows - n_rows))
        sample[n_rows : n_rows + n_room] = chunk[:n_room]
        later = np.arange(n_room, len(chunk))
        places = (rng.random(len(later)) * (n_rows + later + 1)).astype(np.int64)
        for row, place in zip(later[places < sample_rows], places[places < sample_rows], strict=True):
            sample[place] = chunk[row]
        n_rows += len(chunk)
    mean = (total / max(1, n_rows)).astype(np.float32)
    centre = mean.astype(np.float64)
    cross = np.outer(centre, total)
    spread = products - cross - cross.T + n_rows * np.outer(centre, centre)
    return Summary(n_rows, mean, spread, sample[:n_rows])


def _extended(codes: BytesArray, compressor: Compressor, rows: Iterator[FloatMatrix]) -> BytesArray:
    """Append the codes of more rows, chunk by chunk, in place."""
    for chunk in rows:
        start = len(codes)
        codes.resize((start + len(chunk), codes.shape[1]), refcheck=False)  # realloc moves pages, it copies nothing
        codes[start:] = compressor.encode(chunk)
    return codes


def _require_room(compressor: Compressor, what: str, copies: int, n_rows: int, dim: int, allowance: int) -> None:
    needed = copies * 4 * n_rows * dim + SQUARES * 8 * dim**2
    if needed > allowance:
        raise ParameterError(
            f"{compressor.name}: {what} take {needed} bytes while they are fitted, --max-memory allows {allowance}"
        )


def _half_of_free_memory() -> int:
    """Half of what the system says is available; where it does not say, no limit that matters."""
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    except OSError:
        return 2**62
    figures: dict[str, Any] = dict(line.split(":", 1) for line in lines if ":" in line)
    available = figures.get("MemAvailable", "").split()
    return int(SHARE_OF_FREE_MEMORY * 1024 * int(available[0])) if available else 2**62
