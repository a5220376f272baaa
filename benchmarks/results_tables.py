"""All methods at 1, ½ and ¼ bit per dimension, five seeds: the counterpart of [Liao 2020, Tables 2-4].

    python benchmarks/results_tables.py SOURCE --data FOLDER      one `embcomp compare`, then docs/results.md
    python benchmarks/results_tables.py --compared FILE           docs/results.md from what that command printed
    python benchmarks/results_tables.py --further FILE…           add what it printed of the same runs on further sets
    python benchmarks/results_tables.py                           docs/results.md from what was recorded

Everything comes from one command, `embcomp compare … --json`; what is stopped goes on where it was, since compare
keeps each container and each suite's scores. ``benchmarks/results/results.jsonl`` is what it printed, without
intervals: a line for the run, then one for each method, configuration and seed.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shlex
import statistics
import subprocess
import sys
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from embcomp.comparison.plan import over_seeds, parse_candidate, sweep_bits
from embcomp.comparison.workbench import BASELINE, label
from embcomp.compressors.registry import compressor_class

ROOT = Path(__file__).resolve().parents[1]
RECORDS = ROOT / "benchmarks" / "results" / "results.jsonl"
PAGE = ROOT / "docs" / "results.md"

SOURCE = "data/glove.6B.100d.txt"
DIM = 100
LEVELS = {"1": 1, "½": 2, "¼": 4}
"""Bits a dimension, and by what the dimensions are divided."""
METHODS = ("sign", "itq", "iiq", "nlb", "dccl", "kd", "prune", "alone")
EPOCHS = 4  # of alone, whose 15 runs then take about 18 minutes of two cores with nothing else to do
SEEDS = 5
SUITES = ("similarity", "categorization", "classification")

TABLES = {
    "Word similarity: Spearman's ρ ×100 (the paper's Table 2)": (
        "similarity",
        ("MEN", "MTurk-287", "RG-65", "RW", "SimLex-999", "TR9856", "WS-353"),
    ),
    "Categorization: purity ×100 (Table 3)": ("categorization", ("AP", "BLESS", "Battig", "ESSLLI-2c")),
    "Topic classification: accuracy ×100 (Table 4)": ("classification", ("CR", "MPQA", "MR", "SUBJ")),
}

# [Liao 2020, Tables 2-4], GloVe, 1,917,494 words of 300 dimensions; in the order of TABLES.
PAPER: dict[tuple[str, str], tuple[tuple[float, ...], ...]] = {
    (BASELINE, ""): (
        (73.62, 64.50, 81.71, 37.43, 37.38, 9.67, 69.07),
        (62.94, 78.50, 45.13, 57.78),
        (78.78, 87.16, 76.42, 91.29),
    ),
    ("prune", "1"): (
        (17.97, 22.09, 39.66, 12.45, -0.37, 8.31, 14.52),
        (38.56, 46.00, 23.42, 42.22),
        (73.48, 81.93, 71.97, 87.19),
    ),
    ("dccl", "1"): (
        (54.46, 50.46, 63.89, 28.04, 25.48, 7.91, 54.55),
        (52.24, 75.00, 36.09, 48.89),
        (77.27, 85.6, 74.74, 89.56),
    ),
    ("nlb", "1"): (
        (73.99, 64.98, 72.07, 40.86, 40.52, 14.00, 66.09),
        (59.45, 78.50, 43.39, 66.67),
        (75.36, 85.77, 73.01, 89.92),
    ),
    ("itq", "1"): (
        (57.37, 52.93, 72.08, 25.10, 26.23, 8.98, 55.00),
        (58.71, 76.50, 40.76, 48.89),
        (71.79, 84.11, 73.18, 89.55),
    ),
    ("iiq", "1"): (
        (76.43, 63.33, 78.16, 41.35, 41.87, 9.80, 72.22),
        (64.18, 80.00, 41.98, 60.00),
        (77.7, 85.15, 74.96, 89.87),
    ),
    ("iiq", "½"): (
        (71.55, 58.37, 74.94, 37.61, 38.80, 12.81, 67.99),
        (56.22, 76.50, 37.49, 51.11),
        (75.07, 83.02, 73.17, 88.14),
    ),
    ("iiq", "¼"): (
        (59.25, 50.42, 62.39, 28.71, 33.25, 12.31, 53.56),
        (45.02, 69.00, 31.43, 44.44),
        (72.56, 80.55, 69.93, 84.29),
    ),
}

Record = dict[str, Any]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", nargs="?", help="embedding file; without one, only the page is written")
    parser.add_argument("--data", metavar="FOLDER", help="folder of data sets")
    parser.add_argument("--cache", metavar="FOLDER", help="compare's cache")
    parser.add_argument(
        "--compared", type=Path, metavar="FILE", help="what it printed, or without alone; runs nothing"
    )
    parser.add_argument("--further", type=Path, nargs="+", metavar="FILE", help="of runs on further data sets")
    parser.add_argument("--commit", help="what it ran at (default: what is checked out here)")
    given = parser.parse_args()
    at = given.commit or commit()  # before it runs
    if given.compared is not None:
        record(json.loads(given.compared.read_text(encoding="utf-8"))["results"], at)
    elif given.source is not None:
        places = [
            part for flag in ("data", "cache") if (value := getattr(given, flag)) for part in (f"--{flag}", value)
        ]
        run = [sys.executable, "-c", "from embcomp.cli.main import run; run()", *arguments(given.source), *places]
        record(json.loads(subprocess.run(run, stdout=subprocess.PIPE, check=True).stdout)["results"], at)
    elif given.further is not None:
        add([run for path in given.further for run in json.loads(path.read_text(encoding="utf-8"))["results"]], at)
    PAGE.write_text(page(*read_records()), encoding="utf-8")


def arguments(source: str) -> list[str]:
    """Of the one command, without the folders."""
    suites = [part for suite in SUITES for part in ("--suite", suite)]
    sweep = ["--methods", ",".join(methods()), "--bits", ",".join(map(str, widths())), "--seeds", str(SEEDS)]
    return ["compare", source, *sweep, *suites, "--json"]


def methods() -> list[str]:
    """With their options, the slowest last."""
    return [f"{method}:epochs={EPOCHS}" if method == "alone" else method for method in METHODS]


def widths() -> list[int]:
    """Bits a word."""
    return [round(DIM / divisor) for divisor in LEVELS.values()]


def record(runs: Sequence[Record], at: str) -> None:
    """Write the records: where and with what it ran, and what compare says of each run."""
    about: Record = {
        "command": shlex.join(["embcomp", *arguments(SOURCE), "--data", "DIR"]),
        "commit": at,
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "versions": {"python": platform.python_version()} | {name: version(name) for name in ("embcomp", "numpy")},
    }
    expected = expected_runs()
    if [(run["method"], run["config"]) for run in runs] != expected[: len(runs)]:
        raise SystemExit(
            f"--compared must be the first of {len(expected)} runs of `embcomp compare`, got {len(runs)}"
        )
    about["to_do"] = len(expected) - len(runs)
    lines = [about, *(run | {"means": None, "scores": short(run), "level": level(run)} for run in runs)]
    RECORDS.parent.mkdir(exist_ok=True)
    RECORDS.write_text("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines), encoding="utf-8")


def add(runs: Sequence[Record], at: str) -> None:
    """Add scores on further data sets to the records of the same method, level and seed."""
    about, records = read_records()
    found = {_same(run | {"level": level(run)}): short(run) for run in runs}
    for each in records:
        known = {(suite, task, metric) for suite, task, metric, _ in each["scores"]}
        rows = [row for row in found.get(_same(each), []) if (*row[:3],) not in known]
        each["scores"] += [row for row in rows if not row[1].startswith("mean of")]
    tasks = sorted({row["task"] for run in runs for row in run["scores"] if not row["is_mean"]})
    missing = [method for method in METHODS if not any(run["method"] == method for run in runs)]
    about["further"] = {"tasks": tasks, "commit": at, "not_run": missing}
    RECORDS.write_text(
        "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in [about, *records]), encoding="utf-8"
    )


def _same(run: Record) -> tuple[str, str, Any]:
    return run["method"], run["level"], run["config"].get("random_state")


def expected_runs() -> list[tuple[str, Any]]:
    """Method and options of each run that the command prints, in its order."""
    candidates, _ = sweep_bits([parse_candidate(method) for method in methods()], widths(), DIM)
    return [(BASELINE, {}), *((job.method, job.config) for job in over_seeds(candidates, 0, SEEDS))]


def short(run: Record) -> list[list[Any]]:
    """Scores without intervals and counts."""
    return [[row["suite"], row["task"], row["metric"], row["value"]] for row in run["scores"]]


def level(run: Record) -> str:
    """Which of LEVELS a run is nearest to; what has no size to choose is at the first."""
    if run["method"] == BASELINE:
        return ""
    bits = 32 * run["dim"] / run["config"]["ratio"] if "ratio" in run["config"] else run["bits_per_vector"]
    return min(LEVELS, key=lambda name: abs(run["dim"] / LEVELS[name] - (bits or run["dim"])))


def commit() -> str:
    """The commit checked out, or nothing outside a repository."""
    found = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    return found.stdout.strip()


def read_records() -> tuple[Record, list[Record]]:
    """What ran, and its runs."""
    if not RECORDS.exists():
        return {}, []
    about, *runs = [json.loads(line) for line in RECORDS.read_text(encoding="utf-8").splitlines()]
    return about, runs


def page(about: Record, records: Sequence[Record]) -> str:
    """docs/results.md."""
    if not records:
        return HEAD + "Nothing is recorded yet: `make results`.\n"
    source = records[0]
    versions = ", ".join(f"{name} {number}" for name, number in about["versions"].items())
    parts = [
        HEAD,
        f"    {about['command']}\n\n",
        f"Commit {about['commit']}; {versions}; {about['machine']}. Source: GloVe 6B 100d as `make data` makes it, "
        f"{source['rows']:,} words of {source['dim']} dimensions, SHA-256 `{source['sha256']}`.\n\n",
        further_text(about.get("further")),
        f"Its last {about['to_do']} runs, slow ones, are not done yet.\n\n" if about["to_do"] else "",
        alone_text(records),
        size_table(records),
    ]
    for number, (title, (suite, tasks)) in enumerate(TABLES.items()):
        parts.append(score_table(records, title, suite, tasks, number))
    return "".join(parts)


HEAD = """# Quality of all methods

