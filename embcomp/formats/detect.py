"""What a source is, told by its content and never by its name."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass

from embcomp.errors import InputError
from embcomp.formats.rows import MAX_DIM, MAX_LINE_BYTES, BadRowError, count_numbers, shown, split_row
from embcomp.formats.stream import ByteStream

SAMPLE_BYTES = 1 << 18
SAMPLE_LINES = 100

_HEADER = re.compile(rb"(?:\xef\xbb\xbf)?[ \t]*([0-9]{1,18})[ \t]+([0-9]{1,18})[ \t\r]*")
_PICKLE = re.compile(rb"\x80[\x02-\x05]")
_NO_TEXT = re.compile(rb"[\x00-\x08\x0e-\x1f\x80-\xff]")


@dataclass(frozen=True)
class Header:
    """The first line of a word2vec file."""

    rows: int
    dim: int
    length: int
    """Bytes of the line, line feed included."""


@dataclass(frozen=True)
class Detected:
    """What a source turned out to be; for the text formats and word2vec's binary one, also its size."""

    format: str
    dim: int = 0
    header: Header | None = None


def detect(stream: ByteStream, wanted: str | None = None) -> Detected:
    """Look at the first rows of a stream, without moving on.

    Args:
        stream: not read from yet.
        wanted: the format that the user has named, which is then not guessed.

    Raises:
        InputError: it is empty, is a container of our own, or is nothing that is known.
    """
    name = stream.name
    head = stream.peek(8)
    if not head:
        raise InputError(f"{name}: is empty, expected an embedding")
    if head.startswith(b"\x89EMBC"):
        raise InputError(
            f"{name}: is compressed already (an .embc container), expected an embedding; "
            f"'embcomp decompress' reads it"
        )
    found = wanted or _by_magic(head)
    if found in ("npy", "fasttext-binary", "gensim"):
        return Detected(found)
    lines = _sample(stream)
    header = _header(lines[0])
    if found is None:
        found = _text_or_binary(name, header, lines)
    if found == "glove-text":
        return Detected(found, _usual_length(name, lines))
    if header is None:
        raise InputError(f"{name}:1: {shown(lines[0])} is no header, expected two whole numbers: rows and dimensions")
    if not 1 <= header.dim <= MAX_DIM:
        raise InputError(f"{name}:1: header promises {header.dim} dimensions, expected 1 to {MAX_DIM}")
    return Detected(found, header.dim, header)


def _by_magic(head: bytes) -> str | None:
    if head.startswith(b"\x93NUMPY"):
        return "npy"
    if head.startswith(b"\xba\x16\x4f\x2f"):  # int32 793712314
        return "fasttext-binary"
    return "gensim" if _PICKLE.match(head) else None


def _sample(stream: ByteStream) -> list[bytes]:
    """The first lines, whole ones only: at least one, and two if there are."""
    size = SAMPLE_BYTES
    while True:
        sample = stream.peek(size)
        complete = len(sample) < size
        lines = sample.split(b"\n", SAMPLE_LINES + 1)
        if len(lines) > 2 or complete or size > 2 * MAX_LINE_BYTES:
            break
        size *= 4
    if len(lines[0]) > MAX_LINE_BYTES:
        raise InputError(f"{stream.name}:1: the line is longer than {MAX_LINE_BYTES} bytes, allowed at most that")
    if not complete or len(lines) > SAMPLE_LINES or not lines[-1]:
        lines = lines[:-1] or lines
    return lines


def _header(line: bytes) -> Header | None:
    match = _HEADER.fullmatch(line)
    if match is None:
        return None
    return Header(int(match[1]), int(match[2]), len(line) + 1)


def _text_or_binary(name: str, header: Header | None, lines: list[bytes]) -> str:
    if header is None:
        return "glove-text"
    rows = lines[1:]
    lengths = [count_numbers(row) for row in rows if row.strip()]
    if sum(length > 0 for length in lengths) * 2 <= len(lengths) and _NO_TEXT.search(b"\n".join(rows)):
        return "word2vec-binary"
    if not any(lengths) or _fits(rows[0], header.dim):
        return "word2vec-text"
    usual = _usual_length(name, rows)
    if usual == header.dim:
        return "word2vec-text"
    if usual == 1:  # the first line is a row itself
        return "glove-text"
    raise InputError(f"{name}:1: header promises {header.dim} dimensions, the rows have {usual}")


def _fits(row: bytes, dim: int) -> bool:
    try:
        split_row(row, dim)
    except BadRowError:
        return False
    return True


def _usual_length(name: str, lines: list[bytes]) -> int:
    """How many numbers most of the rows have."""
    lengths = Counter(count_numbers(line) for line in lines if line.strip())
    n_rows = lengths.total()
    del lengths[0]
    if n_rows == 0 or lengths.total() * 2 < n_rows:
        raise InputError(
            f"{name}: is no embedding in a known format, expected rows of a word and numbers, got {shown(lines[0])}"
        )
    return lengths.most_common(1)[0][0]
