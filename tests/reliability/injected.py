"""Fail one call of the system at a time; :mod:`tests.reliability.inject` starts this.

The library of ``failing.c`` must be loaded before the C library (``LD_PRELOAD``). For every n, a fork runs a command
whose n-th call of a function fails, once or from then on. The target must then be the old file or the new one, whole;
nothing may be left beside it; and what is said is one line. Prints a JSON object of how many forks ended how.

With STEP, every STEP-th n is tried only; of Python's own allocations, which are many, every STEP³-th.
"""

from __future__ import annotations

import ctypes
import importlib
import json
import os
import pkgutil
import signal
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import embcomp
from embcomp.cli.main import EXIT_BUG, run

FUNCTIONS = {"read": 1, "write": 2, "fsync": 3, "rename": 4, "link": 5, "open": 6, "mmap": 7, "malloc": 8}
NEVER = 2**40
FEW_ROWS, MANY_ROWS = 200, 4000  # of the source; the many for allocations of arrays
MOST_ALLOCATIONS = 20_000  # more than the commands make
ABORTED = 127  # by the C library, without memory for a thread
SECONDS = 30  # that a fork may take
TARGET = "target"
OLD = b"the old file"

_testcapi: Any
try:
    _testcapi = importlib.import_module("_testcapi")
except ImportError:  # an interpreter without its tests
    _testcapi = None


class Trial:
    """A command in a folder of its own."""

    def __init__(self, folder: Path, arguments: list[str], *, forced: bool) -> None:
        self.folder, self.arguments, self.forced = folder, arguments, forced
        self.target = folder / TARGET
        self.new: bytes | None = None

    def fork(self, function: str, n: int, *, for_ever: bool) -> tuple[int, str, int]:
        """Run the command with a fault; return its exit code, what it said, and how many calls there were."""
        self.target.unlink(missing_ok=True)
        if self.forced:
            self.target.write_bytes(OLD)
        with tempfile.TemporaryFile() as said, tempfile.TemporaryFile() as counted:
            process = os.fork()
            if process == 0:
                os.dup2(said.fileno(), 2)
                os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
                self._in_child(function, n, counted.fileno(), for_ever=for_ever)
            status = os.waitpid(process, 0)[1]
            said.seek(0)
            counted.seek(0)
            return os.waitstatus_to_exitcode(status), said.read().decode(), int(counted.read() or b"0")

    def _in_child(self, function: str, n: int, counted: int, *, for_ever: bool) -> None:
        code: object = 99
        signal.alarm(SECONDS)
        try:
            arm(function, n, for_ever=for_ever)
            run(self.arguments)
        except SystemExit as stop:
            code = stop.code
        finally:
            if _testcapi is not None:
                _testcapi.remove_mem_hooks()
            seen = FAILING.failing_seen()
            arm("read", 0, for_ever=False)
            os.write(counted, str(seen).encode())
            os._exit(code if isinstance(code, int) else 98)

    def check(self, function: str, code: int, said: str) -> str | None:
        """Say what should not be, if anything."""
        others = [path.name for path in self.folder.iterdir() if path.name != TARGET]
        if others:
            return f"left {others}"
        content: bytes | None
        content = self.target.read_bytes() if self.target.exists() else None
        if content not in (self.new, OLD if self.forced else None):
            return f"a target of {len(content or b'')} bytes that nobody wrote"
        if code == 0:
            return None if content == self.new else "done, and nothing written"
        if function == "allocation" and (code in (EXIT_BUG, -signal.SIGALRM) or not said):
            return None  # Python and NumPy raise SystemError without memory, or wait for a thread that did not start
        if code not in ((2, 3, 4, ABORTED) if function == "malloc" else (2, 3, 4)):
            return f"exit code {code}"
        return None if code == ABORTED or (said.startswith("embcomp: ") and said.count("\n") == 1) else "not one line"


def arm(function: str, n: int, *, for_ever: bool) -> None:
    """Let the n-th call of ``function`` fail."""
    if function == "allocation":
        if n < NEVER:
            _testcapi.set_nomemory(n, n + 1)
        return
    FAILING.failing_arm(FUNCTIONS[function], ctypes.c_long(n), int(for_ever))


def numbers(trial: Trial, function: str, step: int) -> range:
    """All n for which the command calls a function an n-th time."""
    code, said, n_calls = trial.fork(function, NEVER, for_ever=False)
    if code:
        raise SystemExit(f"{trial.arguments}: {code}: {said}")
    trial.new = trial.target.read_bytes() if trial.target.exists() else None
    return range(1, n_calls + 1, step)


def main() -> None:
    folder, step = Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 1
    # So that no fork imports anything. No command imports the layers, whose package may be absent.
    for package in pkgutil.walk_packages(embcomp.__path__, "embcomp.", onerror=lambda name: None):
        if not package.name.endswith("__main__") and not package.name.startswith("embcomp.torch"):
            importlib.import_module(package.name)
    seen: Counter[str] = Counter()
    wrong = []
    for n_rows in (FEW_ROWS, MANY_ROWS):
        for name, trial in make_trials(folder / str(n_rows), n_rows).items():
            for function, n, for_ever in faults(trial, n_rows, step):
                code, said, _ = trial.fork(function, n, for_ever=for_ever)
                seen[f"{function}: {'done' if code == 0 else 'refused'}"] += 1
                if problem := trial.check(function, code, said):
                    wrong.append(f"{name}: {function} {n}{' and on' * for_ever}: {problem}: {said[-2000:]}")
    print(json.dumps({"seen": seen, "wrong": wrong}))


def faults(trial: Trial, n_rows: int, step: int) -> Iterator[tuple[str, int, bool]]:
    """Which function, which of its calls, and whether all later ones fail as well."""
    for function in FUNCTIONS:
        if (function == "malloc") == (n_rows == MANY_ROWS):
            for n in numbers(trial, function, step):
                yield from ((function, n, for_ever) for for_ever in (False, True))
    if _testcapi is not None and n_rows == FEW_ROWS:
        for n in range(1, MOST_ALLOCATIONS, step**3):
            yield "allocation", n, False  # Python does not run without memory


def make_trials(folder: Path, n_rows: int) -> dict[str, Trial]:
    """The commands, each in a folder of its own, so that nothing else is in it."""
    folder.mkdir()
    source, more, old = folder / "source.txt", folder / "more.txt", folder / "old.embc"
    rows = [f"w{row} {row % 7}.5 -{row % 5}.25 {row % 3} 1 {row % 2} 0\n" for row in range(n_rows)]
    source.write_text("".join(rows))
    more.write_text("".join(row.replace("w", "v", 1) for row in rows[:20]))
    sign = ["--method", "sign", "-q", "--threads", "1"]
    try:
        run(["compress", str(source), "-o", str(old), *sign])
    except SystemExit as stop:
        if stop.code:
            raise
    commands = {
        "compress": ["compress", str(source), "-o", TARGET, *sign],
        "replace": ["compress", str(source), "-o", TARGET, "--force", *sign],
        "add": ["add", str(old), str(more), "-o", TARGET, "-q", "--threads", "1"],
        "decompress": ["decompress", str(old), "-o", TARGET, "--to", "npy", "--force", "-q", "--threads", "1"],
        "open": ["vector", str(old), "w7"],
    }
    trials = {}
    for name, arguments in commands.items():
        own = folder / name
        own.mkdir()
        there = [str(own / TARGET) if each == TARGET else each for each in arguments]
        trials[name] = Trial(own, there, forced="--force" in arguments)
    return trials


FAILING = ctypes.CDLL(os.environ.get("LD_PRELOAD"))

if __name__ == "__main__":
    main()
