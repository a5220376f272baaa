from __future__ import annotations

import csv
import io
from typing import Any

import pytest

from embcomp.comparison import tables
from embcomp.comparison.workbench import BASELINE, Result

CONFIG = {"bits": 8, "random_state": 0}


def score(value: float | None, task: str = "one", **more: Any) -> dict[str, Any]:
    base = {
        "suite": "similarity",
        "metric": "spearman",
        "low": 10.0,
        "high": 90.0,
        "n_used": 5,
        "n_skipped": 0,
        "oov": 1,
    }
    return base | {"task": task, "value": value, "ratio": None, "note": ""} | more


def result(method: str, value: float | None, seed: int = 0, **more: Any) -> Result:
    given: dict[str, Any] = {
        "config": {} if method == BASELINE else CONFIG | {"random_state": seed},
        "bits": 8,
        "sizes": {"file": 1000 + seed},
        "ratio": {"vectors": 4.0, "file": 3.0},
        "seconds": {"fit": 1.0 + seed, "encode": 0.25},
        "scores": [score(value), score(60.0, "two")],
        "means": [score(value, "mean of 2", ratio=0.5)],
        "label": method,
        "seed_name": "random_state",
    }
    return Result(method, **(given | more))


def test_runs_that_differ_in_their_seed_are_one_line() -> None:
    lines = tables.summarise(
        [result(BASELINE, 80.0), result("itq", 40.0), result("itq", 44.0, 1), result("iiq", 50.0)]
    )
    assert [(line.label, len(line.runs)) for line in lines] == [(BASELINE, 1), ("itq", 2), ("iiq", 1)]
    quality = lines[1].qualities["similarity", "spearman"]
    assert quality.value == pytest.approx(42.0)
    assert quality.spread == pytest.approx(8**0.5)  # of 40 and 44, over n - 1
    assert (quality.low, quality.high, quality.ratio, quality.task) == (10.0, 90.0, 0.5, "mean of 2")
    assert lines[1].seconds("fit") == 1.5
    assert lines[2].qualities["similarity", "spearman"].spread is None
    assert lines[1].tasks["similarity", "one", "spearman"].ratio == pytest.approx(42 / 80)


def test_a_gap_in_one_seed_is_a_gap() -> None:
    line = tables.summarise([result("itq", 40.0), result("itq", None, 1)])[0]
    assert line.qualities["similarity", "spearman"].value is None


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
        "uncompressed          8  1,000        4.0     3.0                         80.0 (0.50)\n"
        "itq                   8  1,000        4.0     3.0    1.5       0.2  42.0 ± 2.8 (0.50)\n"
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
        "| a\\|b | 40.0 | 60.0 | 40.0 |",
    ]


def test_csv_has_every_score_in_full() -> None:
    rows = list(
        csv.DictReader(io.StringIO(tables.csv_table([result("itq", 40.123456, 3), Result("sign", None, note="why")])))
    )
    assert len(rows) == 3
    assert rows[0]["method"] == "itq"
    assert (rows[0]["options"], rows[0]["seed"], rows[0]["bytes"]) == ("bits=8", "3", "1003")
    assert (rows[0]["task"], rows[0]["value"], rows[0]["oov"]) == ("one", "40.123456", "1")
    assert (rows[2]["method"], rows[2]["bytes"], rows[2]["note"]) == ("sign", "", "why")


def test_one_metric_stands_for_a_suite_in_the_order_of_the_suites() -> None:
    means = [
        score(1.0, suite="fidelity", metric="isotropy"),
        score(1.0, suite="fidelity", metric="spearman"),
        score(1.0),
    ]
    lines = tables.summarise([result("itq", 1.0, means=means)])
    assert tables.aspects(lines) == [("similarity", "spearman"), ("fidelity", "spearman")]
    assert tables.aspects(lines, all_metrics=True)[1:] == [("fidelity", "spearman"), ("fidelity", "isotropy")]


@pytest.mark.parametrize(
    ("n_bytes", "text"),
    [(0, "0 B"), (999, "999 B"), (1000, "1 kB"), (999_900, "1 MB"), (6.04e6, "6.04 MB"), (2e9, "2 GB")],
)
def test_sizes_for_people(n_bytes: float, text: str) -> None:
    assert tables.size_text(n_bytes) == text
