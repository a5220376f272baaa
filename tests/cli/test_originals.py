"""Words, neighbours and analogies in files that are not compressed; forms of results; wanted words."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pytest
from gensim.models import KeyedVectors

import embcomp
from embcomp.container.reader import open_container

from .conftest import WORDS, Cli


@pytest.fixture(scope="module")
def theirs(glove: Path) -> KeyedVectors:
    words, matrix = embcomp.read(glove)
    vectors = KeyedVectors(matrix.shape[1])
    vectors.add_vectors(words, matrix)
    return vectors


def pairs(text: str) -> list[tuple[str, float]]:
    return [(line.split("\t")[1], float(line.split("\t")[2])) for line in text.splitlines()]


def agree(found: list[tuple[str, float]], expected: list[tuple[str, float]]) -> bool:
    words = [word for word, _ in found] == [word for word, _ in expected]
    return words and np.allclose([s for _, s in found], [s for _, s in expected], atol=1e-5)


def test_neighbours_are_those_of_gensim(cli: Cli, glove: Path, theirs: KeyedVectors) -> None:
    outcome = cli("similar", glove, "queen", "-k", "4")
    assert (outcome.code, outcome.err) == (0, "")
    assert agree(pairs(outcome.out), theirs.most_similar("queen", topn=4))
    outcome = cli("similar", glove, "queen", "--restrict", "4")
    assert agree(pairs(outcome.out), theirs.most_similar("queen", restrict_vocab=4))


def test_analogies_are_those_of_gensim(cli: Cli, glove: Path, theirs: KeyedVectors) -> None:
    outcome = cli("analogy", glove, "man", "king", "woman", "-k", "2")
    assert agree(pairs(outcome.out), theirs.most_similar(["king", "woman"], ["man"], topn=2))


def test_vectors_are_those_of_the_file(cli: Cli, glove: Path, theirs: KeyedVectors) -> None:
    (line,) = cli("vector", glove, "queen").out.splitlines()
    assert np.array_equal(np.array(line.split()[1:], dtype=np.float32), theirs["queen"])


def test_a_missing_word(cli: Cli, glove: Path) -> None:
    outcome = cli("similar", glove, "quen")
    assert (outcome.code, outcome.err) == (
        1,
        "embcomp: 'quen' is not in the vocabulary; did you mean 'queen'?\n",
    )
    assert cli("analogy", glove, "man", "nobody", "woman", "--missing", "mean", "-k", "1").code == 0


def test_options_of_reading_count(cli: Cli, glove: Path, embc: Path) -> None:
    assert {word for word, _ in pairs(cli("similar", glove, "king", "--limit", "5").out)} == set(WORDS[:5]) - {"king"}
    assert cli("similar", embc, "king", "--limit", "5").err == (
        f"embcomp: similar: --limit is about reading a source; {embc} is compressed\n"
    )


def test_similarities_of_codes_need_codes(cli: Cli, glove: Path) -> None:
    outcome = cli("similar", glove, "queen", "--similarity", "hamming")
    assert (outcome.code, outcome.err) == (
        2,
        "embcomp: --similarity must be 'decoded' for vectors that are not compressed, got 'hamming'\n",
    )


def test_json_lines(cli: Cli, embc: Path) -> None:
    lines = cli("similar", embc, "queen", "été", "-k", "2", "--jsonl").out.splitlines()
    assert [json.loads(line) for line in lines] == json.loads(
        cli("similar", embc, "queen", "été", "-k", "2", "--json").out
    )["results"]
    (line,) = cli("vector", embc, "queen", "--jsonl").out.splitlines()
    assert json.loads(line)["word"] == "queen"


def test_tables(cli: Cli, embc: Path) -> None:
    head, *rows = cli("analogy", embc, "man", "king", "woman", "-k", "2", "--tsv").out.splitlines()
    assert head == "query\tword\tscore"
    assert [row.split("\t")[0] for row in rows] == ["man king woman"] * 2
    head, row = cli("vector", embc, "queen", "--tsv").out.splitlines()
    assert head.split("\t") == ["word", *map(str, range(1, 9))]
    assert len(row.split("\t")) == 9


def test_wanted_words_of_a_list(cli: Cli, glove: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "x.embc"
    (tmp_path / "list").write_text("queen\nking\nnobody\n")
    outcome = cli("compress", glove, "-o", target, "--words", tmp_path / "list")
    assert outcome.code == 0
    assert outcome.err.splitlines()[-1] == "of 3 words wanted, 2 were found in tiny.txt and 1 were not"
    assert open_container(target).words == ["queen", "king"]
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"man\n")))
    assert cli("compress", glove, "-o", target, "--force", "--words", "-").code == 0
    assert open_container(target).words == ["man"]


def test_a_list_that_is_not_there(cli: Cli, glove: Path, tmp_path: Path) -> None:
    outcome = cli("compress", glove, "-o", tmp_path / "x.embc", "--words", tmp_path / "none")
    assert (outcome.code, outcome.err) == (
        3,
        f"embcomp: {tmp_path / 'none'}: cannot be read: No such file or directory\n",
    )


def test_list_and_source_are_not_both_stdin(cli: Cli, tmp_path: Path) -> None:
    outcome = cli("compress", "-", "-o", tmp_path / "x.embc", "--words", "-")
    assert (outcome.code, outcome.err) == (
        2,
        "embcomp: compress: --words - and the source - both want standard input\n",
    )


def test_scores_as_json_lines_and_as_a_table(cli: Cli, glove: Path) -> None:
    arguments = ("eval", glove, "--suite", "similarity", "-q")
    expected = json.loads(cli(*arguments, "--json").out)["results"]
    assert [json.loads(line) for line in cli(*arguments, "--jsonl").out.splitlines()] == expected
    head, *rows = [line.split("\t") for line in cli(*arguments, "--tsv").out.splitlines()]
    assert head == list(expected[0])
    assert [row[head.index("task")] for row in rows] == [each["task"] for each in expected]
    assert all(len(row) == len(head) for row in rows)


def test_a_comparison_as_json_lines_and_as_a_table(cli: Cli, glove: Path, tmp_path: Path) -> None:
    arguments = ("compare", glove, "--methods", "sign", "--suite", "similarity", "-q", "--cache", tmp_path / "cache")
    head, *rows = [line.split("\t") for line in cli(*arguments, "--tsv").out.splitlines()]
    expected = json.loads(cli(*arguments, "--json").out)["results"]
    assert [row[head.index("task")] for row in rows] == [
        score["task"] for each in expected for score in each["scores"]
    ]
    assert [json.loads(line) for line in cli(*arguments, "--jsonl").out.splitlines()] == expected
