from __future__ import annotations

import json

import numpy as np
import pytest

from embcomp.embedding import Embedding
from embcomp.errors import ParameterError
from embcomp.eval import fidelity, run
from embcomp.eval.datasets import built_in
from embcomp.eval.run import SUITES, evaluate
from embcomp.eval.score import Measurement, Score


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sets")
    (folder / "similarity").mkdir()
    (folder / "similarity" / "tiny.tsv").write_text("love\tsex\t3\ntiger\tcat\t2\nbook\tpaper\t1\nbook\trome\t2\n")
    (folder / "categorization").mkdir()
    (folder / "categorization" / "pets.tsv").write_text("cat\tanimal\ntiger\tanimal\nbook\tthing\npaper\tthing\n")
    return folder


@pytest.fixture(scope="module")
def words():
    words = sorted({word.lower() for data in built_in()[:2] for pair in data.pairs for word in pair} - {"rome"})
    return Embedding(words, np.random.default_rng(1).normal(size=(len(words), 12)).astype(np.float32))


def test_one_score_for_each_suite_set_and_metric(words, folder):
    stages = []
    scores = evaluate(
        words,
        "toy",
        ["similarity", "categorization"],
        folder,
        progress=lambda *stage: stages.append(stage),
    )
    assert [score.key for score in scores] == [
        ("similarity", "SimLex-999", "spearman"),
        ("similarity", "tiny", "spearman"),
        ("similarity", "WS-353", "spearman"),
        ("categorization", "pets", "purity"),
    ]
    assert [score.n_used for score in scores] == [999, 4, 353, 4]
    assert {score.target for score in scores} == {"toy"}
    assert stages[0] == ("similarity SimLex-999", 0, 4)
    assert stages[-1] == ("done", 4, 4)


def test_values_lie_in_their_intervals_and_are_in_percent(words, folder):
    for score in evaluate(words, "toy", ["similarity", "categorization"], folder):
        assert score.low <= score.value <= score.high
    assert abs(score.value) > 1


def test_the_same_seed_gives_the_same_scores(words, folder):
    one = evaluate(words, "toy", ["similarity", "categorization"], folder, seed=3)
    assert one == evaluate(words, "toy", ["similarity", "categorization"], folder, seed=3)
    assert one != evaluate(words, "toy", ["similarity", "categorization"], folder, seed=4)


def test_missing_words_can_be_skipped(words, folder):
    (tiny,) = (s for s in evaluate(words, "toy", ["similarity"], folder, oov="skip") if s.task == "tiny")
    assert (tiny.n_used, tiny.n_skipped, tiny.oov) == (3, 1, 1)


def test_json_has_exactly_the_promised_names(words):
    document = [score.to_json() for score in evaluate(words, "toy", ["similarity"])]
    names = ["target", "suite", "task", "metric", "value", "low", "high", "n_used", "n_skipped", "oov"]
    assert all(list(row) == names for row in document)
    assert json.loads(json.dumps(document)) == document


def test_a_gap_is_shown(words, monkeypatch):
    monkeypatch.setattr("embcomp.eval.similarity.measure_similarity", lambda *_: Measurement(None, 0, note="why"))
    (simlex, ws353) = evaluate(words, "toy", ["similarity"])
    assert (simlex.value, simlex.low, simlex.high, simlex.note) == (None, None, None, "why")
    assert ws353.to_json()["value"] is None


def test_what_is_expected_and_not_delivered_is_a_gap(words, monkeypatch):
    monkeypatch.setitem(SUITES, "similarity", ("spearman", "kendall"))
    scores = evaluate(words, "toy", ["similarity"])
    assert [score.metric for score in scores] == ["spearman", "kendall"] * 2
    assert (scores[1].value, scores[1].note) == (None, "not computed")


def test_a_suite_that_does_not_exist(words):
    with pytest.raises(ParameterError) as caught:
        evaluate(words, "toy", ["riddles"])
    assert str(caught.value) == f"The suite must be one of {', '.join(SUITES)}, got 'riddles'"


def test_a_suite_without_data(words):
    with pytest.raises(ParameterError) as caught:
        evaluate(words, "toy", ["categorization"])
    assert str(caught.value) == "suite 'categorization' has no data set: give a folder with one (--data)"


def test_a_policy_that_does_not_exist(words):
    with pytest.raises(ParameterError, match="The 'oov' parameter must be 'mean' or 'skip', got 'drop'"):
        evaluate(words, "toy", oov="drop")


def test_by_default_every_suite_with_data_is_run(words, folder, monkeypatch):
    monkeypatch.setattr("embcomp.eval.analogy.RESTRICT_VOCAB", 100)
    scores = evaluate(words, "toy", None, folder)
    suites = list(dict.fromkeys(score.suite for score in scores))
    assert suites == ["similarity", "categorization", "analogy"]
    assert [score.metric for score in scores if score.suite == "analogy"] == ["3cosadd", "3cosmul"]


def test_fidelity_needs_a_baseline(words):
    with pytest.raises(ParameterError) as caught:
        evaluate(words, "toy", ["fidelity"])
    assert str(caught.value) == "suite 'fidelity' compares with a baseline: give one (--baseline)"


def test_fidelity_of_a_target(words, monkeypatch):
    monkeypatch.setattr(fidelity, "N_PAIRS", 100)
    few = Embedding(words.words[:900], words.vectors[:900])
    noisy = Embedding(few.words, few.vectors + np.float32(0.1))
    scores = evaluate(noisy, "toy", ["fidelity"], baseline=few)
    assert [score.key for score in scores] == [("fidelity", "top 1k", metric) for metric in fidelity.METRICS]
    assert all(score.value is not None for score in scores)


def test_a_baseline_is_not_compared_with_itself(words):
    few = Embedding(words.words[:900], words.vectors[:900])
    (score,) = evaluate(few, "toy", ["fidelity"], baseline=few)
    assert score.key == ("fidelity", "top 1k", "isotropy")
    assert 0 < score.value < 100


def test_classification_names_the_extra_it_needs(words, write, monkeypatch):
    path = write("classification/x.tsv", "1\tlove\n0\tcat\n" * 5)
    monkeypatch.setattr("embcomp.eval.classification.find_spec", lambda name: None)
    with pytest.raises(ParameterError) as caught:
        evaluate(words, "toy", ["classification"], path.parent)
    assert str(caught.value) == "suite 'classification' needs scikit-learn: pip install 'embcomp[eval]'"
    *_, score = evaluate(words, "toy", None, path.parent)
    assert (score.suite, score.value, score.n_skipped) == ("classification", None, 10)
    assert score.note == str(caught.value)


@pytest.mark.parametrize("restrict_vocab", [0, -1, 2.5, True])
def test_restrict_vocab_is_a_positive_integer(words, restrict_vocab):
    with pytest.raises(ParameterError) as caught:
        evaluate(words, "toy", ["analogy"], restrict_vocab=restrict_vocab)
    assert str(caught.value) == (
        f"The 'restrict_vocab' parameter must be an integer of at least 1, got {restrict_vocab!r}"
    )


def test_the_plan_lists_each_result_once(words, folder):
    jobs = run.plan(words, run.collect(folder), None, words, run.Settings())
    keys = [key for job in jobs for key in job.keys]
    assert len(keys) == len(set(keys))
    assert {suite for suite, _, _ in keys} == {"similarity", "categorization", "analogy", "fidelity"}


def test_interval_of_undefined_resamples_is_none():
    measured = Measurement(0.5, 3, resamples=np.full(5, np.nan))
    assert Score.of(("s", "t", "m"), "x", measured).low is None
