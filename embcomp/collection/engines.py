"""Who does the work on parts and shards: this process, processes of this machine, or a Dask cluster.

An engine is named on the command line, as ``processes``, ``processes=4``, ``dask`` or ``dask=tcp://scheduler:8786``.
All it gives is an executor of Python's own kind. Tasks are functions of paths that find work done before, so that
a task whose worker is lost is simply done again.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import (
    BrokenExecutor,
    CancelledError,
    Executor,
    Future,
    ProcessPoolExecutor,
    ThreadPoolExecutor,
    as_completed,
)
from contextlib import AbstractContextManager, ExitStack, contextmanager
from multiprocessing import get_context
from typing import Any, NamedTuple

from embcomp.errors import OutputError, ParameterError
from embcomp.plugins import extra
from embcomp.progress import Progress
from embcomp.threads import get_threads, set_threads

ATTEMPTS = 3
LOST = (BrokenExecutor, CancelledError, ConnectionError, OutputError)
LOST_NAMES = ("KilledWorker", "CommClosedError", "FutureCancelledError")  # of distributed


class Engine(NamedTuple):
    """Where tasks run."""

    start: Callable[[], AbstractContextManager[Executor]]
    n_threads: int | None
    """Of a task; ``None`` for those of this process."""


def engine(text: str) -> Engine:
    """Return an engine by its name; ``ParameterError`` if there is none of that name, or Dask is not installed."""
    name, _, where = text.partition("=")
    if name == "serial" and not where:
        return Engine(lambda: ThreadPoolExecutor(1), None)
    if name == "processes" and (not where or (where.isdecimal() and int(where))):
        n_workers = int(where or get_threads())
        return Engine(lambda: ProcessPoolExecutor(n_workers, get_context("spawn")), 1)
    if name == "dask":
        extra("distributed", "cluster")
        return Engine(lambda: _dask(where), 1)
    raise ParameterError(f"`on` must be serial, processes, processes=N, dask or dask=ADDRESS, got {text!r}")


@contextmanager
def _dask(address: str) -> Iterator[Executor]:
    """Connect to a scheduler; without an address, or with a number of workers, start a cluster on this machine."""
    distributed = extra("distributed", "cluster")
    with ExitStack() as stack:
        try:
            if not address or address.isdecimal():
                n_workers = int(address or get_threads())
                settings = {"n_workers": n_workers, "threads_per_worker": 1, "dashboard_address": None}
                address = stack.enter_context(distributed.LocalCluster(**settings, silence_logs=logging.CRITICAL))
            client = stack.enter_context(distributed.Client(address))
        except (OSError, RuntimeError) as error:
            raise BrokenExecutor(f"Dask cannot be started or reached: {' '.join(str(error).split())}") from error
        yield client.get_executor(pure=False)


def run(
    where: Engine, function: Callable[..., Any], tasks: Mapping[str, tuple[Any, ...]], stage: str, progress: Progress
) -> list[Any]:
    """Return what ``function`` gives for each task: arguments, by the name of the part or shard.

    Tasks whose worker is lost, or could not write, are done again.

    Raises:
        OutputError: a task's worker was lost three times.
        EmbcompError: what a task raised.
    """
    done: dict[str, Any] = {}
    reasons: dict[str, BaseException] = {}
    for _ in range(ATTEMPTS):
        progress(stage, len(done), len(tasks))
        left = {name: arguments for name, arguments in tasks.items() if name not in done}
        try:
            for name, future in _attempted(where, function, left):
                reason = _lost(future)
                if reason is None:
                    done[name] = future.result()
                    progress(stage, len(done), len(tasks))
                else:
                    reasons[name] = reason
        except BrokenExecutor as error:  # before all tasks were submitted
            reasons |= {name: error for name in left if name not in done}
        if len(done) == len(tasks):
            return [done[name] for name in tasks]
    name, reason = next((name, reason) for name, reason in reasons.items() if name not in done)
    what = [] if isinstance(reason, OutputError) else ["its worker was lost", type(reason).__name__]
    text = ": ".join([*what, *([str(reason)] if str(reason) else [])])
    raise OutputError(f"{name}: {stage} failed {ATTEMPTS} times: {text}") from reason


def _attempted(
    where: Engine, function: Callable[..., Any], tasks: Mapping[str, tuple[Any, ...]]
) -> Iterator[tuple[str, Future[Any]]]:
    """Submit tasks; yield the name and the future of each when it has ended."""
    futures: dict[Future[Any], str] = {}
    with where.start() as executor:
        try:
            for name, arguments in tasks.items():
                futures[executor.submit(_limited, where.n_threads, function, *arguments)] = name
            for future in as_completed(futures):
                yield futures[future], future
        finally:
            for future in futures:
                future.cancel()


def _limited(n_threads: int | None, function: Callable[..., Any], *arguments: Any) -> Any:
    if n_threads is not None:
        set_threads(n_threads)
    return function(*arguments)


def _lost(future: Future[Any]) -> BaseException | None:
    """Return why a task has no result, if another attempt may give one."""
    try:
        reason = future.exception()
    except CancelledError as error:
        return error
    return reason if isinstance(reason, LOST) or type(reason).__name__ in LOST_NAMES else None
