from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from embcomp.checks import size_text
from embcomp.comparison import tables
from embcomp.comparison.workbench import BASELINE, Result
from embcomp.eval.score import Score, beside, with_means

CONFIG = {"bits": 8, "random_state": 0}


def score(value: float | None, task: str = "one", suite: str = "similarity", metric: str = "spearman") -> Score:
    return Score("x", suite, task, metric, value, 10.0, 90.0, 5, 0, 1)


BASE = [score(80.0), score(40.0, "two")]


def result(method: str, value: float | None, seed: int = 0, **more: Any) -> Result:
    given: dict[str, Any] = {
        "config": {} if method == BASELINE else CONFIG | {"random_state": seed},
        "bits_per_vector": 8,
        "bytes": {"file": 1000 + seed},
        "ratio": {"vectors": 4.0, "file": 3.0},
        "seconds": {"fit": 1.0 + seed, "encode": 0.25},
        "scores": with_means(beside([score(value), score(60.0, "two")], BASE)),
        "label": method,
        "seed_name": "random_state",
    }
    return Result(method, **(given | more))


def test_runs_that_differ_in_their_seed_are_one_line() -> None:
    lines = tables.summarise(
        [result(BASELINE, 80.0), result("itq", 40.0), result("itq", 44.0, 1), result("iiq", 50.0)]
    )
    assert [(line.label, len(line.runs)) for line in lines] == [(BASELINE, 1), ("itq", 2), ("iiq", 1)]
    mean = lines[1].means["similarity", "spearman"]
    assert mean.value == pytest.approx(51.0)
    assert mean.spread == pytest.approx(2**0.5)  # of 50 and 52, over n - 1
    assert (mean.task, mean.is_mean, mean.ratio) == ("mean of 2", True, pytest.approx(51 / 60))
    assert lines[1].mean("seconds", "fit") == 1.5
    assert lines[2].means["similarity", "spearman"].spread is None
    assert lines[1].scores["similarity", "one", "spearman"].ratio == pytest.approx(42 / 80)


def test_a_gap_in_one_seed_is_a_gap() -> None:
    line = tables.summarise([result("itq", 40.0), result("itq", None, 1)])[0]
    assert line.scores["similarity", "one", "spearman"].value is None


def test_configurations_are_not_mixed() -> None:
    lines = tables.summarise([result("itq", 1.0), result("itq", 2.0, config={"bits": 4, "random_state": 0})])
    assert len(lines) == 2


def test_the_text_table_to_the_letter() -> None:
    lines = tables.summarise(
        [
            result(BASELINE, 80.0, label="uncompressed"),
            result("itq", 40.0),
            result("itq", 44.0, 1),
            Result("sign", None, note="cannot", label="sign"),
        ]
    )
    assert tables.text_table(lines) == (
        "method        bits/word  bytes  × vectors  × file  fit s  encode s     similarity (×)\n"
        "uncompressed          8  1,000        4.0     3.0      –         –        70.0 (1.17)\n"
        "itq                   8  1,000        4.0     3.0    1.5       0.2  51.0 ± 1.4 (0.85)\n"
        "sign                  –      –          –       –      –         –                  –\n"
    )


def test_markdown_has_a_table_of_the_suites_and_one_of_each_suites_data_sets() -> None:
    first, _, second = tables.markdown_table(tables.summarise([result("a|b", 40.0)])).partition(
        "\nsimilarity (spearman"
    )
    assert first.splitlines()[1] == "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |"
    assert first.splitlines()[2].startswith("| a\\|b | 8 | 1,000 |")
    assert second.splitlines()[2:] == [
        "| method | one | two | mean |",
        "| --- | ---: | ---: | ---: |",
        "| a\\|b | 40.0 | 60.0 | 50.0 |",
    ]


def test_every_score_is_there_in_full() -> None:
    rows = tables.score_rows([result("itq", 40.123456, 3), Result("sign", None, note="why")])
    assert len(rows) == 4
    assert all(list(row) == list(rows[0]) for row in rows)
    assert rows[0]["method"] == "itq"
    assert (rows[0]["options"], rows[0]["seed"], rows[0]["bytes"]) == ("bits=8", 3, 1003)
    assert (rows[0]["task"], rows[0]["value"], rows[0]["oov"]) == ("one", 40.123456, 1)
    assert [row["is_mean"] for row in rows] == [False, False, True, None]
    assert (rows[3]["method"], rows[3]["bytes"], rows[3]["note"]) == ("sign", None, "why")


def test_one_metric_stands_for_a_suite_and_the_source_has_fewer() -> None:
    isotropy, spearman = (score(1.0, "top 1k", "fidelity", metric) for metric in ("isotropy", "spearman"))
    lines = tables.summarise(
        [
            result(BASELINE, 1.0, scores=[score(1.0), isotropy]),
            result("itq", 1.0, scores=[score(1.0), spearman, isotropy]),
        ]
    )
    assert tables.aspects(lines) == [("similarity", "spearman"), ("fidelity", "spearman")]
    assert tables.aspects(lines, all_metrics=True)[1:] == [("fidelity", "spearman"), ("fidelity", "isotropy")]


@pytest.mark.parametrize(
    ("n_bytes", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1 kB"),
        (184_144, "184.1 kB"),
        (999_900, "999.9 kB"),
        (999_960, "1.0 MB"),
        (6.04e6, "6.0 MB"),
        (2e9, "2 GB"),
        (1.5e12, "1500 GB"),
    ],
)
def test_sizes_for_people(n_bytes: float, text: str) -> None:
    assert size_text(n_bytes) == text


def test_values_beside_the_first_are_means_at_the_end_of_a_row() -> None:
    def scored(task: str, **beside: float) -> Score:
        return replace(score(50.0, task), **beside)

    own = with_means([scored("one", value_skipping=40.0, value_asymmetric=60.0), scored("two", value_skipping=44.0)])
    lines = tables.summarise([result(BASELINE, 80.0), result("itq", 1.0, scores=own)])
    table = tables.markdown_table(lines).split("spearman ×100)\n\n")[1].splitlines()
    assert table == [
        "| method | one | two | mean | missing skipped |",
        "| --- | ---: | ---: | ---: | ---: |",
        "| none | 80.0 | 60.0 | 70.0 | – |",
        "| itq | 50.0 | 50.0 | 50.0 | 42.0 |",
    ]
