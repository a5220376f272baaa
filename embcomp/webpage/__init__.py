"""One self-contained page around an ``.embc`` file: neighbours, analogies and a map, offline, in any browser.

``embcomp.js`` reads the file. It stands alone and is also published as an npm package (the folder ``js/``).
"""

from __future__ import annotations

import re
from html import escape
from importlib.resources import files

import numpy as np

from embcomp.checks import size_text

ALPHABET = bytes(sorted(set(range(33, 127)) - set(b"<>&\\\"'`/-")))
"""85 characters with which neither HTML nor a script ends."""


def page_of(content: bytes, name: str) -> str:
    """Return the page of the file with these bytes, HTML; ``name`` is its heading."""
    reader = _asset("embcomp.js").replace("export ", "")
    parts = {
        "TITLE": escape(name),
        "STYLE": _asset("page.css"),
        "READER": f"const embcomp = (() => {{\n{reader}\nreturn {{ open }};\n}})();",
        "SCRIPT": _asset("page.js"),
        "SIZE": size_text(len(content)),
        "BYTES": str(len(content)),
        "CONTENT": base85(content).decode("ascii"),
    }
    return re.sub(r"%([A-Z]+)%", lambda match: parts[match[1]], _asset("page.html"))


def base85(content: bytes) -> bytes:
    """Return four bytes, the first one highest, as five characters of :data:`ALPHABET`, after zeros at the end."""
    padded = content + bytes(-len(content) % 4)
    numbers = np.frombuffer(padded, dtype=">u4").astype(np.int64)
    digits = numbers[:, None] // 85 ** np.arange(4, -1, -1) % 85
    return bytes(digits.astype(np.uint8)).translate(ALPHABET.ljust(256))


def _asset(name: str) -> str:
    return (files(__package__) / name).read_text(encoding="utf-8")
