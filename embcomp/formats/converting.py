"""From one format to another without compressing, in bounded memory."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import numpy as np

from embcomp.arrays import FloatArray
from embcomp.embedding import Source
from embcomp.formats.options import DEFAULT_OPTIONS, ReadOptions
from embcomp.formats.reading import BlockReader, open_blocks
from embcomp.formats.writing import STDOUT, write_embedding
from embcomp.progress import Progress, no_progress

ROWS_AT_ONCE = 4096


def convert(
    source: str | Path,
    target: str | Path,
    to: str,
    options: ReadOptions = DEFAULT_OPTIONS,
    progress: Progress = no_progress,
    *,
    unit_rows: bool = False,
    force: bool = False,
) -> Source:
    """Read a source and write its words and vectors in a format; return where they came from.

    Most formats begin with the number of rows. Vectors therefore wait in a nameless file beside the target, 4 bytes a
    number, until all are read. Memory holds the words.

    Arguments are those of :func:`read_embedding` and :func:`write_embedding`; ``unit_rows`` scales vectors to length
    1, where zeros stay zeros.

    Raises:
        InputError: the source cannot be read.
        ParameterError: there is no such format.
        OutputError: a word cannot be held, or the target cannot be written.
    """
    folder = None if str(target) == STDOUT else Path(target).parent
    with tempfile.TemporaryFile(dir=folder) as waiting, open_blocks(source, options, progress) as reader:
        words = _read(reader, waiting, unit_rows=unit_rows)
        rows = _rows(waiting, words, reader.dim, progress)
        write_embedding(target, to, rows, len(words), reader.dim, force=force)
        return reader.source


def _read(reader: BlockReader, waiting: IO[bytes], *, unit_rows: bool) -> list[str]:
    """Write all vectors to a file; return the words."""
    words: list[str] = []
    for block_words, vectors in reader:
        words += block_words
        rows = vectors
        if unit_rows:
            lengths = np.linalg.norm(vectors.astype(np.float64), axis=1, keepdims=True)
            rows = (vectors / np.where(lengths > 0, lengths, 1)).astype(np.float32)
        waiting.write(rows.data)
    return words


def _rows(
    waiting: IO[bytes], words: list[str], dim: int, progress: Progress
) -> Iterator[tuple[list[str], FloatArray]]:
    waiting.seek(0)
    for start in range(0, len(words), ROWS_AT_ONCE):
        block = words[start : start + ROWS_AT_ONCE]
        data = waiting.read(4 * len(block) * dim)
        yield block, np.frombuffer(data, dtype=np.float32).reshape(len(block), dim)
        progress("write", start + len(block), len(words))
