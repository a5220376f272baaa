"""Formats that are written for other programs and not read here: safetensors and finalfusion.

Both are written without their programs' packages; the tests read them back with these.

*safetensors*   one file of three tensors, none of which needs a list of Python strings to be opened:
                ``vectors`` F32 (rows, dim), ``words`` U8 (bytes,): all words in UTF-8 without gaps, and ``word_ends``
                I64 (rows,): where each of them ends. https://github.com/huggingface/safetensors#format
*finalfusion*   a simple vocabulary, an array of vectors of length 1, and their lengths before: its readers take
                vectors for unit vectors, and multiply by the length where they give the original.
                https://finalfusion.github.io/spec
"""

from __future__ import annotations

import json
import shutil
import struct
import tempfile
from pathlib import Path
from typing import BinaryIO

import numpy as np

from embcomp.formats.format import Format, Table

SAFETENSORS_HEADER_BYTES = 504  # with the 8 bytes of its length, a multiple of 64; filled up with spaces
FIFU_MAGIC = b"FiFu"
FIFU_VERSION = 0
SIMPLE_VOCABULARY = 1  # chunk identifiers
ARRAY = 2
NORMS = 6
FLOAT32 = 10  # type identifier


def _write_safetensors(out: BinaryIO, table: Table) -> None:
    """Write vectors as they come, then the words, then the header before them."""
    n_rows, dim = table.n_rows, table.dim
    out.write(bytes(8 + SAFETENSORS_HEADER_BYTES))
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
        "vectors": _tensor("F32", [n_rows, dim], 0, n_vectors),
        "words": _tensor("U8", [n_text], n_vectors, n_text),
        "word_ends": _tensor("I64", [n_rows], n_vectors + n_text, ends.nbytes),
    }
    out.seek(0)
    out.write(struct.pack("<Q", SAFETENSORS_HEADER_BYTES))
    out.write(json.dumps(header, separators=(",", ":")).encode().ljust(SAFETENSORS_HEADER_BYTES))


def _tensor(dtype: str, shape: list[int], start: int, n_bytes: int) -> dict[str, object]:
    return {"dtype": dtype, "shape": shape, "data_offsets": [start, start + n_bytes]}


def _write_finalfusion(out: BinaryIO, table: Table) -> None:
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


SAFETENSORS = Format("safetensors", (".safetensors",), write=_write_safetensors)
FINALFUSION = Format("finalfusion", (".fifu",), write=_write_finalfusion)
