"""The sample's words, compressed in two ways: one bit per dimension, and codes whose vectors differ in length."""

from __future__ import annotations

import gzip
from functools import cache
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest

import embcomp
from embcomp.compressors.registry import make_compressor
from embcomp.container.writer import save
from embcomp.embedding import Embedding
from embcomp.encoded import EncodedEmbedding
from embcomp.keyed import CompressedVectors

CONFIGS = {"iiq": {"iterations": 5}, "itq": {"bits": 192, "iterations": 5}}


@cache
def sample() -> Embedding:
    """All words of the sample and their vectors."""
    packed = next(path for path in (files("embcomp") / "data").iterdir() if path.name.endswith(".txt.gz"))
    with packed.open("rb") as raw, gzip.open(raw, "rt", encoding="utf-8") as text:
        rows = [line.rstrip("\n").split(" ") for line in text]
    return Embedding([row[0] for row in rows], np.array([row[1:] for row in rows], dtype=np.float32))


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("keyed")
    for name, config in CONFIGS.items():
        save(EncodedEmbedding.encode(sample(), make_compressor(name, **config)), folder / f"{name}.embc")
    return folder


@pytest.fixture(scope="session", params=CONFIGS)
def vectors(request: pytest.FixtureRequest, folder: Path) -> CompressedVectors:
    return embcomp.open(folder / f"{request.param}.embc")
