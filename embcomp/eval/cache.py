"""Results kept from one comparison to the next, in a folder of files named by what went into them.

A key is the SHA-256 of everything that a result depends on, so that nothing in the folder is ever out of date.
An entry that cannot be read, or whose checksum is wrong, counts as absent and is made anew.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from embcomp.errors import OutputError
from embcomp.files import replacing


class Cache:
    """A folder of entries: JSON documents and containers, by key."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(f"{folder}: cannot be made: {error.strerror}") from error

    def path(self, key: str, suffix: str) -> Path:
        """Where an entry lies."""
        return self.folder / f"{key}{suffix}"

    def load(self, key: str) -> Any | None:
        """The JSON document stored under ``key``, or ``None``."""
        try:
            stored = json.loads(self.path(key, ".json").read_bytes())
            whole = stored["sha256"] == _digest(stored["document"])
        except (OSError, ValueError, KeyError, TypeError):
            return None
        return stored["document"] if whole else None

    def store(self, key: str, document: Any) -> None:
        """Store a JSON document; it appears whole or not at all."""
        stored = {"sha256": _digest(document), "document": document}
        with replacing(self.path(key, ".json"), force=True) as file:
            file.write(json.dumps(stored).encode())


def default_folder() -> Path:
    """``embcomp`` in the user's folder for caches (XDG base directory specification)."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    home = Path(base) if Path(base).is_absolute() else Path.home() / ".cache"
    return home / "embcomp"


def key_of(*parts: Any) -> str:
    """The key for a result that depends on ``parts``, JSON values."""
    return _digest(list(parts))


def file_digest(paths: Iterable[Path]) -> str:
    """One SHA-256 over the names and contents of files."""
    total = hashlib.sha256()
    for path in sorted(paths):
        total.update(f"{path.name}\0{path.stat().st_size}\0".encode())
        total.update(path.read_bytes())
    return total.hexdigest()


def _digest(document: Any) -> str:
    return hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()
