"""Odd one out: of three words, which is farthest from the other two?"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from embcomp.eval.score import Measurement
from embcomp.eval.statistics import bootstrap_mean
from embcomp.eval.suite import DataSet, Settings, Suite
from embcomp.eval.target import Target, look_up


def read(path: Path) -> list[tuple[str, ...]]:
    """Three words a line, the last of which is the odd one."""
    return [tuple(line.split()) for line in path.read_text(encoding="utf-8").splitlines()]


def measure(target: Target, data: DataSet, settings: Settings) -> Mapping[str, Measurement]:
    """Share of the lines whose last word has the smallest dot product with the sum of the others."""
    words = [word for row in data.rows for word in row]
    found = look_up(target, words, settings.oov, average=False)
    triples = found.vectors.reshape(len(data.rows), 3, target.dim)
    others = triples.sum(axis=1, keepdims=True) - triples
    right = np.einsum("ijk,ijk->ij", triples, others).argmin(axis=1) == 2
    resamples = bootstrap_mean(right.astype(np.float64), settings.seed)
    return {"accuracy": Measurement(float(right.mean()), len(right), oov=found.n_oov, resamples=resamples)}


ODD = Suite("odd", "which of three words is the odd one", ("accuracy",), measure, read, folders=("odd",))
