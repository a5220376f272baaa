"""How many top singular values IIQ should set to 0, and how many rows it should learn from.

    python benchmarks/remove_top.py SOURCE… --data FOLDER                        D = 0, 1, 2, 3, 5, 10 and auto
    python benchmarks/remove_top.py SOURCE… --data FOLDER --remove-top auto --fit-rows 10000 50000 all
    python benchmarks/remove_top.py SOURCE… --data FOLDER --remove-top auto --option unit_rows=false

Compresses each source with IIQ at several numbers of removed directions D, fit rows, bits and seeds, decodes, and
scores what comes back. Appends JSON lines to ``benchmarks/results/remove_top.jsonl`` and prints them; what was
recorded at the same commit is not run again. ``remove_top_tables.py`` makes the tables of ``docs/remove-top.md``.

A default must not be chosen on the sets it is reported on: what is chosen is chosen on :data:`DEVELOPMENT`, and
:data:`CONFIRMATION` is looked at afterwards. (The pairs of WS-353 are those of WS-353-SIM and WS-353-REL.)
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import time
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from embcomp.compressors.registry import make_compressor
from embcomp.embedding import Embedding
from embcomp.eval import analogy, categorization
from embcomp.eval.datasets import collect
from embcomp.eval.statistics import cosines, spearman
from embcomp.eval.suite import DataSet, Settings
from embcomp.eval.target import Target, look_up
from embcomp.formats import ReadOptions, read_embedding
from embcomp.threads import set_threads

# Each line counts once in the development score, whatever the number of its sets. Battig is too large to cluster
# hundreds of times.
DEVELOPMENT = {
    "WS-353-SIM, WS-353-REL": (("similarity", "WS-353-SIM"), ("similarity", "WS-353-REL")),
    "TR9856": (("similarity", "TR9856"),),
    "purity": tuple(("categorization", name) for name in ("AP", "BLESS", "ESSLLI-1a", "ESSLLI-2c")),
    "MSR": (("analogy", "MSR"),),
}
# The six similarity sets of [Liao 2020, Table 2].
CONFIRMATION = tuple(("similarity", name) for name in ("MEN", "MTurk-287", "RG-65", "RW", "SimLex-999", "WS-353"))

# As in the paper but for the unit rows; given here so that sweeps stay comparable when defaults change.
FIXED = {"iterations": 50, "unit_rows": True, "tolerance": 0.0}
DEFAULT_ROWS = make_compressor("iiq").get_config()["fit_rows"]
EVALUATION_SEED = 0  # of k-means; the same for all runs
ROOT = Path(__file__).resolve().parents[1]
RECORDS = ROOT / "benchmarks" / "results" / "remove_top.jsonl"

Record = dict[str, Any]


def wanted_sets(folder: Path) -> list[DataSet]:
    """The sets named above; all must be there."""
    wanted = {key for group in DEVELOPMENT.values() for key in group} | set(CONFIRMATION)
    found = {(data.suite, data.name): data for data in collect(folder)}
    if missing := sorted(wanted - found.keys()):
        raise SystemExit(f"{folder}: lacks {', '.join(f'{suite}/{name}' for suite, name in missing)}")
    return [found[key] for key in sorted(wanted)]


def measure(target: Target, data: DataSet) -> float | None:
    """One score ×100: Spearman's ρ, purity, or the accuracy of 3CosAdd."""
    settings = Settings(seed=EVALUATION_SEED)
    if data.suite == "similarity":
        value: float | None = rank_correlation(target, data)
    elif data.suite == "categorization":
        value = categorization.measure(target, data, settings)["purity"].value
    else:
        value = analogy.measure(target, data, settings)["3cosadd"].value
    return None if value is None else round(100 * value, 3)


def rank_correlation(target: Target, data: DataSet) -> float:
    """The value of the suite similarity without its bootstrap, which would take longer than the fit."""
    lefts, rights, ratings = zip(*data.rows, strict=True)
    left, right = np.split(look_up(target, [*lefts, *rights], "mean", average=True).vectors, 2)
    return spearman(cosines(left, right), np.array(ratings))


def scores_of(target: Target, sets: list[DataSet]) -> dict[str, float | None]:
    return {f"{data.suite}/{data.name}": measure(target, data) for data in sets}


def development_score(scores: dict[str, float]) -> float:
    """Mean over the lines of :data:`DEVELOPMENT` of the mean of their sets."""
    groups = [[scores[f"{suite}/{name}"] for suite, name in group] for group in DEVELOPMENT.values()]
    return float(np.mean([np.mean(group) for group in groups]))


def confirmation_score(scores: dict[str, float]) -> float:
    """Mean over :data:`CONFIRMATION`."""
    return float(np.mean([scores[f"{suite}/{name}"] for suite, name in CONFIRMATION]))


def environment() -> Record:
    """What a result depends on besides input and options."""
    commit = subprocess.run(["git", "-C", str(ROOT), "rev-parse", "HEAD"], capture_output=True, text=True, check=True)
    changed = subprocess.run(
        ["git", "-C", str(ROOT), "status", "--porcelain", "--untracked-files=no", "embcomp"],
        capture_output=True,
        text=True,
        check=True,
    )
    names = ("embcomp", "numpy", "scipy", "gensim")
    return {
        "commit": commit.stdout.strip() + ("+changes" if changed.stdout.strip() else ""),
        "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} CPUs, 1 thread used",
        "versions": {"python": platform.python_version()} | {name: version(name) for name in names},
    }


