"""Ratings of pairs of texts."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import spearmanr

from embcomp.eval import sts
from embcomp.eval.suite import DataSet, Settings

from .conftest import evaluate, toy

WORDS = toy("cat dog car", [[3, 0], [1, 2], [0, 4]])
ROWS = [("A cat", "cat!", 5.0), ("cat dog", "car", 2.0), ("dog dog car", "cat", 1.0), ("zebra", "cat", 0.0)]


def measured(oov="mean"):
    return sts.measure(WORDS, DataSet("sts", "animals", ROWS), Settings(oov))["spearman"]


def cosine(left, right):
    return np.dot(left, right) / np.linalg.norm(left) / np.linalg.norm(right)


def test_a_text_is_the_sum_of_its_vectors_as_long_as_they_are():
    found = measured("skip")
    cosines = [1, cosine([4, 2], [0, 4]), cosine([2, 8], [3, 0])]
    assert found.value == pytest.approx(spearmanr(cosines, [5, 2, 1]).statistic)
    assert (found.n_used, found.n_skipped, found.oov) == (3, 1, 3)  # missing: A, !, zebra


def test_lengths_count():
    """Vectors of length 1 would order the pairs the other way round."""
    rows = [("topic a", "topic b", 2.0), ("c", "d", 1.0)]
    for length, value in ((9, 1), (1, -1)):
        words = toy("topic a b c d", [[length, 0], [0, 1], [0, -1], [1, 0], [0.6, 0.8]])
        found = sts.measure(words, DataSet("sts", "x", rows), Settings())["spearman"]
        assert found.value == pytest.approx(value)


def test_a_text_without_words_has_the_mean_vector():
    found = measured("mean")
    mean = np.array([4, 6]) / 3
    cosines = [1, cosine([4, 2], [0, 4]), cosine([2, 8], [3, 0]), cosine(mean, [3, 0])]
    assert found.value == pytest.approx(spearmanr(cosines, [5, 2, 1, 0]).statistic)
    assert (found.n_used, found.n_skipped) == (4, 0)


def test_no_pair_of_known_texts():
    found = sts.measure(WORDS, DataSet("sts", "x", [("x", "y", 1.0)]), Settings("skip"))["spearman"]
    assert (found.value, found.n_used, found.note) == (None, 0, "no pair is known on both sides")


def test_a_folder_of_sets(write):
    folder = write("sts/mine.tsv", "".join(f"{score}\t{left}\t{right}\n" for left, right, score in ROWS)).parents[1]
    (score,) = evaluate(WORDS, ["sts"], folder)
    assert (score.suite, score.task, score.metric, score.n_used) == ("sts", "mine", "spearman", 4)
