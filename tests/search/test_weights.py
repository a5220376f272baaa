from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from embcomp import bits
from embcomp.kernels.hamming import as_lanes, weighted_costs
from embcomp.search.weights import BitWeights


def random_bits(seed: int, n_rows: int, n_bits: int) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 2, (n_rows, n_bits), dtype=np.uint8)


def lanes(row: NDArray[np.uint8]) -> NDArray[np.uint64]:
    return as_lanes(bits.pack(row[None, :]))[0]


@settings(max_examples=60)
@given(
    st.lists(st.floats(0, 100, width=32), min_size=1, max_size=90),
    st.integers(1, 4),
    st.integers(0, 9999),
)
@example([0.0] * 9, 2, 0)
@example([1.0] * 300, 3, 0)
@example([1.0] * 200, 2, 0)  # sums of planes beyond a byte, each of which fits
@example([1.0] * 200, 4, 0)
def test_rounded_weights_are_off_by_what_they_say(weights: list[float], n_planes: int, seed: int) -> None:
    exact = np.array(weights, dtype=np.float64)
    rounded = BitWeights.round(exact, n_planes)
    assert len(rounded.masks) == n_planes
    largest_step = exact.max() / (2**n_planes - 1)  # with which no weight is off by more than half of it
    rows = random_bits(seed, 40, len(weights))
    query = random_bits(seed + 1, 1, len(weights))[0]
    costs = weighted_costs(as_lanes(bits.pack(rows)), lanes(query), rounded.masks)
    for cost, row in zip(costs.tolist(), rows, strict=True):
        true = float(exact[row != query].sum())
        tolerance = 1e-9 * (1 + true)
        assert rounded.step * cost - rounded.below - tolerance <= true
        assert true <= rounded.step * cost + len(weights) * largest_step / 2 + tolerance


def test_equal_weights_need_one_plane_and_are_exact() -> None:
    rounded = BitWeights.choose(np.full(100, 0.25))
    assert (len(rounded.masks), rounded.step, rounded.below) == (1, 0.25, 0.0)


def test_one_and_three_are_exact_in_two_planes() -> None:
    rounded = BitWeights.round(np.array([1.0, 3.0, 3.0, 1.0]), 2)
    assert (rounded.step, rounded.below) == pytest.approx((1, 0), abs=1e-12)


@pytest.mark.parametrize("n_planes", [1, 2, 3, 4])
def test_whole_numbers_are_exact_in_as_many_planes_as_they_have_digits(n_planes: int) -> None:
    rounded = BitWeights.round(np.arange(2.0**n_planes), n_planes)
    assert (rounded.step, rounded.below) == (1, 0)


@pytest.mark.parametrize("scale", [2.0**-20, 2.0**20])
def test_the_choice_of_planes_does_not_depend_on_the_length_of_the_weights(scale: float) -> None:
    for seed in range(20):
        weights = np.abs(np.random.default_rng(seed).normal(1, 0.1 * seed, 100))
        assert np.array_equal(BitWeights.choose(weights).masks, BitWeights.choose(scale * weights).masks)


def test_one_large_weight_is_cut_where_that_leaves_less_error() -> None:
    rounded = BitWeights.round(np.array([0.5] * 100 + [3.0]), 2)
    assert rounded.step == pytest.approx(0.5)
    assert rounded.below == pytest.approx(0, abs=1e-9)
