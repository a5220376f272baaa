from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.cluster import hierarchy
from scipy.spatial.distance import pdist

from embcomp.eval.clustering import agglomerative, cosine_distances, k_means, start_centres


def same_partition(a, b) -> bool:
    pairs = set(zip(a.tolist(), b.tolist(), strict=True))
    return len(pairs) == len(set(a.tolist())) == len(set(b.tolist()))


@pytest.fixture(scope="module")
def bunches():
    rng = np.random.default_rng(0)
    truth = np.repeat(np.arange(6), 20)
    return rng.normal(size=(6, 8))[truth] * 8 + rng.normal(size=(120, 8)), truth


def test_k_means_finds_clear_bunches(bunches):
    points, truth = bunches
    assert same_partition(k_means(points, 6, seed=0), truth)


def test_k_means_ends_where_no_point_can_move(bunches):
    points = bunches[0]
    labels = k_means(points, 9, seed=1)
    centres = np.array([points[labels == c].mean(axis=0) for c in range(9)])
    nearest = ((points[:, None] - centres[None]) ** 2).sum(axis=2).argmin(axis=1)
    assert_array_equal(nearest, labels)


def test_k_means_is_as_tight_as_scikit_learns():
    cluster = pytest.importorskip("sklearn.cluster", reason="scikit-learn is not installed")
    points = np.random.default_rng(2).normal(size=(300, 10))

    def inertia(labels):
        return sum(((points[labels == c] - points[labels == c].mean(axis=0)) ** 2).sum() for c in set(labels))

    ours = [inertia(k_means(points, 12, seed)) for seed in range(5)]
    theirs = [cluster.KMeans(12, n_init=10, random_state=seed).fit(points).inertia_ for seed in range(5)]
    assert_allclose(np.mean(ours), np.mean(theirs), rtol=0.01)


def test_k_means_repeats_itself(bunches):
    points = np.asfortranarray(bunches[0])
    points.flags.writeable = False
    assert_array_equal(k_means(points, 11, seed=3), k_means(points, 11, seed=3))


@pytest.mark.parametrize("n_clusters", [1, 3, 5])
def test_k_means_of_equal_points(n_clusters):
    labels = k_means(np.ones((4, 3)), n_clusters, seed=0)
    assert labels.shape == (4,)
    assert len(set(labels.tolist())) == 1


def test_k_means_with_a_cluster_for_each_point():
    assert len(set(k_means(np.arange(5.0)[:, None], 5, seed=0).tolist())) == 5


def test_cosine_distances_by_hand():
    assert_allclose(cosine_distances(np.array([[3.0, 4.0], [0.0, 2.0], [0.0, 0.0]])), [0.2, 1, 1])
    assert_allclose(cosine_distances(np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 0.0]])), [1, 0, 1])


def test_cosine_distance_of_equal_points_is_exactly_zero():
    points = np.random.default_rng(0).normal(size=(1, 50)).repeat(4, axis=0)
    assert_array_equal(cosine_distances(points), np.zeros(6))


@pytest.mark.parametrize("linkage", ["ward", "average", "complete"])
@pytest.mark.parametrize("n_clusters", [1, 2, 7, 119, 120, 500])
def test_agglomerative_is_scipys_cut_where_heights_differ(bunches, linkage, n_clusters):
    condensed = pdist(bunches[0])
    merges = hierarchy.linkage(condensed, linkage)
    expected = hierarchy.cut_tree(merges, min(n_clusters, len(bunches[0]))).ravel()  # fcluster is right since 1.15
    assert same_partition(agglomerative(condensed, linkage, n_clusters), expected)


DISTANCES = {"euclidean": pdist, "cosine": cosine_distances}


@pytest.mark.parametrize(
    ("linkage", "metric"),
    [("ward", "euclidean"), ("average", "cosine"), ("complete", "cosine"), ("average", "euclidean")],
)
def test_agglomerative_is_scikit_learns(bunches, linkage, metric):
    cluster = pytest.importorskip("sklearn.cluster", reason="scikit-learn is not installed")
    points = bunches[0]
    theirs = cluster.AgglomerativeClustering(13, linkage=linkage, metric=metric).fit_predict(points)
    assert same_partition(agglomerative(DISTANCES[metric](points), linkage, 13), theirs)


def test_the_number_of_clusters_is_kept_when_heights_are_equal():
    points = np.array([[0.0], [1.0], [2.0], [3.0]])
    labels = agglomerative(pdist(points), "complete", 3)
    assert len(set(labels.tolist())) == 3


@pytest.mark.parametrize("linkage", ["ward", "average", "complete"])
@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
def test_equal_points_stay_together(linkage, metric):
    points = np.random.default_rng(1).normal(size=(3, 20))[[0, 1, 2, 1, 0, 1]]
    labels = agglomerative(DISTANCES[metric](points), linkage, 5)
    assert same_partition(labels, np.array([0, 1, 2, 1, 0, 1]))


def test_one_point():
    assert_array_equal(agglomerative(np.empty(0), "ward", 3), [0])


def test_merges_are_undone_from_the_last():
    condensed = np.array([9.0, 9.0, 1.0, 2.0, 9.0, 9.0])  # 0 and 3 are close, then 1 and 2
    for n_clusters, expected in ((5, [0, 1, 2, 3]), (4, [0, 1, 2, 3]), (3, [0, 1, 2, 0]), (2, [0, 1, 1, 0])):
        assert same_partition(agglomerative(condensed, "complete", n_clusters), np.array(expected))
    assert_array_equal(agglomerative(condensed, "complete", 1), [0, 0, 0, 0])


def test_starts_are_points_apart_from_each_other(bunches):
    points, truth = bunches
    chosen = start_centres(points, 6, np.random.default_rng(0))
    rows = [int(np.flatnonzero((points == row).all(axis=1))[0]) for row in chosen]
    assert sorted(truth[rows]) == list(range(6))
