"""Text on its way to a terminal: nothing in a file can move the cursor, forge a line, or end a command.

Words, names of files and reports may hold any character. In results they are *escaped*, which can be undone:
``\\\\`` is a backslash; ``\\t``, ``\\n`` and ``\\r`` are tab, line feed and carriage return; ``\\x1b``, ``\\u202e``
or ``\\U000e0001`` is another character. Escaped are control characters (C0, DEL, C1), line and paragraph separators,
characters that change the direction of text, tags, lone surrogates (bytes of names that are not UTF-8), and what the
stream's encoding does not have. In messages the same characters are escaped, but backslashes stay as they are.
"""

from __future__ import annotations

import io
import json
import os
import re
import sys
from typing import Any, TextIO

_BEYOND_ASCII = "\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufff9-\ufffb\U000e0000-\U000e007f"
_IN_RESULTS = re.compile(f"[\\\\\x00-\x1f{_BEYOND_ASCII}]")
_IN_MESSAGES = re.compile(f"[\x00-\x1f{_BEYOND_ASCII}]")
_IN_JSON = re.compile(f"[{_BEYOND_ASCII}]")
_SHORT = {"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"}


def escaped(text: str) -> str:
    """Escape a result, so that it can be undone."""
    return _IN_RESULTS.sub(_escape, text)


def visible(text: str) -> str:
    """Escape the control characters of a message."""
    return _IN_MESSAGES.sub(_escape, text)


def _escape(found: re.Match[str]) -> str:
    character = found[0]
    if character in _SHORT:
        return _SHORT[character]
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def json_text(document: Any, indent: int | None) -> str:
    """A JSON document as it is printed on stdout: in ASCII, unless the stream has all characters."""
    encoding = str(getattr(sys.stdout, "encoding", None)).lower().replace("-", "").replace("_", "")
    text = json.dumps(document, indent=indent, ensure_ascii=encoding != "utf8")
    return _IN_JSON.sub(lambda found: json.dumps(found[0])[1:-1].replace("\x7f", "\\u007f"), text)


def set_up_streams() -> None:
    """Make standard streams that are there, and that take every character.

    A stream that was closed is replaced by one that gives an error when it is used, so that no file gets its number;
    messages for a closed stderr are dropped.
    """
    sys.stdin = sys.stdin or _null(os.O_WRONLY, "r")
    sys.stdout = sys.stdout or _null(os.O_RDONLY, "w")
    sys.stderr = sys.stderr or _null(os.O_WRONLY, "w")
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _null(access: int, mode: str) -> TextIO:
    """The null device, opened for access other than ``mode`` says where using it is an error."""
    stream: TextIO = io.TextIOWrapper(os.fdopen(os.open(os.devnull, access), f"{mode}b"), encoding="utf-8")
    return stream
