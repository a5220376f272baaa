from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from embcomp import kernels
from embcomp.kernels import lookup
from embcomp.kernels.lookup import table_sums


@given(st.integers(0, 9999), st.integers(0, 2500), st.lists(st.integers(1, 300), max_size=11))
def test_sums_are_those_of_entries_in_order(seed: int, n_rows: int, lengths: list[int]) -> None:
    """To the last bit: float32 is rounded after each addition. What is beyond a table is its last entry."""
    rng = np.random.default_rng(seed)
    tables = [rng.normal(size=length).astype(np.float32) for length in lengths]
    columns = rng.integers(0, 310, (len(lengths), n_rows)).astype(np.uint16)
    slow = np.full(n_rows, 0.1, dtype=np.float32)
    for table, column in zip(tables, columns, strict=True):
        slow += table[np.minimum(column, len(table) - 1)]
    out = np.empty(n_rows, dtype=np.float32)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lookup, "STEP_ROWS", 700)
        table_sums(columns, tables, 0.1, out)
    assert out.tobytes() == slow.tobytes()


def test_the_extension_refuses_what_does_not_fit() -> None:
    if kernels.native is None:
        return
    columns, tables, out = np.zeros((2, 3), np.uint16), np.zeros(5, np.float32), np.zeros(3, np.float32)
    kernels.native.lookup(columns, tables, np.array([2, 5]), out, (2, 3, 5), 0.0)
    for sizes in [(-1, 3, 5), (2, -1, 5), (2, 3, -1), (1, 3, 5), (2, 4, 5), (2, 3, 4), (2**17, 3, 5)]:
        with pytest.raises(ValueError, match=r"^a size must be from|bytes, expected \d+ items of \d$"):
            kernels.native.lookup(columns, tables, np.array([2, 5]), out, sizes, 0.0)
    for ends in ([0, 5], [2, 2], [3, 2], [2, 6], [-1, 5]):
        with pytest.raises(ValueError, match=r"^ends of tables must ascend up to the number of entries$"):
            kernels.native.lookup(columns, tables, np.array(ends), out, (2, 3, 5), 0.0)
