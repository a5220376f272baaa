"""A static sentence model on sentence similarity: as it is, compressed, and written out again. Needs model2vec.

    python benchmarks/static_model.py MODEL STS METHOD[:OPTION=VALUE…]…

MODEL is a folder that model2vec reads, STS a folder of files with lines ``score TAB text TAB text``. Prints a table:
Spearman's ρ × 100 of the cosines, by file and their mean, (1) of the model in model2vec, then for each method (2) of
the .embc by ``embcomp.open(…).encode`` and (3) of the folder that ``embcomp decompress`` writes, in model2vec.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from model2vec import StaticModel
from scipy.stats import spearmanr

import embcomp
from embcomp.comparison.plan import parse_candidate
from embcomp.container.writer import save
from embcomp.formats import ReadOptions
from embcomp.formats.static_model import write_model
from embcomp.pipeline import encode_source

Encode = Callable[[Sequence[str]], np.ndarray]


def scores(encode: Encode, folder: Path) -> dict[str, float]:
    found = {}
    for path in sorted(folder.glob("*.tsv")):
        ratings, lefts, rights = zip(
            *(line.rstrip("\n").split("\t") for line in path.open(encoding="utf-8")), strict=True
        )
        one, other = (np.asarray(encode(texts), dtype=np.float64) for texts in (lefts, rights))
        lengths = np.linalg.norm(one, axis=1) * np.linalg.norm(other, axis=1)
        cosines = (one * other).sum(axis=1) / np.where(lengths > 0, lengths, 1)
        found[path.stem] = 100 * float(spearmanr(np.array(ratings, dtype=float), cosines).statistic)
    return found


def rows_of(model: Path, sts: Path, method: str, folder: Path) -> list[tuple[str, int, dict[str, float]]]:
    encoded = encode_source(model, parse_candidate(method).build(), ReadOptions())
    path = folder / "model.embc"
    save(encoded, path, force=True)
    write_model(folder / "model", encoded, force=True)
    size = path.stat().st_size
    exported = sum(each.stat().st_size for each in (folder / "model").iterdir())
    return [
        (f"{method}, .embc", size, scores(embcomp.open(path).encode, sts)),
        (
            f"{method}, written out, in model2vec",
            exported,
            scores(StaticModel.from_pretrained(folder / "model").encode, sts),
        ),
    ]


def main(model: Path, sts: Path, methods: Sequence[str]) -> None:
    size = sum(each.stat().st_size for each in model.iterdir())
    rows = [("original, in model2vec", size, scores(StaticModel.from_pretrained(model).encode, sts))]
    names = list(rows[0][2])
    print(f"| | bytes | {' | '.join(names)} | mean |\n|{' --- |' * (len(names) + 3)}")
    for method in methods:
        with tempfile.TemporaryDirectory() as folder:
            rows += rows_of(model, sts, method, Path(folder))
    for label, n_bytes, values in rows:
        cells = " | ".join(f"{values[name]:.2f}" for name in names)
        print(f"| {label} | {n_bytes:,} | {cells} | {np.mean(list(values.values())):.2f} |", flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:])
