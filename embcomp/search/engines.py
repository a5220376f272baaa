"""Who counts differing bits: numpy, or faiss if it is installed (``pip install 'embcomp[search]'``).

Both give the same rows in the same order. faiss takes a third to a half of the time, and a while to be imported.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any, Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray

from embcomp.bits import BytesArray
from embcomp.errors import ParameterError
from embcomp.search.planes import Words, as_words

Engine: TypeAlias = Literal["numpy", "faiss"]
Found: TypeAlias = list[tuple[NDArray[np.int64], NDArray[np.int64]]]


def check_engine(engine: str) -> None:
    """Refuse an engine that is not there.

    Raises:
        ParameterError: there is no such engine, or its package is not installed.
    """
    if engine not in get_args(Engine):
        allowed = " or ".join(repr(name) for name in get_args(Engine))
        raise ParameterError(f"engine must be {allowed}, got {engine!r}")
    if engine == "faiss":
        _faiss()


class FaissCodes:
    """Binary codes by row, as faiss takes them: padded to whole words, in order of rank."""

    def __init__(self, loose: BytesArray) -> None:
        self._words: Words = as_words(loose)

    def nearest(self, codes: BytesArray, k: int, n_rows: int) -> Found:
        """Return Hamming distances and ranks of the nearest rows of each code, as :func:`hamming_nearest` does."""
        n_found = min(k, n_rows)
        if not n_found or not len(codes):
            return [(np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64)) for _ in codes]
        queries = as_words(codes).view(np.uint8)
        distances, ranks = _faiss().knn_hamming(queries, self._words[:n_rows].view(np.uint8), n_found)
        return [(distance.astype(np.int64), rank) for distance, rank in zip(distances, ranks, strict=True)]


def _faiss() -> Any:
    try:
        return import_module("faiss")
    except ImportError as error:
        raise ParameterError(
            "engine 'faiss' needs the package faiss-cpu, which is not installed: pip install 'embcomp[search]'"
        ) from error
