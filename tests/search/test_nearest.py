"""Each way to find the k largest similarities, against computing and sorting them all."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from embcomp.search.nearest import by_hamming, by_vectors


def lengths(rng: np.random.Generator, n_rows: int, spread: float) -> NDArray[np.float32]:
    """1 / length of rows that differ by powers of e, some without length."""
    inverse = np.exp(rng.normal(0, spread, n_rows)).astype(np.float32)
    inverse[::17] = 0
    return inverse


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


@pytest.mark.parametrize(("n_bits", "similarity"), [(1, -1.0), (2, 0.0), (4, 0.5)])
def test_one_bit_differs(n_bits: int, similarity: float) -> None:
    ranks, scores = by_hamming(np.array([0, 1]), np.array([7, 3]), n_bits)
    assert (ranks.tolist(), scores.tolist()) == ([7, 3], [1.0, similarity])
