from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import stats

from embcomp.embedding import Embedding
from embcomp.eval.score import Measurement
from embcomp.eval.similarity import measure
from embcomp.eval.statistics import COSINE_DECIMALS
from embcomp.eval.suite import DataSet, Settings

from .conftest import built_in, toy


def rated(*rows: tuple[str, str, float]) -> DataSet:
    return DataSet("similarity", "x", rows)


def measure_similarity(embedding: Embedding, data: DataSet, oov: str, seed: int) -> Measurement:
    return measure(embedding, data, Settings(oov, seed))["spearman"]


@pytest.fixture
def compass():
    return toy("n e ne s", [[0, 2], [3, 0], [1, 1], [0, -1]])


def test_by_hand(compass):
    data = rated(("n", "ne", 8), ("n", "e", 5), ("n", "s", 6))  # cosines 0.71, 0, −1: ranks 3 2 1, rated 3 1 2
    found = measure_similarity(compass, data, "mean", seed=0)
    assert_allclose(found.value, 0.5)
    assert (found.n_used, found.n_skipped, found.oov) == (3, 0, 0)
    assert found.resamples is not None
    assert found.resamples.shape == (1000,)


def slow_similarity(embedding: Embedding, data: DataSet, oov: str) -> float:
    mean = embedding.vectors.astype(np.float64).mean(axis=0).astype(np.float32).astype(np.float64)
    vectors = dict(zip(embedding.words, embedding.vectors.astype(np.float64), strict=True))
    cosines, ratings = [], []
    for left, right, rating in data.rows:
        a = vectors.get(left, vectors.get(left.lower()))
        b = vectors.get(right, vectors.get(right.lower()))
        if oov == "skip" and (a is None or b is None):
            continue
        a, b = mean if a is None else a, mean if b is None else b
        cosines.append(a @ b / np.sqrt(a @ a) / np.sqrt(b @ b))
        ratings.append(rating)
    return float(stats.spearmanr(np.round(cosines, COSINE_DECIMALS), ratings).statistic)


@pytest.mark.parametrize("oov", ["mean", "skip"])
def test_as_written_out_plainly(oov):
    ws353 = built_in()[0]
    words = sorted({word.lower() for pair in ws353.rows for word in pair[:2]})
    known = words[::2] + words[1::4]
    numbers = np.random.default_rng(0).normal(size=(len(known), 6)) + 0.3
    vectors = (np.round(numbers * 64) / 64).astype(np.float32)  # products and sums of these are exact in any order
    embedding = Embedding(known, vectors)
    found = measure_similarity(embedding, ws353, oov, seed=0)
    assert_allclose(found.value, slow_similarity(embedding, ws353, oov), atol=1e-6)
    assert found.oov == len(words) - len(known)
    assert found.n_used + found.n_skipped == 353
    assert (found.n_skipped == 0) == (oov == "mean")


def test_skipped_pairs_are_counted(compass):
    data = rated(("n", "ne", 8), ("n", "rome", 5), ("rome", "oslo", 5), ("n", "s", 1))
    found = measure_similarity(compass, data, "skip", seed=0)
    assert (found.value, found.n_used, found.n_skipped, found.oov) == (1.0, 2, 2, 2)


def test_terms_of_several_words_are_averaged(compass):
    data = rated(("n", "n e", 8), ("n", "e", 5), ("n", "S rome", 3))
    found = measure_similarity(compass, data, "skip", seed=0)
    assert (found.value, found.n_used, found.oov) == (1.0, 3, 0)


def test_cosine_with_a_zero_vector_is_zero():
    embedding = toy("zero up down left", [[0, 0], [0, 1], [0, -1], [-1, 0.5]])
    data = rated(("zero", "up", 2), ("up", "down", 1), ("up", "left", 3))
    assert_allclose(measure_similarity(embedding, data, "mean", seed=0).value, 1)


def test_equal_cosines_give_a_gap_that_says_why():
    data = rated(("a", "b", 1), ("b", "a", 2))
    found = measure_similarity(toy("a b", [[1, 0], [0, 1]]), data, "mean", seed=0)
    assert (found.value, found.resamples, found.n_used) == (None, None, 2)
    assert found.note == "all cosines or all ratings are equal"


def test_no_pair_gives_a_gap_that_says_why(compass):
    found = measure_similarity(compass, rated(("oslo", "rome", 1)), "skip", seed=0)
    assert (found.value, found.n_used, found.n_skipped) == (None, 0, 1)
    assert found.note == "no pair is known on both sides"


def test_values_beside_the_first(compass):
    """Missing words skipped, and vectors of the baseline against those of the target."""
    data = rated(("n", "ne", 8), ("n", "e", 5), ("n", "s", 6), ("e", "ne", 7), ("n", "rome", 1))
    target = toy("n e ne s", [[0, 1], [1, -0.5], [1, 1], [0.3, -1]])
    found = measure(target, data, Settings("mean", baseline=compass))["spearman"]
    skipped = measure_similarity(target, rated(*data.rows[:4]), "mean", seed=0)
    assert found.skipping == skipped.value

    def vector(embedding, word):
        rows = dict(zip(embedding.words, embedding.vectors.astype(np.float64), strict=True))
        row = rows.get(word, embedding.vectors.astype(np.float64).mean(axis=0))
        return row / np.linalg.norm(row)

    pairs = [pair[:2] for pair in data.rows]
    sums = [
        vector(compass, left) @ vector(target, right) + vector(target, left) @ vector(compass, right)
        for left, right in pairs
    ]
    assert_allclose(found.asymmetric, stats.spearmanr(np.round(sums, 6), [row[2] for row in data.rows]).statistic)


def test_without_uncompressed_vectors_nothing_is_asymmetric(compass):
    data = rated(("n", "ne", 8), ("n", "e", 5), ("n", "s", 6))
    narrow = toy("n e ne s", [[1], [2], [3], [4]])
    for target, baseline in ((compass, None), (compass, compass), (narrow, compass)):
        assert measure(target, data, Settings(baseline=baseline))["spearman"].asymmetric is None
