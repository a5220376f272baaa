from __future__ import annotations

import numpy as np

from embcomp.search import tables as module
from embcomp.search.tables import byte_tables, exact_sums, rounding_error, table_sums


def test_exact_sums_by_hand() -> None:
    tables = np.array([[1.0, 2.0], [10.0, 20.0]])
    assert exact_sums(tables, np.array([[0, 1], [1, 1]], dtype=np.uint8)).tolist() == [21.0, 22.0]


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
    before = module.BLOCK_ROWS
    module.BLOCK_ROWS = 16
    try:
        got = np.concatenate([sums.copy() for _, sums in table_sums(planes, tables.astype(np.float32), 41)])
    finally:
        module.BLOCK_ROWS = before
    exact = exact_sums(tables, planes.T)[:41]
    assert np.abs(got - exact).max() <= rounding_error(tables)
