"""What is written reads back: by us, and where gensim knows the format, by gensim."""

from __future__ import annotations

import io
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from gensim.models import KeyedVectors
from hypothesis import given, settings
from hypothesis import strategies as st

from embcomp.errors import OutputError, ParameterError
from embcomp.formats import read_embedding, readable_formats, writable_formats, write_embedding
from tests.formats.helpers import read

PACKAGES = {"parquet": "pyarrow", "arrow": "pyarrow", "hdf5": "h5py"}  # these formats are tried where it is installed
INSTALLED = [name for name in writable_formats() if find_spec(PACKAGES.get(name, "numpy"))]
BOTH_WAYS = [name for name in INSTALLED if name in readable_formats()]
CHARACTERS = st.characters(exclude_categories=["Cs"]) | st.sampled_from(" \t\r\n5.\x85\u2028")
FINITE = st.floats(width=32, allow_nan=False, allow_infinity=False)


def write(path: Path | str, format_name: str, words: list[str], vectors: np.ndarray, **options: bool) -> None:
    blocks = [(words[start : start + 2], vectors[start : start + 2]) for start in range(0, len(words), 2)]
    write_embedding(path, format_name, blocks, len(words), vectors.shape[1], **options)


@settings(max_examples=80)
@given(
    st.sampled_from(BOTH_WAYS),
    st.lists(st.text(CHARACTERS, max_size=4), min_size=1, max_size=5, unique=True),
    st.integers(2, 4),
    st.data(),
)
def test_what_can_be_written_reads_back(
    tmp_path_factory: pytest.TempPathFactory, format_name: str, words: list[str], dim: int, data: st.DataObject
) -> None:
    size = len(words) * dim
    numbers = data.draw(st.lists(FINITE, min_size=size, max_size=size))
    vectors = np.array(numbers, dtype=np.float32).reshape(len(words), dim)
    path = tmp_path_factory.getbasetemp() / "out"
    try:
        write(path, format_name, words, vectors, force=True)
    except OutputError:
        return
    back = read(path, format=format_name, allow_pickle=True)
    assert back.words == words
    np.testing.assert_array_equal(back.vectors.view(np.uint32), vectors.view(np.uint32))


VECTORS = np.array([[0.1, -2.5, 1e-5], [1e16, 3.0, -0.0]], dtype=np.float32)


def test_text_has_the_shortest_numbers(tmp_path: Path) -> None:
    write(tmp_path / "g", "glove-text", ["the", "of"], VECTORS)
    assert (tmp_path / "g").read_bytes() == b"the 0.1 -2.5 1e-05\nof 1e+16 3.0 -0.0\n"
    write(tmp_path / "w", "word2vec-text", ["the", "of"], VECTORS)
    assert (tmp_path / "w").read_bytes() == b"2 3\n" + (tmp_path / "g").read_bytes()


def test_shortest_numbers_come_back(tmp_path: Path) -> None:
    patterns = np.random.default_rng(0).integers(0, 2**32, size=(2000, 4), dtype=np.uint32)
    vectors = patterns.view(np.float32)
    vectors = vectors[np.isfinite(vectors).all(axis=1)]
    words = [str(row) for row in range(len(vectors))]
    write_embedding(tmp_path / "g", "glove-text", [(words, vectors)], len(words), 4)
    np.testing.assert_array_equal(read(tmp_path / "g").vectors.view(np.uint32), vectors.view(np.uint32))


@pytest.mark.parametrize("format_name", ["glove-text", "word2vec-text", "word2vec-binary", "gensim"])
def test_gensim_reads_it(tmp_path: Path, format_name: str) -> None:
    path = str(tmp_path / "out")
    words = ["a\tb", "\x85\u2028"] if format_name != "glove-text" else ["a", ""]
    write(path, format_name, words, VECTORS)
    if format_name == "gensim":
        loaded = KeyedVectors.load(path)
        assert loaded.get_index(words[1]) == 1
    else:
        loaded = KeyedVectors.load_word2vec_format(
            path, binary=format_name == "word2vec-binary", no_header=format_name == "glove-text"
        )
    assert loaded.index_to_key == words
    np.testing.assert_array_equal(loaded.vectors, VECTORS)


test_gensim_reads_it = pytest.mark.filterwarnings(
    "ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"
)(test_gensim_reads_it)


