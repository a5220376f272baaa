from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from embcomp.embedding import Embedding
from embcomp.eval.run import Chosen, choose
from embcomp.eval.statistics import unit_rows

N_WORDS, DIM, N_PAIRS = 3_000, 24, 500


@pytest.fixture(scope="session")
def source() -> Embedding:
    """Words in bunches; dimensions differ in variance."""
    rng = np.random.default_rng(3)
    centres = rng.normal(size=(60, DIM))
    vectors = np.repeat(centres, N_WORDS // 60, axis=0) + 0.7 * rng.normal(size=(N_WORDS, DIM))
    vectors = rng.permutation(vectors) * np.linspace(1.5, 0.5, DIM)
    return Embedding([f"w{number}" for number in range(N_WORDS)], vectors.astype(np.float32))


@pytest.fixture(scope="session")
def text(source: Embedding, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same as GloVe text."""
    path = tmp_path_factory.mktemp("text") / "source.txt"
    rows = zip(source.words, source.vectors.tolist(), strict=True)
    path.write_text("".join(f"{word} {' '.join(map(repr, row))}\n" for word, row in rows), encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def data_dir(source: Embedding, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ratings of pairs: their cosines and some noise."""
    rng = np.random.default_rng(4)
    pairs = rng.integers(N_WORDS, size=(N_PAIRS, 2))
    units = unit_rows(source.vectors)
    ratings = (units[pairs[:, 0]] * units[pairs[:, 1]]).sum(axis=1) + rng.normal(scale=0.1, size=N_PAIRS)
    rows = [f"w{left}\tw{right}\t{rating:.4f}\n" for (left, right), rating in zip(pairs, ratings, strict=True)]
    folder = tmp_path_factory.mktemp("sets")
    (folder / "similarity").mkdir()
    (folder / "similarity" / "toy.tsv").write_text("".join(rows), encoding="utf-8")
    return folder


@pytest.fixture(scope="session")
def chosen(data_dir: Path) -> Chosen:
    """The ratings only."""
    (found,) = choose(["similarity"], data_dir, has_baseline=False)
    return [(found[0], [each for each in found[1] if each.name == "toy"])]
