from __future__ import annotations

import numpy as np
from numpy.testing import assert_allclose

from embcomp.eval.report import text_report
from embcomp.eval.score import Measurement, Score, beside, over_seeds, with_means


def scored(target: str, task: str, value: float | None, suite="similarity", spread=0.05, **more) -> Score:
    resamples = None if value is None else np.linspace(value - spread, value + spread, 101)
    return Score.of((suite, task, "spearman"), target, Measurement(value, 10, resamples=resamples, **more))


def means(scores: list[Score]) -> list[Score]:
    return [score for score in with_means(scores) if score.is_mean]


def failing(scores: list[Score], at_least: float) -> list[Score]:
    return [score for score in scores if not score.reaches(at_least)]


BASE = [scored("base", "one", 0.5), scored("base", "two", 0.8), scored("base", "three", -0.1)]


def test_ratios_and_p_values():
    ours = [
        scored("ours", "one", 0.4),
        scored("ours", "two", 0.8),
        scored("ours", "three", 0.1),
        scored("ours", "x", 1),
    ]
    rows = beside(ours, BASE)
    assert_allclose([row.ratio for row in rows[:2]], [0.8, 1.0])
    assert_allclose([row.p_value for row in rows[:2]], [2 / 102, 1.0])
    assert rows[2].ratio is None  # of a negative baseline
    assert (rows[3].baseline, rows[3].ratio, rows[3].p_value) == (None, None, None)


def test_measurements_of_different_items_are_not_paired():
    (row,) = beside([scored("ours", "one", 0.4, items=b"1")], BASE)
    assert_allclose(row.ratio, 0.8)
    assert row.p_value is None


def test_the_gate_names_the_rows_that_fail():
    ours = [scored("ours", "one", 0.4), scored("ours", "two", 0.79), scored("ours", "three", -0.2)]
    rows = beside(ours, BASE)
    assert [row.task for row in failing(rows, 0.97)] == ["one", "three"]
    assert [row.task for row in failing(rows, 0.8)] == ["three"]
    assert [row.task for row in failing(rows, 1)] == ["one", "two", "three"]


def test_the_gate_stops_gaps_of_our_own_but_not_the_baselines():
    assert failing(beside([scored("ours", "one", None)], BASE), 0.5)
    assert not failing(beside([scored("ours", "one", 0.1)], [scored("base", "one", None)]), 0.5)
    assert not failing(beside([scored("ours", "new", 0.1)], BASE), 0.5)


def test_means_of_suites():
    ours = [scored("ours", "one", 0.4), scored("ours", "two", 0.6), scored("ours", "lone", 0.2, suite="other")]
    (mean,) = means(beside(ours, BASE))
    assert (mean.task, mean.n_used) == ("mean of 2", 20)
    assert_allclose([mean.value, mean.low, mean.high], [50, 45.25, 54.75])
    assert mean.baseline is not None
    assert_allclose(mean.baseline.value, 65)
    assert_allclose(mean.ratio, 0.5 / 0.65)


def test_means_leave_out_gaps_on_both_sides():
    ours = [scored("ours", "one", None), scored("ours", "two", 0.6), scored("ours", "new", 0.2)]
    (mean,) = means(beside(ours, BASE))
    assert mean.task == "mean of 1 of 3"
    assert_allclose([mean.value, mean.baseline.value], [60, 80])
    (alone,) = means(beside(ours, []))
    assert alone.task == "mean of 2 of 3"
    assert_allclose(alone.value, 40)


def test_means_of_nothing_are_gaps():
    (mean,) = means(beside([scored("ours", "one", None), scored("ours", "two", None)], BASE))
    assert (mean.task, mean.value, mean.baseline) == ("mean of 0 of 2", None, None)


def test_the_table():
    ours = [
        scored("ours", "one", 0.4, oov=2, n_skipped=1),
        scored("ours", "two", None, note="no pair is known on both sides"),
    ]
    assert text_report(ours).splitlines() == [
        "out-of-vocabulary words replaced by the mean vector; values ×100; 95 % bootstrap intervals, seed 0",
        "",
        "ours",
        "suite       task            metric    value     interval  n used  skipped  oov",
        "similarity  one             spearman   40.0  35.2 … 44.8      10        1    2",
        "similarity  two             spearman      –                   10        0    0",
        "similarity  mean of 1 of 2  spearman   40.0  35.2 … 44.8      10        1    2",
        "",
        "ours: similarity two: no pair is known on both sides",
    ]


def test_the_table_with_a_baseline():
    table = text_report(beside([scored("ours", "one", 0.4)], BASE), oov="skip", seed=7)
    first, _, target, header, row = table.splitlines()
    assert first == "out-of-vocabulary words skipped with their rows; values ×100; 95 % bootstrap intervals, seed 7"
    assert target == "ours"
    assert header.split()[-3:] == ["baseline", "ratio", "p"]
    assert row.split()[-3:] == ["50.0", "0.800", "0.020"]


def test_each_target_has_its_table():
    table = text_report([scored("a", "one", 0.4), scored("b", "one", 0.5)])
    assert [line for line in table.splitlines() if line in ("a", "b")] == ["a", "b"]


def test_the_means_of_a_suite_follow_its_scores():
    scores = [scored("ours", task, 0.4, suite=suite) for suite in ("s", "other") for task in ("one", "two")]
    found = with_means([*scores, scored("theirs", "one", 0.5)])
    assert [(score.target, score.suite, score.task) for score in found] == [
        ("ours", "s", "one"),
        ("ours", "s", "two"),
        ("ours", "s", "mean of 2"),
        ("ours", "other", "one"),
        ("ours", "other", "two"),
        ("ours", "other", "mean of 2"),
        ("theirs", "similarity", "one"),
    ]


def test_means_over_seeds():
    rows = beside([scored("ours", "one", value) for value in (0.4, 0.44)], BASE)
    mean = over_seeds(rows)
    assert_allclose([mean.value, mean.low, mean.high, mean.ratio], [42, 37.25, 46.75, 0.84])
    assert_allclose(mean.spread, 8**0.5)  # of 40 and 44, over n - 1
    gap = over_seeds([*rows, scored("ours", "one", None)])
    assert (gap.value, gap.spread, gap.ratio) == (None, None, None)
    assert over_seeds(rows[:1]).spread is None
