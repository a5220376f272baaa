"""ALONE on the most frequent words: error, quality and seconds beside their bars, and what error a ratio costs.

    python benchmarks/alone.py SOURCE --data FOLDER                     both filters at 2,400 units, beside the bars
    python benchmarks/alone.py SOURCE --data FOLDER --ratios 4 8 16     and the error at each ratio, int8 weights

SOURCE in order of frequency, such as GloVe 6B 100d, for which the bars are. Appends JSON lines to
``benchmarks/results/alone.jsonl`` and prints a table. Seconds mean something on an idle machine only.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from embcomp.arrays import FloatArray
from embcomp.compressors import narrow
from embcomp.compressors.alone import AloneCompressor
from embcomp.compressors.feed_forward import Network, Trainer, initial_network
from embcomp.compressors.registry import make_compressor
from embcomp.embedding import Embedding
from embcomp.eval.datasets import collect
from embcomp.eval.statistics import cosines, spearman
from embcomp.eval.suite import DataSet
from embcomp.formats import ReadOptions, read_embedding
from embcomp.threads import get_threads, set_threads

ROOT = Path(__file__).resolve().parents[1]
RECORDS = ROOT / "benchmarks" / "results" / "alone.jsonl"
SETS = ("WS-353", "SimLex-999", "RG-65")  # [Takase 2020, §3.1]
UNITS = 2400  # the largest of [Takase 2020, §3.1]
BATCH_ROWS = 256
# A framework's prototype, two cores: 0.025 in 55 s and 0.049 in 53 s.
MOST_ERROR = {"binary": 0.03, "real": 0.06}
MOST_SECONDS = 60.0
LEAST_QUALITY = 0.98

Record = dict[str, Any]


def covered_scores(embedding: Embedding, vectors: FloatArray, sets: list[DataSet]) -> dict[str, float]:
    """Spearman's ρ ×100 over the pairs of which both words are in the embedding."""
    scores = {}
    for data in sets:
        pairs = [
            (embedding.index[left], embedding.index[right], rating)
            for left, right, rating in data.rows
            if left in embedding.index and right in embedding.index
        ]
        left, right, ratings = (np.array(column) for column in zip(*pairs, strict=True))
        scores[f"{data.name} ({len(pairs)} pairs)"] = 100 * spearman(cosines(vectors[left], vectors[right]), ratings)
    return scores


def run(embedding: Embedding, sets: list[DataSet], config: Record) -> Record:
    """Train, decode, score, with one seed."""
    compressor = make_compressor("alone", **config)
    start, start_cpu = time.perf_counter(), time.process_time()
    codes = compressor.fit_encode(embedding.vectors)
    seconds, cpu_seconds = time.perf_counter() - start, time.process_time() - start_cpu
    decoded = compressor.decode(codes)
    own = covered_scores(embedding, embedding.vectors, sets)
    scores = covered_scores(embedding, decoded, sets)
    return {
        "kind": "run",
        "config": compressor.get_config(),
        "seconds": round(seconds, 2),
        "cpu_seconds": round(cpu_seconds, 2),
        "report": compressor.report,
        "relative_error": relative_error(embedding.vectors, decoded),
        "rounded": rounded_errors(embedding.vectors, compressor),
        "scores": {name: round(score, 3) for name, score in scores.items()},
        "share_of_source": {name: round(score / own[name], 4) for name, score in scores.items()},
    }


def relative_error(vectors: FloatArray, decoded: FloatArray) -> float:
    """‖X − X̂‖² / ‖X − mean‖²."""
    exact = vectors.astype(np.float64)
    return float(np.square(exact - decoded).sum() / np.square(exact - exact.mean(axis=0)).sum())


def rounded_errors(vectors: FloatArray, compressor: Any) -> dict[str, float]:
    """Relative error with the same network's weights stored in each format; needs a run with float32 weights."""
    if not isinstance(compressor, AloneCompressor) or compressor.weights != "float32":
        return {}
    errors = {}
    for weights in narrow.STORED:
        other = AloneCompressor(**compressor.get_config() | {"weights": weights})
        state = compressor.get_state()
        other.set_state(state | narrow.narrow(state["inner"], state["outer"], weights))
        codes = np.empty((len(vectors), 0), dtype=np.uint8)
        errors[weights] = round(relative_error(vectors, other.decode(codes)), 6)
    return errors


def step_costs(dim: int, n_units: int) -> Record:
    """Milliseconds of a training step and its products' rate of work, best and median of 50."""
    rng = np.random.default_rng(0)
    network: Network = initial_network(n_units, dim, dim, rng, centred=True)
    filters = (rng.random((BATCH_ROWS, dim)) < 0.5).astype(np.float32)
    targets = rng.standard_normal((BATCH_ROWS, dim), dtype=np.float32)
    trainer = Trainer(network, BATCH_ROWS, centred=True)
    times = []
    with trainer.running():
        for _ in range(50):
            start = time.perf_counter()
            trainer.step(filters, targets, 1e-3)
            times.append(time.perf_counter() - start)
    flops = 5 * 2 * BATCH_ROWS * dim * n_units  # two products forward, three backward
    return {
        "kind": "step",
        "units": n_units,
        "threads": get_threads(),
        "milliseconds": {"best": round(1e3 * min(times), 3), "median": round(1e3 * float(np.median(times)), 3)},
        "gflop": round(flops / 1e9, 3),
        "gflops_best": round(flops / 1e9 / min(times), 1),
    }


