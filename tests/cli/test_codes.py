"""``embcomp codes``."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from embcomp.compressors.registry import make_compressor
from embcomp.container.writer import save
from embcomp.embedding import Embedding
from embcomp.encoded import EncodedEmbedding

from .conftest import Cli


def test_words_come_with_those_that_share_their_code(cli: Cli, codes_file: Path) -> None:
    done = cli("codes", codes_file, "blue", "two", "red")
    assert (done.code, done.err) == (0, "")
    lines = [line.split("  ") for line in done.out.splitlines()]
    assert [words for _, words in lines] == ["red green blue", "one two"]
    assert all(code in "012" for code, _ in lines)


def test_as_many_words_as_asked_for(cli: Cli, codes_file: Path) -> None:
    assert cli("codes", codes_file, "blue", "-n", "2").out.split("  ")[1] == "red green (+1)\n"


def test_without_words_the_largest_groups(cli: Cli, codes_file: Path) -> None:
    done = cli("codes", codes_file, "-g", "2")
    first, second, *groups = done.out.splitlines()
    assert first == "6 words, 3 distinct codes, 5 words share theirs"
    assert second == "3 symbols used, perplexity by place 2.75"  # of shares 1/6, 3/6, 2/6
    assert [line.split("  ")[1] for line in groups] == ["red green blue", "one two"]


def test_json(cli: Cli, codes_file: Path) -> None:
    document = json.loads(cli("codes", codes_file, "two", "--json").out)
    assert document["missing"] == []
    assert document["results"][0]["words"] == ["one", "two"]
    assert document["results"][0]["size"] == 2
    everything = json.loads(cli("codes", codes_file, "--json").out)
    assert [each["size"] for each in everything["results"]] == [3, 2, 1]
    assert everything["distinct_codes"] == 3


def test_a_missing_word_is_named(cli: Cli, codes_file: Path) -> None:
    done = cli("codes", codes_file, "Red", "two")
    assert done.code == 1
    assert done.out.split("  ")[1] == "one two\n"
    assert done.err == "embcomp: 'Red' is not in the vocabulary; did you mean 'red'?\n"


def test_codes_of_bits_have_no_symbols(cli: Cli, tmp_path: Path) -> None:
    path = tmp_path / "sign.embc"
    vectors = np.eye(6, dtype=np.float32)
    save(EncodedEmbedding.encode(Embedding(list("abcdef"), vectors), make_compressor("sign")), path)
    done = cli("codes", path)
    assert done.code == 2
    assert done.err == f"embcomp: codes: {path} must have symbols, as of kd or dccl, got method sign\n"
