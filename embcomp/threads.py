"""Threads that do not change results.

Work over rows is cut into blocks of a fixed size. Blocks run on several threads, each with a single-threaded BLAS,
and their results are combined in the order of the blocks: results are the same for any number of threads.
(A multi-threaded BLAS splits a product differently for each number of threads, and rounds differently.)
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import cache, lru_cache
from threading import local
from typing import TYPE_CHECKING, TypeVar

from embcomp.checks import Integer
from embcomp.errors import ParameterError

if TYPE_CHECKING:
    from concurrent.futures import Future, ThreadPoolExecutor

    from threadpoolctl import ThreadpoolController

Item = TypeVar("Item")
Result = TypeVar("Result")

BLOCK_ROWS = 2048  # computed at once: × 100 dimensions × 4 bytes is 0.8 MB, within a core's second-level cache
CHUNK_ROWS = 4 * BLOCK_ROWS  # held at once; a multiple of 8, so that each chunk of a stream of bits starts on a byte

_chosen: list[int] = []  # what set_threads was given, if anything


def set_threads(n_threads: int | None) -> None:
    """Use this many threads from now on; ``None`` for as many as the process may run on.

    Raises:
        ParameterError: not a positive integer.
    """
    check = Integer(1, 1024)
    if n_threads is not None and not check.allows(n_threads):
        raise ParameterError(f"`threads` must be {check.describe()}, got {n_threads!r}")
    _chosen[:] = [] if n_threads is None else [n_threads]


def get_threads() -> int:
    """Threads in use."""
    if _chosen:
        return _chosen[0]
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@contextmanager
def single_threaded_blas() -> Iterator[None]:
    """Within the block, every call of BLAS or LAPACK runs on the thread that makes it."""
    with _controller().limit(limits=1, user_api="blas"):
        yield


@cache
def _controller() -> ThreadpoolController:
    """Return the controller of NumPy's BLAS; finding the library takes a millisecond."""
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()


def blocks(n_rows: int, size: int = BLOCK_ROWS) -> Iterator[slice]:
    """Yield slices that cover ``n_rows`` rows in order."""
    for start in range(0, n_rows, size):
        yield slice(start, min(start + size, n_rows))


def map_blocks(function: Callable[[slice], Result], n_rows: int, size: int = BLOCK_ROWS) -> Iterator[Result]:
    """Yield ``function(rows)`` for each block of rows, in order, computed on :func:`get_threads` threads.

    At most twice as many blocks as threads are under way or waiting to be taken, so results may be large. Blocks
    within ``function`` are computed on the thread that it runs on.
    """
    n_threads = get_threads()
    slices = blocks(n_rows, size)
    with single_threaded_blas():
        if n_threads == 1 or n_rows <= size:
            yield from map(function, slices)
        else:
            yield from map_ahead(function, slices, 2 * n_threads - 1)


def map_ahead(function: Callable[[Item], Result], items: Iterable[Item], n_ahead: int) -> Iterator[Result]:
    """Yield ``function(item)`` for each item, in order, computed on threads other than this one.

    At most ``n_ahead`` further results are computed or kept meanwhile. Items are taken on this thread. Within
    ``function`` there are no other threads.
    """
    if hasattr(_this_thread, "is_worker"):  # it would wait for itself
        yield from map(function, items)
        return
    import concurrent.futures  # takes as long as finding a word

    pool, process = _pool(get_threads()), os.getpid()
    waiting: deque[Future[Result]] = deque()
    try:
        for item in items:
            waiting.append(pool.submit(function, item))
            if len(waiting) > n_ahead:
                yield _next_of(waiting)
        while waiting:
            yield _next_of(waiting)
    except (KeyboardInterrupt, SystemExit):
        _pool.cache_clear()  # a thread that was just being started would never be told to end
        raise
    finally:  # an error, or a caller who has seen enough
        for future in waiting:
            future.cancel()
        # but not in a fork, where nobody works, nor on a worker that collects garbage: it would wait for itself
        if os.getpid() == process and not hasattr(_this_thread, "is_worker"):
            concurrent.futures.wait(waiting)


def _next_of(waiting: deque[Future[Result]]) -> Result:
    """Wait for the first result and remove it from the queue; after an interrupt it is still queued."""
    result = waiting[0].result()
    waiting.popleft()
    return result


_this_thread = local()


@lru_cache(maxsize=1)
def _pool(n_threads: int) -> ThreadPoolExecutor:
    """Threads that stay: new ones would ask the system for the memory of their arrays anew, in every round of a fit.

    They end with the program, or when another number is wanted.
    """

    from concurrent.futures import ThreadPoolExecutor

    def mark() -> None:
        _this_thread.is_worker = True

    return ThreadPoolExecutor(n_threads, "embcomp", initializer=mark)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_pool.cache_clear)  # a fork has no threads but the one that made it


def for_blocks(function: Callable[[slice], None], n_rows: int, size: int = BLOCK_ROWS) -> None:
    """Call ``function(rows)`` for each block of rows, on :func:`get_threads` threads."""
    for _ in map_blocks(function, n_rows, size):
        pass
