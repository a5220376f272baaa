"""Measure the figures of docs/reliability.md: python -m benchmarks.reliability  (`make reliability`, ten minutes).

Everything is tried again, with other random numbers each time; the figures between the markers are replaced. A
failure ends the run with an error and leaves the page alone.
"""

from __future__ import annotations

import argparse
import gzip
import os
import random
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from embcomp.container.reader import Container, verify
from embcomp.errors import ContainerError
from tests.container.builder import Parts, with_header
from tests.container.crafted import large_sources, many_wide_rows, similar_words, wide_signs
from tests.reliability.checksums import golden, made
from tests.reliability.faults import COMMAND, QUIET, fill_disk, in_child, kill_writers, stop_commands
from tests.reliability.inject import inject, is_possible
from tests.reliability.surroundings import kernels, of_kernels, of_threads, plain_numpy
from tests.reliability.test_faults import content, embedding
from tests.test_fixtures import is_exact, relative_error

ROOT = Path(__file__).parents[1]
FIXTURES = ROOT / "tests" / "fixtures"
PAGE = ROOT / "docs" / "reliability.md"
START, END = "<!-- figures -->\n", "<!-- end of figures -->\n"
MB = 2**20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", help="measure what has this in its name, and replace its rows only")
    parser.add_argument("--scale", type=float, default=1.0, help="how many times as many attempts")
    given = parser.parse_args()
    seed = int(time.time())
    rows: list[Row] = []
    for measure in MEASURES:
        if given.only and given.only not in measure.__name__:
            continue
        start = time.perf_counter()
        with tempfile.TemporaryDirectory(prefix="embcomp-reliability-") as folder:
            rows += measure(Path(folder), given.scale, seed)
        print(f"{measure.__name__}: {time.perf_counter() - start:.0f} s", file=sys.stderr)
    PAGE.write_text(page_with(rows, seed, keep=bool(given.only)), encoding="utf-8")


def page_with(rows: list[Row], seed: int, *, keep: bool) -> str:
    before, rest = PAGE.read_text(encoding="utf-8").split(START)
    old, after = rest.split(END)
    found = [tuple(line.strip("| ").split(" | ")) for line in old.splitlines() if line.startswith("|")]
    table = {row[0]: row for row in found[2:] if keep} | {row[0]: row for row in rows}
    lines = [f"| {' | '.join(row)} |" for row in table.values()]
    versions = [f"{name} {version(name)}" for name in ("numpy", "embcomp")]
    stamp = f"Seed {seed}; Python {sys.version.split()[0]}, {', '.join(versions)}."
    head = ["| what | tried | outcome |", "| --- | --- | --- |"]
    return "\n".join([before + START, stamp, "", *head, *lines, "", END + after])


Row = tuple[str, str, str]


# Damage


