"""Results kept from one comparison to the next, in a folder of files named by what went into them.

A key is the SHA-256 of everything that a result depends on, so that nothing in the folder is ever out of date.
An entry that cannot be read, or whose checksum is wrong, counts as absent and is made anew.
"""

from __future__ import annotations

import ast
import hashlib
import importlib.util
import json
import os
import sys
from collections.abc import Iterable, Iterator
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


def source_files(modules: Iterable[str]) -> dict[str, Path]:
    """Source files, by module, of modules and of all that they import, directly or not, from their own packages.

    What is imported inside functions counts. ``embcomp`` itself only says what there is, and does not.
    """
    waiting = list(modules)
    packages = {name.partition(".")[0] for name in waiting}
    seen = {"embcomp"}
    files: dict[str, Path] = {}
    while waiting:
        name = waiting.pop()
        if name in seen or name.partition(".")[0] not in packages:
            continue
        seen.add(name)
        path = _source_file(name)
        if path is not None:
            files[name] = path
            waiting += _imported(path, name)
    return files


def _source_file(module: str) -> Path | None:
    """Where a module's source is, whether it is loaded or not; ``None`` if it has none, or is no module."""
    file = getattr(sys.modules.get(module), "__file__", None)
    if file is None:
        try:
            spec = importlib.util.find_spec(module)
        except (ImportError, ValueError):
            return None
        file = spec.origin if spec is not None else None
    path = Path(file) if file is not None else None
    return path if path is not None and path.suffix == ".py" and path.is_file() else None


def _imported(path: Path, module: str) -> Iterator[str]:
    """Names in a module's imports that are modules, or could be."""
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            name = "." * node.level + (node.module or "")
            base = importlib.util.resolve_name(name, package) if node.level else name
            yield base
            yield from (f"{base}.{alias.name}" for alias in node.names)


def _digest(document: Any) -> str:
    return hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()
