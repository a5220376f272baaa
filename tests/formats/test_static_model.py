"""Static sentence models: folders of model2vec and sentence-transformers, in and out, with the real packages too."""

from __future__ import annotations

import json
import os
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import embcomp
from embcomp.compressors.registry import make_compressor
from embcomp.container.reader import open_container
from embcomp.container.writer import save
from embcomp.embedding import Embedding
from embcomp.encoded import EncodedEmbedding
from embcomp.errors import OutputError, ParameterError
from embcomp.formats import ReadOptions, write_embedding
from embcomp.formats.static_model import write_model
from embcomp.pipeline import encode_source
from embcomp.text import TextRules
from tests.text.models import TOKENS, model2vec, safetensors, sentence_transformers, table, tokenizer

from .helpers import read, refusal, rows

EXPECTED = dict(zip(TOKENS, table().tolist(), strict=True))
REAL = os.environ.get("EMBCOMP_TEST_STATIC_MODEL", "")


@pytest.mark.parametrize("dtype", ["<f4", "<f2", "<f8", "|i1"])
def test_tokens_are_words_and_their_vectors_the_table(tmp_path: Path, dtype: str) -> None:
    embedding = read(model2vec(tmp_path / "my-model", {"embeddings": table().astype(dtype)}))
    assert rows(embedding) == EXPECTED
    assert embedding.words == TOKENS
    assert (embedding.source.name, embedding.source.format) == ("my-model", "safetensors")
    assert embedding.text is not None
    assert embedding.text.rules == TextRules(True, False, 512, 512 * 3)
    assert embedding.text.tokenizer == tokenizer()


def test_bfloat16(tmp_path: Path) -> None:
    folder = model2vec(tmp_path / "m")
    halves = (table().view("<u4") >> 16).astype("<u2")
    (folder / "model.safetensors").write_bytes(safetensors({"embeddings": halves}, {"embeddings": "BF16"}))
    assert rows(read(folder / "model.safetensors")) == EXPECTED


def test_weights_and_a_mapping_are_applied(tmp_path: Path) -> None:
    mapping = np.array([0, 1, 2, 2, 1, 0, 0, 2, 2, 1])
    weights = np.linspace(0.5, 5, 10)
    tensors = {"embeddings": table(3), "mapping": mapping, "weights": weights}
    expected = table(3)[mapping] * weights.astype(np.float32)[:, None]
    assert rows(read(model2vec(tmp_path / "m", tensors))) == dict(zip(TOKENS, expected.tolist(), strict=True))
    only_weights = {"embeddings": table(), "weights": weights}
    expected = table() * weights.astype(np.float32)[:, None]
    assert rows(read(model2vec(tmp_path / "w", only_weights))) == dict(zip(TOKENS, expected.tolist(), strict=True))


@pytest.mark.parametrize("subfolder", ["", "0_StaticEmbedding"])
def test_folders_of_sentence_transformers(tmp_path: Path, subfolder: str) -> None:
    for modules, normalize in ((("StaticEmbedding",), False), (("StaticEmbedding", "Normalize"), True)):
        embedding = read(sentence_transformers(tmp_path / str(normalize), modules, subfolder))
        assert rows(embedding) == EXPECTED
        assert embedding.source.name == str(normalize)
        assert embedding.text is not None
        assert embedding.text.rules == TextRules(normalize, keep_unknown=True, max_tokens=6)


def test_numbers_without_a_token_have_no_row(tmp_path: Path) -> None:
    document = tokenizer()
    document["model"]["vocab"] = {"a": 1, "b": 4, "twin": 4}
    document["added_tokens"] = [{"id": 7, "content": "c"}]
    embedding = read(model2vec(tmp_path / "m", document=document))
    assert rows(embedding) == {"a": table()[1].tolist(), "b": table()[4].tolist(), "c": table()[7].tolist()}


def test_a_limit_and_huge_ones(tmp_path: Path) -> None:
    assert read(model2vec(tmp_path / "m"), limit=3).words == TOKENS[:3]
    unlimited = read(model2vec(tmp_path / "m", config={"max_length": 10**30})).text
    assert unlimited is not None
    assert unlimited.rules == TextRules()


