from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from embcomp.comparison.cache import Cache
from embcomp.comparison.workbench import Evaluation, Workbench
from embcomp.embedding import Embedding, Source
from embcomp.eval.run import choose

from ..cli.conftest import Cli, cli

__all__ = ["Cli", "cli"]

N_WORDS, DIM = 240, 12


def make_vectors() -> np.ndarray:
    """Twelve bunches of twenty words."""
    rng = np.random.default_rng(7)
    centres = rng.normal(size=(12, DIM))
    return (np.repeat(centres, 20, axis=0) + 0.5 * rng.normal(size=(N_WORDS, DIM))).astype(np.float32)


@pytest.fixture(scope="session")
def embedding() -> Embedding:
    words = [f"b{i // 20}w{i % 20}" for i in range(N_WORDS - 1)] + ["cook"]
    source = Source("toy.txt", "glove-text", "ab" * 32, N_WORDS, DIM)
    return Embedding(words, make_vectors(), source)


@pytest.fixture(scope="session")
def source_file(embedding: Embedding, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("source") / "toy.txt"
    lines = [
        " ".join([word, *(f"{value:.6f}" for value in row)])
        for word, row in zip(embedding.words, embedding.vectors, strict=True)
    ]
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.fixture(scope="session")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with two small similarity sets: words of one bunch are alike, of two are not."""
    folder = tmp_path_factory.mktemp("data") / "similarity"
    folder.mkdir()
    rng = np.random.default_rng(3)
    for name in ("one", "two"):
        pairs = rng.integers(0, N_WORDS - 1, size=(60, 2))
        pairs[::3, 1] = pairs[::3, 0] // 20 * 20 + rng.integers(0, 19, size=20)
        rows = []
        for a, b in pairs.tolist():
            rating = 9 - rng.integers(3) if a // 20 == b // 20 else rng.integers(4)
            rows.append(f"b{a // 20}w{a % 20}\tb{b // 20}w{b % 20}\t{rating}")
        (folder / f"{name}.tsv").write_text("\n".join(rows) + "\n")
    return folder.parent


def evaluation(suites: tuple[str, ...], folder: Path | None) -> Evaluation:
    return Evaluation(choose(suites, folder, has_baseline=True))


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(tmp_path / "cache")


@pytest.fixture
def bench(embedding: Embedding, data_dir: Path, cache: Cache) -> Workbench:
    return Workbench(embedding, evaluation(("similarity",), data_dir), cache)


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test reads or writes the user's cache."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
