from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from embcomp.embedding import Embedding
from embcomp.errors import ParameterError, PluginWarning
from embcomp.eval import fidelity, run, similarity
from embcomp.eval.score import Measurement, Score
from embcomp.eval.suite import BUILT_IN, DataSet, Settings, Suite, all_suites

from .conftest import built_in, evaluate


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
    words = sorted({word.lower() for data in built_in()[:2] for pair in data.rows for word in pair[:2]} - {"rome"})
    return Embedding(words, np.random.default_rng(1).normal(size=(len(words), 12)).astype(np.float32))


def test_one_score_for_each_suite_set_and_metric(words, folder):
    stages = []
    scores = evaluate(
        words,
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
    for score in evaluate(words, ["similarity", "categorization"], folder):
        assert score.low <= score.value <= score.high
    assert abs(score.value) > 1


def test_the_same_seed_gives_the_same_scores(words, folder):
    one = evaluate(words, ["similarity", "categorization"], folder, seed=3)
    assert one == evaluate(words, ["similarity", "categorization"], folder, seed=3)
    assert one != evaluate(words, ["similarity", "categorization"], folder, seed=4)


def test_missing_words_can_be_skipped(words, folder):
    (tiny,) = (s for s in evaluate(words, ["similarity"], folder, oov="skip") if s.task == "tiny")
    assert (tiny.n_used, tiny.n_skipped, tiny.oov) == (3, 1, 1)


def test_json_has_exactly_the_promised_names(words):
    document = [score.to_json() for score in evaluate(words, ["similarity"])]
    names = ["target", "suite", "task", "metric", "value", "low", "high", "n_used", "n_skipped", "oov"]
    names += ["note", "value_skipping", "value_asymmetric", "is_mean", "baseline", "ratio", "p_value"]
    assert all(list(row) == names for row in document)
    assert json.loads(json.dumps(document)) == document


def measured_by(measure, **changes) -> list[tuple[Suite, list[DataSet]]]:
    """The suite of similarity, measured in another way."""
    return [(replace(similarity.SUITE, measure=measure, **changes), built_in()[:2])]


def test_a_gap_is_shown(words):
    gap = measured_by(lambda *_: {"spearman": Measurement(None, 0, note="why")})
    ws353, simlex = run.measure(words, "toy", gap, Settings())
    assert (simlex.value, simlex.low, simlex.high, simlex.note) == (None, None, None, "why")
    assert ws353.to_json()["value"] is None


def test_what_is_expected_and_not_delivered_is_a_gap(words):
    found = {"kendall": Measurement(0.5, 3), "unexpected": Measurement(0.5, 3)}
    chosen = measured_by(lambda *_: found, metrics=("spearman", "kendall"))
    scores = run.measure(words, "toy", chosen, Settings())
    assert [score.metric for score in scores] == ["spearman", "kendall"] * 2
    assert (scores[0].value, scores[0].note) == (None, "not computed")
    assert scores[1].value == 50


def fails(*_):
    raise ZeroDivisionError("on two\nlines")


@pytest.mark.parametrize("part", ["measure", "plan", "missing"])
def test_a_suite_of_another_package_that_fails_is_named_and_hurts_nobody(words, part):
    other = replace(similarity.SUITE, name="theirs", **{part: fails})
    chosen = [(other, built_in()[:1]), (similarity.SUITE, built_in()[:1])]
    with pytest.warns(PluginWarning) as caught:
        *theirs, ours = run.measure(words, "toy", chosen, Settings())
    message = "suite 'theirs' of another package cannot be used: ZeroDivisionError: on two lines"
    assert {str(each.message) for each in caught} == {message}
    assert ours.value is not None
    assert [(score.suite, score.value) for score in theirs] == {
        "measure": [("theirs", None)],
        "plan": [],
        "missing": [("theirs", ours.value)],
    }[part]


def test_a_suite_of_our_own_that_fails_is_a_bug(words):
    with pytest.raises(ZeroDivisionError):
        run.measure(words, "toy", measured_by(fails), Settings())


def test_a_suite_that_does_not_exist(words):
    with pytest.raises(ParameterError) as caught:
        evaluate(words, ["riddles"])
    assert str(caught.value) == f"there is no suite 'riddles', expected one of {', '.join(BUILT_IN)}"


def test_a_suite_without_data(words):
    with pytest.raises(ParameterError) as caught:
        evaluate(words, ["categorization"])
    assert str(caught.value) == "suite 'categorization' has no data set: give a folder that has one (`data_dir`)"


def test_a_policy_that_does_not_exist(words):
    with pytest.raises(ParameterError, match="`oov` must be 'mean' or 'skip', got 'drop'"):
        evaluate(words, oov="drop")


def test_by_default_every_suite_with_data_is_run(words, folder):
    scores = evaluate(words, None, folder, restrict_vocab=100)
    suites = list(dict.fromkeys(score.suite for score in scores))
    assert suites == ["similarity", "categorization", "analogy"]
    assert [score.metric for score in scores if score.suite == "analogy"] == ["3cosadd", "3cosmul"]


def test_fidelity_needs_a_baseline(words):
    with pytest.raises(ParameterError) as caught:
        evaluate(words, ["fidelity"])
    assert str(caught.value) == "suite 'fidelity' compares with a baseline: give one (`baseline`)"


def test_fidelity_of_a_target(words, monkeypatch):
    monkeypatch.setattr(fidelity, "N_PAIRS", 100)
    few = Embedding(words.words[:900], words.vectors[:900])
    noisy = Embedding(few.words, few.vectors + np.float32(0.1))
    scores = evaluate(noisy, ["fidelity"], baseline=few)
    assert [score.key for score in scores] == [("fidelity", "top 1k", metric) for metric in fidelity.METRICS]
    assert all(score.value is not None for score in scores)


def test_a_baseline_is_not_compared_with_itself(words):
    few = Embedding(words.words[:900], words.vectors[:900])
    (score,) = evaluate(few, ["fidelity"], baseline=few)
    assert score.key == ("fidelity", "top 1k", "isotropy")
    assert 0 < score.value < 100


def test_classification_names_the_extra_it_needs(words, write, monkeypatch):
    path = write("classification/x.tsv", "1\tlove\n0\tcat\n" * 5)
    monkeypatch.setattr("embcomp.eval.classification.find_spec", lambda name: None)
    with pytest.raises(ParameterError) as caught:
        evaluate(words, ["classification"], path.parent)
    assert str(caught.value) == "suite 'classification' needs scikit-learn: pip install '.[eval]'"
    *_, score = evaluate(words, None, path.parent)
    assert (score.suite, score.value) == ("classification", None)
    assert score.note == str(caught.value)


@pytest.mark.parametrize("restrict_vocab", [0, -1, 2.5, True])
def test_restrict_vocab_is_a_positive_integer(words, restrict_vocab):
    with pytest.raises(ParameterError) as caught:
        evaluate(words, ["analogy"], restrict_vocab=restrict_vocab)
    assert str(caught.value) == (f"`restrict_vocab` must be an integer of at least 1, got {restrict_vocab!r}")


def test_the_plan_lists_each_result_once(words, folder):
    chosen = run.choose(None, folder, has_baseline=True)
    settings = Settings(baseline=words)
    keys = [(s.name, *key) for s, data in chosen for job in s.jobs(words, data, settings) for key in job.keys]
    assert len(keys) == len(set(keys))
    assert {suite for suite, _, _ in keys} == {"similarity", "categorization", "analogy", "fidelity"}


def test_interval_of_undefined_resamples_is_none():
    measured = Measurement(0.5, 3, resamples=np.full(5, np.nan))
    assert Score.of(("s", "t", "m"), "x", measured).low is None


def test_every_suite_is_named_as_in_the_table():
    assert {name: suite.name for name, suite in all_suites().items()} == {name: name for name in BUILT_IN}
