"""Sources at an address, ``https://…``, ``s3://…``, ``hf://…``, by fsspec (``pip install '.[remote]'``).

A file is read in pieces of some MB. A piece that fails is asked for again, from where it starts, so that a broken
connection costs one piece; a file that has changed meanwhile is refused. A server that gives no pieces is read as one
stream, which is not resumed. Of a folder, the files of a static sentence model are fetched first.
"""

from __future__ import annotations

import io
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from embcomp.errors import EmbcompError, InputError
from embcomp.plugins import extra

PIECE_BYTES = 8 << 20
ATTEMPTS = 5
PAUSE_SECONDS = 0.5  # before the second attempt; then twice as long each time
MODEL_FILES = ("model.safetensors", "tokenizer.json", "config.json", "modules.json")
MODEL_FOLDERS = ("", "0_StaticEmbedding")
IDENTITY = ("size", "ETag", "etag", "mtime", "LastModified", "blob_id")


def is_remote(source: str) -> bool:
    """Whether a source is an address and no path."""
    scheme, found, _ = source.partition("://")
    return bool(found) and scheme.isascii() and scheme.replace("+", "").isalnum()


def base_name(source: str) -> str:
    """The last part of an address, without what follows a question mark."""
    return source.partition("://")[2].partition("?")[0].rstrip("/").rpartition("/")[2]


@contextmanager
def open_remote(source: str) -> Iterator[Path | RemoteFile]:
    """Open a remote file; of a folder, give a local copy of the model in it.

    Raises:
        InputError: it cannot be reached, or is no file.
        ParameterError: fsspec or the package for such addresses is not installed.
    """
    system, path = system_of(source)
    info = asked(source, lambda: system.info(path))
    if info.get("type") != "directory":
        yield RemoteFile(source, system, path, info)
        return
    with tempfile.TemporaryDirectory(prefix="embcomp-") as folder:
        _fetch_model(source, system, path, Path(folder))
        yield Path(folder)


def system_of(source: str) -> tuple[Any, str]:
    """Return the fsspec file system of an address, and the path there."""
    fsspec = extra("fsspec", "remote")
    try:
        found: tuple[Any, str] = fsspec.core.url_to_fs(source)
    except (ImportError, ValueError) as error:
        raise InputError(f"{source}: cannot be opened: {_line(error)}; see pip install '.[remote]'") from error
    return found


def remote_files(pattern: str) -> list[str]:
    """Return the addresses that a pattern stands for, in order."""
    system, path = system_of(pattern)
    found: list[str] = asked(pattern, lambda: system.glob(path))
    return sorted(system.unstrip_protocol(each) for each in found)


def _fetch_model(source: str, system: Any, path: str, folder: Path) -> None:
    for inner in MODEL_FOLDERS:
        for name in MODEL_FILES:
            there = "/".join(part for part in (path.rstrip("/"), inner, name) if part)
            if asked(source, lambda there=there: system.exists(there)):
                target = folder / inner / name
                target.parent.mkdir(exist_ok=True)
                with target.open("wb") as out:
                    file = RemoteFile(f"{source.rstrip('/')}/{name}", system, there, system.info(there))
                    shutil.copyfileobj(file, out, PIECE_BYTES)


def asked(source: str, ask: Any, refusal: type[EmbcompError] = InputError, what: str = "read") -> Any:
    """Ask a server; what its package raises, whatever that is, becomes an error of one line."""
    try:
        return ask()
    except FileNotFoundError as error:
        raise refusal(f"{source}: cannot be {what}: there is no such file") from error
    except Exception as error:  # every file system has errors of its own, without a common class
        raise refusal(f"{source}: cannot be {what}: {_line(error)}") from error


def _line(error: Exception) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())


class RemoteFile(io.RawIOBase):
    """The bytes of a remote file, front to back.

    Attributes:
        size: in bytes; 0 if unknown.
        sha256: of the file, if the server says so; else empty.
    """

    def __init__(self, source: str, system: Any, path: str, info: dict[str, Any]) -> None:
        self._source, self._system, self._path = source, system, path
        self._identity = {name: info.get(name) for name in IDENTITY}
        self.size = int(info.get("size") or 0)
        self.sha256 = str((info.get("lfs") or {}).get("sha256") or "")
        self._position = 0
        self._piece = memoryview(b"")
        self._stream = None if self.size else self._opened_stream()

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill a part of the buffer; 0 at the end."""
        if not self._piece:
            self._piece = memoryview(self._next_piece())
        n_bytes = min(len(buffer), len(self._piece))
        buffer[:n_bytes] = self._piece[:n_bytes]
        self._piece = self._piece[n_bytes:]
        return n_bytes

    def _next_piece(self) -> bytes:
        if self._stream is not None:
            stream = self._stream
            piece: bytes = asked(self._source, lambda: stream.read(PIECE_BYTES))
            return piece
        start, end = self._position, min(self._position + PIECE_BYTES, self.size)
        piece = self._fetched(start, end) if start < end else b""
        self._position = end
        return piece

    def _opened_stream(self) -> Any:
        return asked(self._source, lambda: self._system.open(self._path, "rb", block_size=0))

    def _streamed_from(self, start: int) -> bytes:
        """Open the file as a stream, skip what has been read, and return the next piece."""
        self._stream = self._opened_stream()
        while start and (skipped := len(self._stream.read(min(start, PIECE_BYTES)))):
            start -= skipped
        return self._next_piece()

    def _fetched(self, start: int, end: int) -> bytes:
        """Return a range of bytes, asking again if that fails."""
        for attempt in range(ATTEMPTS):
            if attempt:
                time.sleep(PAUSE_SECONDS * 2 ** (attempt - 1))
                self._require_same()
            try:
                data = asked(self._source, lambda: self._range(start, end))
            except InputError as error:
                reason = str(error).removeprefix(f"{self._source}: cannot be read: ")
            else:
                if data is None:
                    return self._streamed_from(start)
                if len(data) == end - start:
                    return bytes(data)
                reason = f"{len(data)} bytes of {end - start}"
        raise InputError(f"{self._source}: bytes {start} to {end} cannot be read in {ATTEMPTS} attempts: {reason}")

    def _range(self, start: int, end: int) -> bytes | None:
        """Ask for a range; ``None`` if the server does not give ranges."""
        try:
            with self._system.open(self._path, "rb", block_size=PIECE_BYTES, cache_type="none") as file:
                file.seek(start)
                data: bytes = file.read(end - start)
        except ValueError:  # what fsspec raises for that
            return None
        return data

    def _require_same(self) -> None:
        self._system.invalidate_cache()
        try:
            info = asked(self._source, lambda: self._system.info(self._path))
        except InputError:  # the next attempt will say
            return
        if {name: info.get(name) for name in IDENTITY} != self._identity:
            raise InputError(f"{self._source}: was replaced while it was being read")
