"""Atomic writing: a target is always the old file or the new one, whole."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from importlib import import_module
from pathlib import Path
from typing import Any, BinaryIO

from embcomp.errors import OutputError

fcntl: Any
try:
    fcntl = import_module("fcntl")
except ImportError:  # Windows: no file that is open can be renamed or removed, so that none needs a lock
    fcntl = None

TEMPORARY_MARK = ".embcomp-tmp-"
MAX_NAME_BYTES = 128  # of a target, up to which temporary files have it in their names: systems allow 255 in all
STDIN = "-"


def check_target(path: Path, *, force: bool, sources: Iterable[str | Path | None] = ()) -> None:
    """Refuse before long work what :func:`replacing` would refuse after it, and a target that is being read.

    Args:
        path: the target.
        force: whether an existing file may be replaced.
        sources: what is read: files, ``-`` for standard input, ``None`` for nothing.

    Raises:
        OutputError: the target exists and ``force`` is not given, is no regular file, is one of the sources by
            whatever name, or its folder does not exist.
    """
    try:
        _check_target(path, force=force)
        for source in sources:
            if source is not None and _is_same(path, source):
                raise OutputError(f"{path}: is the source {str(source)!r} itself, expected another file")
    except OSError as error:  # a name that is too long, a folder that is closed
        raise OutputError(f"{path}: cannot be written: {error.strerror}") from error


def _is_same(path: Path, source: str | Path) -> bool:
    """Whether both are one file, through links too."""
    try:
        status = os.fstat(sys.stdin.fileno()) if str(source) == STDIN else Path(source).stat()
        return os.path.samestat(path.stat(), status)
    except (OSError, ValueError):  # one of them is not there, or is no file
        return False


def _check_target(path: Path, *, force: bool) -> None:
    if path.is_dir():
        raise OutputError(f"{path}: is a folder, expected a file name")
    if path.exists() and not path.is_file():
        raise OutputError(f"{path}: is a device or a pipe, expected a file name, or - for standard output")
    if path.exists() and not force:
        raise OutputError(f"{path}: exists already; `force` replaces it")
    if not path.parent.is_dir():
        raise OutputError(f"{path}: there is no folder {str(path.parent)!r}")


def writing(target: str | Path, *, force: bool) -> AbstractContextManager[BinaryIO]:
    """Open a target as :func:`replacing` does; ``-`` is standard output."""
    return nullcontext(sys.stdout.buffer) if str(target) == "-" else replacing(Path(target), force=force)


@contextmanager
def replacing(path: Path, *, force: bool) -> Iterator[BinaryIO]:
    """Open a temporary file beside ``path`` for writing; when the block ends well, it takes the name.

    The data are on disk before the name changes. When the block raises, nothing is left behind. What a killed
    process left of an earlier attempt at the same target is removed first.

    Raises:
        OutputError: the target may not be replaced, or the system refuses (the reason is in the message).
    """
    check_target(path, force=force)
    temporary = path.with_name(
        _temporary_prefix(path) + os.urandom(8).hex()
    )  # named before it is made: whatever fails from here on, it is removed
    try:
        _remove_abandoned(path)
        with _created(temporary) as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
            temporary.chmod(_usual_mode(path))
            if fcntl is not None:
                _take_name(temporary, path, force=force)  # while it is locked
        if fcntl is None:
            _take_name(temporary, path, force=force)
        _sync_folder(path.parent)
    except FileExistsError as error:
        raise OutputError(f"{path}: exists already; `force` replaces it") from error
    except OSError as error:
        raise OutputError(f"{path}: cannot be written: {error.strerror}") from error
    finally:
        with suppress(FileNotFoundError):
            temporary.unlink()


def _created(temporary: Path) -> BinaryIO:
    """Create a file that is locked for as long as it is open, which is how others know that it is in use."""
    while True:
        file = open(temporary, "x+b", opener=_open_private)  # noqa: SIM115  Path.open has no opener
        _lock(file.fileno())
        if os.fstat(file.fileno()).st_nlink:
            return file
        file.close()  # another process considered it abandoned before it was locked, and removed it


def _open_private(name: str, flags: int) -> int:
    """Open a file that others may not read before it has the permissions of the target."""
    return os.open(name, flags, 0o600)


def _temporary_prefix(path: Path) -> str:
    """How names of temporary files for a target start; a long name is replaced by its hash."""
    import hashlib

    name = os.fsencode(path.name)
    return f".{path.name if len(name) <= MAX_NAME_BYTES else hashlib.sha256(name).hexdigest()}{TEMPORARY_MARK}"


def _remove_abandoned(path: Path) -> None:
    """Remove temporary files of the same target that no process locks; locks end with their process."""
    prefix = _temporary_prefix(path)
    for left in path.parent.iterdir():
        if left.name.startswith(prefix):
            with suppress(OSError):  # gone meanwhile, in use, or not ours to touch
                _remove_unlocked(left)


def _remove_unlocked(path: Path) -> None:
    if fcntl is None:
        path.unlink()
        return
    handle = os.open(path, os.O_RDWR | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        path.unlink()
    finally:
        os.close(handle)


def _lock(handle: int) -> None:
    """Lock a file, after another process that has it now. Where files cannot be locked, none is thought abandoned."""
    if fcntl is not None:
        with suppress(OSError):
            fcntl.flock(handle, fcntl.LOCK_EX)


def _take_name(temporary: Path, path: Path, *, force: bool) -> None:
    """Rename; without ``force``, fail if somebody made the target meanwhile."""
    if force:
        temporary.replace(path)
        return
    try:
        os.link(temporary, path)  # unlike a rename, never replaces
    except FileExistsError:
        raise
    except OSError:  # a filesystem without hard links, such as FAT
        check_target(path, force=False)
        temporary.replace(path)
    else:
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