def spectrum(embedding: Embedding, fit_rows: int | str) -> Record:
    """Singular values of the rows that are fitted, relative to their median, and what ``auto`` makes of them."""
    compressor = make_compressor("iiq", fit_rows=fit_rows, iterations=0)
    compressor.fit(embedding.vectors)
    values = np.array(compressor.report["singular_values"])
    median = float(np.median(values))
    return {
        "kind": "spectrum",
        "fit_rows": fit_rows,
        "rows_fitted": compressor.report["fit_rows"],
        "auto": compressor.report["removed"],
        "median": float(f"{median:.6g}"),
        "relative": [round(float(value), 4) for value in values / median],
    }


def run(embedding: Embedding, config: Record, sets: list[DataSet]) -> Record:
    """Compress, decode, score."""
    compressor = make_compressor("iiq", **config)
    start = time.perf_counter()
    compressor.fit(embedding.vectors)
    fitted = time.perf_counter()
    codes = compressor.encode(embedding.vectors)
    encoded = time.perf_counter()
    decoded = Embedding(embedding.words, compressor.decode(codes))
    scores = scores_of(decoded, sets)
    seconds = {"fit": fitted - start, "encode": encoded - fitted, "score": time.perf_counter() - encoded}
    return {
        "kind": "run",
        "config": compressor.get_config(),
        "seconds": {name: round(value, 3) for name, value in seconds.items()},
        "scores": scores,
    }


def configurations(embedding: Embedding, spectra: list[Record], options: argparse.Namespace) -> Iterator[Record]:
    """All combinations, each once; ``auto`` stands as the D it comes to."""
    for measured in spectra:
        removed = [measured["auto"] if text == "auto" else int(text) for text in options.remove_top]
        for seed in range(options.seeds):
            for bits in (max(1, round(share * embedding.dim)) for share in options.bits):
                for remove_top in sorted(set(removed)):
                    yield (
                        FIXED
                        | {
                            "bits": bits,
                            "remove_top": remove_top,
                            "fit_rows": measured["fit_rows"],
                            "random_state": seed,
                        }
                        | dict(options.option)
                    )


def benchmark(embedding: Embedding, sets: list[DataSet], options: argparse.Namespace) -> Iterator[Record]:
    """Yield what was measured on one source: its own scores, spectra, and runs, but not those that are recorded."""
    context = environment() | {"source": embedding.source.to_json()}
    done = {identity(record) for record in read_records(options.out)}
    own: Record = context | {"kind": "source"}
    if identity(own) not in done:
        yield own | {"scores": scores_of(embedding, sets)}
    spectra = [context | spectrum(embedding, _fit_rows(text)) for text in options.fit_rows]
    yield from (record for record in spectra if identity(record) not in done)
    for config in configurations(embedding, spectra, options):
        full = make_compressor("iiq", **config).get_config()
        if identity(context | {"kind": "run", "config": full}) not in done:
            yield context | run(embedding, config, sets)


def identity(record: Record) -> str:
    """What makes a record the same as another, up to its times."""
    parts = (record["kind"], record["source"]["sha256"], record.get("fit_rows"), record.get("config"))
    return json.dumps([record["commit"], *parts], sort_keys=True)


def read_records(path: Path) -> list[Record]:
    """All records of a file; none if it is not there."""
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def _fit_rows(text: str) -> int | str:
    return text if text == "all" else int(text)


def _option(text: str) -> tuple[str, Any]:
    name, _, value = text.partition("=")
    return name, json.loads(value)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("sources", nargs="+", metavar="SOURCE", help="embedding files of any format")
    parser.add_argument("--data", type=Path, required=True, metavar="FOLDER", help="folder of evaluation sets")
    parser.add_argument("--remove-top", nargs="+", default=["0", "1", "2", "3", "5", "10", "auto"], metavar="D")
    parser.add_argument("--fit-rows", nargs="+", default=[str(DEFAULT_ROWS)], metavar="N", help="numbers, or 'all'")
    parser.add_argument("--bits", nargs="+", type=float, default=[1, 0.25], metavar="SHARE", help="per dimension")
    parser.add_argument("--seeds", type=int, default=3, metavar="K", help="seeds 0 to K − 1")
    parser.add_argument("--option", nargs="+", type=_option, default=[], metavar="NAME=JSON", help="of all runs")
    parser.add_argument("--format", metavar="NAME", help="format of the sources, if it cannot be told")
    parser.add_argument("--out", type=Path, default=RECORDS, metavar="FILE")
    return parser.parse_args()


def main() -> None:
    arguments = _arguments()
    set_threads(1)
    sets = wanted_sets(arguments.data)
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    reading = ReadOptions(format=arguments.format)
    for source in arguments.sources:
        embedding = read_embedding(source, reading)
        for record in benchmark(embedding, sets, arguments):
            line = json.dumps(record, ensure_ascii=False)
            with arguments.out.open("a", encoding="utf-8") as file:
                file.write(line + "\n")
            print(line, flush=True)


if __name__ == "__main__":
    main()
