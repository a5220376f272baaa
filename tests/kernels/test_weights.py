from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from embcomp import bits, kernels
from embcomp.kernels.hamming import MOST_LANES, as_lanes
from embcomp.kernels.sums import SCORE_UNIT
from embcomp.kernels.weights import BitWeights, all_by_weights, by_weights


def random_bits(seed: int, n_rows: int, n_bits: int) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 2, (n_rows, n_bits), dtype=np.uint8)


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
    masks = np.unpackbits(rounded.masks.view(np.uint8), axis=1, count=len(weights)).astype(np.int64)
    costs = (rows ^ query) @ masks.T @ (1 << np.arange(n_planes)[::-1])
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


def assert_best(ranks: NDArray[np.int64], scores: NDArray[np.float64], exact: NDArray[np.float64], k: int) -> None:
    """The k largest, by (similarity descending, rank), up to what is lost by rounding."""
    assert len(ranks) == len(set(ranks.tolist())) == min(k, len(exact))
    np.testing.assert_allclose(scores, exact[ranks], atol=SCORE_UNIT)
    np.testing.assert_allclose(scores, np.sort(exact)[::-1][:k], atol=SCORE_UNIT)
    order = list(zip((-scores).tolist(), ranks.tolist(), strict=True))
    assert order == sorted(order)


def lengths(rng: np.random.Generator, n_rows: int, spread: float) -> NDArray[np.float32]:
    """1 / length of rows that differ by powers of e, some without length."""
    inverse = np.exp(rng.normal(0, spread, n_rows)).astype(np.float32)
    inverse[::17] = 0
    return inverse


@settings(max_examples=80)
@given(
    st.integers(0, 10**6),
    st.integers(0, 150),
    st.sampled_from([1, 5, 64, 100, 300]),
    st.integers(1, 12),
    st.sampled_from(["normal", "equal", "one and three", "heavy", "zero"]),
    st.sampled_from([None, 0.0, 0.01, 3.0]),
)
def test_weights(seed: int, n_rows: int, n_bits: int, k: int, kind: str, spread: float | None) -> None:
    rng = np.random.default_rng(seed)
    codes = rng.integers(0, 2, (n_rows, n_bits), dtype=np.uint8)
    codes[n_rows // 2 :] = codes[: n_rows - n_rows // 2]  # every other row has an equal
    weights = {
        "normal": rng.normal(size=n_bits),
        "equal": rng.choice([-1.0, 1.0], n_bits) * 0.1,
        "one and three": rng.choice([-3.0, -1.0, 1.0, 3.0], n_bits),
        "heavy": rng.standard_cauchy(n_bits),
        "zero": np.zeros(n_bits),
    }[kind]
    scale = 1 / (np.abs(weights).sum() + 1)
    inverse = scale if spread is None else (lengths(rng, n_rows, spread) * np.float32(scale))
    laid_out = as_lanes(bits.pack(codes))
    exact = ((2.0 * codes - 1) @ weights) * np.asarray(inverse, dtype=np.float64)
    assert_best(*by_weights(laid_out, weights, inverse, k), exact, k)
    np.testing.assert_allclose(all_by_weights(laid_out, weights, inverse), exact, atol=SCORE_UNIT)

    exactly = by_weights(laid_out, weights, inverse, k)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kernels, "native", None)
        for mine, defined in zip(exactly, by_weights(laid_out, weights, inverse, k), strict=True):
            assert mine.tobytes() == defined.tobytes()


def test_the_extension_refuses_what_does_not_fit() -> None:
    if kernels.native is None:
        return
    rows, query, masks, tables = (np.zeros(n, np.uint64) for n in (4, 1, 2, 512))
    scores, ranks = np.zeros(3), np.zeros(3, np.int64)
    for n_inverses in (0, 4):
        arrays = (rows, query, masks, tables.view(np.float64), np.zeros(n_inverses, np.float32), scores, ranks)
        good = (4, 1, 2, 2, 3)
        kernels.native.weights(*arrays, good, (0.0, 1.0, 0.0, 1.0))
        for at, value in [(0, 5), (1, 2), (2, 1), (3, 1), (4, 2), (0, -1), (1, 0), (2, 5), (3, 9), (4, 0), (4, 5)]:
            sizes = (*good[:at], value, *good[at + 1 :])
            with pytest.raises(ValueError, match=r"^a size must be from|bytes, expected \d+ items of \d$"):
                kernels.native.weights(*arrays, sizes, (0.0, 1.0, 0.0, 1.0))


@pytest.mark.parametrize(("noise", "n_scores"), [(1e-6, 9), (1e-3, 200)])
def test_weights_that_differ_by_rounding_give_equal_scores(noise: float, n_scores: int) -> None:
    """Nine distances of codes of eight bits, unless the weights do differ."""
    rng = np.random.default_rng(0)
    weights = 10 * rng.choice([-1.0, 1.0], 8) * (1 + noise * rng.uniform(-1, 1, 8))
    laid_out = as_lanes(np.arange(256, dtype=np.uint8)[:, None])
    scores = all_by_weights(laid_out, weights, 1.0)
    found = len(set(scores.tolist()))
    assert found == n_scores if n_scores == 9 else found >= n_scores


def test_rows_of_more_words_than_the_extension_takes() -> None:
    rows = random_bits(0, 5, 64 * MOST_LANES + 1)
    weights = np.random.default_rng(1).standard_normal(rows.shape[1])
    ranks, scores = by_weights(as_lanes(bits.pack(rows)), weights, 1.0, 5)
    slow = (2.0 * rows - 1) @ weights
    assert ranks.tolist() == np.argsort(-slow).tolist()
    np.testing.assert_allclose(scores, slow[ranks], atol=1e-5)
