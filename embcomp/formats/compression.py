"""Compressed streams, recognised by their first bytes and read in bounded memory.

Several streams one after the other, and zero bytes as padding after them, are read as one; anything else that follows
is damage. The standard library's file objects for bz2 and xz ignore what follows and do not limit memory, that for
gzip takes a quarter longer, and that of zstandard accepts a truncated stream. The decompressors are therefore called
directly.
"""

from __future__ import annotations

import bz2
import gzip
import importlib
import lzma
import sys
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, Protocol

from embcomp.errors import InputError

SUFFIXES = {".gz": "gz", ".bz2": "bz2", ".xz": "xz", ".zst": "zst"}
MAGIC_BYTES = 10
CHUNK_BYTES = 1 << 18
XZ_MEMORY_BYTES = 128 << 20  # xz -9 needs 65 MB
ZST_STEP_BYTES = 1 << 10  # 4 bytes of zstd can stand for 128 kB, so one step gives at most 32 MB


def split_compression(name: str) -> tuple[str, str | None]:
    """Return a file's name without the suffix of a compression, in capitals or not, and that compression."""
    kind = SUFFIXES.get(Path(name).suffix.lower())
    return (name if kind is None else name[: -len(kind) - 1]), kind


class Readable(Protocol):
    """Anything with ``read``."""

    def read(self, size: int, /) -> bytes:
        """Return at most ``size`` bytes; none at the end."""
        ...


def kind_of(head: bytes) -> str | None:
    """Name the compression that the first :data:`MAGIC_BYTES` bytes of a stream show; ``None``: plain."""
    if head.startswith(b"\x1f\x8b\x08"):
        return "gz"
    if head.startswith(b"BZh") and head[4:10] in (b"1AY&SY", b"\x17rE8P\x90"):  # first block, or an empty file
        return "bz2"
    if head.startswith(b"\xfd7zXZ\x00"):
        return "xz"
    return "zst" if head.startswith(b"\x28\xb5\x2f\xfd") else None


class Decompressed:
    """The plain bytes of a compressed stream."""

    def __init__(self, raw: Readable, kind: str, name: str) -> None:
        self._raw = raw
        self._kind = kind
        self._name = name
        self._make, self._damage = _engine(kind, name)
        self._engine = self._make()
        self._waiting = b""

    def read(self, size: int) -> bytes:
        """Return at most ``size`` bytes (zstd: about that); none at the end.

        Raises:
            InputError: the stream is damaged or ends too early.
        """
        while True:
            if self._engine.eof and not self._next_stream():
                return b""
            data, self._waiting = self._waiting, b""
            if self._engine.needs_input and not data:
                data = self._raw.read(CHUNK_BYTES)
                if not data:
                    raise InputError(f"{self._name}: the {self._kind} data end too early")
            try:
                out: bytes = self._engine.decompress(data, size)
            except self._damage as error:
                raise InputError(f"{self._name}: the {self._kind} data are damaged: {error}") from error
            if out:
                return out

    def _next_stream(self) -> bool:
        data: bytes = self._engine.unused_data.lstrip(b"\x00")
        while not data:
            data = self._raw.read(CHUNK_BYTES)
            if not data:
                return False
            data = data.lstrip(b"\x00")
        self._engine = self._make()
        self._waiting = data
        return True


@contextmanager
def compressing(out: BinaryIO, kind: str | None, name: str) -> Iterator[BinaryIO]:
    """Compress what is written, with no time and no name in it: the same bytes give the same file.

    Raises:
        InputError: the package for zstd is not installed.
    """
    if kind is None:
        yield out
        return
    with _compressor(out, kind, name) as file:
        yield file


def _compressor(out: BinaryIO, kind: str, name: str) -> Any:
    """A file whose data go compressed into ``out``, which stays open."""
    if kind == "gz":
        return gzip.GzipFile("", "wb", fileobj=out, mtime=0)
    if kind == "bz2":
        return bz2.BZ2File(out, "wb")
    if kind == "xz":
        return lzma.LZMAFile(out, "wb")
    module = _zstd(name)
    return module.ZstdFile(out, "wb") if sys.version_info >= (3, 14) else module.open(out, "wb", closefd=False)


def _engine(kind: str, name: str) -> tuple[Callable[[], Any], tuple[type[Exception], ...]]:
    """A maker of decompressors with the interface of :class:`lzma.LZMADecompressor`; what they raise on damage."""
    if kind == "gz":
        return _Gzip, (zlib.error,)
    if kind == "bz2":
        return bz2.BZ2Decompressor, (OSError,)
    if kind == "xz":
        return lambda: lzma.LZMADecompressor(memlimit=XZ_MEMORY_BYTES), (lzma.LZMAError,)
    module = _zstd(name)
    if sys.version_info >= (3, 14):
        return module.ZstdDecompressor, (module.ZstdError,)
    return lambda: _Zstandard(module.ZstdDecompressor().decompressobj()), (module.ZstdError,)


def _zstd(name: str) -> Any:
    try:
        return importlib.import_module("compression.zstd" if sys.version_info >= (3, 14) else "zstandard")
    except ImportError as error:
        raise InputError(f"{name}: zstd needs the package 'zstandard': pip install '.[zstd]'") from error


class _Gzip:
    """:func:`zlib.decompressobj` with the interface of the others."""

    def __init__(self) -> None:
        self._engine = zlib.decompressobj(wbits=31)
        self.needs_input = True

    @property
    def eof(self) -> bool:
        return self._engine.eof

    @property
    def unused_data(self) -> bytes:
        return self._engine.unused_data

    def decompress(self, data: bytes, max_length: int) -> bytes:
        out = self._engine.decompress(self._engine.unconsumed_tail + data, max_length)
        self.needs_input = len(out) < max_length
        return out


class _Zstandard:
    """The decompressor of the package zstandard, which knows no ``max_length``, fed in small steps."""

    def __init__(self, engine: Any) -> None:
        self._engine = engine
        self._waiting = memoryview(b"")

    @property
    def needs_input(self) -> bool:
        return not self._waiting

    @property
    def eof(self) -> bool:
        return bool(self._engine.eof)

    @property
    def unused_data(self) -> bytes:
        return bytes(self._engine.unused_data) + bytes(self._waiting)

    def decompress(self, data: bytes, max_length: int) -> bytes:
        self._waiting = memoryview(data) if data else self._waiting
        out: bytes = self._engine.decompress(bytes(self._waiting[:ZST_STEP_BYTES]))
        self._waiting = self._waiting[ZST_STEP_BYTES:]
        return out