def test_a_model_without_config_is_scaled_if_its_modules_say_so(tmp_path: Path) -> None:
    folder = model2vec(tmp_path / "m")
    (folder / "config.json").unlink()
    (folder / "modules.json").write_text('[{"type": "a.StaticEmbedding"}, {"type": "a.Normalize"}]')
    embedding = read(folder)
    assert embedding.text is not None
    assert embedding.text.rules.normalize


def damaged(folder: Path, name: str, text: str | bytes) -> Path:
    path = model2vec(folder) / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return folder


@pytest.mark.parametrize(
    ("name", "text", "problem"),
    [
        ("tokenizer.json", "{}", "m/tokenizer.json: has no vocabulary under 'model'"),
        ("tokenizer.json", '{"model": {"vocab": {}}}', "m/tokenizer.json: has no tokens, expected at least 1"),
        ("tokenizer.json", "[1", "m/tokenizer.json: is not JSON: Expecting ',' delimiter: line 1 column 3 (char 2)"),
        (
            "tokenizer.json",
            '{"model": {"vocab": {"a": 10}}}',
            "m/model.safetensors: has rows for 10 tokens, tokenizer.json has numbers up to 10",
        ),
        ("config.json", '{"normalize": 1}', "m/config.json: 'normalize' must be true or false, got 1"),
        (
            "config.json",
            '{"max_length": -1}',
            "m/config.json: 'max_tokens' must be null or an integer from 1 to 2147483647, got -1",
        ),
        (
            "modules.json",
            '[{"type": "sentence_transformers.models.Transformer"}]',
            "m/modules.json: has the module 'Transformer', expected StaticEmbedding and Normalize only",
        ),
        ("modules.json", "{}", "m/modules.json: must be a list of objects"),
        ("modules.json", "[1]", "m/modules.json: must be a list of objects"),
        (
            "model.safetensors",
            struct.pack("<Q", 90) + b"{}",
            "m/model.safetensors: the safetensors header is damaged: it should have 90 bytes",
        ),
        (
            "model.safetensors",
            struct.pack("<Q", 2) + b"{!",
            "m/model.safetensors: the safetensors header is not JSON: Expecting property name enclosed in double "
            "quotes: line 1 column 2 (char 1)",
        ),
        (
            "model.safetensors",
            safetensors({"bert.weight": table()}),
            "m/model.safetensors: has the tensors 'bert.weight', expected 'embeddings' or 'embedding.weight' and a "
            "tokenizer.json beside it (a static sentence model), or 'vectors', 'words' and 'word_ends'",
        ),
        (
            "model.safetensors",
            safetensors({"embeddings": table()})[:-1],
            "m/model.safetensors: tensor 'embeddings' should end at byte 278, the file has 277",
        ),
        (
            "model.safetensors",
            safetensors({"embeddings": table()[0]}),
            "m/model.safetensors: tensor 'embeddings' has the shape (4,), expected (rows, 1 to 1048576 dimensions)",
        ),
        (
            "model.safetensors",
            safetensors({"embeddings": table(), "weights": np.ones(9, dtype="<f4")}),
            "m/model.safetensors: 'weights' is F32 (9,), expected real numbers (10,)",
        ),
        (
            "model.safetensors",
            safetensors({"embeddings": table(), "mapping": np.ones(10, dtype="<f4")}),
            "m/model.safetensors: 'mapping' is F32 (10,), expected whole numbers (tokens,)",
        ),
        (
            "model.safetensors",
            safetensors({"embeddings": table(3), "mapping": np.arange(10)}),
            "m/model.safetensors: 'mapping' must be from 0 to 2, got 0 to 9",
        ),
    ],
)
def test_what_is_refused(tmp_path: Path, name: str, text: str | bytes, problem: str) -> None:
    assert refusal(damaged(tmp_path / "m", name, text)) == problem


