"""Sums of ± rows of a matrix, and rows times a matrix, with the extension and without."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from embcomp import bits, kernels
from embcomp.kernels.signs import SignSums
from embcomp.kernels.turned import turned
from tests.kernels.both import kernel

__all__ = ["kernel"]


@given(
    st.integers(0, 9999),
    st.sampled_from([0, 1, 2, 65, 200, 2100]),
    st.integers(1, 230),
    st.integers(1, 40),
    st.integers(0, 9),
)
def test_sums_are_those_of_signs(seed: int, n_rows: int, n_bits: int, dim: int, n_more: int) -> None:
    """Of rows in any order, up to the last one of the stream; bits after those of the signs do not count."""
    rng = np.random.default_rng(seed)
    width, n_there = n_bits + n_more, max(1, n_rows)
    codes = rng.integers(0, 2, (n_there, width), dtype=np.uint8)
    matrix = rng.integers(-999, 1000, (n_bits, dim)).astype(np.float32)
    rows = rng.integers(0, n_there, n_rows)
    rows[:1] = n_there - 1
    out = np.full((n_rows, dim), np.nan, dtype=np.float32)
    SignSums(matrix)(bits.tighten(bits.pack(codes), width), width, rows, out)
    slow = (2 * codes[rows, :n_bits].astype(np.int64) - 1) @ matrix.astype(np.int64)
    assert out.tolist() == slow.tolist()
    assert not np.signbit(out[out == 0]).any()


@given(st.integers(0, 9999), st.integers(0, 20), st.integers(0, 30), st.integers(0, 40))
def test_a_product_adds_in_the_order_of_columns(seed: int, n_rows: int, n_columns: int, dim: int) -> None:
    rng = np.random.default_rng(seed)
    rows, matrix = (
        rng.normal(size=size).astype(np.float32) * np.float32(10.0) ** rng.integers(-3, 4, size[1]).astype(np.float32)
        for size in ((n_rows, n_columns), (n_columns, dim))
    )
    start = rng.normal(size=dim).astype(np.float32)
    out = np.empty((n_rows, dim), dtype=np.float32)
    turned(rows, matrix, start, out)
    slow = np.repeat(start[None, :], n_rows, axis=0)
    for row in range(n_rows):
        for column in range(n_columns):
            slow[row] += rows[row, column] * matrix[column]
    assert out.tobytes() == slow.tobytes()


def test_the_extension_refuses_what_does_not_fit() -> None:
    if kernels.native is None:
        return
    stream, rows, out = np.zeros(4, np.uint8), np.arange(2), np.zeros((2, 5), np.float32)
    tables, blocks = np.ones((3, 16, 5), np.float32), np.ones((1, 50, 16), np.float32)
    for sums, numbers, groups in ((kernels.native.signs, tables, 3), (kernels.native.many_signs, blocks, 10)):
        sums(stream, rows, numbers, out, (2, 16, groups, 5))
        for sizes in [
            (-1, 16, groups, 5),
            (2, 0, groups, 5),
            (2, 16, 0, 5),
            (2, 16, groups, 0),
            (2, 16, groups, 2**60),
        ]:
            with pytest.raises(ValueError, match=r"^a size must be from"):
                sums(stream, rows, numbers, out, sizes)
        for sizes in [(1, 16, groups, 5), (2, 16, groups + 10, 5), (2, 16, groups, 6)]:
            with pytest.raises(ValueError, match=r"bytes, expected"):
                sums(stream, rows, numbers, out, sizes)
        with pytest.raises(IndexError, match=r"^row 2 of a stream of 2$"):
            sums(stream, rows + 1, numbers, out, (2, 16, groups, 5))
    with pytest.raises(ValueError, match=r"^groups must be a multiple of 10$"):
        kernels.native.many_signs(stream, rows, np.ones((1, 15, 16), np.float32), out, (2, 16, 3, 5))
    for sizes in [(-1, 5, 5), (2, -1, 5), (2, 5, -1), (2, 2**60, 5), (2, 4, 5), (1, 5, 5), (2, 5, 4)]:
        with pytest.raises(ValueError, match=r"^a size must be from|bytes, expected"):
            kernels.native.turned(out, np.ones((5, 5), np.float32), out[0], out, sizes)
