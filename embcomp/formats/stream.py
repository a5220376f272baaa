"""A source as one stream of bytes: hashed as stored, decompressed, read once from front to back."""

from __future__ import annotations

import hashlib
import io
import os
import stat
import sys
import tempfile
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import BinaryIO, TypeVar

from embcomp.errors import InputError
from embcomp.formats.compression import MAGIC_BYTES, Decompressed, Readable, kind_of
from embcomp.formats.remote import RemoteFile, base_name, is_remote, open_remote
from embcomp.threads import get_threads

Item = TypeVar("Item")

STDIN = "-"
TABLES = ("model.safetensors", "0_StaticEmbedding/model.safetensors")
READ_BYTES = 1 << 20
BUFFER_BYTES = 1 << 16
MAX_WAITING = 2  # to be hashed
SAMPLE_BYTES = 1 << 18
SAMPLE_LINES = 100
MAX_SAMPLE_BYTES = 1 << 24
BOMB_RATIO = 1000  # text compresses 3 times; deflate cannot do better than 1032
BOMB_WORDS_RATIO = 10  # of words, which are kept while rows pass by; they compress 2 to 5 times
BOMB_FREE_BYTES = 64 << 20


@contextmanager
def open_stream(source: str | Path | ByteStream) -> Iterator[ByteStream]:
    """Open a file, an address, or ``-`` for standard input; of a static sentence model's folder, its table.

    What is open already stays as it is.

    Raises:
        InputError: it cannot be opened, or is compressed in a way that nothing here reads.
    """
    if isinstance(source, ByteStream):
        yield source
        return
    if str(source) == STDIN:
        yield ByteStream(STDIN, sys.stdin.buffer)
        return
    if is_remote(str(source)):
        with open_remote(str(source)) as found:
            if isinstance(found, RemoteFile):
                yield ByteStream(str(source), found, base_name(str(source)))  # type: ignore[arg-type]
            else:
                with io.FileIO(_table_in(found)) as file:
                    yield ByteStream(str(_table_in(found)), file, base_name(str(source)))
        return
    path = _table_in(Path(source)) if os.path.isdir(source) else source  # noqa: PTH112  a name that is too long is none
    try:
        file = io.FileIO(path)
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error
    with file:
        yield ByteStream(str(path), file, "" if path == source else Path(source).resolve().name)


def _table_in(folder: Path) -> Path:
    """The file with the vectors of a static sentence model."""
    for name in TABLES:
        if (folder / name).is_file():
            return folder / name
    raise InputError(f"{folder}: is a folder without {TABLES[0]}, expected a file or a static sentence model")


