from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from embcomp.kernels.sums import byte_tables, exact_sums
from embcomp.search import tables as module
from embcomp.search.tables import (
    join_symbols,
    join_tables,
    rounding_error,
    symbols_joined,
    table_sums,
)


def test_exact_sums_by_hand() -> None:
    tables = np.array([[1.0, 2.0], [10.0, 20.0]])
    assert exact_sums(tables, np.array([[0, 1], [1, 1]], dtype=np.uint8)).tolist() == [21.0, 22.0]


def test_so_many_symbols_are_joined() -> None:
    assert {ways: symbols_joined(ways) for ways in (1, 2, 3, 8, 16, 64, 65, 256, 65536)} == {
        **{1: 1, 2: 12, 3: 7, 8: 4, 16: 3},
        **{64: 2, 65: 1, 256: 1, 65536: 1},
    }


def test_joining_by_hand() -> None:
    symbols = np.array([[15, 0, 1, 2]])
    assert join_symbols(symbols, 16).tolist() == [[15 * 256 + 1], [2]]
    tables = join_tables(np.arange(64.0).reshape(4, 16))
    assert [len(table) for table in tables] == [4096, 16]
    assert tables[0][15 * 256 + 1] == 15 + 16 + 33
    assert tables[1][2] == 50


@pytest.mark.parametrize(("ways", "dtype"), [(2, np.uint16), (256, np.uint8), (257, np.uint16), (65537, np.uint32)])
def test_joint_symbols_take_as_few_bytes_as_hold_them(ways: int, dtype: type) -> None:
    symbols = np.full((1, 12), ways - 1)
    joint = join_symbols(symbols, ways)
    assert joint.dtype == dtype
    assert joint[0, 0] == ways ** symbols_joined(ways) - 1


def test_no_symbols_have_no_columns() -> None:
    assert join_symbols(np.empty((5, 0), dtype=np.int64), 16).shape == (0, 5)


def test_the_bound_of_rounding_by_hand() -> None:
    tables = [np.array([1.0, -3.0]), np.array([0.5])]
    assert rounding_error(tables) == 2 * 3 * 2.0**-23 * 3.5


@given(st.integers(1, 300), st.integers(1, 7), st.integers(0, 999))
def test_joint_sums_are_sums(ways: int, n_symbols: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    tables = rng.normal(size=(n_symbols, ways))
    symbols = rng.integers(0, ways, (20, n_symbols))
    joint = exact_sums(join_tables(tables), join_symbols(symbols, ways).T)
    np.testing.assert_allclose(joint, [sum(tables[m, s] for m, s in enumerate(row)) for row in symbols], atol=1e-12)


def test_byte_tables_are_sums_of_signed_weights() -> None:
    rng = np.random.default_rng(0)
    weights = rng.normal(size=13)
    codes = rng.integers(0, 2, (20, 13), dtype=np.uint8)
    sums = exact_sums(byte_tables(weights), np.packbits(codes, axis=1))
    np.testing.assert_allclose(sums, (2.0 * codes - 1) @ weights, atol=1e-12)


def test_blocks_of_sums(monkeypatch: object) -> None:
    rng = np.random.default_rng(0)
    tables = rng.normal(size=(5, 7)) * 100
    planes = rng.integers(0, 7, (5, 50), dtype=np.uint8)
    before = module.SCAN_ROWS
    module.SCAN_ROWS = 16
    try:
        got = np.concatenate([sums.copy() for _, sums in table_sums(planes, list(tables.astype(np.float32)), 41)])
    finally:
        module.SCAN_ROWS = before
    exact = exact_sums(tables, planes.T)[:41]
    assert np.abs(got - exact).max() <= rounding_error(tables)
