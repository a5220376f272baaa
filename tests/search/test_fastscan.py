"""Searching with coarse weights that faiss adds up, against :func:`by_weights`: equal to the last bit."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from embcomp import bits
from embcomp.search import SearchIndex, index, nearest
from embcomp.search.fastscan import FastScan, NibbleWeights
from embcomp.search.nearest import Inverse, by_fast_scan, by_weights
from embcomp.search.planes import Planes
from tests.search.conftest import DIM, encoded

KINDS = ["normal", "equal", "one and three", "heavy", "few", "zero"]
QUERIES = np.random.default_rng(5).normal(size=(4, DIM)).astype(np.float32)


@pytest.fixture(autouse=True, scope="module")
def few_candidates() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(nearest, "CANDIDATES", 1)
        yield


class SlowScan(FastScan):
    """The same costs without faiss, equal ones in the worst order."""

    def nearest(
        self, best_code: NDArray[np.uint8], weights: NibbleWeights, k: int, n_rows: int
    ) -> tuple[NDArray[np.uint8], NDArray[np.float64], NDArray[np.int64]]:
        costs = np.unpackbits(self._loose[:n_rows] ^ best_code, axis=1) @ weights.units
        ranks = np.lexsort((-np.arange(n_rows), costs))[:k]
        return self._loose[ranks], costs[ranks], ranks


def some_weights(kind: str, n_bits: int, rng: np.random.Generator) -> NDArray[np.float64]:
    return {
        "normal": rng.normal(size=n_bits),
        "equal": rng.choice([-1.0, 1.0], n_bits) * 0.1,
        "one and three": rng.choice([-3.0, -1.0, 1.0, 3.0], n_bits),
        "heavy": rng.standard_cauchy(n_bits),
        "few": rng.normal(size=n_bits) * (rng.random(n_bits) < 0.2),
        "zero": np.zeros(n_bits),
    }[kind]


def some_inverse(spread: float | None, n_rows: int, scale: float, rng: np.random.Generator) -> Inverse:
    if spread is None:
        return scale
    lengths = (np.exp(rng.normal(0, spread, n_rows)) * scale).astype(np.float32)
    lengths[::17] = 0
    return lengths


@settings(max_examples=80)
@given(st.integers(0, 10**6), st.integers(1, 300), st.sampled_from(KINDS))
def test_rounded_weights_pass_through_bytes(seed: int, n_bits: int, kind: str) -> None:
    rng = np.random.default_rng(seed)
    weights = np.abs(some_weights(kind, n_bits, rng))
    coarse = NibbleWeights.round(weights)
    if coarse is None:
        assert not weights.any()
        return
    assert np.array_equal(coarse.units, np.abs(np.rint(coarse.units)))
    assert coarse.units.reshape(-1, 4).sum(axis=1).max() == 255
    subsets = rng.integers(0, 2, (50, n_bits))
    slack = 1e-9 * weights.sum()
    assert (subsets @ coarse.units[:n_bits] * coarse.step - coarse.below <= subsets @ weights + slack).all()
    assert coarse.below <= coarse.step * (n_bits / 2 + 4.01)


def test_rounded_by_hand() -> None:
    coarse = NibbleWeights.round(np.array([1.0, 0, 0, 0, 0.4, 0.25, 0, 0, 0.002]))
    assert coarse is not None
    assert coarse.step == 1 / 253
    assert coarse.units.tolist() == [255, 0, 0, 0, 101, 63, 0, 0, 1] + 7 * [0]
    assert coarse.below == pytest.approx(2 / 253 + (1 / 253 - 0.002))


def test_more_than_sixteen_bits_can_add_up() -> None:
    assert NibbleWeights.round(np.ones(1016)) is not None
    assert NibbleWeights.round(np.ones(1056)) is None


@pytest.mark.parametrize("scan", [SlowScan, FastScan])
@settings(max_examples=150, deadline=None)
@given(
    st.integers(0, 10**6),
    st.integers(0, 700),
    st.sampled_from([1, 5, 64, 100, 300]),
    st.integers(1, 12),
    st.sampled_from(KINDS),
    st.sampled_from([None, 0.0, 0.01, 1.0]),
    st.sampled_from([2, 20, 2**62]),
)
def test_equal_to_weights(
    scan: type[FastScan],
    seed: int,
    n_rows: int,
    n_bits: int,
    k: int,
    kind: str,
    spread: float | None,
    distinct: int,
) -> None:
    if scan is FastScan:
        pytest.importorskip("faiss", reason="the package faiss-cpu is not installed")
    rng = np.random.default_rng(seed)
    codes = rng.integers(0, 2, (min(n_rows, distinct), n_bits), dtype=np.uint8)
    codes = codes[rng.integers(0, len(codes), n_rows)] if n_rows else codes
    packed = bits.pack(codes)
    weights = some_weights(kind, n_bits, rng)
    constant = float(rng.normal())
    inverse = some_inverse(spread, n_rows, 1 / (np.abs(weights).sum() + 1), rng)
    slow = by_weights(Planes.build(packed, n_bits), weights, constant, inverse, k, n_rows)
    found = by_fast_scan(scan(packed), weights, constant, inverse, k, n_rows)
    if found is not None:
        assert np.array_equal(found[0], slow[0])
        assert np.array_equal(found[1], slow[1])


@pytest.mark.parametrize("scan", [SlowScan, FastScan])
@pytest.mark.parametrize("spread", [None, 0.05])
@pytest.mark.parametrize("kind", ["normal", "one and three", "few"])
def test_most_queries_are_decided(scan: type[FastScan], spread: float | None, kind: str) -> None:
    if scan is FastScan:
        pytest.importorskip("faiss", reason="the package faiss-cpu is not installed")
    rng = np.random.default_rng(1)
    packed = bits.pack(rng.integers(0, 2, (5000, 100), dtype=np.uint8))
    weights = some_weights(kind, 100, rng)
    inverse = some_inverse(spread, 5000, 0.01, rng)
    for n_rows in (5000, 2500):
        assert by_fast_scan(scan(packed), weights, 0.0, inverse, 3, n_rows) is not None


def test_what_cannot_be_decided() -> None:
    packed = np.zeros((500, 2), dtype=np.uint8)
    weights = np.arange(1.0, 17)
    assert by_fast_scan(SlowScan(packed), weights, 0.0, 1.0, 3, 500) is None  # all rows are equal
    assert by_fast_scan(SlowScan(packed), 0 * weights, 0.0, 1.0, 3, 500) is None


def test_other_costs_are_not_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    packed = bits.pack(np.random.default_rng(0).integers(0, 2, (500, 16), dtype=np.uint8))

    class Other:
        """Adds to all products."""

        def __init__(self, shift: float) -> None:
            self._shift = shift

        def search(self, query: NDArray[np.float32], k: int) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
            products = (2.0 * np.unpackbits(packed, axis=1) - 1) @ query[0].reshape(-1, 2, 4)[:, ::-1].reshape(-1)
            ranks = np.argsort(-products)[:k]
            return products[ranks][None] + self._shift, ranks[None]

    for shift, believed in ((0.0, True), (1.0, False)):
        monkeypatch.setattr(FastScan, "_build", lambda self, n_rows, shift=shift: Other(shift))
        found = by_fast_scan(FastScan(packed), np.arange(1.0, 17), 0.0, 0.01, 2, 500)
        assert (found is not None) == believed


@pytest.mark.parametrize("name", ["sign", "itq", "iiq", "iiq-few"])
@pytest.mark.parametrize("restrict", [None, 1, 150])
def test_engines_agree(name: str, restrict: int | None, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("faiss", reason="the package faiss-cpu is not installed")
    queries = np.concatenate([QUERIES, encoded(name).decode_rows(np.arange(5)), np.zeros((1, DIM), np.float32)])
    mine, other = SearchIndex(encoded(name)), SearchIndex(encoded(name), engine="faiss")
    decided = []
    monkeypatch.setattr(
        index, "by_fast_scan", lambda *arguments: decided.append(by_fast_scan(*arguments)) or decided[-1]
    )
    for similarity in mine.similarities:
        for k in (1, 3, 1000):  # 9 to 21 candidates where there are eight times as many rows
            expected = mine.search(queries, k, similarity=similarity, restrict=restrict)
            found = other.search(queries, k, similarity=similarity, restrict=restrict)
            assert np.array_equal(found.ranks, expected.ranks)
            assert np.array_equal(found.scores, expected.scores)
    assert any(found is not None for found in decided) == (restrict != 1)
