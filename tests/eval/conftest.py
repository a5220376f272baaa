from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from embcomp.embedding import Embedding
from embcomp.eval.datasets import collect
from embcomp.eval.run import choose, measure
from embcomp.eval.score import Score
from embcomp.eval.suite import DataSet, Settings

ROOT = Path(__file__).resolve().parents[2]


def toy(words: str, vectors: list[list[float]]) -> Embedding:
    return Embedding(words.split(), np.array(vectors, dtype=np.float32))


def evaluate(target: Embedding, suites=None, folder=None, **settings) -> list[Score]:
    """Scores of a target called "toy"."""
    chosen = choose(suites, folder, has_baseline=settings.get("baseline") is not None)
    return measure(target, "toy", chosen, Settings(**settings))


def built_in() -> list[DataSet]:
    """WordSim-353, SimLex-999 and Google's analogies."""
    by_name = {data.name: data for data in collect()}
    return [by_name[name] for name in ("WS-353", "SimLex-999", "Google")]


@pytest.fixture
def write(tmp_path):
    """Write a file under the temporary folder and return its path."""

    def write(name: str, text: str | bytes) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return write


@pytest.fixture(scope="session")
def data_dir() -> Path:
    folder = Path(os.environ.get("EMBCOMP_TEST_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip("no evaluation data: set EMBCOMP_TEST_DATA to a folder of data sets")
    return folder


@pytest.fixture(scope="session")
def crowd() -> Embedding:
    """Three hundred words in ten bunches, 20 dimensions; the words say their bunch: b3w17."""
    rng = np.random.default_rng(5)
    centres = rng.normal(size=(10, 20))
    vectors = np.repeat(centres, 30, axis=0) + 0.6 * rng.normal(size=(300, 20))
    return Embedding([f"b{i // 30}w{i % 30}" for i in range(300)], vectors.astype(np.float32))