def environment() -> Record:
    """What a result depends on besides input and options."""
    commit = subprocess.run(["git", "-C", str(ROOT), "rev-parse", "HEAD"], capture_output=True, text=True, check=True)
    names = ("embcomp", "numpy")
    return {
        "commit": commit.stdout.strip(),
        "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} CPUs, {get_threads()} threads used",
        "load": [round(load, 2) for load in os.getloadavg()] if hasattr(os, "getloadavg") else None,
        "versions": {"python": platform.python_version()} | {name: version(name) for name in names},
    }


def print_bars(records: list[Record]) -> None:
    """Each figure, averaged over seeds as in [Takase 2020, §3.1], beside its target."""
    config = records[0]["config"]
    name = f"{config['filter']}, {config['inter']} units, {config['epochs']} epochs, {len(records)} seeds"
    error, seconds, cpu_seconds = (
        float(np.mean([record[key] for record in records])) for key in ("relative_error", "seconds", "cpu_seconds")
    )
    most = MOST_ERROR[config["filter"]]
    print(f"{name}: relative error {error:.4f}, bar ≤ {most:g}: {_verdict(error <= most)}")
    print(
        f"{name}: {seconds:.1f} s ({cpu_seconds:.1f} s of processor time), bar ≤ {MOST_SECONDS:g} s: "
        f"{_verdict(seconds <= MOST_SECONDS)}"
    )
    for data in records[0]["share_of_source"]:
        shares = [record["share_of_source"][data] for record in records]
        share = float(np.mean(shares))
        print(
            f"{name}: {data} {share:.4f} of the source ({min(shares):.3f} to {max(shares):.3f}), "
            f"bar ≥ {LEAST_QUALITY}: {_verdict(share >= LEAST_QUALITY)}"
        )
    print(f"{name}: error by weights, first seed {records[0]['rounded']}")


def print_ratio(record: Record) -> None:
    shares = ", ".join(f"{name.split()[0]} {share:.3f}" for name, share in record["share_of_source"].items())
    report = record["report"]
    print(
        f"ratio {report['ratio']:.1f}, {report['units']} units: relative error {record['relative_error']:.3f}; "
        f"{shares} of the source; {record['seconds']:.1f} s"
    )


def _verdict(holds: bool) -> str:
    return "holds" if holds else "MISSED"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("source", metavar="SOURCE", help="embedding file of any format")
    parser.add_argument("--data", type=Path, required=True, metavar="FOLDER", help="folder of evaluation sets")
    parser.add_argument("--rows", type=int, default=5000, metavar="N", help="the first N words")
    parser.add_argument("--epochs", type=int, default=300)
    parser.add_argument("--filters", nargs="*", default=["binary", "real"], choices=["binary", "real"])
    parser.add_argument("--ratios", nargs="*", type=float, default=[], metavar="R")
    parser.add_argument("--threads", type=int, metavar="N", help="all that there are if not given")
    parser.add_argument("--seeds", type=int, default=1, metavar="K", help="seeds 0 to K − 1; the paper takes five")
    parser.add_argument("--out", type=Path, default=RECORDS, metavar="FILE")
    return parser.parse_args()


def main() -> None:
    arguments = _arguments()
    set_threads(arguments.threads)
    embedding = read_embedding(arguments.source, ReadOptions(limit=arguments.rows))
    sets = [data for data in collect(arguments.data) if data.suite == "similarity" and data.name in SETS]
    context = environment() | {"source": embedding.source.to_json()}
    arguments.out.parent.mkdir(parents=True, exist_ok=True)

    def record(measured: Record) -> Record:
        with arguments.out.open("a", encoding="utf-8") as file:
            file.write(json.dumps(context | measured, ensure_ascii=False) + "\n")
        return measured

    print(f"{len(embedding)} words of {embedding.dim} dimensions; {context['machine']}; load {context['load']}")
    print("one step:", record(step_costs(embedding.dim, UNITS)))
    for name in arguments.filters:
        config = {"filter": name, "inter": UNITS, "weights": "float32", "epochs": arguments.epochs}
        seeds = range(arguments.seeds)
        print_bars([record(run(embedding, sets, config | {"random_state": seed})) for seed in seeds])
    for ratio in arguments.ratios:
        print_ratio(record(run(embedding, sets, {"ratio": ratio, "epochs": arguments.epochs})))


if __name__ == "__main__":
    main()
