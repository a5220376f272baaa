"""Lists of words, one a line: those of an ``.npy`` array, and those that a user wants."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from pathlib import Path

from embcomp.errors import InputError
from embcomp.formats.rows import MAX_WORD_BYTES, decode_words
from embcomp.formats.stream import READ_BYTES, ByteStream, open_stream

LINE_FEED = b"\n"


def read_word_list(path: str | Path, encoding_errors: str = "strict") -> frozenset[str]:
    """Read the words that a user wants: one a line, plain or compressed; ``-`` for standard input.

    Empty lines and a byte-order mark are left out.

    Raises:
        InputError: it cannot be read, has no words, or one is not valid UTF-8 or too long.
    """
    with open_stream(path) as stream:
        lines = list(lines_of_list(stream))
        joined, numbers = LINE_FEED.join(lines), range(1, 1 + len(lines))
        words = decode_words(joined, LINE_FEED, encoding_errors, stream.line, numbers)
    found = frozenset(word.removeprefix("\ufeff") for word in words) - {""}
    if not found:
        raise InputError(f"{path}: has no words, expected one a line")
    return found


def lines_of_list(listed: ByteStream) -> Iterator[bytes]:
    """One word a line. If the first line ends with a carriage return, that is part of each line's end."""
    lines = lines_of(listed.name, _counted(listed))
    first = next(lines, None)
    if first is None:
        return
    carriage_return = b"\r" if first.endswith(b"\r") else b""
    for line in chain([first], lines):
        yield line.removesuffix(carriage_return)


def _counted(listed: ByteStream) -> Iterator[bytes]:
    """The bytes of a list, as long as they are not far more than those on disk."""
    n_bytes = 0
    while data := listed.read(READ_BYTES):
        n_bytes += len(data)
        listed.require_words_within(n_bytes)
        yield data


def lines_of(name: str, parts: Iterator[bytes]) -> Iterator[bytes]:
    """Cut into lines, without their line feeds; the last one need not have one."""
    rest = b""
    for data in parts:
        *lines, rest = (rest + data).split(LINE_FEED)
        if max(len(rest), *map(len, lines), 0) > MAX_WORD_BYTES + 1:
            raise InputError(f"{name}: a word is longer than {MAX_WORD_BYTES} bytes, allowed at most that")
        yield from lines
    if rest:
        yield rest
