"""Run the benchmarks: every row beside its bar, resumable.

    python -m benchmarks.run                        everything, 40 minutes on an idle machine of two cores
    python -m benchmarks.run --quick                the first 20,000 rows and no long races, to see that it works
    python -m benchmarks.run --only hamming text    contests whose names begin so
    python -m benchmarks.run --list                 what there is

Records go to ``benchmarks/results/race-*.jsonl``, those of ``--quick`` under ``build/bench``, where no page takes
them from. A contest that has a complete record of this commit, input and setting is not run again without
``--again``. ``python -m benchmarks.report`` makes ``docs/benchmarks.md``.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib
import json
import math
import os
import platform
import subprocess
import sys
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from benchmarks.harness import ROOT, Contest, DisagreementError, Side, SideError, judge, race, run_side, values
from benchmarks.prepare import RECIPES

MODULES = ("text", "fit", "search", "startup", "learned", "eval", "scale")
RESULTS = ROOT / "benchmarks" / "results"
WORK = ROOT / "build" / "bench"
SOURCE = ROOT / "data" / "glove.6B.100d.txt"
QUICK_ROWS = 20_000
LONG = ("kd-", "alone-", "bounded", "large", "analogies", "quality", "scaling")
PACKAGES = (
    "embcomp",
    "numpy",
    "scipy",
    "gensim",
    "faiss-cpu",
    "finalfusion",
    "navec",
    "usearch",
    "numkong",
    "pandas",
    "polars",
    "pyarrow",
    "safetensors",
    "scikit-learn",
    "staticvectors",
)
SEED = 0

Record = dict[str, Any]


def all_contests() -> list[tuple[str, Contest]]:
    """Topic and contest, in the order of the page."""
    return [
        (topic, contest)
        for topic in MODULES
        for contest in importlib.import_module(f"benchmarks.contests_{topic}").CONTESTS
    ]


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def environment() -> Record:
    """What a result depends on besides input and options."""
    commit = subprocess.run(["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False)
    changed = subprocess.run(
        ["git", "status", "--porcelain", "--untracked-files=no", "embcomp"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    return {
        "commit": commit.stdout.strip() + ("+changes" if changed.stdout.strip() else ""),
        "machine": {
            "cpu": cpu_model(),
            "cores": os.cpu_count(),
            "system": platform.system(),
            "load": [round(load, 2) for load in os.getloadavg()],
        },
        "versions": {"python": platform.python_version()}
        | {name: found for name in PACKAGES if (found := installed(name))},
    }


def cpu_model() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.exists() else []
    return next(
        (line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")),
        platform.processor() or platform.machine(),
    )


def installed(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""


def sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def head_of(source: Path, rows: int) -> Path:
    """The first rows of the source as a file of its own."""
    target = WORK / "quick" / source.name
    if not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        part = target.with_suffix(".part")
        with source.open("rb") as lines, part.open("wb") as out:
            out.writelines(line for _, line in zip(range(rows), lines, strict=False))
        part.replace(target)
    return target


class Workshop:
    """Makes the files that contests need, once."""

    def __init__(self, source: Path, data: Path | None, *, quick: bool) -> None:
        self.sha256 = sha256(source)
        self.folder = WORK / self.sha256[:16]
        self.folder.mkdir(parents=True, exist_ok=True)
        self.files = {"source": str(source)} | ({"data": str(data)} if data else {})
        self.quick = quick

    def need(self, name: str) -> None:
        """Make the file ``name`` and what it is made from, unless it is there."""
        if name in self.files:
            return
        from benchmarks.contests_scale import SYNTHETIC

        if name in SYNTHETIC:
            rows, dim, decimals = SYNTHETIC[name]
            rows, dim = (20_000, 100) if self.quick else (rows, dim)
            file, call, arguments = (
                f"synthetic-{rows}x{dim}.{decimals}.txt",
                "contests_scale:write_synthetic",
                {"rows": rows, "dim": dim, "decimals": decimals},
            )
            sources: tuple[str, ...] = ("matrix",)
        else:
            file, function, arguments, sources = RECIPES[name]
            call = f"prepare:{function}"
        for each in sources:
            self.need(each)
        target = self.folder / file
        done = target.with_name(target.name + ".done")
        if not (target.exists() and done.exists()):
            say(f"  making {file}")
            run_side(Side(name, call, {"target": str(target)} | arguments), self.files)
            done.touch()
        self.files[name] = str(target)


def identity(record: Record) -> tuple[Any, ...]:
    """What makes a record stand for another, up to its times."""
    return (record["name"], record["commit"], record["sha256"], record["settings"])


def run_contest(contest: Contest, workshop: Workshop, context: Record, arguments: argparse.Namespace) -> Record:
    """Prepare, race, judge.

    Raises:
        DisagreementError, SideError: there is nothing to compare.
    """
    for name in contest.needs:
        try:
            workshop.need(name)
        except SideError as error:
            say(f"  {name}: {error}")
            workshop.files[name] = str(workshop.folder / "missing")  # the sides that want it will say so
    outcome = race(contest, workshop.files, arguments.repeats, say)
    record = context | outcome | {"title": contest.title, "note": contest.note}
    record["bars"] = [judge(record, bar) for bar in contest.bars]
    record["exponents"] = {
        f"{name}, {quantity}": exponent(record, name, quantity)
        for name in contest.exponents
        for quantity in ("seconds", "peak_mb")
    }
    return record


def exponent(record: Record, name: str, quantity: str) -> float:
    """Slope of log(median) over log(rows), least squares."""
    points = []
    for side in record["sides"]:
        measured = values(record, side, quantity)
        if side.startswith(f"{name}@") and measured:
            rows = values(record, side, "rows")[0]
            points.append((math.log(rows), math.log(sorted(measured)[len(measured) // 2])))
    points = sorted(set(points))
    if len({x for x, _ in points}) < 2:
        return math.nan
    mean_x, mean_y = (sum(axis) / len(points) for axis in zip(*points, strict=True))
    spread = sum((x - mean_x) ** 2 for x, _ in points)
    return round(sum((x - mean_x) * (y - mean_y) for x, y in points) / spread, 3)


def read_records(folder: Path) -> list[Record]:
    """All records, oldest first within a file; lines that a crash cut short are passed over."""
    records = []
    for path in sorted(folder.glob("race-*.jsonl")):
        for line in path.read_text(encoding="utf-8").splitlines():
            try:
                records.append(json.loads(line))
            except json.JSONDecodeError:
                continue
    return records


def print_record(record: Record) -> None:
    for bar in record["bars"]:
        verdict = {True: "met", False: "MISSED", None: "not measured"}[bar["met"]]
        sign = "≥" if bar["at_least"] else "≤"
        say(f"  {bar['title']}: {bar['value']} {bar['unit']}, bar {sign} {bar['limit']:g}: {verdict}")
    for name, value in record["exponents"].items():
        say(f"  exponent, {name}: {value}")


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--source", type=Path, default=SOURCE, metavar="FILE", help="GloVe text, 100 dimensions")
    parser.add_argument(
        "--data",
        type=Path,
        default=os.environ.get("EMBCOMP_TEST_DATA"),
        metavar="FOLDER",
        help="evaluation sets; default $EMBCOMP_TEST_DATA",
    )
    parser.add_argument("--only", nargs="+", default=[""], metavar="NAME", help="contests whose names begin so")
    parser.add_argument("--skip", nargs="+", default=[], metavar="NAME", help="but not these")
    parser.add_argument("--quick", action="store_true", help=f"{QUICK_ROWS:,} rows, two repetitions, short races")
    parser.add_argument("--repeats", type=int, metavar="N", help="repetitions (5; with --quick 2)")
    parser.add_argument("--results", type=Path, metavar="FOLDER", help="where records go")
    parser.add_argument("--again", action="store_true", help="also what has been recorded")
    parser.add_argument("--list", action="store_true", help="list the contests and stop")
    arguments = parser.parse_args()
    arguments.repeats = arguments.repeats or (2 if arguments.quick else 5)
    return arguments


def chosen(arguments: argparse.Namespace) -> list[tuple[str, Contest]]:
    asked = arguments.only != [""]
    return [
        (topic, contest)
        for topic, contest in all_contests()
        if contest.name.startswith(tuple(arguments.only))
        and not contest.name.startswith(tuple(arguments.skip))
        and (asked or not arguments.quick or not contest.name.startswith(LONG))
    ]


def main() -> None:
    arguments = parse_arguments()
    if arguments.list:
        print("\n".join(f"{contest.name:14} {contest.title}" for _, contest in all_contests()))
        return
    if not arguments.source.exists():
        raise SystemExit(f"{arguments.source}: is not there; make data")
    data = Path(arguments.data).resolve() if arguments.data else None
    source = head_of(arguments.source.resolve(), QUICK_ROWS) if arguments.quick else arguments.source.resolve()
    workshop = Workshop(source, data, quick=arguments.quick)
    results = arguments.results or (WORK / "quick" if arguments.quick else RESULTS)
    results.mkdir(parents=True, exist_ok=True)
    settings = {"repeats": arguments.repeats, "quick": arguments.quick}
    known = [identity(record) for record in read_records(results) if record.get("complete")]
    failed = []
    for topic, contest in chosen(arguments):
        context = environment() | {
            "name": contest.name,
            "topic": topic,
            "input": source.name,
            "sha256": workshop.sha256,
            "seed": SEED,
            "settings": settings,
        }
        if identity(context) in known and not arguments.again:
            say(f"{contest.name}: recorded already")
            continue
        if contest.needs_data and data is None:
            say(f"{contest.name}: skipped, needs evaluation sets: --data FOLDER or EMBCOMP_TEST_DATA")
            continue
        say(f"{contest.name}: {contest.title}")
        start = time.perf_counter()
        try:
            record = run_contest(contest, workshop, context, arguments)
        except (DisagreementError, SideError, KeyError) as error:
            say(f"  NOT TIMED: {error!r}")
            failed.append(contest.name)
            continue
        record |= {"complete": True, "took": round(time.perf_counter() - start, 1)}
        with (results / f"race-{topic}.jsonl").open("a", encoding="utf-8") as out:
            out.write(json.dumps(record, ensure_ascii=False) + "\n")
        print_record(record)
        say(f"  took {record['took']} s")
    if failed:
        raise SystemExit(f"not timed: {', '.join(failed)}")


if __name__ == "__main__":
    main()