class ByteStream:
    """The decompressed bytes of a file or of standard input.

    Attributes:
        name: the source as the user gave it, for messages.
        path: the file, if it is a regular one.
        size: its bytes on disk, or those of the part that is read; 0 if unknown.
        compression: ``gz``, ``bz2``, ``xz``, ``zst``, or ``None``.
        expected_sha256: of the file as it is stored, if a server says so; else empty.
    """

    def __init__(self, name: str, file: BinaryIO, folder: str = "") -> None:
        self.name = self._of_lines = name
        self._folder = folder
        self._file = file
        self.size, self.path = self._regular_file(file)
        self.expected_sha256: str = getattr(file, "sha256", "")
        self._ahead = b""
        self._n_out = self._n_characters = 0
        self._body: Readable
        self._body = self._hashed = _Hashed(file, name)
        self.compression = kind_of(self._hashed.peek()[:MAGIC_BYTES])
        if self.compression is not None:
            self._body = Decompressed(self._hashed, self.compression, name)

    def _regular_file(self, file: BinaryIO) -> tuple[int, Path | None]:
        """Size and path, if it is a regular file that has a path; else 0, or what a server says, and ``None``."""
        try:
            status = os.fstat(file.fileno())
        except OSError:  # a stand-in for standard input
            return getattr(file, "size", 0), None
        if not stat.S_ISREG(status.st_mode):
            return 0, None
        return status.st_size, None if self.name == STDIN else Path(self.name)

    @property
    def base_name(self) -> str:
        """The base name of file or folder, ``-`` for standard input; bytes that are no UTF-8 as in ``\\xff``."""
        return os.fsencode(self._folder or Path(self.name).name).decode("utf-8", "backslashreplace")

    @property
    def is_plain(self) -> bool:
        """Whether it is a regular file that is not compressed."""
        return self.path is not None and self.compression is None

    def require_same(self, file: BinaryIO) -> None:
        """Refuse what was opened by the path of a plain file, if that is another file by now.

        Raises:
            InputError: the file was replaced while it was being read.
        """
        if self.is_plain and not os.path.sameopenfile(self._file.fileno(), file.fileno()):
            raise InputError(f"{self.name}: was replaced while it was being read")

    @property
    def n_raw(self) -> int:
        """Bytes read from disk so far."""
        return self._hashed.n_read

    def line(self, number: int) -> str:
        """Name a line, counted from 1, for a message."""
        return f"{self._of_lines}:{number}"

    def row(self, number: int) -> str:
        """Name a row, counted from 1, for a message."""
        return f"{self.name}: row {number}"

    def read(self, size: int, /) -> bytes:
        """Return the next ``size`` bytes; fewer only at the end.

        Raises:
            InputError: the source cannot be read, is damaged, or is a decompression bomb.
        """
        data, self._ahead = self._ahead[:size], self._ahead[size:]
        return data if len(data) == size else data + self._pull(size - len(data))

    def ahead(self, parts: Iterator[Item]) -> Iterator[Item]:
        """Yield what is made by reading this stream; of a regular file, the next four are made meanwhile."""
        if self.path is None or get_threads() == 1:  # a pipe could let a thread wait for ever
            yield from parts
            return
        with ThreadPoolExecutor(1, "embcomp-read") as reader:
            waiting = deque(reader.submit(next, parts, None) for _ in range(4))
            while (part := waiting.popleft().result()) is not None:
                waiting.append(reader.submit(next, parts, None))
                yield part

    def peek(self, size: int) -> bytes:
        """Return the next ``size`` bytes without moving on; fewer only at the end."""
        if len(self._ahead) < size:
            waiting, self._ahead = self._ahead, b""
            new = self._pull(size - len(waiting))
            self._ahead = waiting + new + self._ahead
        return self._ahead[:size]

    @cached_property
    def first_lines(self) -> tuple[bytes, ...]:
        """The first lines, whole ones without their line feeds: at least one, two if there are, at most some MB."""
        size = SAMPLE_BYTES
        while True:
            sample = self.peek(size)
            lines = sample.split(b"\n", SAMPLE_LINES + 1)
            if len(lines) > 2 or len(sample) < size or size >= MAX_SAMPLE_BYTES:
                break
            size *= 4
        if len(sample) == size or len(lines) > SAMPLE_LINES or not lines[-1]:
            lines = lines[:-1] or lines  # the last one is cut off, or what follows the last line feed
        return tuple(lines)

    def count_words(self, words: Iterable[str]) -> None:
        """Count the characters of words that are kept, and refuse a compressed source with far more than its bytes.

        Raises:
            InputError: it is a decompression bomb.
        """
        if self.compression is not None:
            self._n_characters += sum(map(len, words))
            self.require_words_within(self._n_characters)

    def require_words_within(self, n_bytes: int) -> None:
        """Refuse a compressed source whose words take far more than its bytes.

        Raises:
            InputError: it is a decompression bomb.
        """
        if self.compression is not None and n_bytes > max(BOMB_FREE_BYTES, BOMB_WORDS_RATIO * self.n_raw):
            raise InputError(
                f"{self.name}: its words alone expand to more than {BOMB_WORDS_RATIO} times its size, "
                "allowed at most that many"
            )

    def drain(self) -> str:
        """Read what is left on disk, without decompressing it, and return the SHA-256 of the whole file."""
        while self._hashed.read(READ_BYTES):
            pass
        return self._hashed.digest()

    def keep_lines(self, first: int, part: tuple[int, int]) -> None:
        """Go on with part k of n of a plain file: the lines that begin in the k-th of n ranges of bytes.

        Blank lines are in one part with the line after them. From here on lines are counted within the part, and the
        SHA-256 is that of its bytes.

        Args:
            first: where the first line of the file begins that is in a part.
            part: k, n.
        """
        number, n_parts = part
        cuts = (self.size * (number - 1) // n_parts, self.size * number // n_parts)
        start, end = (max(first, self._line_start(cut)) for cut in cuts)
        self._file.seek(start)
        self._body = self._hashed = _Hashed(self._file, self.name, end - start)
        self._ahead, self.size = b"", end - start
        self._of_lines = f"{self.name}: part {number} of {n_parts}"

    def _line_start(self, place: int) -> int:
        """Where the first line begins that does so at ``place`` or later, or the blank lines before it."""
        if not 0 < place < self.size:
            return place
        self._file.seek(place - 1)
        while (data := self._file.read(READ_BYTES)) and b"\n" not in data:
            pass
        start = self._file.tell() - len(data) + data.find(b"\n") + 1
        size = BUFFER_BYTES
        while True:
            window = min(size, start)
            self._file.seek(start - window)
            before = self._file.read(window)
            if text := before.rstrip():
                after = before.find(b"\n", len(text)) + 1
                return start - window + after if after else start
            if window == start:
                return 0
            size *= 4

    @contextmanager
    def as_file(self) -> Iterator[Path]:
        """Give the plain bytes as a file, for libraries that want a path: the source's own if it is plain.

        Raises:
            InputError: there is no room for a copy.
        """
        if self.path is not None and self.is_plain:
            yield self.path
            return
        with tempfile.TemporaryDirectory(prefix="embcomp-", ignore_cleanup_errors=True) as folder:
            path = Path(folder) / "source"
            try:
                with path.open("wb") as file:
                    while data := self.read(READ_BYTES):
                        file.write(data)
            except OSError as error:
                raise InputError(f"{self.name}: cannot be copied to {folder}: {error.strerror}") from error
            yield path

    def _pull(self, size: int) -> bytes:
        parts: list[bytes] = []
        while size > 0 and (part := self._body.read(size)):
            parts.append(part)
            size -= len(part)
            self._n_out += len(part)
            if self._n_out > BOMB_FREE_BYTES and self._n_out > BOMB_RATIO * self._hashed.n_read:
                raise InputError(
                    f"{self.name}: expands to more than {BOMB_RATIO} times its size, allowed at most that many"
                )
        if size < 0:  # zstd gave more than was asked for
            parts[-1], self._ahead = parts[-1][:size], parts[-1][size:]
        return parts[0] if len(parts) == 1 else b"".join(parts)


class _Hashed:
    """A file, or its next bytes, hashed and counted while they are read."""

    def __init__(self, file: BinaryIO, name: str, n_bytes: int = sys.maxsize) -> None:
        self._file, self._name = file, name
        self._n_left = n_bytes
        self._held = b""
        self._sha256 = hashlib.sha256()
        self._hasher = ThreadPoolExecutor(1, "embcomp-hash")
        self._waiting = deque[Future[None]]()
        self.n_read = 0

    def peek(self) -> bytes:
        """Return some bytes at the start without moving on."""
        self._held = self.read(BUFFER_BYTES)
        return self._held

    def read(self, size: int, /) -> bytes:
        """Return ``size`` bytes; fewer only at the end."""
        if size > len(self._held):
            self._held += self._from_disk(max(size - len(self._held), BUFFER_BYTES))
        data, self._held = self._held[:size], self._held[size:]
        return data

    def _from_disk(self, size: int) -> bytes:
        """Return ``size`` bytes, unless the file ends: a pipe gives little at a time."""
        parts, left = list[bytes](), min(size, self._n_left)
        try:
            while left and (part := self._file.read(left)):
                parts.append(part)
                left -= len(part)
        except OSError as error:
            raise InputError(f"{self._name}: cannot be read: {error.strerror}") from error
        data = b"".join(parts)
        self._n_left -= len(data)
        self.n_read += len(data)
        self._hash(data)
        return data

    def _hash(self, data: bytes) -> None:
        """Hash what was read, on a thread while more is read, if it is much."""
        if get_threads() == 1 or (len(data) <= BUFFER_BYTES and not self._waiting):
            self._sha256.update(data)
            return
        self._waiting.append(self._hasher.submit(self._sha256.update, data))
        if len(self._waiting) > MAX_WAITING:
            self._waiting.popleft().result()

    def digest(self) -> str:
        """The SHA-256 of all that was read."""
        while self._waiting:
            self._waiting.popleft().result()
        return self._sha256.hexdigest()
