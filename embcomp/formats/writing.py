"""Writing vectors in other formats, block by block; a file that would read back differently is refused.

A word that the format cannot hold is refused: in text, words that our own reader would split differently.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from embcomp.arrays import FloatArray
from embcomp.files import writing
from embcomp.formats.compression import compressing, split_compression
from embcomp.formats.format import Table
from embcomp.formats.registry import find_writer

STDOUT = "-"


def write_embedding(
    target: str | Path,
    to: str,
    blocks: Iterable[tuple[list[str], FloatArray]],
    n_rows: int,
    dim: int,
    *,
    force: bool = False,
) -> None:
    """Write words and vectors; the target is complete or, after an error, not written.

    Memory is that of one block, but for ``gensim``, whose file is written from the whole matrix.

    Args:
        target: a file, compressed if its suffix says so; or ``-`` for standard output.
        to: a name of :func:`embcomp.formats.writable_formats`.
        blocks: distinct words and float32 (k, dim).
        n_rows: rows in all blocks.
        dim: numbers per row.
        force: whether an existing file may be replaced.

    Raises:
        ParameterError: there is no such format, or it is not written to standard output.
        OutputError: a word or number cannot be held, or the target cannot be written.
    """
    name = str(target)
    _, kind = split_compression(name)
    write = find_writer(to, streams=name == STDOUT or kind is not None)
    with writing(target, force=force) as file, compressing(file, kind, name) as out:
        write(out, Table(name, blocks, n_rows, dim))
