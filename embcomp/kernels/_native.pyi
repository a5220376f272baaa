"""Kernels in C. Arrays are C-contiguous, of the item size that the text of each kernel says."""

import numpy as np
from numpy.typing import NDArray

REVISION: int

def hamming(
    rows: NDArray[np.uint64],
    queries: NDArray[np.uint64],
    keys: NDArray[np.uint64],
    n_rows: int,
    n_queries: int,
    n_lanes: int,
    k: int,
    /,
) -> None: ...
def weighted(
    rows: NDArray[np.uint64],
    query: NDArray[np.uint64],
    masks: NDArray[np.uint64],
    costs: NDArray[np.uint32],
    n_rows: int,
    n_lanes: int,
    n_planes: int,
    /,
) -> None: ...
