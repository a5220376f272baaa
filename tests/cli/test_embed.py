"""embed, and static sentence models through compress and decompress."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pytest

import embcomp
from tests.text.models import model2vec

from .conftest import Cli


def rows(text: str) -> list[list[float]]:
    return [[float(x) for x in line.split()] for line in text.splitlines()]


def test_embed_prints_what_the_library_gives(cli: Cli, embc: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    texts = ["The queen, the king.", "man of Paris"]
    expected = embcomp.open(embc).encode(texts)
    outcome = cli("embed", embc, *texts)
    assert (outcome.code, outcome.err) == (0, "")
    assert np.array_equal(np.array(rows(outcome.out), dtype=np.float32), expected)
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO("\r\n".join(texts).encode())))
    assert cli("embed", embc, "-").out == outcome.out


def test_embed_with_uncompressed_vectors(cli: Cli, glove: Path, tmp_path: Path) -> None:
    words, vectors = embcomp.read(glove)
    found = rows(cli("embed", glove, "king", "--limit", "4").out)
    assert np.array_equal(np.array(found[0], dtype=np.float32), vectors[words.index("king")])
    refused = cli("embed", tmp_path, "king")
    assert refused.code == 3
    assert "is a folder without model.safetensors" in refused.err


def test_embed_with_weights_and_unit_length(cli: Cli, embc: Path) -> None:
    outcome = cli("embed", embc, "the queen of Paris", "--weighting", "mean", "--normalize")
    expected = embcomp.open(embc).encode(["the queen of Paris"], weighting="mean", normalize=True)
    assert np.array_equal(np.array(rows(outcome.out), dtype=np.float32), expected)


def test_embed_json_and_texts_without_known_words(cli: Cli, embc: Path) -> None:
    outcome = cli("embed", embc, "queen", "zzz", "--json")
    documents = json.loads(outcome.out)["results"]
    assert [(each["text"], each["known"]) for each in documents] == [("queen", 1), ("zzz", 0)]
    table = cli("embed", embc, "queen", "--tsv").out.splitlines()
    assert table[0].split("\t") == ["text", "known", *map(str, range(1, 9))]
    assert table[1].split("\t")[:2] == ["queen", "1"]
    assert documents[1]["vector"] == [0.0] * 8
    assert outcome.err == (
        "embcomp: warning: 1 of 2 texts have no known word and get a vector of zeros, text 1 first: 'zzz'\n"
    )


def test_embed_npy(cli: Cli, embc: Path, tmp_path: Path) -> None:
    target = tmp_path / "o.npy"
    assert cli("embed", embc, "queen", "king", "--npy", target).out == ""
    assert np.array_equal(np.load(target), embcomp.open(embc).encode(["queen", "king"]))
    again = cli("embed", embc, "queen", "--npy", target)
    assert (again.code, again.err) == (3, f"embcomp: {target}: exists already; --force replaces it\n")
    assert cli("embed", embc, "queen", "--npy", target, "--force").code == 0
    assert np.load(target).shape == (1, 8)
    both = cli("embed", embc, "queen", "--npy", target, "--json")
    assert (both.code, both.err) == (2, "embcomp: embed: --json and --npy exclude each other\n")


def test_a_model_in_and_out(cli: Cli, tmp_path: Path) -> None:
    model = model2vec(tmp_path / "model")
    assert cli("compress", model, "--method", "sign").code == 0
    file = tmp_path / "model.embc"
    assert "text " in cli("info", file, "-v").out
    outcome = cli("decompress", file, "-o", tmp_path / "out")
    assert outcome.err == f"{tmp_path}/out: 10 tokens of 4 dimensions, static-model\n"
    assert cli("decompress", file, "-o", tmp_path / "out.txt").code == 0
    assert (tmp_path / "out.txt").is_file()
    refused = cli("decompress", file, "-o", tmp_path / "out", "--to", "static-model")
    assert refused.code == 3
    assert refused.err.endswith("exists already; --force replaces it\n")
    assert cli("decompress", file, "-o", tmp_path / "out", "--force").code == 0


def test_words_have_no_tokenizer(cli: Cli, embc: Path, tmp_path: Path) -> None:
    outcome = cli("decompress", embc, "-o", tmp_path / "out", "--to", "static-model")
    assert (outcome.code, outcome.err) == (
        2,
        "embcomp: the format static-model needs a tokenizer, which the file does not have\n",
    )
    assert not (tmp_path / "out").exists()


def test_codes_are_written_by_suffix_or_name(cli: Cli, glove: Path, tmp_path: Path) -> None:
    embc = tmp_path / "binary.embc"
    assert cli("compress", glove, "--method", "iiq", "-o", embc).code == 0
    outcome = cli("decompress", embc, "--codes", "-o", tmp_path / "o.npy")
    assert (outcome.code, outcome.err) == (0, f"{tmp_path}/o.npy: 10 codes of 8 bits\n")
    assert np.load(tmp_path / "o.npy").shape == (10, 1)
    assert "CREATE TABLE codes" in cli("decompress", embc, "--codes", "--to", "pgvector", "-o", "-").out
    unknown = cli("decompress", embc, "--codes", "-o", tmp_path / "o.sql")
    assert unknown.err == (
        "embcomp: decompress: --codes needs --to, one of faiss, usearch, npy, parquet, pgvector, sqlite-vec, duckdb\n"
    )
    mean = cli("decompress", embc, "--codes", "--restore-mean", "-o", tmp_path / "o.npy")
    assert (mean.code, mean.err) == (
        2,
        "embcomp: decompress: --restore-mean is for vectors, and --codes writes codes\n",
    )
