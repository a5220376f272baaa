"""similar, analogy, add; near spellings of words that are missing."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pytest

import embcomp
from embcomp.cli.words import near_spellings
from embcomp.container.description import describe
from embcomp.container.reader import open_container
from embcomp.embedding import Embedding

from .conftest import WORDS, Cli


def stdin_of(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(text.encode())))


def lines(text: str) -> list[list[str]]:
    return [line.split("\t") for line in text.splitlines()]


def test_similar_prints_what_the_library_finds(cli: Cli, embc: Path) -> None:
    outcome = cli("similar", embc, "queen", "été", "-k", "3")
    assert (outcome.code, outcome.err) == (0, "")
    vectors = embcomp.open(embc)
    expected = [[q, w, f"{s:.6f}"] for q in ("queen", "été") for w, s in vectors.most_similar(q, topn=3)]
    assert lines(outcome.out) == expected


def test_similar_json(cli: Cli, embc: Path) -> None:
    documents = json.loads(cli("similar", embc, "queen", "king", "-k", "2", "--json").out)["results"]
    assert [document["query"] for document in documents] == ["queen", "king"]
    for document in documents:
        assert len(document["neighbours"]) == 2
        assert all(set(each) == {"word", "score"} for each in document["neighbours"])
        assert document["query"] not in [each["word"] for each in document["neighbours"]]


def test_similar_reads_words_from_stdin(cli: Cli, embc: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stdin_of(monkeypatch, "queen\r\nco-op\n")
    assert [row[0] for row in lines(cli("similar", embc, "-", "-k", "1").out)] == ["queen", "co-op"]


def test_similar_looks_at_the_first_words_only(cli: Cli, embc: Path) -> None:
    outcome = cli("similar", embc, "queen", "--restrict", "4", "-k", "20")
    assert {row[1] for row in lines(outcome.out)} == {"the", "of", "king"}


@pytest.mark.parametrize("similarity", ["hamming", "asymmetric", "decoded"])
def test_similarities(cli: Cli, glove: Path, tmp_path: Path, similarity: str) -> None:
    embc = tmp_path / "out.embc"
    assert cli("compress", glove, "-o", embc, "--method", "iiq").code == 0
    outcome = cli("similar", embc, "queen", "-k", "1", "--similarity", similarity)
    expected = embcomp.open(embc).most_similar("queen", topn=1, similarity=similarity)  # type: ignore[arg-type]
    assert lines(outcome.out) == [["queen", expected[0][0], f"{expected[0][1]:.6f}"]]


def test_missing_words_are_named_with_near_spellings(cli: Cli, embc: Path) -> None:
    outcome = cli("similar", embc, "quen", "king", "paris", "xyzzy", "-k", "1")
    assert outcome.code == 1
    assert [row[0] for row in lines(outcome.out)] == ["king"]
    assert outcome.err.splitlines() == [
        "embcomp: 'quen' is not in the vocabulary; did you mean 'queen'?",
        "embcomp: 'paris' is not in the vocabulary; did you mean 'Paris'?",
        "embcomp: 'xyzzy' is not in the vocabulary",
    ]
    skipped = cli("similar", embc, "quen", "king", "-k", "1", "--missing", "skip")
    assert (skipped.code, skipped.err, len(lines(skipped.out))) == (0, "", 1)


def test_vector_names_near_spellings(cli: Cli, embc: Path) -> None:
    outcome = cli("vector", embc, "quen")
    assert (outcome.code, outcome.out) == (1, "")
    assert outcome.err == "embcomp: 'quen' is not in the vocabulary; did you mean 'queen'?\n"


def test_near_spellings_come_by_frequency_and_case_comes_first() -> None:
    words = ["bat", "hat", "Cat", "cart", "ca", "act", "dog", "CAT"]
    embedding = Embedding(words, np.zeros((len(words), 1), dtype=np.float32))
    assert near_spellings(embedding, "cat") == ["Cat", "CAT"]
    assert near_spellings(embedding, "gat") == ["bat", "hat"]
    assert near_spellings(embedding, "cta") == ["ca"]
    assert near_spellings(embedding, "atc") == ["act"]
    assert near_spellings(embedding, " dog ") == ["dog"]
    assert near_spellings(embedding, "x" * 10_000) == []
    assert near_spellings(embedding, "") == []


def test_analogy_prints_what_the_library_finds(cli: Cli, embc: Path) -> None:
    outcome = cli("analogy", embc, "man", "king", "woman", "-k", "2")
    found = embcomp.open(embc).most_similar(["king", "woman"], ["man"], topn=2)
    assert lines(outcome.out) == [["man king woman", word, f"{score:.6f}"] for word, score in found]
    documents = json.loads(cli("analogy", embc, "man", "king", "woman", "--json", "-k", "2").out)["results"]
    assert [document["query"] for document in documents] == [["man", "king", "woman"]]
    assert [each["word"] for each in documents[0]["neighbours"]] == [word for word, _ in found]


def test_analogies_from_stdin(cli: Cli, embc: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stdin_of(monkeypatch, "man king woman\nking\tman\tqueen\n")
    assert [row[0] for row in lines(cli("analogy", embc, "-", "-k", "1").out)] == ["man king woman", "king man queen"]
    stdin_of(monkeypatch, "man king woman\nking man\n")
    outcome = cli("analogy", embc, "-", "-k", "1")
    assert outcome.code == 2
    assert outcome.err == "embcomp: analogy: stdin:2: expected three words, got 2\n"


def test_analogy_takes_three_words(cli: Cli, embc: Path) -> None:
    outcome = cli("analogy", embc, "man", "king")
    assert outcome.code == 2
    assert outcome.err == "embcomp: analogy: expected three words A B C, or - for stdin, got 2\n"


def test_analogy_with_missing_words(cli: Cli, embc: Path) -> None:
    arguments = ("analogy", embc, "man", "kong", "woman", "-k", "1")
    outcome = cli(*arguments)
    assert (outcome.code, outcome.out) == (1, "")
    assert outcome.err == "embcomp: 'kong' is not in the vocabulary; did you mean 'king'?\n"
    assert cli(*arguments, "--missing", "skip").out == ""
    vectors = embcomp.open(embc)
    for policy, stand_in in (("zero", np.zeros(8, np.float32)), ("mean", vectors.encoded.mean_vector())):
        outcome = cli(*arguments, "--missing", policy)
        found = vectors.most_similar([stand_in, "woman"], ["man"], topn=1)
        assert outcome.code == 0
        assert lines(outcome.out) == [["man kong woman", found[0][0], f"{found[0][1]:.6f}"]]


class TestAdd:
    @pytest.fixture
    def more(self, glove: Path, tmp_path: Path) -> Path:
        rows = glove.read_text(encoding="utf-8").splitlines()
        path = tmp_path / "more.txt"
        again = rows[3].replace("king", "zzz", 1)
        path.write_text(f"{rows[2]}\n{again}\nnew {rows[0].split(' ', 1)[1]}\n", encoding="utf-8")
        return path

    def test_new_words_follow_and_old_ones_stay(self, cli: Cli, embc: Path, more: Path, tmp_path: Path) -> None:
        target = tmp_path / "grown.embc"
        outcome = cli("add", embc, more, "-o", target)
        assert (outcome.code, outcome.out) == (0, "")
        assert outcome.err == f"{target}: 12 words, 2 of them new, 1 were there already\n"
        assert cli("verify", target).code == 0
        before, after = open_container(embc), open_container(target)
        assert after.words == [*WORDS, "zzz", "new"]
        np.testing.assert_allclose(after.decode_all()[:10], before.decode_all(), atol=1e-6)
        np.testing.assert_allclose(after.vector("zzz"), before.vector("king"), atol=1e-6)
        np.testing.assert_allclose(after.vector("new"), before.vector("the"), atol=1e-6)
        added = describe(target)["report"]["added"]
        assert [(each["name"], each["rows"]) for each in added] == [("more.txt", 2)]

    def test_twice(self, cli: Cli, embc: Path, more: Path, tmp_path: Path) -> None:
        cli("add", embc, more, "-o", tmp_path / "one.embc")
        outcome = cli("add", tmp_path / "one.embc", more, "-o", tmp_path / "two.embc", "--json", "-q")
        document = json.loads(outcome.out)["results"][0]
        assert [each["rows"] for each in document["report"]["added"]] == [2, 0]
        assert document["rows"] == 12

    def test_other_dimensions_are_refused(self, cli: Cli, embc: Path, tmp_path: Path) -> None:
        other = tmp_path / "other.txt"
        other.write_text("word 1 2 3\nmore 4 5 6\n")
        outcome = cli("add", embc, other, "-o", tmp_path / "grown.embc")
        assert outcome.code == 3
        assert outcome.err == "embcomp: other.txt: 3 dimensions, expected 8 as in the compressed file\n"
        assert not (tmp_path / "grown.embc").exists()

    def test_methods_without_codes_are_refused(self, cli: Cli, glove: Path, more: Path, tmp_path: Path) -> None:
        pruned = tmp_path / "pruned.embc"
        assert cli("compress", glove, "-o", pruned, "--method", "prune", "-q").code == 0
        outcome = cli("add", pruned, more, "-o", tmp_path / "grown.embc")
        assert outcome.code == 2
        assert outcome.err == "embcomp: prune: new words cannot be added: a code belongs to its row\n"

    def test_an_existing_file_is_kept(self, cli: Cli, embc: Path, more: Path) -> None:
        outcome = cli("add", embc, more, "-o", embc)
        assert outcome.code == 3
        assert outcome.err == f"embcomp: {embc}: exists already; --force replaces it\n"

    def test_without_order(self, cli: Cli, glove: Path, more: Path, tmp_path: Path) -> None:
        bare, grown = tmp_path / "bare.embc", tmp_path / "grown.embc"
        cli("compress", glove, "-o", bare, "--drop-order", "-q")
        assert cli("add", bare, more, "-o", grown).code == 0
        assert describe(grown)["bytes"]["order"] == 0
        assert set(open_container(grown).words) == {*WORDS, "zzz", "new"}
