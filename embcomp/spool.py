"""Bytes that wait: in memory while there is room, beyond that in a nameless file.

The file is in the folder for temporary files, which the environment variable ``TMPDIR`` names. It has no name, so
that nothing of it is left when the process ends, however that happens.
"""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO
from weakref import finalize

import numpy as np
from numpy.typing import NDArray

from embcomp.errors import OutputError

ROOM_BYTES = 2**25


class Room:
    """Memory that some spools share, in bytes."""

    def __init__(self, n_bytes: int | None = None) -> None:
        self.left = ROOM_BYTES if n_bytes is None else n_bytes


class Spool:
    """Bytes that are written one after the other, and read anywhere."""

    def __init__(self, room: Room | None = None) -> None:
        self._room = Room() if room is None else room
        self._held = bytearray()
        self._file: IO[bytes] | None = None
        self._length = 0

    def __len__(self) -> int:
        return self._length

    def write(self, data: bytes | NDArray[np.generic]) -> None:
        """Add bytes, or the bytes of an array in C order.

        Raises:
            OutputError: they have to go to the file, and the system refuses; the message names the folder.
        """
        data = bytes(data)
        self._length += len(data)
        if self._file is None and len(data) <= self._room.left:
            self._room.left -= len(data)
            self._held += data
            return
        import tempfile  # takes as long as finding a word

        with _named():
            if self._file is None:
                self._file = tempfile.TemporaryFile(prefix="embcomp-")  # noqa: SIM115  is open as long as the spool is
                finalize(self, self._file.close)
                self._file.write(self._held)
                self._room.left += len(self._held)
                self._held = bytearray()
            self._file.write(data)

    def read(self, start: int, n_bytes: int) -> bytes:
        """Return some of the bytes."""
        if self._file is None:
            return bytes(memoryview(self._held)[start : start + n_bytes])
        with _named():
            self._file.seek(start)
            data = self._file.read(n_bytes)
            self._file.seek(0, 2)
            return data

    def array(self) -> NDArray[np.uint8]:
        """Return all bytes, uint8; of a file, mapped. Nothing can be written afterwards."""
        if self._file is None:
            return np.frombuffer(self._held, dtype=np.uint8)
        with _named():
            self._file.flush()
            mapped = mmap.mmap(self._file.fileno(), 0, access=mmap.ACCESS_READ)
        return np.frombuffer(mapped, dtype=np.uint8)


@contextmanager
def _named() -> Iterator[None]:
    """Turn what the system says into an error that names the folder."""
    try:
        yield
    except OSError as error:
        import tempfile

        folder = tempfile.tempdir or "the folder for temporary files"
        raise OutputError(
            f"{folder}: cannot hold what `max_memory` leaves no room for: {error.strerror}; "
            "the environment variable TMPDIR names another folder"
        ) from error
