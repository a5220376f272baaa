"""Files that are no embeddings, or not as they are: what they are, and what to do with them."""

from __future__ import annotations

import re
from collections.abc import Callable

from embcomp.formats.stream import ByteStream

HEAD_BYTES = 1024
PYTHON = "load it in Python and give words and vectors to embcomp.compress"
UNPACK = "unpack it and give the file that is in it"

_MAGIC = (
    (b"\x89PNG\r\n\x1a\n", "a PNG picture", ""),
    (b"\xff\xd8\xff", "a JPEG picture", ""),
    (b"GIF8", "a GIF picture", ""),
    (b"%PDF-", "a PDF document", ""),
    (b"SQLite format 3\x00", "an SQLite database", PYTHON),
    (b"FiFu", "a finalfusion file", "convert it to word2vec with ffp-convert"),
    (b"GGUF", "a GGUF model", PYTHON),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive", UNPACK),
    (b"Rar!\x1a\x07", "a RAR archive", UNPACK),
    (b"version https://git-lfs", "a pointer of Git LFS and not the file itself", "fetch that with git lfs pull"),
)
_HTML = re.compile(rb"\s*<(?:!doctype html|html|\?xml)", re.IGNORECASE)
_DECIMAL_COMMA = re.compile(rb"(?<![^ \t])[+-]?[0-9]+,[0-9]+(?![^ \t\r])")
_CSV_ROW = re.compile(rb"[^\n]*,[ \t]*\"?[+-]?[0-9]*\.?[0-9]+(?:[eE][+-]?[0-9]+)?\"?[ \t\r]*")


def known_otherwise(stream: ByteStream) -> str | None:
    """Say what a source is that is in no format to be read here: by its first bytes, or its first lines."""
    return known_by_start(stream) or _by_lines(stream.first_lines)


def known_by_start(stream: ByteStream) -> str | None:
    """Say what a source is by its first bytes, if that is nothing to be read here."""
    head = stream.peek(HEAD_BYTES)
    if head.startswith(b"PK\x03\x04"):
        return _zip(head)
    found = [
        *((what, advice) for magic, what, advice in _MAGIC if head.startswith(magic)),
        *((what, advice) for holds, what, advice in _TESTS if holds(head)),
    ]
    return _told(*found[0]) if found else None


def _by_lines(lines: tuple[bytes, ...]) -> str | None:
    rows = [line for line in lines[1:] if line.strip()] or list(lines)
    if _most(rows, lambda row: len(_DECIMAL_COMMA.findall(row)) > 1):
        return _told("text with decimal commas", "write points: tr , .")
    if _most(rows, lambda row: _CSV_ROW.fullmatch(row) is not None):
        return _told("comma-separated values", "write spaces, without a line of names: tail -n +2 FILE | tr , ' '")
    return None


def _told(what: str, advice: str) -> str:
    return f"is {what}, expected words and vectors{'; ' if advice else ''}{advice}"


def _zip(head: bytes) -> str:
    """By the name of the first member."""
    name = head[30 : 30 + int.from_bytes(head[26:28], "little")]
    if name.endswith(b".npy"):
        return _told(
            "an .npz archive of NumPy", "save the array of vectors as .npy, and the words in a list beside it"
        )
    if name.endswith(b"data.pkl"):
        return _told("a PyTorch file", PYTHON)
    return _told("a zip archive", f"{UNPACK}: unzip -p FILE | embcomp compress -")


def _is_utf_16(head: bytes) -> bool:
    """A byte-order mark, or every other byte is zero."""
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return True
    even, odd = head[: len(head) // 2 * 2 : 2], head[1::2]
    return len(odd) > 2 and (not any(odd) or not any(even)) and any(head)


_TESTS: tuple[tuple[Callable[[bytes], object], str, str], ...] = (
    (lambda head: head[257:262] == b"ustar", "a tar archive", UNPACK),
    (_is_utf_16, "text in UTF-16", "turn it into UTF-8: iconv -f UTF-16 -t UTF-8"),
    (_HTML.match, "an HTML or XML page, perhaps that of a failed download", ""),
)


def _most(rows: list[bytes], holds: Callable[[bytes], bool]) -> bool:
    return 2 * sum(map(holds, rows)) > len(rows)
