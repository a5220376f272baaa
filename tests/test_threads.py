"""Blocks on threads: in order, whatever happens, and the threads stay."""

from __future__ import annotations

import gc
import os
import signal
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from embcomp.errors import ParameterError
from embcomp.threads import blocks, for_blocks, get_threads, map_ahead, map_blocks, set_threads


@pytest.fixture(autouse=True)
def two_threads() -> Iterator[None]:
    set_threads(2)
    yield
    set_threads(None)


def where(_: slice) -> int:
    time.sleep(0.001)
    return threading.get_ident()


def test_blocks_cover_the_rows_in_order() -> None:
    assert list(blocks(5, 2)) == [slice(0, 2), slice(2, 4), slice(4, 5)]
    assert list(blocks(0)) == []
    assert list(map_blocks(lambda rows: (rows.start, rows.stop), 5, 2)) == [(0, 2), (2, 4), (4, 5)]
    assert list(map_blocks(lambda rows: rows.stop, 0)) == []


def test_results_come_in_order_whichever_is_ready_first() -> None:
    def later_first(rows: slice) -> int:
        time.sleep(0.003 * (rows.start % 3 == 0))
        return int(rows.start)

    assert list(map_blocks(later_first, 20, 1)) == list(range(20))


def test_threads_are_those_of_the_call_before() -> None:
    first = set(map_blocks(where, 20, 1))
    assert threading.get_ident() not in first
    assert set(map_blocks(where, 20, 1)) <= first
    assert len(first) <= 2


def test_another_number_of_threads_is_taken_up() -> None:
    list(map_blocks(where, 20, 1))
    set_threads(1)
    assert set(map_blocks(where, 20, 1)) == {threading.get_ident()}
    set_threads(3)
    barrier = threading.Barrier(3, timeout=30)
    for_blocks(lambda rows: barrier.wait() and None, 3, 1)  # three at the same time, or it breaks


def test_blocks_within_blocks_run_where_they_are_asked_for() -> None:
    def nested(_: slice) -> bool:
        return set(map_blocks(where, 4, 1)) == {threading.get_ident()}

    assert list(map_blocks(nested, 8, 1)) == [True] * 8


def test_an_error_comes_out_and_nothing_runs_on() -> None:
    running: list[int] = []

    def fails(rows: slice) -> int:
        if rows.start == 3:
            raise ZeroDivisionError
        running.append(rows.start)
        time.sleep(0.002)
        running.remove(rows.start)
        return int(rows.start)

    seen: list[int] = []
    with pytest.raises(ZeroDivisionError):
        seen.extend(map_blocks(fails, 100, 1))
    assert seen == [0, 1, 2]
    assert running == []
    assert list(map_blocks(lambda rows: rows.start, 4, 1)) == [0, 1, 2, 3]


def test_a_caller_may_stop_early() -> None:
    done: list[int] = []
    results = map_blocks(lambda rows: done.append(rows.start), 100, 1)
    next(results)
    results.close()
    n_done = len(done)
    assert n_done < 10
    time.sleep(0.01)
    assert len(done) == n_done


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system has no fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_process_has_threads_of_its_own() -> None:
    list(map_blocks(where, 20, 1))
    child = os.fork()
    if child == 0:
        signal.alarm(30)  # ends it, should it wait for threads that it does not have
        os._exit(list(map_blocks(lambda rows: rows.start, 8, 1)) != list(range(8)))
    assert os.waitpid(child, 0) == (child, 0)


def test_items_are_taken_no_further_ahead_than_allowed() -> None:
    taken: list[int] = []

    def items() -> Iterator[int]:
        for item in range(10):
            taken.append(item)
            yield item

    results = map_ahead(lambda item: item**2, items(), 3)
    assert taken == []
    for used in range(10):
        assert next(results) == used**2
        assert taken == list(range(min(10, used + 4)))
    assert list(results) == []


def test_an_error_of_the_items_comes_out() -> None:
    def items() -> Iterator[int]:
        yield 1
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        list(map_ahead(abs, items(), 5))


def test_within_blocks_items_are_mapped_where_they_are_asked_for() -> None:
    def nested(_: slice) -> bool:
        return list(map_ahead(lambda _: threading.get_ident(), range(3), 5)) == [threading.get_ident()] * 3

    assert list(map_blocks(nested, 8, 1)) == [True] * 8


def test_an_interrupted_wait_ends_with_the_work() -> None:
    running: list[int] = []

    def slow(rows: slice) -> None:
        running.append(rows.start)
        if rows.start == 0:
            time.sleep(0.1)  # by then all blocks that may be under way are, and the first is waited for
            signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)
        time.sleep(0.05)
        running.remove(rows.start)

    with pytest.raises(KeyboardInterrupt):
        for_blocks(slow, 20, 1)
    assert running == []
    assert list(map_blocks(lambda rows: rows.start, 4, 1)) == [0, 1, 2, 3]


def test_an_abandoned_loop_may_be_collected_on_a_worker() -> None:
    class Cycle:
        pass

    def collects(rows: slice) -> int:
        if rows.start == 1:
            dropped.wait(30)
            gc.collect()
        return int(rows.start)

    dropped = threading.Event()
    cycle: Any = Cycle()
    cycle.itself = cycle
    cycle.results = map_blocks(collects, 20, 1)
    assert next(cycle.results) == 0
    del cycle
    dropped.set()
    assert list(map_blocks(lambda rows: rows.start, 4, 1)) == [0, 1, 2, 3]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system has no fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_process_may_drop_a_loop_of_its_parent() -> None:
    results = map_blocks(where, 20, 1)
    next(results)
    child = os.fork()
    if child == 0:
        signal.alarm(30)
        results.close()
        os._exit(0)
    assert os.waitpid(child, 0) == (child, 0)
    assert len(list(results)) == 19


def test_how_many_threads() -> None:
    assert get_threads() == 2
    set_threads(None)
    assert get_threads() >= 1
    with pytest.raises(ParameterError, match="`threads` must be"):
        set_threads(0)
