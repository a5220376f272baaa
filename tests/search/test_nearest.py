"""Each way to find the k largest similarities, against computing and sorting them all."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from embcomp.bits import pack_fields
from embcomp.compressors.lookup import Levels, Lookup, Words
from embcomp.kernels.sums import SCORE_UNIT, rounded
from embcomp.search import nearest
from embcomp.search.nearest import all_by_tables, by_hamming, by_tables, by_vectors
from embcomp.search.tables import Band, Products
from embcomp.shortlist import Ranked


@pytest.fixture(autouse=True, scope="module")
def small_blocks() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("embcomp.kernels.lookup.STEP_ROWS", 32)
        patch.setattr(nearest, "FEW", 4)
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


def bands(rng: np.random.Generator, n_rows: list[int], dim: int = 4) -> tuple[list[Band], NDArray[np.float64]]:
    """Bands of codes of signs and codewords, and the vectors that they stand for."""
    found, vectors = [], []
    for number, n in enumerate(n_rows):
        directions, words = rng.normal(size=(number, dim)), rng.normal(size=(2, 16, dim)).astype(np.float32)
        signs, symbols = rng.integers(0, 2, (n, number)), rng.integers(0, 16, (n, 2))
        lookup = Lookup(rng.normal(size=dim), (Levels(np.array([-1, 1], np.float32), directions), Words(words)))
        sums = lookup.base + (2 * signs - 1) @ directions + words[0, symbols[:, 0]] + words[1, symbols[:, 1]]
        code = pack_fields([(signs.astype(np.uint8), 1), (symbols.astype(np.uint8), 4)], n)
        found.append(Band(lookup, code, iter(())))
        vectors.append(sums)
    return found, np.concatenate(vectors)


@settings(max_examples=60)
@given(
    st.integers(0, 10**6),
    st.lists(st.integers(1, 60), min_size=1, max_size=4),
    st.integers(1, 12),
    st.integers(0, 300),
)
def test_tables(seed: int, n_rows: list[int], k: int, restrict: int) -> None:
    rng = np.random.default_rng(seed)
    of_code, vectors = bands(rng, n_rows)
    query, last = rng.normal(size=4), min(restrict, len(vectors))
    query /= np.linalg.norm(query)
    exact = (vectors @ query / np.linalg.norm(vectors, axis=1))[:last]
    assert_best(by_tables(of_code, query, k, last), exact, k)
    np.testing.assert_allclose(all_by_tables(of_code, query, last), exact, atol=2 * SCORE_UNIT)


def test_of_equal_rows_the_first_are_found() -> None:
    rng = np.random.default_rng(0)
    (band,), vectors = bands(rng, [1])
    code = np.zeros((5000, 1), np.uint8)
    many = [Band(band._lookup, code, iter(())), Band(band._lookup, code, iter(()))]
    ranks, scores = by_tables(many, vectors[0] / np.linalg.norm(vectors[0]), 20, 10_000)
    assert ranks.tolist() == list(range(20))
    assert len(set(scores.tolist())) == 1


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


def test_few_rows_are_computed_exactly(monkeypatch: pytest.MonkeyPatch) -> None:
    counts = []

    def counted(products: Products, symbols: NDArray[np.uint16]) -> NDArray[np.float64]:
        counts.append(symbols.shape[1])
        return exactly(products, symbols)

    exactly = Products.exactly
    monkeypatch.setattr(Products, "exactly", counted)
    of_code, vectors = bands(np.random.default_rng(3), [10, 3000, 20_000], dim=20)
    by_tables(of_code, vectors[100] / np.linalg.norm(vectors[100]), 10, 23_010)
    assert sum(counts) <= 200


@pytest.mark.parametrize(("n_bits", "similarity"), [(1, -1.0), (2, 0.0), (4, 0.5)])
def test_one_bit_differs(n_bits: int, similarity: float) -> None:
    ranks, scores = by_hamming(np.array([0, 1]), np.array([7, 3]), n_bits)
    assert (ranks.tolist(), scores.tolist()) == ([7, 3], [1.0, similarity])


def test_rounding() -> None:
    assert rounded(np.array([0.5, -1e-9])).tolist() == [0.5, 0.0]
    assert np.copysign(1, rounded(np.array([-1e-9]))[0]) == 1
