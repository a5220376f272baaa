from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import stats

from embcomp.embedding import Embedding
from embcomp.eval import fidelity, neighbours
from embcomp.eval.fidelity import Shared, bands
from embcomp.eval.neighbours import nearest
from embcomp.eval.statistics import bootstrap_pearson, bootstrap_ratio, resample_counts, unit_rows
from embcomp.eval.suite import Settings


@pytest.fixture(autouse=True)
def few_pairs(monkeypatch):
    monkeypatch.setattr(fidelity, "N_PAIRS", 1_000)


@pytest.fixture
def small_bands(monkeypatch):
    monkeypatch.setattr(fidelity, "BANDS", (("head", 0), ("tail", 50)))


def noisy(embedding: Embedding, scale: float) -> Embedding:
    noise = np.random.default_rng(8).normal(size=embedding.vectors.shape)
    return Embedding(embedding.words, (embedding.vectors + scale * noise).astype(np.float32))


def measure_fidelity(target, baseline, seed):
    """Results by band, then by metric."""
    found = {}
    for (band, metric), measured in fidelity.measure_fidelity(target, baseline, Settings(seed=seed)).items():
        found.setdefault(band, {})[metric] = measured
    return found


def slow_nearest(vectors, queries, depth):
    units = unit_rows(vectors)
    cosines = units[queries] @ units.T
    cosines[np.arange(len(queries)), queries] = -np.inf
    return np.argsort(-cosines, axis=1, kind="stable")[:, :depth]


@pytest.mark.parametrize("block", [3, 32, 299, 8192])
@pytest.mark.parametrize("depth", [1, 10, 400])
def test_nearest_is_a_full_sort(crowd, block, depth, monkeypatch):
    monkeypatch.setattr(neighbours, "CHUNK_ROWS", block)
    queries = np.array([7, 0, 299, 150])
    found = nearest(crowd, np.arange(300), queries, depth)
    assert_array_equal(found, slow_nearest(crowd.vectors, queries, min(depth, 299)))


def test_of_equally_near_words_the_earlier_comes_first(monkeypatch):
    monkeypatch.setattr(neighbours, "CHUNK_ROWS", 4)
    twins = Embedding([str(i) for i in range(12)], np.tile(np.eye(2, dtype=np.float32), (6, 1)))
    assert_array_equal(nearest(twins, np.arange(12), np.array([4, 1]), 3), [[0, 2, 6], [3, 5, 7]])


def test_positions_are_those_among_the_rows(crowd):
    rows = np.arange(299, -1, -2)
    found = nearest(crowd, rows, np.array([3]), 5)
    assert_array_equal(found, slow_nearest(crowd.vectors[rows], np.array([3]), 5))


def test_an_exact_copy_is_perfect(crowd, small_bands):
    copy = Embedding(crowd.words, crowd.vectors.copy())
    for band in measure_fidelity(copy, crowd, seed=0).values():
        assert_allclose([band[metric].value for metric in fidelity.METRICS[:-1]], [1, 1, 1, 1, 1, 0], atol=1e-12)


def test_the_more_noise_the_worse(crowd, small_bands):
    little, much = (measure_fidelity(noisy(crowd, scale), crowd, seed=0)["head"] for scale in (0.1, 0.6))
    for metric in ("spearman", "pearson", "recall@1", "recall@10", "recall@100"):
        assert little[metric].value > much[metric].value
    assert 0 < little["error"].value < much["error"].value


def test_as_written_out_plainly(crowd, small_bands):
    """Bands smaller than the samples: every word of a band is a query."""
    target = noisy(crowd, 0.4)
    found = measure_fidelity(target, crowd, seed=0)["tail"]
    tail = np.arange(50, 300)
    after, before = target.vectors[tail].astype(np.float64), crowd.vectors[tail].astype(np.float64)
    error = np.linalg.norm(after - before) / np.linalg.norm(before)
    assert_allclose(found["error"].value, error, rtol=1e-6)
    units = [unit_rows(embedding.vectors) for embedding in (crowd, target)]
    cosines = [(each[tail] @ each.T).ravel() for each in units]
    assert_allclose(found["spearman"].value, stats.spearmanr(*cosines).statistic, atol=0.04)
    assert_allclose(found["pearson"].value, stats.pearsonr(*cosines).statistic, atol=0.04)
    before, after = slow_nearest(crowd.vectors, tail, 10), slow_nearest(target.vectors, tail, 10)
    recall = np.mean([len(set(a) & set(b)) / 10 for a, b in zip(before, after, strict=True)])
    assert_allclose(found["recall@10"].value, recall, atol=0.05)
    assert (found["recall@10"].n_used, found["error"].n_used, found["spearman"].n_used) == (200, 250, 1_000)


def test_isotropy_is_that_of_the_band(crowd, small_bands):
    from embcomp.linear import isotropy

    found = measure_fidelity(crowd, crowd, seed=0)
    assert list(found) == ["head", "tail"]
    assert_allclose(found["head"]["isotropy"].value, isotropy(crowd.vectors[:50]), rtol=1e-5)


