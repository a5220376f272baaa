"""finalfusion, written only: a simple vocabulary, an array of vectors of length 1, and their lengths before.

Its readers take vectors for unit vectors, and multiply by the length where they give the original. It is written
without its package; the tests read it back with that. https://finalfusion.github.io/spec
"""

from __future__ import annotations

import shutil
import struct
import tempfile
from pathlib import Path
from typing import BinaryIO

import numpy as np

from embcomp.formats.format import Format, Table

FIFU_MAGIC = b"FiFu"
FIFU_VERSION = 0
SIMPLE_VOCABULARY = 1  # chunk identifiers
ARRAY = 2
NORMS = 6
FLOAT32 = 10  # type identifier


def _write(out: BinaryIO, table: Table) -> None:
    """Write words, then vectors; the vectors wait in a nameless file beside the target until all words are known."""
    n_rows, dim = table.n_rows, table.dim
    out.write(FIFU_MAGIC + struct.pack("<5I", FIFU_VERSION, 3, SIMPLE_VOCABULARY, ARRAY, NORMS))
    start = out.tell()
    out.write(struct.pack("<IQQ", SIMPLE_VOCABULARY, 0, n_rows))
    norms = bytearray()
    with tempfile.TemporaryFile(dir=Path(table.name).parent) as waiting:
        for words, vectors in table.blocks():
            out.write(b"".join(struct.pack("<I", len(word)) + word for word in words))
            lengths = np.linalg.norm(vectors, axis=1).astype("<f4")
            waiting.write((vectors / np.where(lengths > 0, lengths, 1)[:, None]).astype("<f4").tobytes())
            norms += lengths.tobytes()
        end = out.tell()
        out.seek(start + 4)
        out.write(struct.pack("<Q", end - start - 12))
        out.seek(end)
        out.write(_numbers_start(end, ARRAY, struct.pack("<QI", n_rows, dim), 4 * n_rows * dim))
        waiting.seek(0)
        shutil.copyfileobj(waiting, out)
    out.write(_numbers_start(out.tell(), NORMS, struct.pack("<Q", n_rows), len(norms)))
    out.write(norms)


def _numbers_start(position: int, chunk: int, shape: bytes, n_bytes: int) -> bytes:
    """What stands before the float32 numbers of a chunk that starts at a position of the file."""
    fields = shape + struct.pack("<I", FLOAT32)
    padding = 4 - (position + 12 + len(fields)) % 4  # 1 to 4 bytes: the format never leaves it out
    return struct.pack("<IQ", chunk, len(fields) + padding + n_bytes) + fields + bytes(padding)


FINALFUSION = Format("finalfusion", (".fifu",), write=_write)
