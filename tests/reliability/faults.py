"""Faults on purpose: processes killed at random moments, full disks. A few in the tests, many in benchmarks."""

from __future__ import annotations

import os
import random
import resource
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from embcomp.container.writer import save
from embcomp.encoded import EncodedEmbedding
from embcomp.errors import OutputError
from embcomp.files import TEMPORARY_MARK

RUN = "from embcomp.cli.main import run; run()"
COMMAND = [sys.executable, "-c", RUN]
LISTEN = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
"""What a shell starts in the background ignores SIGINT, and so do its children, unless told otherwise."""
QUIET = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}


def temporary_files(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir() if TEMPORARY_MARK in path.name]


def in_child(work: Callable[[], None]) -> int:
    """Do ``work`` in a fork; return its exit code: 0, 3 for an ``OutputError``, 1 for anything else."""
    process = os.fork()
    if process == 0:
        code = 1
        try:
            work()
            code = 0
        except OutputError:
            code = 3
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])


def kill_writers(
    folder: Path, versions: list[EncodedEmbedding], contents: set[bytes], times: int, seed: int
) -> Counter[str]:
    """Kill a process that keeps replacing one file by the next version, again and again.

    Each time, the file must be one of ``contents``. Returns what was seen: ``killed`` in all, ``left`` a temporary
    file, and how often each content was found.
    """
    rng = random.Random(seed)
    target = folder / "target.embc"
    save(versions[0], target, force=True)
    seen: Counter[str] = Counter()
    for _ in range(times):
        process = os.fork()
        if process == 0:
            try:
                while True:
                    for version in versions:
                        save(version, target, force=True)
            finally:
                os._exit(1)
        time.sleep(rng.uniform(0, 0.02))
        os.kill(process, signal.SIGKILL)
        os.waitpid(process, 0)
        content = target.read_bytes()
        if content not in contents:
            raise RuntimeError(f"a file of {len(content)} bytes that nobody wrote")
        left = temporary_files(folder)
        seen["killed"] += 1
        seen["left"] += bool(left)
        if len(left) > 1:
            raise RuntimeError(f"{len(left)} temporary files: those of earlier runs were not removed")
    save(versions[0], target, force=True)
    if temporary_files(folder):
        raise RuntimeError("a temporary file is left after a run that ended well")
    return seen


def stop_commands(
    source: Path, folder: Path, number: signal.Signals, times: int, seconds: float, seed: int
) -> Counter[str]:
    """Start ``compress --force`` and send it a signal at a random moment of its first ``seconds``.

    The target must be the old file or the new one; only SIGKILL may leave a temporary file.
    """
    rng = random.Random(seed)
    target = folder / "target.embc"
    arguments = [sys.executable, "-c", LISTEN + RUN, "compress", str(source), "-o", str(target), "--force", "--seed"]
    wholes = []
    for version in ("1", "2"):
        subprocess.run([*arguments, version], check=True, **QUIET)
        wholes.append(target.read_bytes())
    seen: Counter[str] = Counter()
    for attempt in range(times):
        old, new = wholes[(attempt + 1) % 2], wholes[attempt % 2]
        target.write_bytes(old)
        process = subprocess.Popen([*arguments, str(1 + attempt % 2)], **QUIET)
        time.sleep(rng.uniform(0, seconds))
        process.send_signal(number)
        code = process.wait()
        content = target.read_bytes()
        if content not in (old, new):
            raise RuntimeError(f"a file of {len(content)} bytes that nobody wrote")
        left = temporary_files(folder)
        if left and number != signal.SIGKILL:
            raise RuntimeError(f"{number.name} left {left}")
        seen["runs"] += 1
        seen["stopped"] += code != 0
        seen["left"] += bool(left)
        seen["new" if content == new else "old"] += 1
    subprocess.run([*arguments, "1"], check=True, **QUIET)
    if temporary_files(folder):
        raise RuntimeError("a temporary file is left after a run that ended well")
    return seen


def fill_disk(folder: Path, version: EncodedEmbedding, old: bytes) -> Counter[str]:
    """Save with room for 0, 256, 512, … bytes: refused, the old file whole and nothing beside it, until it fits."""
    target = folder / "target.embc"
    target.write_bytes(old)
    seen: Counter[str] = Counter()
    for room in range(0, 2**20, 256):

        def save_in_little_room(room: int = room) -> None:
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (room, room))
            save(version, target, force=True)

        code = in_child(save_in_little_room)
        if temporary_files(folder):
            raise RuntimeError("a full disk left a temporary file")
        if code == 0:
            seen["fits"] = room
            return seen
        if code != 3 or target.read_bytes() != old:
            raise RuntimeError(f"exit code {code} with room for {room} bytes")
        seen["refused"] += 1
    raise RuntimeError("it never fitted")
