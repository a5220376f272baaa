"""Each way to find the k largest similarities, against computing and sorting them all."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from embcomp import shortlist
from embcomp.kernels.sums import SCORE_UNIT, Symbols, Tables, exact_sums, rounded
from embcomp.search import nearest, tables
from embcomp.search.nearest import by_hamming, by_tables, by_vectors
from embcomp.search.tables import join_symbols, join_tables
from embcomp.shortlist import Ranked


@pytest.fixture(autouse=True, scope="module")
def small_blocks() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tables, "SCAN_ROWS", 32)
        patch.setattr(shortlist, "FIRST_ROWS", 8)
        patch.setattr(shortlist, "PENDING_ROWS", 16)
        yield


def assert_best(found: Ranked, exact: NDArray[np.float64], k: int) -> None:
    """The k largest, by (similarity descending, rank), up to what is lost by rounding."""
    ranks, scores = found
    assert len(ranks) == len(set(ranks.tolist())) == min(k, len(exact))
    unit = SCORE_UNIT
    np.testing.assert_allclose(scores, exact[ranks], atol=unit)
    np.testing.assert_allclose(scores, np.sort(exact)[::-1][:k], atol=unit)
    assert list(zip((-scores).tolist(), ranks.tolist(), strict=True)) == sorted(
        zip((-scores).tolist(), ranks.tolist(), strict=True)
    )


def lengths(rng: np.random.Generator, n_rows: int, spread: float) -> NDArray[np.float32]:
    """1 / length of rows that differ by powers of e, some without length."""
    inverse = np.exp(rng.normal(0, spread, n_rows)).astype(np.float32)
    inverse[::17] = 0
    return inverse


@settings(max_examples=60)
@given(
    st.integers(0, 10**6),
    st.integers(0, 150),
    st.sampled_from([1, 2, 3, 16, 64, 200, 300]),
    st.integers(1, 6),
    st.integers(1, 12),
    st.sampled_from([None, 0.0, 3.0]),
)
def test_tables(seed: int, n_rows: int, ways: int, n_symbols: int, k: int, spread: float | None) -> None:
    rng = np.random.default_rng(seed)
    symbols = rng.integers(0, ways, (n_rows, n_symbols))
    products = rng.normal(size=(n_symbols, ways)) / n_symbols
    inverse = 0.5 if spread is None else lengths(rng, n_rows, spread)
    exact = np.array([sum(products[m, s] for m, s in enumerate(row)) for row in symbols]) * inverse
    found = by_tables(join_symbols(symbols, ways), join_tables(products), inverse, k, n_rows)
    assert_best(found, exact.astype(np.float64), k)


@given(st.integers(0, 10**6), st.integers(0, 60), st.integers(1, 12), st.booleans())
def test_vectors(seed: int, n_rows: int, k: int, one_length: bool) -> None:
    rng = np.random.default_rng(seed)
    vectors, queries = rng.normal(size=(n_rows, 4)).astype(np.float32), rng.normal(size=(3, 4)).astype(np.float32)
    inverse = 0.25 if one_length else lengths(rng, n_rows, 0.5)
    blocks = ((first, vectors[first : first + 7]) for first in range(0, n_rows, 7))
    for query, found in zip(queries, by_vectors(blocks, queries, inverse, k), strict=True):
        exact = vectors.astype(np.float64) @ query * inverse
        ranks, scores = found
        np.testing.assert_allclose(scores, np.sort(exact)[::-1][:k], atol=1e-5)
        np.testing.assert_allclose(scores, exact[ranks], atol=1e-5)


@pytest.fixture
def computed(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Numbers of rows whose similarity is computed exactly."""
    counts: list[int] = []

    def counted(lookup: Tables, symbols: Symbols) -> NDArray[np.float64]:
        counts.append(len(symbols))
        return exact_sums(lookup, symbols)

    monkeypatch.setattr(nearest, "exact_sums", counted)
    monkeypatch.setattr(tables, "SCAN_ROWS", 1024)
    monkeypatch.setattr(shortlist, "FIRST_ROWS", 1024)
    return counts


@pytest.mark.parametrize("spread", [None, 0.3])
def test_few_sums_of_tables_are_computed_exactly(spread: float | None, computed: list[int]) -> None:
    rng = np.random.default_rng(3)
    symbols, products = rng.integers(0, 16, (20_000, 8)), rng.normal(size=(8, 16))
    inverse = 0.1 if spread is None else lengths(rng, 20_000, spread) / 10
    by_tables(join_symbols(symbols, 16), join_tables(products), inverse, 10, 20_000)
    assert sum(computed) <= 80


@pytest.mark.parametrize(("n_bits", "similarity"), [(1, -1.0), (2, 0.0), (4, 0.5)])
def test_one_bit_differs(n_bits: int, similarity: float) -> None:
    ranks, scores = by_hamming(np.array([0, 1]), np.array([7, 3]), n_bits)
    assert (ranks.tolist(), scores.tolist()) == ([7, 3], [1.0, similarity])


def test_sums_that_nearly_cancel() -> None:
    rng = np.random.default_rng(4)
    products = np.array([[1000.0], [-1000.0]]) + rng.uniform(0, 1e-4, (2, 256))
    symbols = rng.integers(0, 256, (300, 2))
    exact = rounded(products[0, symbols[:, 0]] + products[1, symbols[:, 1]])
    found = by_tables(join_symbols(symbols, 256), join_tables(products), 1.0, 5, 300)
    assert found[0].tolist() == np.lexsort((np.arange(300), -exact))[:5].tolist()


def test_rounding() -> None:
    assert rounded(np.array([0.5, -1e-9])).tolist() == [0.5, 0.0]
    assert np.copysign(1, rounded(np.array([-1e-9]))[0]) == 1
