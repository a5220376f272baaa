from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from embcomp import bits
from embcomp.search import planes as module
from embcomp.search.planes import BitWeights, Planes, as_lanes, hamming_nearest, weighted_costs


@pytest.fixture(autouse=True, scope="module")
def small_blocks() -> object:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "SCAN_ROWS", 16)
        yield


def random_bits(seed: int, n_rows: int, n_bits: int) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 2, (n_rows, n_bits), dtype=np.uint8)


def lanes(row: NDArray[np.uint8]) -> NDArray[np.uint64]:
    return as_lanes(bits.pack(row[None, :]))[0]


def test_by_hand() -> None:
    rows = np.array([[1, 1, 0], [0, 0, 0], [1, 0, 0], [0, 1, 0]], dtype=np.uint8)
    planes = Planes.build(bits.pack(rows), 3)
    distances, ranks = hamming_nearest(planes, lanes(rows[0]), 3, 4)
    assert distances.tolist() == [0, 1, 1]  # 110 from 110, 100 and 010, these in order of rank
    assert ranks.tolist() == [0, 2, 3]


@settings(max_examples=60)
@given(
    st.integers(0, 9999),
    st.integers(0, 70),
    st.sampled_from([1, 7, 8, 63, 64, 65, 128, 200, 255, 256, 300, 600]),
    st.integers(1, 12),
    st.integers(0, 70),
)
@example(0, 20, 256, 3, 20)
def test_hamming_is_sorting_all_distances(seed: int, n_rows: int, n_bits: int, k: int, restrict: int) -> None:
    rows = random_bits(seed, n_rows, n_bits)
    query = random_bits(seed + 1, 1, n_bits)[0] if seed % 3 else np.ones(n_bits, dtype=np.uint8)
    if n_rows and seed % 2:
        rows[-1] = 1 - query  # the farthest there is
        rows[0] = query
    n_searched = min(restrict, n_rows)
    planes = Planes.build(bits.pack(rows), n_bits)
    distances, ranks = hamming_nearest(planes, lanes(query), k, n_searched)
    slow = sorted((int((row != query).sum()), rank) for rank, row in enumerate(rows[:n_searched]))[:k]
    assert list(zip(distances.tolist(), ranks.tolist(), strict=True)) == slow


def test_all_rows_far_and_alike() -> None:
    rows = np.zeros((40, 256), dtype=np.uint8)
    planes = Planes.build(bits.pack(rows), 256)
    distances, ranks = hamming_nearest(planes, lanes(np.ones(256, dtype=np.uint8)), 3, 40)
    assert (distances.tolist(), ranks.tolist()) == ([256, 256, 256], [0, 1, 2])


def test_take_is_the_rows() -> None:
    rows = random_bits(5, 50, 100)
    planes = Planes.build(bits.pack(rows), 100)
    ranks = np.array([49, 0, 16, 15])
    taken = planes.take(ranks)
    assert np.array_equal(np.ascontiguousarray(taken).view(np.uint8)[:, :13], bits.pack(rows[ranks]))


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
    planes = Planes.build(bits.pack(rows), len(weights))
    for first, costs in weighted_costs(planes, lanes(query), rounded, 40):
        for cost, row in zip(costs.tolist(), rows[first : first + 16], strict=True):
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


def test_sums_beyond_two_bytes() -> None:
    planes = Planes.build(bits.pack(np.zeros((3, 5000), dtype=np.uint8)), 5000)
    weights = BitWeights.round(np.ones(5000), 4)
    ((first, costs),) = weighted_costs(planes, lanes(np.ones(5000, dtype=np.uint8)), weights, 3)
    assert (first, costs.tolist()) == (0, [15 * 5000] * 3)
