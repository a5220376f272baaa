"""JSON lines: ``{"word": "king", "vector": [0.5, …]}``, one object per line, read and written."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import islice
from typing import BinaryIO

import numpy as np

from embcomp.formats import Block, ByteStream, Format, ReadOptions, Rows, Table

BLOCK_ROWS = 1000


def recognise(stream: ByteStream) -> bool:
    return stream.peek(1) == b"{"


def read(stream: ByteStream, options: ReadOptions) -> Rows:
    first = json.loads(stream.first_lines[0])
    return Rows(len(first["vector"]), blocks(stream), stream.line)


def blocks(stream: ByteStream) -> Iterator[Block]:
    with stream.as_file() as path, path.open(encoding="utf-8") as lines:
        while rows := [json.loads(line) for line in islice(lines, BLOCK_ROWS)]:
            yield Block([row["word"] for row in rows], np.array([row["vector"] for row in rows]))


def write(out: BinaryIO, table: Table) -> None:
    for words, vectors in table.blocks():
        for word, vector in zip(words, vectors, strict=True):
            row = {"word": word.decode(), "vector": [float(str(number)) for number in vector]}
            out.write(json.dumps(row).encode() + b"\n")


JSONL = Format("jsonl", (".jsonl",), recognise, read, write, streams=True)
