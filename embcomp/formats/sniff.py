"""Detection from the first lines of a source: word2vec's header, and how many numbers a row has."""

from __future__ import annotations

import re
from collections import Counter
from functools import lru_cache
from typing import NamedTuple

from embcomp.errors import InputError
from embcomp.formats.foreign import known_otherwise
from embcomp.formats.rows import MAX_DIM, MAX_LINE_BYTES, BadRowError, count_numbers, shown, split_row
from embcomp.formats.stream import ByteStream

_HEADER = re.compile(rb"(?:\xef\xbb\xbf)?[ \t]*([0-9]{1,18})[ \t]+([0-9]{1,18})[ \t\r]*")
_NO_TEXT = re.compile(rb"[\x00-\x08\x0e-\x1f\x80-\xff]")


class Header(NamedTuple):
    """The first line of a word2vec file."""

    rows: int
    dim: int
    length: int
    """Bytes of the line, line feed included."""


def find_header(stream: ByteStream) -> Header | None:
    """Return what the first line is, if it is a header."""
    line = stream.first_lines[0]
    match = _HEADER.fullmatch(line)
    return None if match is None else Header(int(match[1]), int(match[2]), len(line) + 1)


def require_header(stream: ByteStream) -> Header:
    """Return the header of a word2vec file.

    Raises:
        InputError: there is none, or its number of dimensions is not allowed.
    """
    header = find_header(stream)
    if header is None:
        found = shown(stream.first_lines[0])
        raise InputError(f"{stream.line(1)}: {found} is no header, expected two whole numbers: rows and dimensions")
    if not 1 <= header.dim <= MAX_DIM:
        raise InputError(f"{stream.line(1)}: header promises {header.dim} dimensions, expected 1 to {MAX_DIM}")
    return header


def is_binary(stream: ByteStream) -> bool:
    """Whether what follows the first line is hardly text: few lines end in numbers, and some bytes are no ASCII."""
    rows = stream.first_lines[1:]
    lengths = _lengths(rows)
    return lengths[0] * 2 >= lengths.total() and bool(_NO_TEXT.search(b"\n".join(rows)))


def usual_length(lines: tuple[bytes, ...]) -> int:
    """Return the number of numbers at the end of most lines; 0 if most end in none, or the first line is too long."""
    lengths = _lengths(lines)
    if lengths[0] * 2 > lengths.total() or len(lines[0]) > MAX_LINE_BYTES:
        return 0
    return max(filter(None, lengths), key=lengths.__getitem__, default=0)


def contradiction(stream: ByteStream, header: Header) -> int | None:
    """Return how many numbers the rows have if that is not what the header promises; 0: none that could be rows."""
    rows = stream.first_lines[1:]
    if not any(_lengths(rows)) or _fits(rows[0], header.dim):
        return None
    usual = usual_length(rows)
    return None if usual == header.dim else usual


def require_rows(stream: ByteStream) -> int:
    """Return how many numbers the rows of a text without header have.

    Raises:
        InputError: its lines are no rows.
    """
    usual = usual_length(stream.first_lines)
    if usual == 0:
        raise unknown_format(stream)
    return usual


def unknown_format(stream: ByteStream) -> InputError:
    """Return the error for a source of unknown format."""
    line = stream.first_lines[0]
    known = known_otherwise(stream)
    if known is not None:
        return InputError(f"{stream.name}: {known}")
    if len(line) > MAX_LINE_BYTES:
        return InputError(f"{stream.line(1)}: the line is longer than {MAX_LINE_BYTES} bytes, allowed at most that")
    return InputError(
        f"{stream.name}: is no embedding in a known format, expected rows of a word and numbers, got {shown(line)}"
    )


@lru_cache(maxsize=2)
def _lengths(lines: tuple[bytes, ...]) -> Counter[int]:
    """How many lines that are not blank end in how many numbers."""
    return Counter(count_numbers(line) for line in lines if line.strip())


def _fits(row: bytes, dim: int) -> bool:
    try:
        split_row(row, dim)
    except BadRowError:
        return False
    return True
