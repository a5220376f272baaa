"""KD codes beside faiss, and their solvers beside each other.

    python benchmarks/kd.py race VECTORS.npy --ways 256 --dims 12 --fit-rows 65536     needs faiss-cpu
    python benchmarks/kd.py solvers VECTORS.npy WORDS.txt --data FOLDER                K = 50, D = 10, 10,000 words
    python benchmarks/kd.py defaults VECTORS.npy WORDS.txt --data FOLDER               similarity and purity by D × K
    python benchmarks/kd.py tables                                                     of what was measured, Markdown

``race`` compresses the whole matrix with ``kd`` and with faiss's ``ResidualQuantizer`` (its default beam), and with
``ProductQuantizer`` if asked, all trained on the same rows, in one process, on the same number of threads, and
measures seconds (wall and processor) and ‖X − X̂‖² / ‖X − mean‖² over all rows. ``solvers`` makes the table of error,
time and share of the similarity scores kept, for linear and LSTM composition. ``defaults`` scores decoded vectors at
about one bit a dimension on the sets of ``remove_top.py`` (its development sets without analogies, and its
confirmation sets). All append JSON lines to ``benchmarks/results/kd.jsonl`` and print them.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import time
from collections.abc import Callable
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

from embcomp.compressors.registry import make_compressor
from embcomp.embedding import Embedding
from embcomp.eval.statistics import cosines, spearman
from embcomp.threads import set_threads

ROOT = Path(__file__).resolve().parents[1]
RECORDS = ROOT / "benchmarks" / "results" / "kd.jsonl"


DEFAULT_CONFIGS = ["16x64xauto", "12x256xauto", "20x32xauto", "25x16xauto", "16x64x0", "12x256x0"]


class Clock:
    """Seconds since it was made: on the wall, and of the processor in all threads."""

    def __init__(self) -> None:
        self.wall, self.cpu = time.perf_counter(), time.process_time()

    def read(self) -> dict[str, float]:
        return {
            "wall": round(time.perf_counter() - self.wall, 2),
            "cpu": round(time.process_time() - self.cpu, 2),
        }


def relative_error(vectors: np.ndarray, decoded: np.ndarray) -> float:
    """‖X − X̂‖² / ‖X − mean‖²."""
    mean = vectors.mean(axis=0, dtype=np.float64).astype(np.float32)
    lost = sum(float(np.square(vectors[s] - decoded[s], dtype=np.float64).sum()) for s in slices(len(vectors)))
    total = sum(float(np.square(vectors[s] - mean, dtype=np.float64).sum()) for s in slices(len(vectors)))
    return round(lost / total, 6)


def slices(n_rows: int) -> list[slice]:
    return [slice(start, start + 65536) for start in range(0, n_rows, 65536)]


def run_kd(vectors: np.ndarray, rows: np.ndarray, config: dict[str, Any]) -> dict[str, Any]:
    """Fit on ``rows``, encode all."""
    compressor = make_compressor("kd", fit_rows="all", remove_top=0, **config)
    clock = Clock()
    compressor.fit(rows)
    fit = clock.read()
    clock = Clock()
    codes = compressor.encode(vectors)
    encode = clock.read()
    decoded = compressor.decode(codes) + compressor.offset
    return {"fit": fit, "encode": encode, "error": relative_error(vectors, decoded)}


def run_faiss(vectors: np.ndarray, rows: np.ndarray, make: Callable[[Any], Any]) -> dict[str, Any]:
    """Train on ``rows``, encode all. Rows are centred on the mean of ``rows``, as kd's are."""
    faiss = import_module("faiss")
    quantizer = make(faiss)
    mean = rows.mean(axis=0, dtype=np.float64).astype(np.float32)
    clock = Clock()
    quantizer.train(rows - mean)
    fit = clock.read()
    clock = Clock()
    codes = quantizer.compute_codes(vectors - mean)
    encode = clock.read()
    return {"fit": fit, "encode": encode, "error": relative_error(vectors, quantizer.decode(codes) + mean)}


def race(arguments: argparse.Namespace) -> None:
    faiss = import_module("faiss")
    set_threads(arguments.threads)
    faiss.omp_set_num_threads(arguments.threads)
    vectors = np.load(arguments.vectors)
    chosen = np.random.default_rng(0).permutation(len(vectors))[: arguments.fit_rows]
    rows = vectors if arguments.fit_rows >= len(vectors) else vectors[np.sort(chosen)]
    ways, dims, width = arguments.ways, arguments.dims, vectors.shape[1]
    n_bits = (ways - 1).bit_length()
    config = {"ways": ways, "dims": dims, "beam": arguments.beam, "iterations": arguments.iterations}
    runs: dict[str, Callable[[], dict[str, Any]]] = {
        "kd": lambda: run_kd(vectors, rows, config),
        "faiss-rq": lambda: run_faiss(vectors, rows, lambda faiss: faiss.ResidualQuantizer(width, dims, n_bits)),
        "faiss-pq": lambda: run_faiss(vectors, rows, lambda faiss: faiss.ProductQuantizer(width, dims, n_bits)),
    }
    for name in arguments.only:
        given = {"what": "race", "who": name, "rows": len(vectors), "fit_rows": len(rows), **config}
        record(given | {"threads": arguments.threads} | runs[name]())


