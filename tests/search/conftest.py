"""Small embeddings of every kind of code."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest

from embcomp.compressors import grades
from embcomp.compressors.registry import make_compressor
from embcomp.embedding import Embedding
from embcomp.encoded import EncodedEmbedding

CONFIGS: dict[str, dict[str, Any]] = {
    "sign": {},
    "itq": {"iterations": 3},
    "iiq": {"iterations": 3, "bits": 20, "remove_top": 1},
    "iiq-few": {"iterations": 3, "bits": 5, "remove_top": 1},
    "nlb": {"bits": 16, "epochs": 1},
    "dccl": {"codebooks": 4, "ways": 4, "epochs": 1},
    "kd": {"ways": 8, "dims": 4, "iterations": 2},
    "kd-lstm": {"ways": 4, "dims": 3, "compose": "lstm", "iterations": 1},
    "transform": {"bits": 30, "grade": 5.0},
    "transform-source": {"bits": 40, "space": "source", "grade": 4.0},
    "additive": {"bits": 20, "codebooks": 2, "grade": 8.0},
    "sign-bands": {"grade": 4.0},
    "sign-lengths": {"lengths": 5},
    "iiq-bands": {"grade": 6.0, "bits": 16, "lengths": 4, "remove_top": 1},
    "itq-lengths": {"bits": 20, "lengths": 6, "iterations": 3},
    "nlb-lengths": {"bits": 16, "epochs": 1, "lengths": 3},
    "alone": {"inter": 20, "epochs": 2},
    "prune": {},
}
N_ROWS = 300
DIM = 12


@cache
def embedding() -> Embedding:
    """300 words; the last vectors are zeros and copies of the first."""
    rng = np.random.default_rng(3)
    vectors = rng.normal(0.2, 1, (N_ROWS, DIM)).astype(np.float32)
    vectors[-3] = 0
    vectors[-2:] = vectors[:2]
    return Embedding([f"word{number}" for number in range(N_ROWS)], vectors)


@cache
def encoded(name: str) -> EncodedEmbedding:
    """The embedding, compressed by a method of :data:`CONFIGS`."""
    compressor = make_compressor(name.partition("-")[0], **CONFIGS[name])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(grades, "LEAST_ROWS", 40)
        found = EncodedEmbedding.encode(embedding(), compressor)
    assert (len(found.codes.bands) > 2) == (CONFIGS[name].get("grade", 0) > 0)
    return found
