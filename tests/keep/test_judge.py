from __future__ import annotations

import math

import numpy as np
import pytest

from embcomp.embedding import Embedding
from embcomp.errors import ParameterError
from embcomp.eval import similarity
from embcomp.eval.run import choose, measure
from embcomp.eval.suite import DataSet, Settings
from embcomp.keep import judge
from embcomp.keep.judge import Judge, kept


def noisy(source: Embedding, scale: float) -> Embedding:
    noise = np.random.default_rng(0).normal(scale=scale, size=source.vectors.shape)
    return Embedding(source.words, (source.vectors + noise).astype(np.float32))


def judged(source, chosen, target, **more):
    return Judge(chosen, lambda suite: source, Settings(), **more).shares(lambda suite: target)


def test_a_copy_keeps_all_for_sure(source, chosen):
    (share,) = judged(source, chosen, Embedding(source.words, source.vectors.copy()))
    assert (share.suite, share.metric, share.task, share.share, share.low) == ("similarity", "spearman", "toy", 1, 1)


def test_the_bound_is_that_of_paired_resamples(source, chosen):
    target = noisy(source, 0.3)
    (share,) = judged(source, chosen, target)
    ((suite, sets),) = chosen
    before, after = (measure(each, "", [(suite, sets)], Settings())[0] for each in (source, target))
    ratios = after.resamples.astype(np.float64) / before.resamples.astype(np.float64)
    assert share.share == pytest.approx(after.value / before.value)
    assert share.low == pytest.approx(np.percentile(ratios, 2.5))
    assert share.low < share.share < 1
    assert kept([share]) == share.low


def test_the_least_bound_counts():
    assert kept([]) == -math.inf


def test_fidelity_is_its_own_share(source):
    target = noisy(source, 0.3)
    found = choose(["fidelity"], None, has_baseline=True)
    (share,) = judged(source, found, target)
    scores = measure(target, "", found, Settings(baseline=source))
    values = [score.value for score in scores if score.metric == "spearman"]
    assert share.value == pytest.approx(np.mean(values))
    assert (share.source, share.share) == (100, share.value / 100)
    assert 0 < share.low < share.share


def test_a_rough_bound_is_that_of_the_first_resamples(source, chosen):
    target = noisy(source, 0.3)
    own = Judge(chosen, lambda suite: source, Settings())
    (whole,), (rough,) = (own.shares(lambda suite: target, roughly=roughly) for roughly in (False, True))
    assert (rough.share, rough.value) == (whole.share, whole.value)
    assert rough.low != whole.low
    assert rough.share - rough.low == pytest.approx(whole.share - whole.low, rel=0.5)


def test_without_a_score_of_the_source_there_is_no_share(source):
    data = DataSet("similarity", "odd", [("x", "y", 1.0), ("y", "z", 2.0)])
    with pytest.raises(ParameterError) as caught:
        judged(source, [(similarity.SUITE, [data])], source)
    assert str(caught.value) == (
        "suite 'similarity': the source must have a score above 0, got None: all cosines or all ratings are equal"
    )


def test_suites_whose_words_are_missing_can_be_left_out(source, chosen):
    odd = (
        similarity.SUITE,
        [DataSet("similarity", "odd", [("x", "y", 1.0), ("y", "w1", 2.0), ("w2", "z", 2.0), ("u", "v", 1)])],
    )
    assert Judge(chosen, lambda suite: source, Settings(), only_covered=True).chosen == chosen
    with pytest.raises(ParameterError) as caught:
        judged(source, [odd], source, only_covered=True)
    assert str(caught.value) == "`keep` needs a suite of which the source has the words: name it with `suites`"
    assert judge.Judge([*chosen], lambda suite: source, Settings()).chosen == chosen


def test_a_target_without_a_score_keeps_nothing(source, chosen):
    zeros = Embedding(source.words, np.zeros_like(source.vectors))
    (share,) = judged(source, chosen, zeros)
    assert share.low == -math.inf
