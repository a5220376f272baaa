"""Parquet, Arrow and HDF5: columns found or named, every kind of list, bad rows, slices; written and read back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from embcomp.errors import OutputError, ParameterError
from embcomp.formats import ReadOptions, open_blocks, write_embedding

from .helpers import read, refusal, rows

pa = pytest.importorskip("pyarrow", reason="pyarrow is not installed")
pq = pytest.importorskip("pyarrow.parquet")

WORDS = ["the", "été", "a b", "x\ny", ""]
VECTORS = np.arange(15, dtype=np.float32).reshape(5, 3) / 7
EXPECTED = dict(zip(WORDS, VECTORS.tolist(), strict=True))
LIST = pa.list_(pa.float32())


def parquet(path: Path, columns: dict[str, Any], **options: Any) -> Path:
    pq.write_table(pa.table(columns), path, **options)
    return path


def arrow(path: Path, columns: dict[str, Any], rows_per_batch: int = 2) -> Path:
    table = pa.table(columns)
    with pa.ipc.new_file(path, table.schema) as writer:
        writer.write_table(table, rows_per_batch)
    return path


KINDS = {
    "list": pa.array(VECTORS.tolist(), LIST),
    "large list of doubles": pa.array(VECTORS.astype(float).tolist(), pa.large_list(pa.float64())),
    "fixed size": pa.array(VECTORS.tolist(), pa.list_(pa.float32(), 3)),
    "binary": pa.array([row.tobytes() for row in VECTORS], pa.binary(12)),
    "halves": pa.array([list(row) for row in VECTORS.astype(np.float16)], pa.list_(pa.float16())),
}
TEXTS = {
    "string": pa.array(WORDS),
    "large": pa.array(WORDS, pa.large_string()),
    "dictionary": pa.array(WORDS).dictionary_encode(),
}


@pytest.mark.parametrize("write", [parquet, arrow])
@pytest.mark.parametrize("vectors", KINDS)
@pytest.mark.parametrize("words", TEXTS)
def test_every_kind_of_column(tmp_path: Path, write: Any, vectors: str, words: str) -> None:
    embedding = read(write(tmp_path / "v", {"number": range(5), "word": TEXTS[words], "v": KINDS[vectors]}))
    expected = VECTORS.astype(np.float16) if vectors == "halves" else VECTORS
    assert embedding.words == WORDS
    assert np.array_equal(embedding.vectors, expected.astype(np.float32))
    assert embedding.source.format == write.__name__


@pytest.mark.parametrize("kind", KINDS)
def test_blocks_that_are_slices(tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("embcomp.formats.arrow_files.BLOCK_BYTES", 24)
    path = arrow(tmp_path / "v", {"word": WORDS, "vector": KINDS[kind]}, rows_per_batch=5)
    with open_blocks(path) as reader:
        blocks = list(reader)
    assert [words for words, _ in blocks] == [WORDS[:2], WORDS[2:4], WORDS[4:]]
    assert np.allclose(np.concatenate([vectors for _, vectors in blocks]), VECTORS, atol=1e-3)


def test_row_groups_and_a_limit(tmp_path: Path) -> None:
    path = parquet(tmp_path / "v", {"word": WORDS, "vector": KINDS["list"]}, row_group_size=2)
    assert rows(read(path)) == EXPECTED
    assert read(path, limit=3).words == WORDS[:3]


def test_columns_by_their_names(tmp_path: Path) -> None:
    columns = {"id": TEXTS["string"], "Word": pa.array(list("abcde")), "embedding": KINDS["list"], "x": KINDS["list"]}
    path = parquet(tmp_path / "v", columns)
    assert read(path).words == list("abcde")
    assert read(path, word_column="id", vector_column="x").words == WORDS


BAD = {
    "a word that is null": (["a", None, "c"], [[1, 2], [3, 4], [5, 6]], "the word is null"),
    "a vector that is null": (["a", "b", "c"], [[1, 2], None, [5, 6]], "the vector is null"),
    "a number that is null": (["a", "b", "c"], [[1, 2], [3, None], [5, 6]], "a number is null"),
    "fewer numbers": (["a", "b", "c"], [[1, 2], [3], [5, 6]], "1 numbers, expected 2"),
    "more numbers, one of them null": (["a", "b", "c"], [[1, 2], [3, None, 4], [5, 6]], "a number is null"),
    "NaN": (["a", "b", "c"], [[1, 2], [3, float("nan")], [5, 6]], "number 2 is nan, expected a finite float32"),
}


@pytest.mark.parametrize("what", BAD)
def test_bad_rows(tmp_path: Path, what: str) -> None:
    words, vectors, problem = BAD[what]
    path = parquet(tmp_path / "v", {"word": pa.array(words), "vector": pa.array(vectors, LIST)})
    assert refusal(path) == f"v: row 2: {problem}"
    embedding = read(path, bad_rows="skip")
    assert rows(embedding) == {"a": [1, 2], "c": [5, 6]}
    assert embedding.source.bad_rows_dropped == 1


def test_bad_rows_of_fixed_size(tmp_path: Path) -> None:
    for name, vectors in (("list", pa.list_(pa.float32(), 2)), ("binary", pa.binary(8))):
        data: Any = [b"\0\0\x80?\0\0\0@", None] if name == "binary" else [[1, 2], None]
        path = parquet(tmp_path / name, {"word": ["a", "b"], "vector": pa.array(data, vectors)})
        assert refusal(path) == f"{name}: row 2: the vector is null"
        assert rows(read(path, bad_rows="skip")) == {"a": [1, 2]}


def test_duplicates(tmp_path: Path) -> None:
    path = parquet(tmp_path / "v", {"word": list("aba"), "vector": pa.array([[1], [2], [3]], LIST)})
    assert rows(read(path)) == {"a": [1], "b": [2]}


def test_words_that_are_not_utf8(tmp_path: Path) -> None:
    words = pa.array([b"a", b"\xff", b"b\0c"]).view(pa.string())
    path = arrow(tmp_path / "v", {"word": words, "vector": pa.array([[1], [2], [3]], LIST)}, 3)
    assert refusal(path).startswith("v: row 2: '\\\\xff' is not valid UTF-8")
    assert read(path, encoding_errors="replace").words == ["a", "\ufffd", "b\0c"]


@pytest.mark.parametrize(
    ("columns", "options", "problem"),
    [
        ({"a": [1]}, {}, "has no columns of strings; `word_column` must name one of: a (int64)"),
        ({"a": ["x"]}, {}, "has no columns of lists of numbers; `vector_column` must name one of: a (string)"),
        (
            {"a": ["x"], "b": ["y"], "v": pa.array([[1]], LIST)},
            {},
            "has 2 columns of strings; `word_column` must name one of: "
            "a (string), b (string), v (list<element: float>)",
        ),
        (
            {"a": ["x"], "v": pa.array([[1]], LIST)},
            {"word_column": "v"},
            "has no columns of strings called 'v'; `word_column` must name one of: "
            "a (string), v (list<element: float>)",
        ),
        ({"a": pa.array([], pa.string()), "v": pa.array([], LIST)}, {}, "has no rows, expected at least 1"),
        ({"a": ["x"], "v": pa.array([[]], LIST)}, {}, "column 'v' has vectors of 0 numbers, expected 1 to 1048576"),
    ],
)
def test_tables_that_are_refused(tmp_path: Path, columns: Any, options: Any, problem: str) -> None:
    assert refusal(parquet(tmp_path / "v", columns), **options) == f"v: {problem}"


def test_damaged_files(tmp_path: Path) -> None:
    path = parquet(tmp_path / "v", {"word": WORDS, "vector": KINDS["list"]})
    assert refusal(path, path.read_bytes()[:-30]).startswith("v: pyarrow cannot read it: ")
    assert refusal(tmp_path / "w", b"ARROW1\0\0" + bytes(50)).startswith("w: pyarrow cannot read it: ")


@pytest.mark.parametrize(("name", "module"), [("parquet", "pyarrow"), ("arrow", "pyarrow"), ("hdf5", "h5py")])
def test_written_and_read_back(tmp_path: Path, name: str, module: str, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip(module, reason=f"{module} is not installed")
    monkeypatch.setattr("embcomp.formats.arrow_files.GROUP_ROWS", 2)
    blocks = [(WORDS[:2], VECTORS[:2]), (WORDS[2:], VECTORS[2:])]
    for target in ("one", "other"):
        write_embedding(tmp_path / target, name, iter(blocks), 5, 3)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "other").read_bytes()
    assert rows(read(tmp_path / "one")) == EXPECTED
    with pytest.raises(ParameterError, match="needs a"):
        write_embedding("-", name, iter(blocks), 5, 3)


def test_without_the_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = parquet(tmp_path / "v", {"word": WORDS, "vector": KINDS["list"]})
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    with pytest.raises(ParameterError, match=r"^the package pyarrow is needed .*: pip install '\.\[parquet\]'$"):
        read(path)


# HDF5


def hdf5(path: Path, **datasets: Any) -> Path:
    h5py = pytest.importorskip("h5py", reason="h5py is not installed")
    with h5py.File(path, "w") as file:
        for name, data in datasets.items():
            file.create_dataset(name.replace("__", "/"), data=data)
    return path


TEXT = np.array([word.encode() for word in WORDS], dtype=object)


def test_hdf5_datasets_are_found_or_named(tmp_path: Path) -> None:
    only = hdf5(tmp_path / "v", group__vectors=VECTORS.astype(np.float64), group__words=TEXT, other=np.arange(5))
    assert rows(read(only)) == EXPECTED
    fixed = hdf5(tmp_path / "f", vectors=VECTORS, words=np.array([b"a", b"b", b"c", b"d", b"e"]))
    assert read(fixed).words == list("abcde")
    two = hdf5(tmp_path / "w", one=VECTORS, two=VECTORS + 1, words=TEXT)
    assert read(two, vector_column="two", word_column="/words").vectors.tolist() == (VECTORS + 1).tolist()
    assert refusal(two) == (
        "w: has 2 matrices of numbers; `vector_column` must name one of: one float32 (5, 3), two float32 (5, 3), "
        "words object (5,)"
    )


def test_hdf5_files_that_are_refused(tmp_path: Path) -> None:
    short = hdf5(tmp_path / "v", vectors=VECTORS, words=TEXT[:4])
    assert refusal(short) == (
        "v: has no lists of 5 strings; `word_column` must name one of: vectors float32 (5, 3), words object (4,)"
    )
    assert refusal(short, word_column="x").startswith("v: has no lists of 5 strings called 'x'; `word_column` must")
    assert refusal(short, short.read_bytes()[:500]).startswith("v: h5py cannot read it: ")


def test_hdf5_data_outside_the_file_are_not_followed(tmp_path: Path) -> None:
    h5py = pytest.importorskip("h5py", reason="h5py is not installed")
    inside = hdf5(tmp_path / "inside", vectors=VECTORS, words=TEXT)
    with h5py.File(tmp_path / "v", "w") as file:
        file["words"] = TEXT
        file["vectors"] = h5py.ExternalLink(inside.name, "vectors")
        (tmp_path / "raw").write_bytes(VECTORS.tobytes())
        file.create_dataset("raw", (5, 3), "<f4", external=[(str(tmp_path / "raw"), 0, h5py.h5f.UNLIMITED)])
    assert refusal(tmp_path / "v").startswith("v: has no matrices of numbers; ")


def test_hdf5_has_no_words_with_zeros(tmp_path: Path) -> None:
    pytest.importorskip("h5py", reason="h5py is not installed")
    with pytest.raises(OutputError, match=r"expected words without the character 0$"):
        write_embedding(tmp_path / "v", "hdf5", [(["a\0b"], VECTORS[:1])], 1, 3)


def test_options_are_for_tables(tmp_path: Path) -> None:
    assert ReadOptions(word_column="x").vector_column is None