def solvers(arguments: argparse.Namespace) -> None:
    """Every solver with every composition: error, seconds, share of the similarity scores kept."""
    set_threads(arguments.threads)
    vectors = np.load(arguments.vectors, mmap_mode="r")[: arguments.rows].copy()
    words = arguments.words.read_text(encoding="utf-8").split("\n")[: arguments.rows]
    sets = {name: covered_pairs(arguments.data / "similarity" / f"{name}.tsv", words) for name in SIMILARITY}
    before = {name: similarity(vectors, *pairs) for name, pairs in sets.items()}
    for compose in arguments.compose:
        for solver in arguments.solvers:
            config = {"ways": 50, "dims": 10, "compose": compose, "solver": solver}
            kd = make_compressor("kd", fit_rows="all", remove_top=0, **config)
            clock = Clock()
            codes = kd.fit_encode(vectors)
            seconds = clock.read()
            decoded = kd.decode(codes) + kd.offset
            kept = {name: round(similarity(decoded, *pairs) / before[name], 4) for name, pairs in sets.items()}
            facts = {"what": "solvers", "rows": len(vectors), **config, "threads": arguments.threads}
            record(facts | {"seconds": seconds, "error": relative_error(vectors, decoded), "kept": kept})


def defaults(arguments: argparse.Namespace) -> None:
    """Scores by D × K and removed directions, beside those of the original and of ``iiq``."""
    remove_top = import_module("remove_top")  # beside this file
    set_threads(arguments.threads)
    vectors = np.load(arguments.vectors, mmap_mode="r")[: arguments.rows].copy()
    words = arguments.words.read_text(encoding="utf-8").split("\n")[: arguments.rows]
    sets = [data for data in remove_top.wanted_sets(arguments.data) if data.suite != "analogy"]

    def measure(facts: dict[str, Any], decoded: np.ndarray) -> None:
        scores = remove_top.scores_of(Embedding(words, decoded), sets)
        groups = [group for name, group in remove_top.DEVELOPMENT.items() if name != "MSR"]
        development = np.mean([np.mean([scores["/".join(key)] for key in group]) for group in groups])
        found = {"development": round(float(development), 2), "confirmation": remove_top.confirmation_score(scores)}
        record({"what": "defaults", "rows": len(words), **facts, **found, "scores": scores})

    measure({"method": "none"}, vectors)
    for text in arguments.configs:
        dims, ways, removed = text.split("x")
        config = {"dims": int(dims), "ways": int(ways), "remove_top": removed if removed == "auto" else int(removed)}
        kd = make_compressor("kd", **config)
        clock = Clock()
        codes = kd.fit_encode(vectors)
        facts = {"method": "kd", **config, "bits": kd.layout.row_bits, "seconds": clock.read(), "report": kd.report}
        measure(facts, kd.decode(codes))
    iiq = make_compressor("iiq")
    measure({"method": "iiq", "bits": vectors.shape[1]}, iiq.decode(iiq.fit_encode(vectors)))


def tables(arguments: argparse.Namespace) -> None:
    """Print the tables of docs/compressors/kd.md, from the last record of each kind."""
    records = [json.loads(line) for line in RECORDS.read_text(encoding="utf-8").splitlines()]
    races, solved, scored = (
        list({json.dumps([r.get(name) for name in IDENTITY]): r for r in records if r["what"] == what}.values())
        for what in ("race", "solvers", "defaults")
    )
    races.sort(key=lambda r: (r["ways"], r["dims"], r["who"] != "kd"))
    print_table(
        ("", "D × K", "bits", "error", "fit, s wall (CPU)", "encode, s wall (CPU)"),
        [
            [NAMES[r["who"]], size(r), bits_of(r), f"{r['error']:.4f}", seconds(r["fit"]), seconds(r["encode"])]
            for r in races
        ],
    )
    print_table(
        ("compose", "solver", "error", "s wall (CPU)", *SIMILARITY, "mean"),
        [[r["compose"], r["solver"], f"{r['error']:.4f}", seconds(r["seconds"]), *shares(r)] for r in solved],
    )
    print_table(
        ("", "bits", "error", "fit and encode, CPU s", "development", "confirmation"),
        [
            [method_of(r), r.get("bits", ""), *fit_of(r), f"{r['development']:.1f}", f"{r['confirmation']:.1f}"]
            for r in scored
        ],
    )


def size(r: dict[str, Any]) -> str:
    return f"{r['dims']} × {r['ways']}"


def bits_of(r: dict[str, Any]) -> int:
    return r["dims"] * (r["ways"] - 1).bit_length()


def seconds(r: dict[str, float]) -> str:
    return f"{r['wall']:.1f} ({r['cpu']:.1f})"


