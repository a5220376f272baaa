"""What the laws of all compressors are tried on: every method, and variants that take another path."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import numpy as np
import pytest

from embcomp.compressors.base import Compressor
from embcomp.compressors.registry import compressor_class, make_compressor, method_names

METHODS = method_names()
QUICK: dict[str, dict[str, Any]] = {"alone": {"epochs": 5}}
"""Options that make a slow method quick enough to be fitted many times on a few rows."""
VARIANTS: dict[str, tuple[str, dict[str, Any]]] = {
    "sign-zero": ("sign", {"threshold": "zero"}),
    "iiq-3-bits": ("iiq", {"bits": 3}),
    "iiq-13-bits": ("iiq", {"bits": 13}),
    "sign-graded": ("sign", {"grade": 2.0}),
    "sign-lengths": ("sign", {"lengths": 5}),
    "itq-auto": ("itq", {"grade": "auto", "bits": 19}),
    "iiq-graded": ("iiq", {"grade": 1.5, "bits": 5, "lengths": 3}),
    "iiq-lengths": ("iiq", {"bits": 11, "lengths": 8}),
    "nlb-lengths": ("nlb", {"lengths": 4}),
    "nlb-scale": ("nlb", {"bounds": "scale", "bits": 11}),
    "dccl-5-ways": ("dccl", {"ways": 5, "codebooks": 3, "epochs": 3}),
    "kd-5-ways": ("kd", {"ways": 5, "dims": 3}),
    "kd-ste": ("kd", {"solver": "ste", "ways": 4, "dims": 3, "epochs": 3}),
    "kd-random": ("kd", {"solver": "random", "ways": 4, "dims": 3}),
    "kd-lstm": ("kd", {"compose": "lstm", "ways": 4, "dims": 3, "epochs": 3}),
    "prune-per-word": ("prune", {"per_word": True, "fraction": 0.5}),
    "alone-binary": ("alone", {"filter": "binary", "epochs": 3, "inter": 8}),
    "alone-int8": ("alone", {"weights": "int8", "epochs": 3, "inter": 8}),
    "alone-stored": ("alone", {"store_filters": True, "columns": 64, "matrices": 4, "epochs": 3, "inter": 8}),
}
"""Methods with options that take another path through the code."""
LEARNT_CODES = ["kd-ste", "kd-random"]
"""Those whose training settles the codes, so that encoding the same vectors afterwards may find better ones."""
SAME_COSINES = ["sign", "itq", "iiq"]
"""Methods whose decoded vectors are the codes, rotated back."""

OPTIONS = [(method, option) for method in METHODS for option in compressor_class(method).options]
OPTION_IDS = [f"{method}-{option.name}" for method, option in OPTIONS]

each_method = pytest.mark.parametrize("method", METHODS)
each_case = pytest.mark.parametrize("method", [*METHODS, *VARIANTS])
each_option = pytest.mark.parametrize(("method", "option"), OPTIONS, ids=OPTION_IDS)


def new(method: str) -> Compressor:
    """Of a method, or a variant of one."""
    if method in VARIANTS:
        name, config = VARIANTS[method]
        return make_compressor(name, **config)
    return make_compressor(method, **QUICK.get(method, {}))


def some_vectors(n_rows: int = 60, dim: int = 8) -> np.ndarray:
    """Rows off centre, with some directions stronger than others and a row of zeros."""
    rng = np.random.default_rng(7)
    vectors = rng.standard_normal((n_rows, dim)) * np.linspace(3, 0.5, dim) + rng.standard_normal(dim)
    vectors[n_rows // 2] = 0
    return vectors.astype(np.float32)


@cache
def fitted(method: str) -> tuple[Compressor, np.ndarray]:
    """A compressor fitted on ``some_vectors()``, and their codes."""
    compressor = new(method)
    codes = compressor.fit_encode(some_vectors())
    return compressor, codes


def restored(compressor: Compressor) -> Compressor:
    """What a container gives back: config through JSON, state through bytes."""
    other = type(compressor).from_config(json.loads(json.dumps(compressor.get_config())))
    state = compressor.get_state()
    other.set_state({name: np.frombuffer(a.tobytes(), a.dtype).reshape(a.shape) for name, a in state.items()})
    return other


def same_state(one: Compressor, other: Compressor) -> bool:
    left, right = one.get_state(), other.get_state()
    return left.keys() == right.keys() and all(
        left[name].dtype == right[name].dtype
        and left[name].shape == right[name].shape
        and left[name].tobytes() == right[name].tobytes()
        for name in left
    )
