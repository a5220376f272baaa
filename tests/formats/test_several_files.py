"""Several files as one source; SHA-256 as expected."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest

from embcomp.errors import InputError
from embcomp.formats import open_blocks, write_embedding

from .helpers import read, refusal, rows

PARTS = {"p-0": b"a 1 2\nb 3 4\n", "p-1": b"c 5 6\na 7 8\n", "p-2": b"d 9 10\n"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, data in PARTS.items():
        (tmp_path / name).write_bytes(data)
    return tmp_path


def test_files_are_read_in_the_order_of_their_names(folder: Path) -> None:
    embedding = read(folder / "p-*")
    assert rows(embedding) == {"a": [1, 2], "b": [3, 4], "c": [5, 6], "d": [9, 10]}
    digests = "".join(f"{hashlib.sha256(data).hexdigest()}\n" for data in PARTS.values())
    assert embedding.source.to_json() == {
        "name": "p-*",
        "format": "glove-text",
        "sha256": hashlib.sha256(digests.encode()).hexdigest(),
        "rows": 4,
        "dim": 2,
        "duplicates_dropped": 1,
        "bad_rows_dropped": 0,
    } | {name: value for name, value in embedding.source.to_json().items() if name.endswith("_not_found")}


def test_a_limit_goes_over_all_files(folder: Path) -> None:
    for limit, words in ((1, "a"), (2, "ab"), (3, "abc"), (4, "abc"), (9, "abcd")):
        assert "".join(read(folder / "p-*", limit=limit).words) == words


def test_a_pattern_with_one_file_or_none(folder: Path) -> None:
    assert read(folder / "p-[2]").source.sha256 == hashlib.sha256(PARTS["p-2"]).hexdigest()
    assert refusal(folder / "q-*") == "q-*: there are no such files"


def test_a_file_whose_name_is_a_pattern(folder: Path) -> None:
    (folder / "p-*").write_bytes(PARTS["p-2"])
    assert read(folder / "p-*").words == ["d"]


def test_other_dimensions_and_errors_name_the_file(folder: Path) -> None:
    (folder / "p-1").write_bytes(b"c 5 6 7\n")
    assert refusal(folder / "p-*") == "p-1: 3 dimensions, expected 2"
    (folder / "p-1").write_bytes(b"c 5 6\nx 1\n")
    assert refusal(folder / "p-*") == "p-1:2: 1 number, expected 2"


def test_the_source_is_known_at_the_end(folder: Path) -> None:
    with open_blocks(folder / "p-*") as reader:
        with pytest.raises(InputError, match="has not been read to its end"):
            _ = reader.source
        assert sum(len(words) for words, _ in reader) == 4
        assert reader.source.rows == 4


def test_a_sha256_that_is_expected(folder: Path) -> None:
    digest = hashlib.sha256(PARTS["p-0"]).hexdigest()
    assert read(folder / "p-0", sha256=digest.upper()).words == ["a", "b"]
    assert refusal(folder / "p-1", sha256=digest) == (
        f"p-1: has the SHA-256 {hashlib.sha256(PARTS['p-1']).hexdigest()}, expected {digest}"
    )


WORDS, VECTORS = ["a", "b", "c", "d", "e"], np.arange(10, dtype=np.float32).reshape(5, 2)


NEEDS = {"parquet": "pyarrow", "arrow": "pyarrow", "hdf5": "h5py"}
FORMATS = ["glove-text", "word2vec-text", "word2vec-binary", "npy", "safetensors", *NEEDS]


@pytest.mark.parametrize("name", FORMATS)
def test_files_of_one_format(tmp_path: Path, name: str) -> None:
    pytest.importorskip(NEEDS.get(name, "numpy"), reason="its package is not installed")
    for number, own in enumerate((slice(0, 2), slice(2, 5))):
        words, vectors = WORDS[own], VECTORS[own]
        write_embedding(tmp_path / f"part-{number}", name, [(words, vectors)], len(words), 2)
    embedding = read(tmp_path / "part-*")
    assert embedding.words == WORDS
    assert np.array_equal(embedding.vectors, VECTORS)


def test_vectors_with_lists_of_words_beside_them(tmp_path: Path) -> None:
    for number, rows_of_part in enumerate((slice(0, 2), slice(2, 5))):
        np.save(tmp_path / f"{number}.npy", VECTORS[rows_of_part])
        (tmp_path / f"{number}.npy.words.txt").write_text("\n".join(WORDS[rows_of_part]))
    embedding = read(tmp_path / "*.npy")
    assert embedding.words == WORDS
    assert np.array_equal(embedding.vectors, VECTORS)


def test_a_folder_of_parquet_files(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow", reason="pyarrow is not installed")
    folder = tmp_path / "words.parquet"
    names = ["year=1/part-0.parquet", "year=1/part-1.parquet", "year=2/part-0.parquet"]
    for word, name in zip(WORDS, [*names, "_metadata.parquet", ".hidden.parquet"], strict=True):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        write_embedding(folder / name, "parquet", [([word], VECTORS[:1])], 1, 2)
    (folder / "_SUCCESS").touch()
    embedding = read(folder)
    assert (embedding.words, embedding.source.name) == (["a", "b", "c"], "words.parquet")