def test_words_are_matched_by_name_and_missing_ones_counted(crowd, small_bands):
    kept = np.random.default_rng(0).permutation(np.r_[0:40, 60:300])
    target = Embedding([crowd.words[i] for i in kept], crowd.vectors[kept])
    shared = Shared.of(target, crowd)
    assert_array_equal(shared.ranks, np.sort(kept))
    assert_array_equal(target.vectors[shared.target_rows], crowd.vectors[shared.baseline_rows])
    found = measure_fidelity(target, crowd, seed=0)
    assert [found[band]["error"].oov for band in ("head", "tail")] == [10, 10]
    assert found["head"]["error"].value == 0
    assert found["head"]["recall@10"].value == 1


def test_other_dimensions_leave_a_gap_that_says_why(crowd, small_bands):
    narrow = Embedding(crowd.words, crowd.vectors[:, :15].copy())
    found = measure_fidelity(narrow, crowd, seed=0)["head"]
    assert (found["error"].value, found["error"].note) == (None, "has 15 dimensions, the baseline 20")
    assert found["recall@10"].value > 0.3


def test_nothing_in_common(crowd, small_bands):
    other = Embedding(["x", "y"], np.eye(2, dtype=np.float32))
    for band in measure_fidelity(other, crowd, seed=0).values():
        assert {found.value for found in band.values()} == {None}
        assert all(found.note for found in band.values())


def test_zero_vectors(crowd, small_bands):
    zeros = Embedding(crowd.words, np.zeros_like(crowd.vectors))
    found = measure_fidelity(zeros, crowd, seed=0)["head"]
    assert (found["spearman"].value, found["error"].value) == (None, 1.0)
    backwards = measure_fidelity(crowd, zeros, seed=0)["head"]
    assert (backwards["error"].value, backwards["error"].note) == (None, "all vectors are zero")


def test_the_same_seed_draws_the_same_sample(crowd):
    target = noisy(crowd, 0.3)
    one, two, other = (measure_fidelity(target, crowd, seed)["top 1k"]["spearman"].value for seed in (1, 1, 2))
    assert one == two != other


def test_bands_that_exist():
    assert bands(300) == [("top 1k", 0, 300)]
    assert bands(1_000) == [("top 1k", 0, 1_000)]
    assert bands(1_001) == [("top 1k", 0, 1_000), ("1k-10k", 1_000, 1_001)]
    assert bands(100_000)[2:] == [("10k-30k", 10_000, 30_000), ("30k-100k", 30_000, 100_000)]
    assert bands(341_479)[3:] == [("30k-100k", 30_000, 100_000), ("rest", 100_000, 341_479)]


class Shifted(Embedding):
    """Vectors less a mean, as a method that centres decodes them."""

    shift = np.full(20, 3, dtype=np.float32)

    def align(self, vectors):
        return vectors - self.shift


def test_asymmetric_recall_is_that_of_vectors_before_against_those_after(crowd, small_bands):
    target = noisy(crowd, 0.6)
    shifted = Shifted(crowd.words, target.vectors - Shifted.shift)
    found = measure_fidelity(shifted, crowd, seed=0)["head"]
    before = slow_nearest(crowd.vectors, np.arange(50), 10)
    cosines = unit_rows(crowd.vectors[:50] - Shifted.shift) @ unit_rows(shifted.vectors).T
    cosines[np.arange(50), np.arange(50)] = -np.inf
    after = np.argsort(-cosines, axis=1, kind="stable")[:, :10]
    recall = np.mean([len(set(a) & set(b)) / 10 for a, b in zip(before, after, strict=True)])
    assert_allclose(found["recall@10"].asymmetric, recall, atol=0.005)
    assert found["spearman"].asymmetric is None


def test_asymmetric_recall_needs_equal_dimensions(crowd, small_bands):
    narrow = Embedding(crowd.words, crowd.vectors[:, :15].copy())
    assert measure_fidelity(narrow, crowd, seed=0)["head"]["recall@10"].asymmetric is None


def test_bootstrap_of_a_correlation_and_of_a_ratio():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=20), rng.random(size=20)
    counts = np.concatenate(list(resample_counts(20, seed=5, n_resamples=40)))
    slow = [stats.pearsonr(np.repeat(x, row), np.repeat(y, row)).statistic for row in counts]
    assert_allclose(bootstrap_pearson(x, y, seed=5, n_resamples=40), slow, atol=1e-12)
    slow = [np.repeat(x, row).sum() / np.repeat(y, row).sum() for row in counts]
    assert_allclose(bootstrap_ratio(x, y, seed=5, n_resamples=40), slow, atol=1e-12)


def test_the_first_metric_alone_is_the_same(crowd, small_bands):
    target = noisy(crowd, 0.4)
    found = measure_fidelity(target, crowd, seed=2)
    first = fidelity.measure_fidelity(target, crowd, Settings(seed=2, first_only=True))
    for band in ("head", "tail"):
        alone, whole = first[band, "spearman"], found[band]["spearman"]
        assert (alone.value, alone.n_used, alone.oov) == (whole.value, whole.n_used, whole.oov)
        assert_array_equal(alone.resamples, whole.resamples)


def test_the_first_metric_alone_with_nothing_in_common(crowd, small_bands):
    other = Embedding(["x", "y"], np.eye(2, dtype=np.float32))
    (alone, *_) = fidelity.measure_fidelity(other, crowd, Settings(first_only=True)).values()
    assert (alone.value, alone.note) == (None, "no two words in common")