@pytest.mark.parametrize(
    "entry",
    [
        1,
        {"dtype": "F32", "shape": [10, 4]},
        {"dtype": "F32", "shape": [10, 4], "data_offsets": [0, 1]},
        {"dtype": "F32", "shape": [10, -4], "data_offsets": [0, -160]},
        {"dtype": "C64", "shape": [10, 2], "data_offsets": [0, 160]},
        {"dtype": [], "shape": [10, 4], "data_offsets": [0, 160]},
        {"dtype": "F32", "shape": [2**62, 4, 4], "data_offsets": [0, 160]},
    ],
)
def test_tensors_that_contradict_themselves(tmp_path: Path, entry: Any) -> None:
    text = json.dumps({"embeddings": entry}).encode()
    found = refusal(damaged(tmp_path / "m", "model.safetensors", struct.pack("<Q", len(text)) + text + bytes(160)))
    assert found.startswith("m/model.safetensors: tensor 'embeddings' is ")
    assert found.endswith(
        "expected dtype, shape and data_offsets that agree, and one of the dtypes "
        "F64, F32, F16, BF16, I64, I32, I16, I8, U64, U32, U16, U8"
    )


def test_files_that_are_missing(tmp_path: Path) -> None:
    (model2vec(tmp_path / "m") / "tokenizer.json").unlink()
    assert refusal(tmp_path / "m") == "m/tokenizer.json: cannot be read: No such file or directory"
    (tmp_path / "m" / "model.safetensors").unlink()
    assert refusal(tmp_path / "m") == (
        "m: is a folder without model.safetensors, expected a file or a static sentence model"
    )


# Files of embcomp's own


def test_what_is_written_as_safetensors_is_read_back(tmp_path: Path) -> None:
    words = ["the", "", "x\x00y", "été", "a b"]
    vectors = np.arange(15, dtype=np.float32).reshape(5, 3) / 7
    write_embedding(tmp_path / "o.safetensors", "safetensors", [(words, vectors)], 5, 3)
    assert rows(read(tmp_path / "o.safetensors")) == dict(zip(words, vectors.tolist(), strict=True))


@pytest.mark.parametrize(
    ("words", "ends", "problem"),
    [
        (np.zeros(3, dtype="|i1"), np.array([1, 3]), "tensors 'words' and 'word_ends' are I8 (3,) and I64 (2,)"),
        (np.zeros(3, dtype="|u1"), np.array([1]), "tensors 'words' and 'word_ends' are U8 (3,) and I64 (1,)"),
        (np.zeros(3, dtype="|u1"), np.array([2, 1]), "row 1: 'word_ends' must ascend, by at most 1048576"),
        (np.zeros(3, dtype="|u1"), np.array([1, 4]), "row 1: 'word_ends' must ascend, by at most 1048576"),
        (np.full(3, 255, dtype="|u1"), np.array([1, 3]), r"row 1: '\\xff' is not valid UTF-8"),
    ],
)
def test_words_that_contradict_themselves(tmp_path: Path, words: Any, ends: Any, problem: str) -> None:
    data = safetensors(
        {"vectors": table(2), "words": words, "word_ends": ends}, {"words": {"u": "U8", "i": "I8"}[words.dtype.kind]}
    )
    assert problem in refusal(tmp_path / "o", data)


# Written


def compressed(source: Path) -> EncodedEmbedding:
    return encode_source(source, make_compressor("sign"), ReadOptions())


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    encoded = compressed(model2vec(tmp_path / "m"))
    assert write_model(tmp_path / "out", encoded) == 10
    again = read(tmp_path / "out")
    assert rows(again) == dict(zip(TOKENS, encoded.decode_all().tolist(), strict=True))
    assert again.text is not None
    assert encoded.text is not None
    assert (again.text.rules, again.text.tokenizer) == (encoded.text.rules, encoded.text.tokenizer)
    write_model(tmp_path / "out", encoded, encoded.offset, force=True)
    assert encoded.offset is not None
    assert read(tmp_path / "out").vectors.tolist() == (encoded.decode_all() + encoded.offset).tolist()


