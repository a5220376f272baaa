"""Bytes that wait in memory or in a file."""

from __future__ import annotations

import errno
import gc
import mmap
import os
import tempfile
from pathlib import Path
from typing import IO

import numpy as np
import pytest

from embcomp.errors import OutputError
from embcomp.memory import forget, pieces
from embcomp.spool import Room, Spool


@pytest.mark.parametrize("room", [0, 5, 6, 100])
def test_what_was_written_is_read(room: int) -> None:
    spool = Spool(Room(room))
    for data in (b"abc", b"", np.arange(3, dtype="<u2"), np.zeros((0, 2)), b"x"):
        spool.write(data)
    expected = b"abc\0\0\1\0\2\0x"
    assert len(spool) == 10
    assert spool.read(2, 4) == expected[2:6]
    spool.write(b"yz")
    assert spool.read(9, 100) == b"xyz"
    assert spool.array().tobytes() == expected + b"yz"


def test_nothing_was_written() -> None:
    assert Spool().array().tolist() == []


def test_a_room_is_shared() -> None:
    room = Room(10)
    one, other = Spool(room), Spool(room)
    one.write(b"123456")
    assert room.left == 4
    other.write(b"12345")
    assert room.left == 4
    one.write(b"12345")
    assert room.left == 10
    assert (one.array().tobytes(), other.array().tobytes()) == (b"12345612345", b"12345")


def test_a_file_has_no_name_and_is_closed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    n_open = len(os.listdir("/dev/fd")) if os.path.isdir("/dev/fd") else None  # noqa: PTH112, PTH208
    spool = Spool(Room(0))
    spool.write(b"abc")
    array = spool.array()
    if os.name == "posix":
        assert list(tmp_path.iterdir()) == []
    del spool
    assert array.tobytes() == b"abc"
    del array
    gc.collect()
    assert n_open is None or len(os.listdir("/dev/fd")) == n_open  # noqa: PTH208


class Full:
    """A file on a disk without room."""

    def write(self, data: bytes) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def close(self) -> None:
        pass


def test_a_full_disk_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def opened(**options: object) -> IO[bytes]:
        return Full()  # type: ignore[return-value]

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(tempfile, "TemporaryFile", opened)
    with pytest.raises(OutputError) as caught:
        Spool(Room(2)).write(b"abc")
    assert str(caught.value) == (
        f"{tmp_path}: cannot hold what `max_memory` leaves no room for: {os.strerror(errno.ENOSPC)}; "
        "the environment variable TMPDIR names another folder"
    )


def test_a_folder_that_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "none"))
    with pytest.raises(OutputError, match=r"none: cannot hold what `max_memory` leaves no room for: No such file"):
        Spool(Room(2)).write(b"abc")


def test_bytes_that_were_forgotten_are_read_again(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(bytes(range(256)) * 100)
    with path.open("rb") as file:
        view = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
    array = np.frombuffer(view[256:], dtype="<u2")
    for buffer in (view, view[512:], array, array[5:], array.reshape(2, -1), np.arange(3), b"abc", memoryview(b"x")):
        before = bytes(buffer)
        forget(buffer)
        assert bytes(buffer) == before
        assert b"".join(pieces(buffer)) == before
