"""A static sentence model on sentence similarity: as it is, compressed, and written out again. Needs model2vec.

    python benchmarks/static_model.py MODEL STS METHOD[:OPTION=VALUE…]…

MODEL is a folder that model2vec reads, STS a folder of files with lines ``score TAB text TAB text``, of which those
with ``dev`` in their names are left out. Writes ``benchmarks/results/static_model.jsonl`` and prints a table:
Spearman's ρ × 100 of the cosines, by file and their mean, (1) of the model in model2vec, then for each method (2) of
the .embc by ``embcomp.open(…).encode`` and (3) of the folder that ``embcomp decompress`` writes, in model2vec. A
method with a seed runs with five; the table has the first, and the mean and standard deviation of all.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from model2vec import StaticModel
from scipy.stats import spearmanr

import embcomp
from embcomp.comparison import workbench
from embcomp.comparison.plan import Candidate, parse_candidate, seed_name
from embcomp.container.writer import save
from embcomp.formats import ReadOptions
from embcomp.formats.static_model import write_model
from embcomp.pipeline import encode_source

RECORDS = Path(__file__).with_name("results") / "static_model.jsonl"
SEEDS = 5
Encode = Callable[[Sequence[str]], np.ndarray]
Row = dict[str, Any]


def scores(encode: Encode, folder: Path) -> dict[str, float]:
    found = {}
    for path in (path for path in sorted(folder.glob("*.tsv")) if "dev" not in path.stem):
        ratings, lefts, rights = zip(
            *(line.rstrip("\n").split("\t") for line in path.open(encoding="utf-8")), strict=True
        )
        one, other = (np.asarray(encode(texts), dtype=np.float64) for texts in (lefts, rights))
        lengths = np.linalg.norm(one, axis=1) * np.linalg.norm(other, axis=1)
        cosines = (one * other).sum(axis=1) / np.where(lengths > 0, lengths, 1)
        found[path.stem] = 100 * float(spearmanr(np.array(ratings, dtype=float), cosines).statistic)
    return found


def row(label: str, n_bytes: int, found: dict[str, float], **more: object) -> Row:
    return {"label": label, **more, "bytes": n_bytes, "scores": found, "mean": float(np.mean(list(found.values())))}


def rows_of(model: Path, sts: Path, candidate: Candidate, folder: Path) -> list[Row]:
    encoded = encode_source(model, candidate.build(), ReadOptions())
    path = folder / "model.embc"
    save(encoded, path, force=True)
    write_model(folder / "model", encoded, force=True)
    exported = sum(each.stat().st_size for each in (folder / "model").iterdir())
    config = encoded.compressor.get_config()
    label = workbench.label(candidate.method, config)
    seed = config.get(seed_name(candidate.method))
    texts, again = embcomp.open(path).encode, StaticModel.from_pretrained(folder / "model").encode
    return [
        row(f"{label}, .embc", path.stat().st_size, scores(texts, sts), seed=seed),
        row(f"{label}, written out, in model2vec", exported, scores(again, sts), seed=seed),
    ]


def main(model: Path, sts: Path, methods: Sequence[str]) -> None:
    size = sum(each.stat().st_size for each in model.iterdir())
    rows = [row("original, in model2vec", size, scores(StaticModel.from_pretrained(model).encode, sts))]
    for method in methods:
        candidate = parse_candidate(method)
        name = seed_name(candidate.method)
        for seed in range(1 if name is None or name in candidate.options else SEEDS):
            with tempfile.TemporaryDirectory() as folder:
                rows += rows_of(model, sts, candidate.from_seed(seed), Path(folder))
    head = ["git", "-C", str(RECORDS.parent), "rev-parse", "--short", "HEAD"]
    commit = subprocess.run(head, capture_output=True, text=True, check=False).stdout.strip()
    about = {"model": hashlib.sha256((model / "model.safetensors").read_bytes()).hexdigest(), "commit": commit}
    lines = [json.dumps(each) + "\n" for each in (about, *rows)]
    RECORDS.write_text("".join(lines), encoding="utf-8")
    names = list(rows[0]["scores"])
    print(f"| | bytes | {' | '.join(names)} | mean | of the seeds |\n|{' --- |' * (len(names) + 4)}")
    for each in (each for each in rows if not each.get("seed")):
        means = [other["mean"] for other in rows if other["label"] == each["label"]]
        spread = f"{np.mean(means):.2f} ± {np.std(means, ddof=1):.2f}" if len(means) > 1 else ""
        cells = [f"{each['bytes']:,}", *(f"{each['scores'][name]:.2f}" for name in names), f"{each['mean']:.2f}"]
        print(f"| {each['label']} | {' | '.join(cells)} | {spread} |", flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:])
