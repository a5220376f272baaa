"""Cache of results, in a folder of files named by a digest of everything that a result depends on.

A key is the SHA-256 of everything that a result depends on, so that nothing in the folder is ever out of date.
An entry that cannot be read, or whose checksum does not match, counts as absent and is made again.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from embcomp.collection.folders import Folder
from embcomp.files import replacing


class Cache:
    """A folder of entries: JSON documents and containers, by key."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        Folder(str(folder)).make()

    def path(self, key: str, suffix: str) -> Path:
        """The file of an entry."""
        return self.folder / f"{key}{suffix}"

    def load(self, key: str) -> Any | None:
        """The JSON document stored under ``key``, or ``None``."""
        try:
            stored = json.loads(self.path(key, ".json").read_bytes())
            whole = stored["sha256"] == key_of(stored["document"])
        except (OSError, ValueError, KeyError, TypeError):
            return None
        return stored["document"] if whole else None

    def store(self, key: str, document: Any) -> None:
        """Store a JSON document; it appears whole or not at all."""
        stored = {"sha256": key_of(document), "document": document}
        with replacing(self.path(key, ".json"), force=True) as file:
            file.write(json.dumps(stored).encode())


@contextmanager
def opened_cache(folder: Path | None) -> Iterator[Cache]:
    """The cache in a folder; with ``None``, a temporary one."""
    if folder is not None:
        yield Cache(folder)
        return
    with TemporaryDirectory(prefix="embcomp-compare-") as temporary:
        yield Cache(Path(temporary))


def default_folder() -> Path:
    """``embcomp`` in the user's folder for caches (XDG base directory specification)."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    home = Path(base) if Path(base).is_absolute() else Path.home() / ".cache"
    return home / "embcomp"


def key_of(*parts: Any) -> str:
    """The key for a result that depends on ``parts``, JSON values."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


@cache
def code_of(package: str) -> str:
    """SHA-256 of a package's Python files, as they are on first use: versions change less often."""
    spec = find_spec(package)
    places = [] if spec is None else spec.submodule_search_locations or [spec.origin or ""]
    total = hashlib.sha256()
    for place in map(Path, places):
        for path in sorted(place.rglob("*.py")) if place.is_dir() else [place]:
            total.update(f"{path.relative_to(place)}\0".encode() + hashlib.sha256(path.read_bytes()).digest())
    return total.hexdigest()
