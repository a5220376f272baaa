"""word2vec's binary format: a header line, then for each row the word, a space, and float32 numbers, little-endian.

Line feeds before a word are not part of it: the original tool writes one after each row, gensim none.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

import numpy as np

from embcomp.errors import InputError
from embcomp.formats.format import Block, Format, Rows, Table
from embcomp.formats.options import ReadOptions
from embcomp.formats.rows import MAX_WORD_BYTES, decode_words
from embcomp.formats.sniff import Header, find_header, is_binary, require_header
from embcomp.formats.stream import ByteStream

CHUNK_BYTES = 1 << 21


def _recognise(stream: ByteStream) -> bool:
    return find_header(stream) is not None and is_binary(stream)


def _read(stream: ByteStream, options: ReadOptions) -> Rows:
    header = require_header(stream)
    stream.read(header.length)
    return Rows(header.dim, _blocks(stream, header, options), stream.row)


def _blocks(stream: ByteStream, header: Header, options: ReadOptions) -> Iterator[Block]:
    n_wanted = min(header.rows, options.limit or header.rows)
    n_done, rest = 0, b""
    while n_done < n_wanted:
        new = stream.read(max(CHUNK_BYTES, 4 * header.dim))
        if not new:
            raise InputError(f"{stream.line(1)}: header promises {header.rows} rows, the file has {n_done}")
        chunk = rest + new
        words, vectors, n_used = _split(chunk, header.dim, n_wanted - n_done)
        rest = chunk[n_used:]
        first, n_done = n_done + 1, n_done + len(words)
        if len(rest) > MAX_WORD_BYTES and b" " not in rest[: MAX_WORD_BYTES + 1] and n_done < n_wanted:
            raise InputError(
                f"{stream.row(n_done + 1)}: the word is longer than {MAX_WORD_BYTES} bytes, allowed at most that"
            )
        decoded = decode_words(b" ".join(words), b" ", options.encoding_errors, stream.row, range(first, n_done + 1))
        matrix = np.frombuffer(vectors, dtype="<f4").reshape(len(words), header.dim)
        yield Block([word.lstrip("\n") for word in decoded], matrix)
    if n_wanted == header.rows:
        _refuse_more(stream, header, rest)


def _split(chunk: bytes, dim: int, n_wanted: int) -> tuple[list[bytes], bytes, int]:
    """Return the words and the joined vectors of the whole rows in ``chunk``, and how many bytes these take."""
    words: list[bytes] = []
    vectors: list[bytes] = []
    start = 0
    while len(words) < n_wanted:
        space = chunk.find(b" ", start, start + MAX_WORD_BYTES + 1)
        end = space + 1 + 4 * dim
        if space < 0 or end > len(chunk):
            break
        words.append(chunk[start:space])
        vectors.append(chunk[space + 1 : end])
        start = end
    return words, b"".join(vectors), start


def _refuse_more(stream: ByteStream, header: Header, rest: bytes) -> None:
    n_more = 0
    while rest:
        n_more += len(rest.strip(b"\n"))
        rest = stream.read(CHUNK_BYTES)
    if n_more:
        raise InputError(
            f"{stream.line(1)}: header promises {header.rows} rows, after them the file has {n_more} more bytes"
        )


def _write(out: BinaryIO, table: Table) -> None:
    out.write(f"{table.n_rows} {table.dim}\n".encode())
    for words, vectors in table.blocks(_problem):
        rows = zip(words, map(bytes, vectors), strict=True)
        out.write(b"".join(b"%b %b" % row for row in rows))


def _problem(word: str) -> str | None:
    """Say what a word must be to come back from a binary file."""
    if " " in word:
        return "words without spaces"
    return "words that do not start with a line feed" if word.startswith("\n") else None


WORD2VEC_BINARY = Format("word2vec-binary", (".bin",), _recognise, _read, _write, True)
