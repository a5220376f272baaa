"""How much memory an operation may ask for."""

from __future__ import annotations

import mmap
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from embcomp.errors import MemoryLimitError

UNCHECKED_BYTES = 2**26  # less than this is not worth asking the system
PIECE_BYTES = 2**22

_chosen: list[int] = []  # what set_max_memory was given, if anything


def set_max_memory(n_bytes: int | None) -> None:
    """Refuse operations that need more than so many bytes at once; ``None`` for all memory that is available."""
    _chosen[:] = [] if n_bytes is None else [n_bytes]


def require_memory(n_bytes: int, what: str) -> None:
    """Refuse what would take more than is allowed, before anything is allocated.

    ``what`` is for the message, such as ``100 vectors of 300 dimensions``.

    Raises:
        MemoryLimitError: more is needed than :func:`set_max_memory` allows, or than there is.
    """
    if not _chosen and n_bytes <= UNCHECKED_BYTES:
        return
    allowed = _chosen[0] if _chosen else free_memory()
    if n_bytes > allowed:
        source = "`max_memory` allows" if _chosen else "available are"
        raise MemoryLimitError(f"{what} take {n_bytes} bytes of memory, {source} {allowed}")


def free_memory() -> int:
    """Return the bytes of memory that are available, where the system says so; else all that there are."""
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
        (available,) = (line.split()[1] for line in lines if line.startswith("MemAvailable:"))
        return 1024 * int(available)
    except (OSError, ValueError):  # no Linux
        pass
    sysconf = getattr(os, "sysconf", None)
    return 2**62 if sysconf is None else int(sysconf("SC_PHYS_PAGES") * sysconf("SC_PAGE_SIZE"))  # Windows has none


def pieces(buffer: Any) -> Iterator[memoryview]:
    """Yield the bytes of a buffer some MB at a time; see :func:`forget`."""
    view = memoryview(buffer)
    view = view.cast("B") if view.nbytes else view[:0]
    for start in range(0, len(view), PIECE_BYTES):
        yield view[start : start + PIECE_BYTES]
        forget(buffer)


def forget(buffer: Any) -> None:
    """Tell the system that what was read so far of a mapped file need not stay in memory.

    ``buffer`` is a memoryview or an array over a mapping; of what is none, nothing happens. Its bytes stay what they
    are: those that are used again are read again.
    """
    while isinstance(buffer, memoryview) or hasattr(buffer, "base"):
        buffer = buffer.obj if isinstance(buffer, memoryview) else buffer.base
    if hasattr(buffer, "madvise") and hasattr(mmap, "MADV_DONTNEED"):  # a mapping; Windows has no advice
        buffer.madvise(mmap.MADV_DONTNEED)
