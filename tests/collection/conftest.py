"""A source in parts: words of several files, some of them twice."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from embcomp.collection.engines import engine
from embcomp.collection.folders import Folder
from embcomp.collection.making import compress
from embcomp.collection.model import Model, fit, open_model, parts_of
from embcomp.collection.parts import encode
from embcomp.compressors.base import Compressor
from embcomp.compressors.registry import make_compressor
from embcomp.container.writer import save
from embcomp.formats import ReadOptions, write_embedding
from embcomp.pipeline import encode_source

N_ROWS, DIM = 2400, 16
CUTS = [0, 700, 1501, 1502, N_ROWS]
TWICE = {1500: 700, 2300: 10, 1200: 5, 5: 3, 710: 20, 1505: 20, 1501: 900, 2399: 0}
OPTIONS = ReadOptions()


def source_rows() -> tuple[list[str], np.ndarray]:
    """Words in order of frequency: rare ones are shorter and lie around another mean."""
    rng = np.random.default_rng(0)
    ranks = np.arange(N_ROWS)[:, None]
    vectors = rng.standard_normal((N_ROWS, DIM)) * np.linspace(1, 3, DIM) + np.log(ranks + 1) / 4
    words = [f"wörd-{row}" for row in range(N_ROWS)]
    for row, other in TWICE.items():
        words[row] = words[other]
    return words, (vectors / np.log(ranks + 3)).astype(np.float32)


@pytest.fixture(scope="session")
def parts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A pattern of four files of text, which have words in common."""
    folder = tmp_path_factory.mktemp("source")
    words, vectors = source_rows()
    for number, (first, last) in enumerate(pairwise(CUTS)):
        rows = [(words[first:last], vectors[first:last])]
        write_embedding(folder / f"p-{number}.txt", "glove-text", rows, last - first, DIM)
    return folder / "p-*.txt"


def methods() -> list[tuple[str, dict[str, object]]]:
    """Methods whose parts can be encoded apart, with and without grades."""
    plain = [(name, {}) for name in ("sign", "itq", "iiq", "nlb", "dccl", "kd", "transform", "additive")]
    return [*plain, *((name, {"grade": 6.0}) for name in ("sign", "iiq", "transform", "additive"))]


def name_of(method: tuple[str, dict[str, object]]) -> str:
    return method[0] + ("-graded" if method[1] else "")


@pytest.fixture(scope="session", params=methods(), ids=name_of)
def compressor(request: pytest.FixtureRequest) -> Callable[[], Compressor]:
    name, options = request.param
    return lambda: make_compressor(name, **options)


@pytest.fixture(scope="session")
def single(compressor: Callable[[], Compressor], parts: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What compressing all at once gives."""
    path = tmp_path_factory.mktemp("single") / "one.embc"
    save(encode_source(parts, compressor(), OPTIONS), path)
    return path


@pytest.fixture(scope="session")
def model_path(compressor: Callable[[], Compressor], parts: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("model") / "m.embm"
    save(fit([str(parts)], compressor(), OPTIONS), path)
    return path


@pytest.fixture
def model(model_path: Path) -> Model:
    return open_model(model_path)


def encode_all(model: Model, source: Path, folder: Path, n_shards: int = 1) -> list[Path]:
    """Encode all parts of a source, last first."""
    target = Folder(str(folder))
    target.make()
    names = [encode(model, part, OPTIONS, target, n_shards) for part in reversed(parts_of([str(source)]))]
    return [folder / name for name in names]


def copied(source: Path, folder: Path) -> Path:
    """Copy the files of a pattern; return the pattern there, with the same times of change."""
    for path in source.parent.glob(source.name):
        shutil.copy2(path, folder / path.name)
    return folder / source.name


@pytest.fixture(scope="session")
def collection(compressor: Callable[[], Compressor], parts: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The source, compressed into a collection of five shards."""
    target = str(tmp_path_factory.mktemp("collection") / "many.embcs")
    compress([str(parts)], target, compressor(), OPTIONS, engine("serial"), n_shards=5)
    return target


@pytest.fixture
def iiq(parts: Path, tmp_path: Path) -> str:
    """A collection that may be changed."""
    target = str(tmp_path / "iiq.embcs")
    compress([str(parts)], target, make_compressor("iiq"), OPTIONS, engine("serial"), n_shards=3)
    return target
