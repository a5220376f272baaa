"""Converting without compressing, and the difference of two files."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import embcomp

from .conftest import WORDS, Cli


@pytest.mark.parametrize("name", ["o.txt", "o.vec", "o.bin", "o.npy", "o.txt.gz", "o.VEC.xz"])
def test_words_and_numbers_stay_the_same(cli: Cli, glove: Path, tmp_path: Path, name: str) -> None:
    outcome = cli("convert", glove, "-o", tmp_path / name)
    assert (outcome.code, outcome.out) == (0, "")
    assert outcome.err.startswith(f"{tmp_path / name}: 10 words of 8 dimensions, ")
    words, vectors = embcomp.read(tmp_path / name)
    expected_words, expected = embcomp.read(glove)
    assert words == expected_words
    assert np.array_equal(vectors, expected)


def test_vectors_of_length_1(cli: Cli, tmp_path: Path) -> None:
    source, target = tmp_path / "v.txt", tmp_path / "u.npy"
    source.write_text("a 3 4\nb 0 0\nc 1e30 0\n")
    assert cli("convert", source, "-o", target, "--unit-rows").code == 0
    assert np.allclose(np.load(target), [[0.6, 0.8], [0, 0], [1, 0]])


def test_options_of_reading(cli: Cli, glove: Path, tmp_path: Path) -> None:
    (tmp_path / "list").write_text("king\nqueen\nnobody\n")
    outcome = cli("convert", glove, "-o", "-", "--words", tmp_path / "list", "--limit", "3")
    assert [line.split()[0] for line in outcome.out.splitlines()] == ["queen"]
    assert outcome.err == ""
    told = cli("convert", glove, "-o", tmp_path / "o.txt", "--words", tmp_path / "list")
    assert told.err.endswith("of 3 words wanted, 2 were found in tiny.txt and 1 were not\n")


def test_the_source_is_not_its_own_target(cli: Cli, glove: Path, tmp_path: Path) -> None:
    copy = tmp_path / "v.txt"
    copy.write_bytes(glove.read_bytes())
    outcome = cli("convert", copy, "-o", copy, "--force")
    assert outcome.code == 3
    assert copy.read_bytes() == glove.read_bytes()


def test_a_container_is_decompressed_instead(cli: Cli, embc: Path, tmp_path: Path) -> None:
    outcome = cli("convert", embc, "-o", tmp_path / "o.txt")
    assert outcome.code == 3
    assert outcome.err.endswith("'embcomp decompress' reads it\n")
    assert list(tmp_path.iterdir()) == []


def test_a_failure_leaves_nothing(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "v.txt").write_text("a 1 2\nb 3\n")
    assert cli("convert", tmp_path / "v.txt", "-o", tmp_path / "o.bin").code == 3
    assert [path.name for path in tmp_path.iterdir()] == ["v.txt"]


@pytest.fixture
def changed(glove: Path, tmp_path: Path) -> Path:
    """Two words gone, one added, and 'king' where 'the' was."""
    lines = glove.read_text(encoding="utf-8").splitlines()
    vectors = dict(line.split(" ", 1) for line in lines[:8])
    vectors["king"], vectors["extra"] = vectors["the"], vectors["man"]
    path = tmp_path / "changed.txt"
    path.write_text("".join(f"{word} {vector}\n" for word, vector in vectors.items()), encoding="utf-8")
    return path


def test_words_neighbours_and_scores(cli: Cli, glove: Path, changed: Path) -> None:
    outcome = cli("diff", glove, changed, "-k", "2", "-n", "1", "--suite", "similarity", "-q")
    assert (outcome.code, outcome.err) == (0, "")
    lines = outcome.out.splitlines()
    assert lines[:3] == [
        "words in both: 8",
        f"only in {glove}: 2: co-op 2019",
        f"only in {changed}: 1: extra",
    ]
    assert lines[4].startswith("neighbours: of 2, ")
    assert lines[4].endswith(" are the same, on average over 8 words")
    assert lines[5] == "changed most:"
    assert lines[7].startswith("  tiny.txt: ")
    assert lines[8].startswith("  changed.txt: ")
    assert "baseline  ratio      p" in outcome.out


def test_nothing_changed_most_in_a_file_and_itself(cli: Cli, glove: Path) -> None:
    outcome = cli("diff", glove, glove, "-k", "2")
    assert "neighbours: of 2, 2.0 are the same" in outcome.out
    assert "changed most" not in outcome.out


def test_the_same_in_json(cli: Cli, glove: Path, changed: Path) -> None:
    document = json.loads(cli("diff", glove, changed, "-k", "2", "-n", "3", "--suite", "similarity", "--json").out)
    assert document["words"] == {"both": 8, "only_first": ["co-op", "2019"], "only_second": ["extra"]}
    found = document["neighbours"]
    assert found["words"] == 8
    assert [each["shared"] for each in document["results"]] == sorted(each["shared"] for each in document["results"])
    assert {score["suite"] for score in document["scores"]} == {"similarity"}


def test_a_file_and_itself(cli: Cli, glove: Path, embc: Path) -> None:
    document = json.loads(cli("diff", glove, glove, "--suite", "similarity", "-k", "3", "--json").out)
    assert document["neighbours"]["mean_shared"] == 3
    assert document["words"] == {"both": len(WORDS), "only_first": [], "only_second": []}
    assert cli("diff", glove, embc, "--sample", "0", "--suite", "similarity").code == 0
