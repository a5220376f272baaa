from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy import stats

from embcomp.eval.statistics import (
    average_ranks,
    bootstrap_mean,
    bootstrap_spearman,
    cosines,
    majority_hits,
    paired_p_value,
    pearson,
    resample_counts,
    spearman,
    unit_rows,
)

numbers = st.lists(st.integers(-3, 3).map(float), min_size=2, max_size=12)


def test_cosines_by_hand():
    left = np.array([[3, 4], [1, 0], [0, 0], [0, 0]], dtype=np.float32)
    right = np.array([[4, 3], [-2, 0], [1, 1], [0, 0]], dtype=np.float32)
    assert_allclose(cosines(left, right), [24 / 25, -1, 0, 0])


def test_unit_rows_leave_zeros_alone():
    assert_allclose(unit_rows(np.array([[3.0, 4.0], [0.0, 0.0]])), [[0.6, 0.8], [0, 0]])


def test_average_ranks_by_hand():
    assert_array_equal(average_ranks(np.array([10.0, 30, 20, 30, 5])), [2, 4.5, 3, 4.5, 1])


@given(numbers)
def test_average_ranks_are_scipys(values):
    assert_array_equal(average_ranks(np.array(values)), stats.rankdata(values))


@given(st.data())
def test_correlations_are_scipys(data):
    x = np.array(data.draw(numbers))
    y = np.array(data.draw(st.lists(st.integers(-3, 3).map(float), min_size=len(x), max_size=len(x))))
    if np.ptp(x) == 0 or np.ptp(y) == 0:
        assert np.isnan(spearman(x, y))
        assert np.isnan(pearson(x, y))
    else:
        assert_allclose(spearman(x, y), stats.spearmanr(x, y).statistic, atol=1e-12)
        assert_allclose(pearson(x, y), stats.pearsonr(x, y).statistic, atol=1e-12)


def test_correlation_of_nothing_is_undefined():
    assert np.isnan(spearman(np.array([]), np.array([])))


def test_counts_are_resamples():
    counts = np.concatenate(list(resample_counts(7, seed=3, n_resamples=2000)))
    assert counts.shape == (2000, 7)
    assert (counts.sum(axis=1) == 7).all()
    assert_allclose(counts.mean(axis=0), 1, atol=0.1)
    assert_allclose(counts.var(), 6 / 7, atol=0.05)


def test_counts_do_not_depend_on_the_size_of_blocks(monkeypatch):
    whole = np.concatenate(list(resample_counts(11, 0, 50)))
    monkeypatch.setattr("embcomp.eval.statistics.BLOCK_CELLS", 40)
    assert_array_equal(np.concatenate(list(resample_counts(11, 0, 50))), whole)


def test_bootstrap_of_spearman_is_spearman_of_the_resampled_pairs():
    rng = np.random.default_rng(0)
    x, y = rng.integers(0, 6, size=15).astype(float), rng.integers(0, 4, size=15).astype(float)
    counts = np.concatenate(list(resample_counts(15, seed=9, n_resamples=60)))
    slow = [stats.spearmanr(np.repeat(x, row), np.repeat(y, row)).statistic for row in counts]
    assert_allclose(bootstrap_spearman(x, y, seed=9, n_resamples=60), slow, atol=1e-12)


def test_bootstrap_of_spearman_is_undefined_on_constant_resamples():
    fast = bootstrap_spearman(np.array([1.0, 2.0]), np.array([1.0, 2.0]), seed=0, n_resamples=200)
    assert np.isnan(fast).any()
    assert set(fast[~np.isnan(fast)]) == {1.0}


def test_two_systems_see_the_same_resamples():
    rng = np.random.default_rng(1)
    ratings, cosine = rng.normal(size=40), rng.normal(size=40)
    same_order = bootstrap_spearman(cosine, ratings, seed=4)
    assert_allclose(bootstrap_spearman(np.exp(cosine), ratings, seed=4), same_order, atol=1e-12)
    assert_allclose(bootstrap_spearman(-cosine, ratings, seed=4), -same_order, atol=1e-12)


def test_bootstrap_of_a_mean():
    values = np.array([0.0, 1, 1, 1])
    counts = np.concatenate(list(resample_counts(4, seed=2, n_resamples=30)))
    slow = [np.repeat(values, row).mean() for row in counts]
    assert_allclose(bootstrap_mean(values, seed=2, n_resamples=30), slow)


def test_majorities_by_hand():
    clusters = np.array([0, 0, 0, 2, 2, 3])
    categories = np.array([1, 1, 0, 2, 0, 1])  # cluster 1 is empty; cluster 2 is a tie, category 0 takes it
    assert_array_equal(majority_hits(clusters, categories), [True, True, False, False, True, True])


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=30))
def test_mean_of_hits_is_purity(pairs):
    clusters, categories = np.array(pairs).T
    largest = [np.bincount(categories[clusters == c]).max() for c in np.unique(clusters)]
    assert_allclose(majority_hits(clusters, categories).mean(), sum(largest) / len(pairs))


@pytest.mark.parametrize(
    ("difference", "p_value"),
    [
        ([1.0] * 999, 2 / 1000),
        ([-1.0] * 999, 2 / 1000),
        ([0.0] * 999, 1.0),
        ([1.0] * 900 + [-1.0] * 99, 2 * 100 / 1000),
        ([1.0] * 8 + [float("nan")] * 2 + [-1.0], 2 * 2 / 10),
    ],
)
def test_paired_p_value_by_hand(difference, p_value):
    baseline = np.linspace(0, 1, len(difference))
    assert_allclose(paired_p_value(baseline + difference, baseline), p_value)


def test_equal_cosines_of_codes_are_equal_numbers() -> None:
    rng = np.random.default_rng(0)
    codes = np.where(rng.random((2000, 25)) > 0.5, 1, -1).astype(np.float32)
    rotation = np.linalg.qr(rng.standard_normal((100, 25)))[0].astype(np.float32)
    decoded = 0.37 * codes @ rotation.T
    left, right = rng.integers(2000, size=(2, 5000))
    agreements = np.unique((codes[left] * codes[right]).sum(axis=1))
    assert len(np.unique(cosines(decoded[left], decoded[right]))) == len(agreements)
