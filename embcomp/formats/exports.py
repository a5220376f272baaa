"""Formats that are written for other programs and not read here: safetensors and finalfusion.

Both are written without their programs' packages; the tests read them back with these.

*safetensors*   one file of three tensors, none of which needs a list of Python strings to be opened:
                ``vectors`` F32 (rows, dim), ``words`` U8 (bytes,): all words in UTF-8 without gaps, and ``word_ends``
                I64 (rows,): where each of them ends. https://github.com/huggingface/safetensors#format
*finalfusion*   a simple vocabulary and an array, without norms: the vectors are stored as they are.
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
    out.write(FIFU_MAGIC + struct.pack("<4I", FIFU_VERSION, 2, SIMPLE_VOCABULARY, ARRAY))
    start = out.tell()
    out.write(struct.pack("<IQQ", SIMPLE_VOCABULARY, 0, n_rows))
    with tempfile.TemporaryFile(dir=Path(table.name).parent) as waiting:
        for words, vectors in table.blocks():
            out.write(b"".join(struct.pack("<I", len(word)) + word for word in words))
            waiting.write(vectors.tobytes())
        end = out.tell()
        out.seek(start + 4)
        out.write(struct.pack("<Q", end - start - 12))
        out.seek(end)
        header = struct.Struct("<IQQII")
        padding = 4 - (end + header.size) % 4  # 1 to 4 bytes: the format never leaves it out
        n_bytes = header.size - 12 + padding + 4 * n_rows * dim
        out.write(header.pack(ARRAY, n_bytes, n_rows, dim, FLOAT32) + bytes(padding))
        waiting.seek(0)
        shutil.copyfileobj(waiting, out)


SAFETENSORS = Format("safetensors", (".safetensors",), write=_write_safetensors)
FINALFUSION = Format("finalfusion", (".fifu",), write=_write_finalfusion)