@pytest.mark.parametrize("format_name", BOTH_WAYS)
def test_the_same_rows_give_the_same_bytes(tmp_path: Path, format_name: str) -> None:
    write(tmp_path / "a", format_name, ["x", "y"], VECTORS)
    write(tmp_path / "b", format_name, ["x", "y"], VECTORS)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_npy_holds_its_words(tmp_path: Path) -> None:
    words = ["new york\r", "\u2028"]
    write(tmp_path / "m.npy", "npy", words, VECTORS)
    assert [path.name for path in tmp_path.iterdir()] == ["m.npy"]
    with (tmp_path / "m.npy").open("rb") as file:
        np.testing.assert_array_equal(np.load(file), VECTORS)
        assert np.load(file).tobytes().decode().split("\n")[:-1] == words
    np.testing.assert_array_equal(np.load(tmp_path / "m.npy"), VECTORS)
    np.testing.assert_array_equal(np.load(tmp_path / "m.npy", mmap_mode="r"), VECTORS)


TEXT_RULE = "words that neither start or end with spaces nor end in a number after a space"


@pytest.mark.parametrize(
    ("format_name", "word", "rule"),
    [
        ("glove-text", "a\nb", "words without line feeds"),
        ("glove-text", " a", TEXT_RULE),
        ("glove-text", "a ", TEXT_RULE),
        ("glove-text", "new 1", TEXT_RULE),
        ("word2vec-text", "a\t5", TEXT_RULE),
        ("word2vec-text", "a b\rc", TEXT_RULE),
        ("word2vec-binary", "a b", "words without spaces"),
        ("word2vec-binary", "\na", "words that do not start with a line feed"),
        ("npy", "a\nb", "words without line feeds"),
    ],
)
def test_words_that_the_format_cannot_hold(tmp_path: Path, format_name: str, word: str, rule: str) -> None:
    path = tmp_path / "out"
    with pytest.raises(OutputError) as caught:
        write(path, format_name, ["fine", word], VECTORS)
    assert str(caught.value) == f"{path}: the word {word!r} cannot be written in this format, expected {rule}"
    assert list(tmp_path.iterdir()) == []


def test_other_things_that_are_not_written(tmp_path: Path) -> None:
    path = tmp_path / "out"
    cases: list[tuple[list[str], np.ndarray, str]] = [
        (["a", "\ud800"], VECTORS, "the word '\\ud800' is not valid Unicode, expected no lone surrogates"),
        (["a", "b"], VECTORS * np.float32(np.nan), "the vector of 'a' is not finite, expected finite numbers"),
    ]
    for words, vectors, message in cases:
        with pytest.raises(OutputError) as caught:
            write(path, "glove-text", words, vectors)
        assert str(caught.value) == f"{path}: {message}"
    with pytest.raises(OutputError, match=r"out: got 2 rows, expected 3$"):
        write_embedding(path, "glove-text", [(["a", "b"], VECTORS)], 3, 3)
    with pytest.raises(OutputError, match=r"got 2 words with vectors of shape \(2, 3\), expected at most 1 of 3"):
        write_embedding(path, "glove-text", [(["a", "b"], VECTORS)], 1, 3)
    with pytest.raises(ParameterError, match=r"^`to` must be one of glove-text, .*, got 'json'$"):
        write(path, "json", ["a", "b"], VECTORS)
    with pytest.raises(
        ParameterError, match=r"^the format gensim needs a plain file, got standard output or a compressed one$"
    ):
        write("-", "gensim", ["a", "b"], VECTORS)
    assert list(tmp_path.iterdir()) == []


def test_an_existing_file_is_kept_unless_forced(tmp_path: Path) -> None:
    path = tmp_path / "m.npy"
    path.write_bytes(b"mine")
    with pytest.raises(OutputError, match=r"exists already; `force` replaces it$"):
        write(path, "npy", ["a", "b"], VECTORS)
    assert [file.read_bytes() for file in tmp_path.iterdir()] == [b"mine"]
    write(path, "npy", ["a", "b"], VECTORS, force=True)
    assert read_embedding(path).words == ["a", "b"]


def test_standard_output(monkeypatch: pytest.MonkeyPatch) -> None:
    class FakeStdout:
        buffer = io.BytesIO()

    monkeypatch.setattr(sys, "stdout", FakeStdout)
    write("-", "word2vec-text", ["a", "b"], VECTORS)
    assert FakeStdout.buffer.getvalue().startswith(b"2 3\na 0.1 ")
