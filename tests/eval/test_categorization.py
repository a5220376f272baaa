from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from embcomp.embedding import Embedding
from embcomp.eval.categorization import clusterings, measure
from embcomp.eval.score import Measurement
from embcomp.eval.statistics import majority_hits
from embcomp.eval.suite import DataSet, Settings

from .conftest import toy


def grouped(*rows: tuple[str, str]) -> DataSet:
    return DataSet("categorization", "x", rows)


def measure_categorization(embedding: Embedding, data: DataSet, oov: str, seed: int) -> Measurement:
    return measure(embedding, data, Settings(oov, seed))["purity"]


@pytest.fixture
def bunches(crowd):
    return grouped(*((word, word.split("w")[0]) for word in crowd.words))


def slow_purities(points, truth):
    """Purity of each clustering of the papers' platform, by scikit-learn."""
    cluster = pytest.importorskip("sklearn.cluster", reason="scikit-learn is not installed")
    k = len(set(truth))
    runs = [cluster.AgglomerativeClustering(k, linkage="ward")]
    for metric in ("euclidean", "cosine"):
        for linkage in ("average", "complete"):
            runs.append(cluster.AgglomerativeClustering(k, linkage=linkage, metric=metric))
    runs.append(cluster.KMeans(k, n_init=10, random_state=0))
    purities = []
    for run in runs:
        labels = run.fit_predict(points)
        majorities = [max(np.unique(truth[labels == c], return_counts=True)[1]) for c in set(labels)]
        purities.append(sum(majorities) / len(truth))
    return purities


def test_as_written_out_plainly_with_scikit_learn(crowd, bunches):
    words = sorted(crowd.words)
    points = crowd.vectors[crowd.rows(words)].astype(np.float64)
    truth = np.unique([word.split("w")[0] for word in words], return_inverse=True)[1]
    *agglomerative, k_means = slow_purities(points, truth)
    ours = [majority_hits(labels, truth).mean() for labels in clusterings(points, 10, seed=0)]
    assert_allclose(ours[:5], agglomerative)
    assert_allclose(ours[5], k_means, atol=0.05)
    assert min(ours) < max(ours)
    assert measure_categorization(crowd, bunches, "mean", seed=0).value == max(ours)


def test_clear_bunches_are_pure():
    embedding = toy("a b c d", [[9, 0], [9, 1], [0, 9], [1, 9]])
    data = grouped(("a", "x"), ("b", "x"), ("c", "y"), ("d", "y"))
    found = measure_categorization(embedding, data, "mean", seed=0)
    assert (found.value, found.n_used, found.n_skipped, found.oov) == (1.0, 4, 0, 0)
    assert_array_equal(found.resamples, np.ones(1000))


def test_by_hand():
    embedding = toy("a b c d", [[9, 0], [9, 1], [0, 9], [1, 9]])
    data = grouped(("a", "x"), ("b", "x"), ("c", "x"), ("d", "y"))
    assert measure_categorization(embedding, data, "mean", seed=0).value == 0.75


def test_neither_the_order_of_rows_nor_that_of_the_embedding_matters(crowd, bunches):
    rng = np.random.default_rng(0)
    order = rng.permutation(len(crowd))
    shuffled = Embedding([crowd.words[i] for i in order], crowd.vectors[order])
    rows = tuple(bunches.rows[i] for i in rng.permutation(len(bunches.rows)))
    one = measure_categorization(crowd, bunches, "mean", seed=0)
    two = measure_categorization(shuffled, grouped(*rows), "mean", seed=0)
    assert one.value == two.value
    assert_array_equal(one.resamples, two.resamples)


def test_a_word_in_two_categories_and_a_repeated_row_count_each_time():
    embedding = toy("a b c", [[9, 0], [0, 9], [0, 8]])
    data = grouped(("a", "x"), ("a", "x"), ("a", "y"), ("b", "y"), ("c", "y"))
    found = measure_categorization(embedding, data, "mean", seed=0)
    assert (found.value, found.n_used) == (0.8, 5)


def test_missing_words_take_the_mean_or_are_skipped():
    embedding = toy("a b c d", [[9, 0], [9, 1], [0, 9], [1, 9]])
    data = grouped(("a", "x"), ("b", "x"), ("c", "y"), ("d", "y"), ("rome", "y"), ("a b", "x"))
    mean = measure_categorization(embedding, data, "mean", seed=0)
    skip = measure_categorization(embedding, data, "skip", seed=0)
    assert (mean.n_used, mean.n_skipped, mean.oov) == (6, 0, 2)
    assert (skip.value, skip.n_used, skip.n_skipped, skip.oov) == (1.0, 4, 2, 2)


def test_no_word_gives_a_gap_that_says_why():
    found = measure_categorization(toy("a", [[1]]), grouped(("rome", "x")), "skip", seed=0)
    assert (found.value, found.n_used, found.n_skipped) == (None, 0, 1)
    assert found.note == "no word is in the vocabulary"


@pytest.mark.parametrize("vectors", [[[1, 2]] * 4, [[0, 0]] * 4])
def test_equal_vectors(vectors):
    data = grouped(("a", "x"), ("b", "x"), ("c", "x"), ("d", "y"))
    assert measure_categorization(toy("a b c d", vectors), data, "mean", seed=0).value == 0.75


def test_one_word():
    assert measure_categorization(toy("a", [[1]]), grouped(("a", "x")), "mean", seed=0).value == 1


def test_every_clustering_of_the_protocol_is_run(crowd):
    labels = list(clusterings(crowd.vectors.astype(np.float64), 10, seed=0))
    assert len(labels) == 6
    assert all(each.shape == (300,) and len(np.unique(each)) == 10 for each in labels)
