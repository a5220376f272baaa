"""Small embeddings of every kind of code."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

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
    return EncodedEmbedding.encode(embedding(), compressor)
