"""Races: several sides do one job, each run in a fresh process, in turns, and bars are ratios within one race.

A *side* is a function ``f(files, **arguments)`` in one of the ``contests_*`` modules, or a command line. Before a
race is timed every side runs once, unrecorded: it warms the page cache and gives the answers that must agree.
Functions time their own work with :func:`timed`, so that starting Python and importing are not in it; commands are
timed whole. Peak memory is the process's own, as the system reports it when the process ends.

This module imports nothing heavy: a child's peak memory starts from that of the process that started it.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
LIMIT_SECONDS = 1800

Answer = Any
Facts = dict[str, Any]


@dataclass(frozen=True)
class Side:
    """One way to do the job: ``call`` is ``module:function``, or ``command`` is a program and its arguments."""

    name: str
    call: str = ""
    arguments: Facts = field(default_factory=dict)
    command: tuple[str, ...] = ()
    threads: int = 2
    needs: str = ""
    """A package without which the side is left out, and said to be."""


@dataclass(frozen=True)
class Bar:
    """``quantity`` of ``ours`` (divided by that of ``peer``, if there is one) must be at most or at least ``limit``.

    ``factor`` multiplies before comparing, as in bytes per MB; ``inverse`` turns the ratio into "times faster".
    ``over`` is a quantity of the same side that is subtracted first, as the size of the matrix from the peak.
    """

    title: str
    ours: str
    limit: float
    peer: str = ""
    quantity: str = "seconds"
    unit: str = ""
    factor: float = 1.0
    at_least: bool = False
    inverse: bool = False
    over: str = ""


@dataclass(frozen=True)
class Contest:
    """A race and the bars that are read off it."""

    name: str
    title: str
    sides: tuple[Side, ...]
    bars: tuple[Bar, ...] = ()
    check: Callable[[dict[str, Answer]], str] | None = None
    """Says what was compared; raises :class:`DisagreementError`."""
    needs: tuple[str, ...] = ()
    """Files it needs, by name: see ``prepare.py``."""
    needs_data: bool = False
    """Whether it needs the folder of evaluation sets."""
    note: str = ""
    repeats: int = 0
    """Repetitions, where they are not those of ``--repeats``."""
    exponents: tuple[str, ...] = ()
    """Sides ``name@rows`` of which exponents are fitted: the names before the ``@``."""


class DisagreementError(Exception):
    """Sides do not give the same result."""


class SideError(Exception):
    """A side failed; the text is the last line it wrote."""


# In the child


class Clock:
    """What :func:`timed` yields; ``seconds`` is known when its block ends."""

    seconds = 0.0


@contextmanager
def timed() -> Iterator[Clock]:
    """Time a block."""
    clock = Clock()
    start = time.perf_counter()
    yield clock
    clock.seconds = time.perf_counter() - start


def per_call(function: Callable[[], Any], least_seconds: float = 0.2, most_calls: int = 10_000) -> float:
    """Median seconds of a call, over calls that take ``least_seconds`` together (at least five calls)."""
    function()
    times: list[float] = []
    while len(times) < 5 or (sum(times) < least_seconds and len(times) < most_calls):
        start = time.perf_counter()
        function()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def child_main() -> None:
    """Run one side in this process: ``python -m benchmarks.child '{…}'``; the result goes into the file named."""
    order = json.loads(sys.argv[1])
    module, _, function = order["call"].partition(":")
    result = getattr(importlib.import_module(f"benchmarks.{module}"), function)(order["files"], **order["arguments"])
    Path(order["result"]).write_text(json.dumps(result), encoding="utf-8")


# In the parent


def run_side(side: Side, files: dict[str, str]) -> Facts:
    """Run a side once: its quantities, ``peak_mb`` among them, and its ``answer`` if it has one.

    Raises:
        SideError: the process failed.
    """
    with tempfile.TemporaryDirectory() as folder:
        result = Path(folder) / "result.json"
        outcome = _run(_command(side, files, result), side.threads, Path(folder))
        return outcome | (json.loads(result.read_text(encoding="utf-8")) if side.call else {})


def _command(side: Side, files: dict[str, str], result: Path) -> list[str]:
    if side.command:
        return [
            part.format_map(files | {"python": sys.executable, "bin": str(Path(sys.executable).parent)})
            for part in side.command
        ]
    order = {
        "call": side.call,
        "arguments": side.arguments,
        "files": files,
        "result": str(result),
    }
    return [sys.executable, "-m", "benchmarks.child", json.dumps(order)]


def _run(command: list[str], threads: int, folder: Path) -> Facts:
    count = str(threads)
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "POLARS_MAX_THREADS", "ARROW_NUM_THREADS")
    environment = os.environ | {"OMP_WAIT_POLICY": "passive"} | dict.fromkeys(names, count)
    with (folder / "errors.txt").open("w+", encoding="utf-8") as errors:
        start = time.perf_counter()
        process = subprocess.Popen(
            _on_cores(threads, command),
            cwd=ROOT,
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=errors,
            stdin=subprocess.DEVNULL,
        )
        usage = _wait(process, start + LIMIT_SECONDS)
        seconds = time.perf_counter() - start
        if process.returncode:
            errors.seek(0)
            lines = [line.strip() for line in errors if line.strip()] or [f"exit code {process.returncode}"]
            raise SideError(lines[-1][:300])
    # ru_maxrss is in KiB on Linux, in bytes on macOS
    peak = usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024) / 1e6
    return {
        "seconds": seconds,
        "process_seconds": seconds,
        "cpu_seconds": usage.ru_utime + usage.ru_stime,
        "peak_mb": peak,
    }


def _on_cores(n_cores: int, command: list[str]) -> list[str]:
    """The command, run on so many cores where the system can say so: a side has as many as it has threads."""
    if not shutil.which("taskset"):
        return command
    cores = sorted(os.sched_getaffinity(0))[:n_cores]
    return ["taskset", "--cpu-list", ",".join(map(str, cores)), *command]


def _wait(process: subprocess.Popen[bytes], deadline: float) -> Any:
    """Wait for a process and return its own resource usage; end it if it takes too long."""
    pause = 0.0005
    while True:
        pid, status, usage = os.wait4(process.pid, os.WNOHANG)
        if pid:
            process.returncode = os.waitstatus_to_exitcode(status)
            return usage
        if time.perf_counter() > deadline:
            process.kill()
        time.sleep(pause)
        pause = min(pause * 1.1, 0.005)


def race(contest: Contest, files: dict[str, str], repeats: int, say: Callable[[str], None]) -> Facts:
    """Check that the sides agree, then time them in turns. A peer that fails is recorded with what it said."""
    sides, left_out = _present(contest.sides)
    answers: dict[str, Answer] = {}
    first: dict[str, Facts] = {}
    for side in list(sides):
        try:
            outcome = run_side(side, files)
        except SideError as error:
            left_out[side.name] = str(error)
            sides.remove(side)
            say(f"  {side.name}: left out: {error}")
            continue
        say(f"  {side.name}: {outcome['process_seconds']:.1f} s")
        first[side.name] = outcome
        if "answer" in outcome:
            answers[side.name] = outcome["answer"]
    agreement = contest.check(answers) if contest.check else ""
    once = contest.repeats == 1  # then the run that gave the answers counts
    runs = {side.name: [_recorded(first[side.name])] if once else [] for side in sides}
    for turn in range(0 if once else contest.repeats or repeats):
        for side in sides if turn % 2 == 0 else sides[::-1]:
            runs[side.name].append(_recorded(run_side(side, files)))
    return {
        "sides": {side.name: {"threads": side.threads, "runs": runs[side.name]} for side in sides},
        "left_out": left_out,
        "agreement": agreement,
    }


def _recorded(outcome: Facts) -> Facts:
    return {name: _short(value) for name, value in outcome.items() if name != "answer"}


def _short(value: Any) -> Any:
    return float(f"{value:.6g}") if isinstance(value, float) else value


def _present(sides: tuple[Side, ...]) -> tuple[list[Side], dict[str, str]]:
    kept, left_out = [], {}
    for side in sides:
        if side.needs and importlib.util.find_spec(side.needs) is None:
            left_out[side.name] = f"{side.needs} is not installed"
        else:
            kept.append(side)
    return kept, left_out


# Reading bars off records


def values(record: Facts, side: str, quantity: str) -> list[float]:
    """All values of a quantity of a side, in the order they were measured."""
    runs = record["sides"].get(side, {}).get("runs", [])
    return [run[quantity] for run in runs if run.get(quantity) is not None]


def judge(record: Facts, bar: Bar) -> Facts:
    """The bar's value by medians, and whether it is met; ``None`` where there is nothing to judge by."""
    ours, theirs = values(record, bar.ours, bar.quantity), values(record, bar.peer, bar.quantity)
    entry = {
        "title": bar.title,
        "quantity": bar.quantity,
        "ours": bar.ours,
        "peer": bar.peer,
        "limit": bar.limit,
        "at_least": bar.at_least,
        "unit": bar.unit,
        "factor": bar.factor,
        "over": bar.over,
        "inverse": bar.inverse,
    }
    if not ours or (bar.peer and not theirs):
        return entry | {"value": None, "met": None}
    value = statistics.median(ours)
    if bar.over:
        value -= statistics.median(values(record, bar.ours, bar.over))
    if bar.peer:
        value /= statistics.median(theirs)
    value = 1 / value if bar.inverse else value * bar.factor
    return entry | {"value": _short(value), "met": value >= bar.limit if bar.at_least else value <= bar.limit}


def agree(answers: dict[str, Answer], what: str) -> str:
    """All answers are equal."""
    names = list(answers)
    for name in names[1:]:
        if answers[name] != answers[names[0]]:
            raise DisagreementError(f"{what}: {name} and {names[0]} differ")
    return f"{what}: equal in {', '.join(names)}" if len(names) > 1 else ""
