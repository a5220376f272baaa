"""Make this process look like one on another system: what is missing there is missing, what is refused is refused.

It stands in for a machine that is not at hand. It cannot show what only the other system's own code would do.
"""

from __future__ import annotations

import os
import pathlib
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any

NOT_ON_MACOS = ("sched_getaffinity", "posix_fallocate")
NOT_ON_WINDOWS = (
    *NOT_ON_MACOS,
    *("fchmod", "fork", "register_at_fork", "mkfifo", "sysconf", "getuid", "O_NOFOLLOW", "O_NONBLOCK", "O_DIRECTORY"),
)
MODULES_NOT_ON_WINDOWS = ("fcntl", "grp", "pwd", "resource", "termios")


def macos() -> None:
    """Take away what macOS lacks."""
    _take_away(NOT_ON_MACOS)
    _hide_proc()


def windows() -> None:
    """Take away what Windows lacks, and refuse to rename or remove files that this process has open or mapped."""
    _take_away(NOT_ON_WINDOWS)
    for name in MODULES_NOT_ON_WINDOWS:
        sys.modules[name] = None  # type: ignore[assignment]
    for name in ("replace", "rename", "unlink", "remove"):
        _refuse(name, _uses_of_this_process)
    _refuse("open", lambda path, *_: os.path.isdir(path))  # noqa: PTH112
    shutil._use_fd_functions = False  # type: ignore[attr-defined]
    tempfile.TemporaryFile = tempfile.NamedTemporaryFile  # type: ignore[assignment]
    _hide_proc()


def _take_away(names: Iterable[str]) -> None:
    for name in names:
        if hasattr(os, name):
            delattr(os, name)


def _refuse(name: str, refused: Callable[..., bool]) -> None:
    original = getattr(os, name)

    def guarded(*arguments: Any, **options: Any) -> Any:
        if refused(*arguments):
            raise PermissionError(13, "The process cannot access the file", str(arguments[0]))
        return original(*arguments, **options)

    setattr(os, name, guarded)


def _uses_of_this_process(*paths: str | os.PathLike[str]) -> bool:
    """Whether a file is open or mapped here, as this system itself says."""
    with pathlib.Path("/proc/self/maps").open(encoding="utf-8") as file:
        used = {" ".join(line.split()[5:]) for line in file}
    for handle in pathlib.Path("/proc/self/fd").iterdir():
        with suppress(OSError):  # the folder's own
            used.add(str(handle.readlink()))
    return any(os.path.realpath(path) in used for path in paths)


def _hide_proc() -> None:
    original = pathlib.Path.read_text

    def read_text(self: pathlib.Path, *arguments: Any, **options: Any) -> str:
        if self.parts[:2] == ("/", "proc"):
            raise FileNotFoundError(2, "No such file or directory", str(self))
        return original(self, *arguments, **options)

    pathlib.Path.read_text = read_text  # type: ignore[method-assign]
