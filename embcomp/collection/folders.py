"""Folders of files that never change, on disk or at an address such as ``s3://bucket/name``.

A file appears whole or not at all, and its name says what is in it, so that writing it again changes nothing. The one
operation that decides between two writers is :meth:`Folder.create`, which fails if the file is there.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO

from embcomp.errors import InputError, OutputError
from embcomp.files import replacing
from embcomp.formats.remote import asked, is_remote, system_of

COPY_BYTES = 2**22
BLOCK_BYTES = 2**18  # read at least: of an encoded part, what one shard needs


class Folder:
    """A folder on disk."""

    def __init__(self, root: str) -> None:
        self.root = root

    def where(self, name: str) -> str:
        """Return the path or address of a file, for messages."""
        return str(Path(self.root, name))

    def make(self) -> None:
        """Make the folder if it is not there."""
        try:
            Path(self.root).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(f"{self.root}: cannot be made: {error.strerror}") from error

    def names(self) -> list[str]:
        """Return the names of all files, ascending; none if there is no folder."""
        try:
            return sorted(path.name for path in Path(self.root).iterdir())
        except (FileNotFoundError, NotADirectoryError):
            return []
        except OSError as error:
            raise InputError(f"{self.root}: cannot be read: {error.strerror}") from error

    def exists(self, name: str) -> bool:
        """Whether there is such a file."""
        return Path(self.root, name).is_file()

    def open(self, name: str) -> BinaryIO:
        """Open a file for reading."""
        try:
            return Path(self.root, name).open("rb")
        except OSError as error:
            raise InputError(f"{self.where(name)}: cannot be read: {error.strerror}") from error

    def local(self, name: str) -> Path:
        """Return a path on disk that has the file; ``InputError`` if there is none."""
        if not self.exists(name):
            raise InputError(f"{self.where(name)}: cannot be read: there is no such file")
        return Path(self.root, name)

    def write(self, name: str, data: bytes | memoryview, *, force: bool = True) -> None:
        """Write a file; one of that name has the same content, and may be replaced."""
        with replacing(Path(self.root, name), force=force) as file:
            file.write(data)

    def create(self, name: str, data: bytes) -> bool:
        """Write a file unless one with other content is there, as the system decides; return whether it is there."""
        try:
            self.write(name, data, force=False)
        except OutputError:
            if not self.exists(name):
                raise
            with self.open(name) as file:
                return file.read() == data
        return True

    def clear(self) -> None:
        """Remove the folder, as far as the system lets us."""
        shutil.rmtree(self.root, ignore_errors=True)


class RemoteFolder(Folder):
    """A folder at an address; files are copied to a cache on disk when they are mapped."""

    def __init__(self, root: str) -> None:
        super().__init__(root.rstrip("/"))
        self._system, self._path = system_of(self.root)

    def where(self, name: str) -> str:
        """Return the address of a file."""
        return f"{self.root}/{name}"

    def make(self) -> None:
        """Nothing: a folder is there when a file in it is."""

    def names(self) -> list[str]:
        """Return the names of all files, as they are now."""
        try:
            listed = self._ask("", lambda: self._system.ls(self._path, detail=False, refresh=True))
        except InputError as error:
            if isinstance(error.__cause__, FileNotFoundError):
                return []
            raise
        return sorted(path.rstrip("/").rpartition("/")[2] for path in listed)

    def exists(self, name: str) -> bool:
        """Whether there is such a file now."""
        self._system.invalidate_cache()  # other machines write here too
        return bool(self._ask(name, lambda: self._system.exists(f"{self._path}/{name}")))

    def open(self, name: str) -> BinaryIO:
        """Open a file for reading, anywhere in it."""
        opened: BinaryIO = self._ask(name, lambda: self._system.open(f"{self._path}/{name}", block_size=BLOCK_BYTES))
        return opened

    def local(self, name: str) -> Path:
        """Copy a file to the cache, unless it is there, and return its path."""
        folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache", "embcomp")
        path = folder / hashlib.sha256(self.root.encode()).hexdigest()[:16] / name
        if not path.is_file():
            path.parent.mkdir(parents=True, exist_ok=True)
            with self.open(name) as source, replacing(path, force=True) as file:
                while data := self._ask(name, lambda: source.read(COPY_BYTES)):
                    file.write(data)
        return path

    def write(self, name: str, data: bytes | memoryview, *, force: bool = True) -> None:
        """Write a file."""
        path, mode = f"{self._path}/{name}", "overwrite" if force else "create"
        asked(self.where(name), lambda: self._system.pipe_file(path, bytes(data), mode=mode), OutputError, "written")

    def clear(self) -> None:
        """Remove the folder, as far as the server lets us."""
        with suppress(InputError):
            self._ask("", lambda: self._system.rm(self._path, recursive=True))

    def _ask(self, name: str, ask: Callable[[], Any]) -> Any:
        return asked(self.where(name), ask)


def digest(*facts: Any) -> str:
    """Return what a file's name says of what it was made from."""
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:24]


def sha256_of(path: str | Path) -> str:
    """Return the SHA-256 of a file on disk."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def folder_at(root: str) -> Folder:
    """Return a folder by its path or address."""
    return RemoteFolder(root) if is_remote(root) else Folder(root)
