"""Writing a file so that its target is always the old one or the new one, whole."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from embcomp.errors import OutputError

TEMPORARY_MARK = ".embcomp-tmp-"


def check_target(path: Path, *, force: bool) -> None:
    """Refuse early what :func:`replacing` would refuse late.

    Raises:
        OutputError: the target exists and ``force`` is not given, is a folder, or its folder does not exist.
    """
    if path.is_dir():
        raise OutputError(f"{path}: is a folder, expected a file name")
    if path.exists() and not force:
        raise OutputError(f"{path}: exists already; give --force to replace it")
    if not path.parent.is_dir():
        raise OutputError(f"{path}: there is no folder {str(path.parent)!r}")


@contextmanager
def replacing(path: Path, *, force: bool) -> Iterator[BinaryIO]:
    """Open a temporary file beside ``path`` for writing; when the block ends well, it takes the name.

    The data are on disk before the name changes. When the block raises, nothing is left behind.

    Raises:
        OutputError: the target may not be replaced, or the system refuses (the reason is in the message).
    """
    check_target(path, force=force)
    try:
        handle, name = tempfile.mkstemp(prefix=f".{path.name}{TEMPORARY_MARK}", dir=path.parent)
    except OSError as error:
        raise OutputError(f"{path}: cannot be written: {error.strerror}") from error
    temporary = Path(name)
    try:
        with os.fdopen(handle, "w+b") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
            os.fchmod(file.fileno(), _usual_mode(path))
        if force:
            temporary.replace(path)
        else:
            os.link(temporary, path)  # unlike a rename, fails if somebody made the target meanwhile
            temporary.unlink()
        _sync_folder(path.parent)
    except FileExistsError as error:
        raise OutputError(f"{path}: exists already; give --force to replace it") from error
    except OSError as error:
        raise OutputError(f"{path}: cannot be written: {error.strerror}") from error
    finally:
        with suppress(FileNotFoundError):
            temporary.unlink()


def _usual_mode(path: Path) -> int:
    if path.exists():
        return path.stat().st_mode & 0o777
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask


def _sync_folder(folder: Path) -> None:
    with suppress(OSError):  # some filesystems do not open folders; the rename itself has happened
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
