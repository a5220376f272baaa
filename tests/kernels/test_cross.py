from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from embcomp import kernels
from embcomp.kernels.cross import signs_cross


@given(st.integers(0, 9999), st.integers(0, 140), st.integers(0, 9), st.integers(0, 40), st.sampled_from([1, 600]))
def test_rows_times_the_signs_of_their_products(seed: int, n_rows: int, k: int, n_bits: int, largest: int) -> None:
    """Many products of small numbers are 0."""
    rng = np.random.default_rng(seed)
    rows = rng.integers(-largest, largest + 1, (n_rows, k)).astype(np.float32)
    weighted, rotation = 2 * rows + 1, rng.integers(-largest, largest + 1, (k, n_bits)).astype(np.float32)
    signs = np.where(rows.astype(np.int64) @ rotation.astype(np.int64) < 0, -1, 1)
    assert np.array_equal(signs_cross(rows, weighted, rotation), weighted.astype(np.int64).T @ signs)


def test_the_extension_refuses_what_does_not_fit() -> None:
    if kernels.native is None:
        return
    rows, rotation = np.zeros((5, 3), np.float32), np.zeros((1, 2, 16, 2), np.int16)
    arrays = (rows, rows, rotation, np.zeros((4, 16), np.int32))
    kernels.native.cross(*arrays, (5, 3, 16))
    for sizes in [(-1, 3, 16), (4, 3, 16), (5, -1, 16), (5, 2, 16), (5, 3, 15), (5, 3, 32), (2049, 3, 16)]:
        with pytest.raises(ValueError, match=r"^a size must be from|bytes, expected \d+ items of \d$"):
            kernels.native.cross(*arrays, sizes)
