"""Search back ends: numpy, or faiss if it is installed (``pip install 'embcomp[search]'``).

Both give the same rows in the same order. faiss takes a fraction of the time, but is slow to import.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any, Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray

from embcomp.bits import BytesArray
from embcomp.errors import ParameterError
from embcomp.search.planes import LANE_BYTES

Engine: TypeAlias = Literal["numpy", "faiss"]
Found: TypeAlias = list[tuple[NDArray[np.int64], NDArray[np.int64]]]

KERNEL_BYTES = (8, 16, 32, 64)  # faiss compares codes of these lengths fastest; longer ones by whole lanes


def check_engine(engine: str) -> None:
    """Refuse an engine that is not there.

    Raises:
        ParameterError: there is no such engine, or its package is not installed.
    """
    if engine not in get_args(Engine):
        allowed = " or ".join(repr(name) for name in get_args(Engine))
        raise ParameterError(f"engine must be {allowed}, got {engine!r}")
    if engine == "faiss":
        faiss_module()


class FaissCodes:
    """Binary codes by row, in order of rank, padded with zeros to a length that faiss compares fast."""

    def __init__(self, loose: BytesArray) -> None:
        self._rows = _padded(loose)

    def nearest(self, codes: BytesArray, k: int, n_rows: int) -> Found:
        """Return Hamming distances and ranks of the nearest rows of each code, as :func:`hamming_nearest` does."""
        n_found = min(k, n_rows)
        if not n_found or not len(codes):
            return [(np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64)) for _ in codes]
        distances, ranks = faiss_module().knn_hamming(_padded(codes), self._rows[:n_rows], n_found)
        return [(distance.astype(np.int64), rank) for distance, rank in zip(distances, ranks, strict=True)]


def _padded(loose: BytesArray) -> BytesArray:
    n_rows, n_bytes = loose.shape
    width = next((width for width in KERNEL_BYTES if width >= n_bytes), -(-n_bytes // LANE_BYTES) * LANE_BYTES)
    rows = np.zeros((n_rows, width), dtype=np.uint8)
    rows[:, :n_bytes] = loose
    return rows


def faiss_module() -> Any:
    """Import faiss.

    Raises:
        ParameterError: it is not installed.
    """
    try:
        return import_module("faiss")
    except ImportError as error:
        raise ParameterError(
            "engine 'faiss' needs the package faiss-cpu, which is not installed: pip install 'embcomp[search]'"
        ) from error