def measure_damage(folder: Path, scale: float, seed: int) -> Iterator[Row]:
    n_truncations = n_flips = missed = 0
    fixtures = sorted(FIXTURES.glob("v1-*.embc"))
    for fixture in fixtures:
        path = folder / fixture.name
        shutil.copy(fixture, path)
        for length in range(path.stat().st_size - 1, -1, -1):
            os.truncate(path, length)
            n_truncations += 1
            missed += not found(path)
    flipped = [path for path in fixtures if path.stem in ("v1-sign", "v1-iiq-25-bits")]
    for fixture in flipped:
        path = folder / fixture.name
        data = fixture.read_bytes()
        path.write_bytes(data)
        with path.open("r+b", buffering=0) as file:
            for bit in range(8 * len(data)):
                os.pwrite(file.fileno(), bytes([data[bit // 8] ^ (0x80 >> bit % 8)]), bit // 8)
                n_flips += 1
                missed += not found(path)
                os.pwrite(file.fileno(), data[bit // 8 : bit // 8 + 1], bit // 8)
    succeed(missed == 0, f"{missed} not found")
    yield f"every truncation of {len(fixtures)} containers", f"{n_truncations:,}", "all found by `verify`"
    yield f"every flipped bit of {len(flipped)} containers", f"{n_flips:,}", "all found by `verify`"


def found(path: Path) -> bool:
    try:
        return bool(verify(path))
    except ContainerError:
        return True


# Malice


def measure_hostile_headers(folder: Path, scale: float, seed: int) -> Iterator[Row]:
    """Peak of allocations while opening, against the file's size."""
    path = folder / "x.embc"
    parts = Parts((FIXTURES / "v1-sign.embc").read_bytes())
    headers = [
        b"[" + b"[]," * 349_000 + b"[]]",
        b"[" + b'{"":0},' * 149_000 + b"0]",
        b'{"sections":[' + b"1," * 500_000 + b"1]}",
        b"[" * 1_000_000,
        b'{"a":' * 200_000,
        b'{"sections":["' + b"\\u0000" * 170_000 + b'"]}',
        b'{"rows":' + b"9" * 1_000_000 + b"}",
    ]
    files = [with_header(header) for header in headers]
    for shape in ([2**62], [0, 2**62], [2**31, 2**31], [-1], [10**300]):
        files.append(parts.build({"codes.0": {"shape": shape, "length": 0}}))
        files.append(parts.build({"codes.0": {"shape": shape, "length": 2**62}}))
    for rows in (2**31, 2**62, 10**300):
        parts.document["rows"] = rows
        files.append(parts.build())
    worst = 0
    for data in files:
        path.write_bytes(data)
        tracemalloc.start()
        refused = found(path)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        succeed(refused, "a hostile header was accepted")
        worst = max(worst, peak - len(data))
    succeed(worst < 64 * MB, f"{worst} bytes")
    yield (
        "hostile headers",
        f"{len(files)}",
        f"all refused; at most {worst / MB:.0f} MB beyond the file's size allocated",
    )


def measure_hostile_text(folder: Path, scale: float, seed: int) -> Iterator[Row]:
    gigabyte = 10**9
    bomb = folder / "bomb.gz"
    with gzip.open(bomb, "wb", compresslevel=1) as file:
        for _ in range(1000):
            file.write(bytes(10**6))
    line = folder / "line.txt"
    with line.open("wb") as file:
        file.truncate(gigabyte)  # zeros, and no line end
    texts = {
        "a line of 1 GB": line,
        "1 GB of zeros in a gzip file of 4 MB": bomb,
        "a header of 10¹² rows": b"1000000000000 300\nthe 1 2\n",
        "a header of 10⁹ dimensions": b"2 1000000000\nthe 1 2\n",
        "`1e999`": b"a 1 2\nb 1e999 1\n",
        "`0x1p3`": b"a 1 2\nb 0x1p3 1\n",
        "`1_000`": b"a 1 2\nb 1_000 1\n",
        "full-width digits": "a 1 2\nb １ ２\n".encode(),
        "a word of 10 MB": b"a 1 2\n" + b"x" * 10**7 + b" 1 2\n",
        "binary noise": random.Random(seed).randbytes(10**6),
    }
    worst_seconds = worst_memory = 0.0
    for name, text in texts.items():
        path = text if isinstance(text, Path) else folder / "text.txt"
        if isinstance(text, bytes):
            path.write_bytes(text)
        start = time.perf_counter()
        done = subprocess.run(
            [*COMMAND, "compress", str(path), "-o", str(folder / "out.embc")],
            capture_output=True,
            text=True,
            check=False,
        )
        worst_seconds = max(worst_seconds, time.perf_counter() - start)
        succeed(done.returncode == 3, f"{name}: exit code {done.returncode}: {done.stderr}")
        succeed(done.stderr.count("\n") == 1, f"{name}: {done.stderr}")
        succeed(not (folder / "out.embc").exists(), name)
    worst_memory = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    yield (
        ", ".join(texts),
        f"{len(texts)}",
        f"each one line and exit code 3; at most {worst_seconds:.1f} s and {worst_memory:.0f} MB",
    )


def measure_bombs(folder: Path, scale: float, seed: int) -> Iterator[Row]:
    """Gzip files of 1 GB of rows, all of them valid: what is not refused takes time, but little memory."""
    zeros = b" 0" * 300 + b"\n"
    wide = b" 0" * 200_000 + b"\n"
    rows: dict[str, tuple[int, Callable[[int], bytes]]] = {
        "one row again and again": (0, lambda row: b"the" + zeros),
        "300 zeros for each word": (0, lambda row: b"w%d" % row + zeros),
        "words of 100 kB": (3, lambda row: b"%d" % row**5 + b"x" * 100_000 + b" 1 2\n"),
        "200,000 zeros for each word": (2, lambda row: b"w%d" % row**5 + wide),
    }
    for name, (code, make) in rows.items():
        bomb, n_bytes, number = folder / "bomb.txt.gz", 0, 0
        with gzip.open(bomb, "wb", compresslevel=6) as file:
            while n_bytes < 10**9 * scale:
                n_bytes += file.write(make(number))
                number += 1
        start = time.perf_counter()
        command = [*COMMAND, "compress", str(bomb), "-q", "--force", "-o", str(folder / "out.embc")]
        process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
        seconds, memory = time.perf_counter() - start, usage.ru_maxrss / 1024
        process.returncode = os.waitstatus_to_exitcode(status)
        succeed(process.returncode == code, f"{name}: exit code {process.returncode}")
        succeed(memory < 1024, f"{name}: {memory} MB")
        what = "compressed" if code == 0 else f"refused with exit code {code}"
        yield (
            f"1 GB of valid rows in a gzip file of {bomb.stat().st_size / 1e6:.0f} MB: {name}",
            "1",
            f"{what}; {seconds:.1f} s and {memory:.0f} MB",
        )


def measure_crafted(folder: Path, scale: float, seed: int) -> Iterator[Row]:
    """Containers with right checksums that ask for far more than they hold; the tests make smaller ones."""
    path = folder / "x.embc"
    for name, (make, commands) in CRAFTED.items():
        path.unlink(missing_ok=True)
        succeed(in_child(partial(make, path)) == 0, f"{name}: no file")  # whose memory does not count
        outcomes = []
        for command in commands:
            start = time.perf_counter()
            process = subprocess.Popen([*COMMAND, command[0], str(path), *command[1:]], **QUIET)
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
            succeed(process.returncode in (0, 3, 4), f"{name}: {command}: exit code {process.returncode}")
            what = "done" if process.returncode == 0 else "refused"
            seconds, memory = time.perf_counter() - start, usage.ru_maxrss / 1024
            limit = f" {' '.join(LITTLE)}" if LITTLE[0] in command else ""
            outcomes.append(f"`{command[0]}{limit}` {what}: {seconds:.1f} s, {memory:.0f} MB")
        yield f"crafted: {name}", f"a file of {path.stat().st_size / 1000:.0f} kB", "; ".join(outcomes)


VERIFY, DECOMPRESS, LITTLE = ["verify"], ["decompress", "-o", "-"], ["--max-memory", "64MB"]
CRAFTED: dict[str, tuple[Callable[[Path], object], list[list[str]]]] = {
    "20,000 rows of 65,536 columns of `prune`": (lambda path: many_wide_rows(path, 20_000, 2**16), [VERIFY]),
    "2,400,000 words of 600 equal bytes and 3 others": (
        lambda path: similar_words(path, 24_000, ordered=False),
        [VERIFY, DECOMPRESS],
    ),
    "the same in an order": (
        lambda path: similar_words(path, 24_000, ordered=True),
        [VERIFY, [*DECOMPRESS, *LITTLE], [*VERIFY, *LITTLE]],
    ),
    "source matrices of 16,000,000 numbers of `alone`": (
        lambda path: large_sources(path, "real", 50),
        [VERIFY, ["vector", "queen", "--max-memory", "32MB"]],
    ),
    "1,000,000 dimensions of `sign`": (lambda path: wide_signs(path, 10**6), [VERIFY, DECOMPRESS]),
}


CLEAN, JUDGED = "clean, or a named error", "as the second reader reads them, or a named error"
FUZZED = {
    "text": CLEAN,
    "binary": CLEAN,
    "container": JUDGED,
    "words": JUDGED,
    "npy": "as NumPy reads them, or a named error",
    "fasttext": JUDGED,
}


def measure_fuzzing(folder: Path, scale: float, seed: int) -> Iterator[Row]:
    if find_spec("atheris") is None:
        yield "fuzzing", "not in this run: atheris is not installed", ""
        return
    for target, outcome in FUZZED.items():
        seconds = int(40 * scale)
        command = [sys.executable, "-m", "tests.fuzz.fuzz", target, "--seconds", str(seconds)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
        succeed(done.returncode == 0, done.stderr[-2000:])
        executed = re.search(r"number_of_executed_units: (\d+)", done.stderr)
        succeed(executed is not None, done.stderr[-2000:])
        yield f"fuzzing: {target}", f"{int(executed.group(1)):,} inputs in {seconds} s", outcome


# Faults


def measure_kills(folder: Path, scale: float, seed: int) -> Iterator[Row]:
    versions = [embedding(seed=number) for number in range(2)]
    seen = kill_writers(folder, versions, {content(each) for each in versions}, int(1000 * scale), seed)
    yield (
        "a process that keeps replacing a file: SIGKILL",
        f"{seen['killed']:,}",
        f"always one of the files, whole; {seen['left']:,} left a temporary file, removed by the next run",
    )


def measure_stops(folder: Path, scale: float, seed: int) -> Iterator[Row]:
    source = folder / "source.txt"
    numbers = np.round(np.random.default_rng(0).standard_normal((2000, 20)), 3)
    source.write_text("".join(f"w{row} {' '.join(map(str, line))}\n" for row, line in enumerate(numbers.tolist())))
    start = time.perf_counter()
    subprocess.run([*COMMAND, "compress", str(source), "-q", "-o", str(folder / "time.embc")], check=True)
    seconds = 1.3 * (time.perf_counter() - start)  # some should end well

    def stop(number: signal.Signals) -> Row:
        own = folder / number.name
        own.mkdir()
        seen = stop_commands(source, own, number, int(200 * scale), seconds, seed)
        left = (
            f"{seen['left']} left a temporary file, removed by the next run"
            if seen["left"]
            else "nothing left beside it"
        )
        found = f"the old file {seen['old']} times, the new one {seen['new']} times"
        outcome = f"{seen['stopped']} stopped in time; {found}; {left}"
        return f"`embcomp compress --force`: {number.name}", f"{seen['runs']}", outcome

    with ThreadPoolExecutor(2) as pool:
        yield from pool.map(stop, (signal.SIGKILL, signal.SIGINT))


def measure_injection(folder: Path, scale: float, seed: int) -> Iterator[Row]:
    """Every call of the system fails once, and from then on."""
    if not is_possible():
        yield "injected failures", "not in this run: there is no compiler, or no glibc", ""
        return
    step = max(1, round(3 / scale))
    seen = inject(folder, step)
    functions = list(dict.fromkeys(name.split(":")[0] for name in seen))
    yield (
        f"compress, add, decompress, vector: the n-th {', '.join(functions)} fails, once or from then on",
        f"{sum(seen.values()):,}: "
        + (f"n = 1, {1 + step}, …; for Python 1, {1 + step**3}, …" if step > 1 else "all n"),
        f"{sum(count for name, count in seen.items() if name.endswith('done')):,} done all the same, the others "
        "refused; always the old file or the new one, whole; nothing left beside it",
    )


def measure_full_disk(folder: Path, scale: float, seed: int) -> Iterator[Row]:
    seen = fill_disk(folder, embedding(seed=1), content(embedding(seed=0)))
    yield (
        "no room beyond 0, 256, 512, … bytes",
        f"{seen['refused']}",
        "refused, the old file whole, nothing left beside it",
    )
    disk = folder / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=8k", "none", str(disk)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        yield "a full tmpfs", "not in this run: it could not be mounted", ""
        return
    try:
        done = subprocess.run(
            [*COMMAND, "sample", "-o", str(disk / "x")], capture_output=True, text=True, check=False
        )
        succeed(done.returncode == 3 and "No space left on device" in done.stderr, done.stderr)
        succeed(not list(disk.iterdir()), "something is left on a full disk")
    finally:
        subprocess.run(["umount", str(disk)], check=False)
    yield "a full tmpfs", "1", "refused, nothing left"


# Other machines


def measure_kernels(folder: Path, scale: float, seed: int) -> Iterator[Row]:
    """Files of methods that promise the same bytes, made in other surroundings; files of the others by kernel."""
    sample = folder / "sample.txt"
    subprocess.run([*COMMAND, "sample", "--output", str(sample)], check=True)
    everywhere = [*of_kernels(kernels()), plain_numpy(), *of_threads()]
    expected = golden("sample")
    for each in everywhere:
        succeed(made(sample, expected, each)[1] == expected, f"other files: {each.name}")
    names = ", ".join(each.name for each in everywhere)
    yield f"the sample compressed with other BLAS kernels and threads: {names}", f"{len(expected)}", "all the same"
    trained = [path for path in sorted(FIXTURES.glob("v1-*.embc")) if not is_exact(Container(path))]
    again = [_made_with(folder, trained, kernel) for kernel in kernels()]
    errors = np.array([[relative_error(path) for path in paths] for paths in again])
    same = sum(len({path.read_bytes() for path in paths}) == 1 for paths in zip(*again, strict=True))
    larger = float((errors.max(axis=0) / errors.min(axis=0)).max()) - 1
    yield (
        f"fixtures of the other methods, made with the BLAS kernels {', '.join(kernels())}",
        f"{len(trained)}",
        f"{same} the same; the squared error of vectors is at most {100 * larger:.1g} % larger with one than another",
    )


def _made_with(folder: Path, fixtures: list[Path], kernel: str) -> list[Path]:
    """Make fixtures again with a BLAS kernel, in a process of its own; return the files."""
    target = folder / kernel
    target.mkdir()
    for path in fixtures:
        command = [sys.executable, "-c", MAKE_AGAIN, str(path), str(target / path.name)]
        subprocess.run(command, check=True, cwd=ROOT, env=os.environ | {"OPENBLAS_CORETYPE": kernel})
    return [target / path.name for path in fixtures]


MAKE_AGAIN = """
import sys; from pathlib import Path; from tests.test_fixtures import made_again
Path(sys.argv[2]).write_bytes(made_again(Path(sys.argv[1])))
"""


def succeed(condition: bool, failure: str) -> None:
    if not condition:
        raise SystemExit(f"failed: {failure}")


MEASURES: list[Callable[[Path, float, int], Iterator[Row]]] = [
    measure_damage,
    measure_hostile_headers,
    measure_crafted,
    measure_hostile_text,
    measure_bombs,
    measure_fuzzing,
    measure_kills,
    measure_stops,
    measure_injection,
    measure_full_disk,
    measure_kernels,
]

if __name__ == "__main__":
    main()