def shares(r: dict[str, Any]) -> list[str]:
    kept = list(r["kept"].values())
    return [f"{share:.2f}" for share in (*kept, float(np.mean(kept)))]


def method_of(r: dict[str, Any]) -> str:
    return f"{size(r)}, {r['report']['removed']} removed" if r["method"] == "kd" else METHODS[r["method"]]


def fit_of(r: dict[str, Any]) -> list[str]:
    if r["method"] != "kd":
        return ["", ""]
    return [f"{r['report']['relative_squared_error']['coded']:.3f}", f"{r['seconds']['cpu']:.0f}"]


IDENTITY = ("who", "method", "rows", "fit_rows", "ways", "dims", "compose", "solver", "remove_top")
NAMES = {"kd": "`kd`", "faiss-rq": "faiss `ResidualQuantizer`", "faiss-pq": "faiss `ProductQuantizer`"}
METHODS = {"none": "the original", "iiq": "`iiq`"}


def print_table(head: tuple[str, ...], rows: list[list[Any]]) -> None:
    for row in (head, ("---",) * len(head), *rows):
        print("| " + " | ".join(map(str, row)) + " |")
    print()


SIMILARITY = ("MEN", "RG-65", "SimLex-999", "WS-353-ALL")


def covered_pairs(path: Path, words: list[str]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows of the left and right words, and ratings, of the pairs that the words cover."""
    row = {word: number for number, word in enumerate(words)}
    lines = [line.split("\t")[:3] for line in path.read_text(encoding="utf-8").splitlines() if line[:1] != "#"]
    pairs = [
        (row[a.lower()], row[b.lower()], float(rating))
        for a, b, rating in lines
        if {a.lower(), b.lower()} <= row.keys()
    ]
    left, right, ratings = zip(*pairs, strict=True)
    return np.array(left), np.array(right), np.array(ratings)


def similarity(vectors: np.ndarray, left: np.ndarray, right: np.ndarray, ratings: np.ndarray) -> float:
    """Spearman's ρ of cosines and ratings."""
    return float(spearman(cosines(vectors[left], vectors[right]), ratings))


def record(facts: dict[str, Any]) -> None:
    """Append and print one line."""
    facts |= {"commit": commit(), "machine": machine(), "versions": versions()}
    RECORDS.parent.mkdir(exist_ok=True)
    with RECORDS.open("a", encoding="utf-8") as out:
        print(json.dumps(facts, ensure_ascii=False), file=out)
    shown = {name: value for name, value in facts.items() if name not in ("commit", "machine", "versions")}
    print(json.dumps(shown, ensure_ascii=False), flush=True)


def commit() -> str:
    done = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    return done.stdout.strip()


def machine() -> str:
    return f"{platform.machine()}, {os.cpu_count()} cores"


def versions() -> dict[str, str]:
    found = {"python": platform.python_version()}
    for package in ("numpy", "scipy", "faiss-cpu"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(required=True)
    racing = commands.add_parser("race")
    racing.add_argument("vectors", type=Path, help="float32 matrix, .npy")
    racing.add_argument("--ways", type=int, default=256)
    racing.add_argument("--dims", type=int, default=12)
    racing.add_argument("--beam", type=int, default=5)
    racing.add_argument("--iterations", type=int, default=4)
    racing.add_argument("--fit-rows", type=int, default=65536, help="random rows to train on")
    racing.add_argument("--threads", type=int, default=2)
    racing.add_argument("--only", nargs="+", default=["kd", "faiss-rq", "faiss-pq"], help="kd, faiss-rq, faiss-pq")
    racing.set_defaults(run=race)
    solving = commands.add_parser("solvers")
    solving.add_argument("vectors", type=Path, help="float32 matrix, .npy")
    solving.add_argument("words", type=Path, help="its words, one per line")
    solving.add_argument("--data", type=Path, required=True, help="folder with similarity/*.tsv")
    solving.add_argument("--rows", type=int, default=10_000)
    solving.add_argument("--threads", type=int, default=2)
    solving.add_argument("--compose", nargs="+", default=["linear", "lstm"])
    solving.add_argument("--solvers", nargs="+", default=["alternate", "ste", "random"])
    solving.set_defaults(run=solvers)
    scoring = commands.add_parser("defaults")
    scoring.add_argument("vectors", type=Path, help="float32 matrix, .npy")
    scoring.add_argument("words", type=Path, help="its words, one per line")
    scoring.add_argument("--data", type=Path, required=True, help="folder with the sets")
    scoring.add_argument("--rows", type=int, default=120_000)
    scoring.add_argument("--threads", type=int, default=2)
    scoring.add_argument("--configs", nargs="+", default=DEFAULT_CONFIGS, metavar="DxKxR", help="D, K, --remove-top")
    scoring.set_defaults(run=defaults)
    commands.add_parser("tables").set_defaults(run=tables)
    arguments = parser.parse_args()
    arguments.run(arguments)


if __name__ == "__main__":
    main()
