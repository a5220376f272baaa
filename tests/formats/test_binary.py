"""word2vec's binary format, and what gensim reads for us."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gensim.models import FastText, KeyedVectors, Word2Vec
from gensim.models.fasttext import save_facebook_model

from embcomp.formats import word2vec_binary
from embcomp.formats.rows import MAX_WORD_BYTES
from tests.formats.helpers import read, refusal, rows

SENTENCES = [["some", "words", "of", "sense"], ["words", "of", "others"]] * 5


def binary(*pairs: tuple[bytes, list[float]], header: bytes | None = None) -> bytes:
    head = header or b"%d %d\n" % (len(pairs), len(pairs[0][1]))
    return head + b"".join(word + b" " + np.array(row, dtype="<f4").tobytes() for word, row in pairs)


A, B, C = (b"a", [0.25, -1.0]), (b"\nb", [1e-7, 3.0]), (b"c\xff", [0.0, 0.0])


def test_binary_rows(tmp_path: Path) -> None:
    embedding = read(tmp_path / "v.bin", binary(A, B))
    assert rows(embedding) == {"a": [0.25, -1.0], "b": [float(np.float32(1e-7)), 3.0]}
    assert embedding.source.format == "word2vec-binary"
    assert embedding.vectors.flags.writeable


@pytest.mark.parametrize("size", [1, 5, 9, 14, 100])
def test_binary_blocks_of_any_size_give_the_same(tmp_path: Path, size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(word2vec_binary, "CHUNK_BYTES", size)
    data = binary(A, B, A, (b"x" * 30, [1.0, 2.0])) + b"\n"
    embedding = read(tmp_path / "v.bin", data)
    assert embedding.words == ["a", "b", "x" * 30]
    assert embedding.source.duplicates_dropped == 1


@pytest.mark.parametrize(
    ("data", "options", "message"),
    [
        (binary(A, B)[:-1], {}, "v.bin:1: header promises 2 rows, the file has 1"),
        (binary(A, header=b"1000000000000 2\n"), {}, "v.bin:1: header promises 1000000000000 rows, the file has 1"),
        (binary(A, B, header=b"1 2\n"), {}, "v.bin:1: header promises 1 rows, after them the file has 10 more bytes"),
        (binary(A, header=b"1 0\n"), {}, "v.bin:1: header promises 0 dimensions, expected 1 to 1048576"),
        (
            binary(A, header=b"1 99999999\n"),
            {},
            "v.bin:1: header promises 99999999 dimensions, expected 1 to 1048576",
        ),
        (
            binary(A, C),
            {},
            "v.bin: row 2: 'c\\\\xff' is not valid UTF-8 (invalid start byte); "
            "`encoding_errors` replace or ignore accepts it",
        ),
        (
            binary(A, (b"x", [1.0, float("nan")])),
            {},
            "v.bin: row 2: number 2 is nan, expected a finite float32",
        ),
        (
            binary(A, B, B),
            {"duplicates": "error"},
            "v.bin: row 3: the word 'b' occurs twice, expected distinct words",
        ),
        (
            b"2 2\n" + bytes(MAX_WORD_BYTES * 2),
            {},
            "v.bin: row 1: the word is longer than 1048576 bytes, allowed at most that",
        ),
    ],
)
def test_binary_files_that_are_refused(tmp_path: Path, data: bytes, options: dict[str, Any], message: str) -> None:
    assert refusal(tmp_path / "v.bin", data, **options) == message


def test_binary_rows_that_are_let_through(tmp_path: Path) -> None:
    data = binary(A, (b"x", [1.0, float("inf")]), C)
    embedding = read(tmp_path / "v.bin", data, bad_rows="skip", encoding_errors="replace")
    assert embedding.words == ["a", "c\ufffd"]
    assert embedding.source.bad_rows_dropped == 1
    assert read(tmp_path / "v.bin", binary(A, B, header=b"9 2\n"), limit=2).words == ["a", "b"]


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    fasttext = FastText(SENTENCES, vector_size=5, min_count=1, bucket=20, epochs=1, workers=1)
    save_facebook_model(fasttext, str(folder / "model.bin"))
    fasttext.wv.save(str(folder / "fasttext.kv"))
    word2vec = Word2Vec(SENTENCES, vector_size=5, min_count=1, epochs=1, workers=1)
    word2vec.save(str(folder / "word2vec.model"))
    word2vec.wv.save(str(folder / "word2vec.kv"))
    word2vec.wv.save(str(folder / "beside.kv"), separately=["vectors"])
    return folder


def test_fasttext_models(models: Path, tmp_path: Path) -> None:
    embedding = read(models / "model.bin")
    expected = KeyedVectors.load(str(models / "fasttext.kv"))
    assert embedding.source.format == "fasttext-binary"
    assert embedding.words == expected.index_to_key
    np.testing.assert_allclose(embedding.vectors, expected.vectors, rtol=1e-5, atol=1e-7)
    data = (models / "model.bin").read_bytes()
    assert rows(read(tmp_path / "model", gzip.compress(data))) == rows(embedding)
    assert read(models / "model.bin", limit=2).words == expected.index_to_key[:2]


@pytest.mark.parametrize("name", ["word2vec.kv", "word2vec.model", "beside.kv", "fasttext.kv"])
def test_native_gensim_files(models: Path, name: str) -> None:
    assert refusal(models / name).startswith(f"{name}: is a pickle (native gensim file)")
    embedding = read(models / name, allow_pickle=True)
    loaded = KeyedVectors.load(str(models / name))
    expected = getattr(loaded, "wv", loaded)
    assert embedding.source.format == "gensim"
    assert embedding.words == expected.index_to_key
    np.testing.assert_array_equal(embedding.vectors, expected.vectors)


def test_native_gensim_files_that_are_refused(tmp_path: Path) -> None:
    import pickle

    path = tmp_path / "v.kv"
    vectors = KeyedVectors(2)
    vectors.add_vectors([1, 2], np.eye(2, dtype=np.float32))
    vectors.save(str(path))
    assert refusal(path, allow_pickle=True) == "v.kv: the key 1 is a int, expected words"
    assert refusal(path, pickle.dumps({}), allow_pickle=True) == (
        "v.kv: gensim cannot read it: 'dict' object has no attribute '_load_specials'"
    )
    assert refusal(path, path.read_bytes()[:3], allow_pickle=True).startswith("v.kv: gensim cannot read it: ")


def test_rows_that_gensim_had_set_aside_for_duplicates_are_counted(tmp_path: Path) -> None:
    text, path = tmp_path / "v.txt", tmp_path / "v.kv"
    text.write_bytes(b"3 2\na 1 2\na 3 4\nb 5 6\n")
    KeyedVectors.load_word2vec_format(str(text)).save(str(path))
    embedding = read(path, allow_pickle=True)
    assert rows(embedding) == {"a": [1.0, 2.0], "b": [5.0, 6.0]}
    assert embedding.source.duplicates_dropped == 1