def test_rows_that_are_not_in_the_tokens_order(tmp_path: Path) -> None:
    encoded = compressed(model2vec(tmp_path / "m")).without_order()
    save(encoded, tmp_path / "m.embc")
    opened = open_container(tmp_path / "m.embc")
    assert opened.text is not None
    assert opened.text.tokenizer == tokenizer()
    write_model(tmp_path / "out", opened)
    assert rows(read(tmp_path / "out")) == dict(zip(encoded.words, encoded.decode_all().tolist(), strict=True))


def test_tokens_without_a_row_are_zeros(tmp_path: Path) -> None:
    source = model2vec(tmp_path / "m")
    encoded = encode_source(source, make_compressor("sign"), ReadOptions(limit=8))
    write_model(tmp_path / "out", encoded)
    assert read(tmp_path / "out").vectors.tolist() == [*encoded.decode_all().tolist(), [0.0] * 4, [0.0] * 4]


def test_folders_that_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    encoded = compressed(model2vec(tmp_path / "m"))
    write_model(tmp_path / "out", encoded)
    before = {path: path.read_bytes() for path in (tmp_path / "out").iterdir()}
    with pytest.raises(OutputError, match=r"exists already; `force` replaces it$"):
        write_model(tmp_path / "out", encoded)
    assert {path: path.read_bytes() for path in (tmp_path / "out").iterdir()} == before
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match=r"file: cannot be made: File exists$"):
        write_model(tmp_path / "file", encoded)
    words = EncodedEmbedding.encode(Embedding(["a"], table(1)), make_compressor("sign"))
    with pytest.raises(ParameterError, match=r"^the format static-model needs a tokenizer, which the file does not"):
        write_model(tmp_path / "other", words)

    def fail(*_: Any) -> None:
        raise OutputError("no")

    monkeypatch.setattr("embcomp.formats.static_model._table", fail)
    with pytest.raises(OutputError, match=r"^no$"):
        write_model(tmp_path / "new", encoded)
    assert not (tmp_path / "new").exists()


# The real packages and a real model


def sources(tmp_path: Path) -> list[Path]:
    tiny = [model2vec(tmp_path / "tiny"), model2vec(tmp_path / "raw", config={"max_length": 3})]
    return [*tiny, Path(REAL)] if REAL else tiny


TEXTS = ["The cats sat.", "a mat, a cat; a mat", "été " * 2000, "zzz", "zzz the", "", "naïve 日本 cafés" * 99]


@pytest.mark.filterwarnings("ignore")
def test_model2vec_loads_what_is_written_and_gives_the_same_vectors(tmp_path: Path) -> None:
    model2vec_package = pytest.importorskip("model2vec", reason="the package model2vec is not installed")
    for source in sources(tmp_path):
        encoded = compressed(source)
        save(encoded, tmp_path / "m.embc", force=True)
        write_model(tmp_path / "out", encoded, force=True)
        model = model2vec_package.StaticModel.from_pretrained(tmp_path / "out")
        np.testing.assert_allclose(embcomp.open(tmp_path / "m.embc").encode(TEXTS), model.encode(TEXTS), atol=1e-6)


@pytest.mark.filterwarnings("ignore")
def test_sentence_transformers_loads_what_is_written_and_gives_the_same_vectors(tmp_path: Path) -> None:
    package = pytest.importorskip("sentence_transformers", reason="sentence-transformers is not installed")
    short = ["The cats sat.", "a mat a cat", ""]  # within the limits of the other's tokenizer, with known words
    for source in [
        sentence_transformers(tmp_path / "s", ("StaticEmbedding", "Normalize")),
        sources(tmp_path)[0],
        *map(Path, filter(None, [REAL])),
    ]:
        encoded = compressed(source)
        save(encoded, tmp_path / "m.embc", force=True)
        write_model(tmp_path / "out", encoded, force=True)
        texts = TEXTS if source.name == "s" else short
        found = package.SentenceTransformer(str(tmp_path / "out"), device="cpu").encode(texts)
        np.testing.assert_allclose(embcomp.open(tmp_path / "m.embc").encode(texts), found, atol=1e-6)
