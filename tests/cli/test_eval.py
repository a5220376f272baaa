from __future__ import annotations

import json
from pathlib import Path

import pytest

from .conftest import Cli

NAMES = {"target", "suite", "task", "metric", "value", "low", "high", "n_used", "n_skipped", "oov"}


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "data" / "similarity"
    folder.mkdir(parents=True)
    rows = ["king\tqueen\t9", "man\twoman\t8", "the\tof\t5", "king\t2019\t1", "Paris\tco-op\t2", "absent\tking\t3"]
    (folder / "toy.tsv").write_text("\n".join(rows) + "\n")
    return tmp_path / "data"


def test_scores_have_the_documented_names(cli: Cli, embc: Path, glove: Path, data: Path) -> None:
    outcome = cli("eval", embc, glove, "--data", data, "--suite", "similarity", "--json")
    assert outcome.code == 0
    scores = json.loads(outcome.out)["results"]
    assert {score["target"] for score in scores} == {"tiny.embc", "tiny.txt"}
    assert all(set(score) >= NAMES for score in scores)
    toy = next(score for score in scores if score["task"] == "toy")
    assert (toy["n_used"], toy["n_skipped"], toy["oov"]) == (6, 0, 1)


def test_a_baseline_adds_its_value_and_the_ratio(cli: Cli, embc: Path, glove: Path, data: Path) -> None:
    outcome = cli("eval", embc, "--baseline", glove, "--data", data, "--json", "--oov", "skip")
    toy = next(score for score in json.loads(outcome.out)["results"] if score["task"] == "toy")
    assert (toy["n_used"], toy["n_skipped"]) == (5, 1)
    assert toy["ratio"] == pytest.approx(toy["value"] / toy["baseline"])


def test_the_gate_opens_and_closes(cli: Cli, glove: Path, data: Path) -> None:
    arguments = ("eval", glove, "--baseline", glove, "--data", data, "--suite", "similarity", "--at-least")
    assert cli(*arguments, "1.0").code == 0
    closed = cli(*arguments, "1.01")
    assert closed.code == 1
    assert closed.err.endswith("ratio 1.000, expected at least 1.01\n")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--at-least", "0.9"], "embcomp: eval: --at-least needs a --baseline to compare with\n"),
        (
            ["--baseline", "x", "--at-least", "-1"],
            "embcomp: --at-least must be a number above 0 and up to 10, got -1\n",
        ),
        (
            ["--baseline", "x", "--at-least", "97"],
            "embcomp: --at-least must be a number above 0 and up to 10, got 97; for 97 % give 0.97\n",
        ),
        (["--suite", "poetry"], "embcomp: "),
    ],
)
def test_wrong_options_are_usage_errors(cli: Cli, embc: Path, options: list[str], message: str) -> None:
    outcome = cli("eval", embc, *options)
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err.startswith(message)
    assert outcome.err.count("\n") == 1