Generated by `make results` (`benchmarks/results_tables.py`) from `benchmarks/results/results.jsonl`: do not edit.

The methods `transform` and `additive`, the default, are compared on [another page](frontier.md), at equal file sizes.
The files here were written before words had a format of their own, and were up to 0.2 MB larger.
`kd` had four rounds of least squares and search, where its default is two now.

Each method at 1, ½ and ¼ bit per dimension, mean ± standard deviation over the seeds, scored as
[Evaluation](evaluation.md) says, with missing words replaced by the mean vector. `paper` is what [Liao 2020, Tables
2–4] prints for the same method on *other* vectors, GloVe of 1,917,494 words and 300 dimensions: compare the shape of
the curves, not single numbers. (For TR9856 not even the shape can be compared: the papers' platform has no vector for
a term of several words.) A gap (–) was not run, or there are no data for it here.

`sign` has one size. `prune` sets 95 % of all numbers to 0, as in the paper, and has one size too. `alone` has no code
per word; its network is 32, 64 and 128 times smaller than the vectors. Seconds are wall-clock on a machine that was
also doing other work: orders of magnitude only.

All rows come from one command, where DIR is a folder of [data sets](evaluation.md#where-the-data-are):

"""


def further_text(further: Record | None) -> str:
    """What was scored later than the rest."""
    if further is None:
        return ""
    not_run = f", not of {' and '.join(further['not_run'])}" if further["not_run"] else ""
    return (
        f"{' and '.join(further['tasks'])} were scored later, on files that the same methods, options and seeds made "
        f"at commit {further['commit']}{not_run}.\n\n"
    )


def alone_text(records: Sequence[Record]) -> str:
    """How far `alone` was trained, and what came of it."""
    found = [(name, group) for method, name, group in groups(records) if method == "alone"]
    if not found:
        return ""
    runs = [each for _, group in found for each in group]
    minutes = sum(each["seconds"]["fit"] for each in runs) / 60
    errors = [
        f"{statistics.fmean(each['report']['relative_error']['stored'] for each in group):.3f} at {name} bit"
        for name, group in found
    ]
    return (
        f"`alone` is not trained to convergence: the paper has 1,000 epochs, here it had "
        f"{runs[0]['report']['epochs']}. Its {len(runs)} runs took {minutes:.0f} minutes. The result is poor: its "
        f"squared error relative to the vectors' variance is {', '.join(errors)} (that of the mean vector is 1).\n\n"
    )


def size_table(records: Sequence[Record]) -> str:
    rows = [
        [
            "method",
            "bits/dim",
            "options other than the defaults",
            "seeds",
            "bytes",
            "× vectors",
            "× file",
            "fit s",
            "encode s",
        ]
    ]
    for method, level, group in groups(records):
        first = group[0]
        rows.append(
            [
                shown(method),
                level,
                "" if method == BASELINE else options(method, first["config"]),
                str(len(group)),
                f"{statistics.fmean(each['bytes']['file'] for each in group):,.0f}",
                f"{statistics.fmean(each['ratio']['vectors'] for each in group):.1f}",
                f"{statistics.fmean(each['ratio']['file'] for each in group):.1f}",
                f"{statistics.fmean(each['seconds']['fit'] for each in group):.1f}",
                f"{statistics.fmean(each['seconds']['encode'] for each in group):.1f}",
            ]
        )
    return "## Sizes and seconds\n\n" + markdown(rows)


def options(method: str, config: dict[str, Any]) -> str:
    """The options that are not the defaults, of those that the method still has."""
    known = {option.name for option in compressor_class(method).options}
    kept = {name: value for name, value in config.items() if name in known}
    return label(method, kept).removeprefix(method).strip()


def score_table(records: Sequence[Record], title: str, suite: str, tasks: Sequence[str], number: int) -> str:
    """One of the paper's tables. Means are over the data sets that there are here, the paper's as well."""
    there = [task for task in tasks if any(value(each, suite, task) is not None for each in records)]
    if not there:
        return f"\n## {title}\n\nNot run yet.\n"
    rows = [["method", "bits/dim", *tasks, "mean" if there == list(tasks) else f"mean of {len(there)}"]]
    for method, level, group in groups(records):
        columns = {task: [value(each, suite, task) for each in group] for task in tasks}
        if all(None in columns[task] for task in there):
            continue
        means = [mean_or_gap([value(each, suite, task) for task in there]) for each in group]
        rows.append([shown(method), level, *(cell(columns[task]) for task in tasks), cell(means)])
        paper = PAPER.get((method, level))
        if paper is not None:
            theirs = dict(zip(tasks, paper[number], strict=True))
            mean = statistics.fmean(theirs[task] for task in there)
            rows.append(["*paper*", level, *(f"*{theirs[task]:.1f}*" for task in tasks), f"*{mean:.1f}*"])
    return f"\n## {title}\n\n" + markdown(rows)


def shown(method: str) -> str:
    return "uncompressed" if method == BASELINE else method


def mean_or_gap(values: Sequence[float | None]) -> float | None:
    known = [each for each in values if each is not None]
    return statistics.fmean(known) if len(known) == len(values) else None


def groups(records: Sequence[Record]) -> list[tuple[str, str, list[Record]]]:
    """Records by method and level, in the order of METHODS and LEVELS, the uncompressed source first."""
    order = [(BASELINE, ""), *((method, level) for level in LEVELS for method in METHODS)]
    found = [(*key, [each for each in records if (each["method"], each["level"]) == key]) for key in order]
    return [each for each in found if each[2]]


def value(record: Record, suite: str, task: str) -> float | None:
    return next((row[3] for row in record["scores"] if (row[0], row[1]) == (suite, task)), None)


def cell(values: Sequence[float | None]) -> str:
    known = [each for each in values if each is not None]
    if not known or len(known) < len(values):
        return "–"
    spread = f" ± {statistics.stdev(known):.1f}" if len(known) > 1 else ""
    return f"{statistics.fmean(known):.1f}{spread}"


def markdown(rows: Sequence[Sequence[str]]) -> str:
    rule = ["---", "---", *("---:" for _ in rows[0][2:])]
    return "".join("| " + " | ".join(row) + " |\n" for row in [rows[0], rule, *rows[1:]])


if __name__ == "__main__":
    main()
