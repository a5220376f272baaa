"""``embcomp compress --keep`` and ``--estimate``."""

from __future__ import annotations

import json

import pytest

from tests.cli.conftest import cli

__all__ = ["cli"]


@pytest.fixture
def keep(cli, text, data_dir, tmp_path):
    """Run it, on the words that are here, and return the outcome and the target."""
    target = tmp_path / "out.embc"

    def call(*arguments):
        common = ("--suite", "similarity", "--data", data_dir, "-o", target)
        return cli("compress", text, *common, *arguments), target

    return call


@pytest.fixture(autouse=True)
def only_these_words(monkeypatch):
    """No sets that come with gensim: their words are not here."""
    from embcomp.eval import similarity

    monkeypatch.setattr(similarity, "GENSIM_FILES", {})


def test_the_file_says_what_it_keeps(keep, cli):
    outcome, target = keep("--keep", "0.9")
    assert (outcome.code, outcome.out) == (0, "")
    assert "\nkeeps " in outcome.err
    assert " of similarity (spearman " in outcome.err
    shown = cli("info", target).out.splitlines()
    assert "kept         0.9 of the source's scores were to be kept" in shown
    assert any(line.startswith("  keeps ") and " (spearman " in line for line in shown)
    assert any(line.startswith("  tried      transform 24 bits ") for line in shown)
    assert not any("report       kept" in line for line in shown)
    (suite,) = json.loads(cli("info", target, "--json").out)["results"][0]["report"]["kept"]["suites"]
    assert suite["low"] >= 0.9


def test_the_gate_for_makefiles_agrees(keep, cli, text, data_dir):
    _, target = keep("--keep", "0.9", "-q")
    folder = ("--suite", "similarity", "--data", data_dir)
    assert cli("eval", target, "--baseline", text, "--at-least", "0.9", *folder).code == 0


def test_where_nothing_keeps_enough_nothing_is_written(keep):
    outcome, target = keep("--keep", "1.5")
    assert (outcome.code, outcome.out) == (1, "")
    assert outcome.err.startswith("embcomp: compress: nothing keeps 1.5 of the source's scores: the lower bound of ")
    assert outcome.err.endswith(" tried\n")
    assert not target.exists()


def test_a_method_that_is_named_is_the_only_one_tried(keep, cli):
    _, target = keep("--keep", "0.5", "--method", "iiq", "--remove-top", "1")
    document = json.loads(cli("info", target, "--json").out)["results"][0]
    assert (document["method"], document["config"]["remove_top"]) == ("iiq", 1)
    assert {trial["method"] for trial in document["report"]["kept"]["tried"]} == {"iiq"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--keep", "0"), "--keep must be a number above 0 and up to 10, got 0"),
        (("--keep", "97"), "--keep must be a number above 0 and up to 10, got 97; for 97 % give 0.97"),
        (("--keep", "nan"), "--keep must be a number above 0 and up to 10, got nan"),
        ((), "compress: --suite says what to --keep a share of"),
        (("--keep", "0.9", "--bits", "4"), "--keep chooses the options, unless a --method is named"),
        (
            ("--keep", "0.9", "--max-memory", "1000"),
            "--keep needs all rows in memory at once, --max-memory allows 1000",
        ),
    ],
)
def test_refusals(keep, arguments, message):
    outcome, target = keep(*arguments)
    assert outcome.code == 2
    assert message in outcome.err
    assert not target.exists()


def test_an_estimate_writes_nothing(cli, text, tmp_path):
    target = tmp_path / "out.embc"
    outcome = cli("compress", text, "--estimate", "--method", "sign", "-o", target)
    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.out.startswith("sign: about ")
    assert " for 3000 words, " in outcome.out
    document = json.loads(cli("compress", text, "--estimate", "--method", "sign", "--json").out)["results"][0]
    assert set(document) == {"method", "config", "rows", "file_bytes", "seconds", "memory_bytes"}
    assert not target.exists()
    assert list(text.parent.iterdir()) == [text]


def test_an_estimate_of_what_is_kept_has_the_exact_size(keep):
    expected = json.loads(keep("--keep", "0.9", "--estimate", "--json")[0].out)["results"][0]
    _, target = keep("--keep", "0.9")
    assert expected["file_bytes"] == target.stat().st_size
    assert expected["method"] == "transform"
