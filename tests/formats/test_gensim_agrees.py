"""gensim is the reader of record: what it reads, we read, with the same words, order and bits."""

from __future__ import annotations

from decimal import Decimal, getcontext
from pathlib import Path

import numpy as np
import pytest
from gensim.models import KeyedVectors
from hypothesis import given, settings
from hypothesis import strategies as st

from embcomp.embedding import Embedding
from embcomp.errors import InputError
from tests.formats.helpers import read

pytestmark = [  # gensim leaves a file open when it looks for a missing header
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

getcontext().prec = 400

ANY_CHARACTER = st.characters(exclude_categories=["Cs"], exclude_characters="\n ")
WORDS = st.text(ANY_CHARACTER, max_size=5) | st.sampled_from(["a", "b", "5", "1e5", "nan", "\u2028", "\x85", "\xa0"])


@st.composite
def decimal_numbers(draw: st.DrawFn) -> str:
    """Decimal numbers of every shape, hard ones to round among them."""
    kind = draw(st.sampled_from(["float32", "float64", "digits", "tie"]))
    if kind == "float32":
        return str(np.float32(draw(st.floats(width=32, allow_nan=False, allow_infinity=False))))
    if kind == "float64":
        return repr(draw(st.floats(-1e38, 1e38)))
    if kind == "digits":
        sign = draw(st.sampled_from(["", "-", "+"]))
        whole = draw(st.text("0123456789", max_size=25))
        part = draw(st.text("0123456789", min_size=0 if whole else 1, max_size=25))
        point = "." if part else draw(st.sampled_from(["", "."]))
        exponent = draw(st.sampled_from(["", "e0", "E-5", "e+3", "e-60"]))
        return sign + whole + point + part + exponent
    low = np.float32(draw(st.floats(2.0**-100, 2.0**100, width=32)))
    middle = (Decimal(float(low)) + Decimal(float(np.nextafter(low, np.float32(np.inf))))) / 2
    nudge = Decimal(draw(st.sampled_from([-1, 0, 1]))) * middle.scaleb(-draw(st.integers(12, 30)))
    return f"{middle + nudge:f}"


NUMBERS = decimal_numbers()


@st.composite
def text_files(draw: st.DrawFn) -> tuple[bytes, bool]:
    """The bytes of a text file and whether it has a header."""
    dim = draw(st.integers(1, 4))
    n_rows = draw(st.integers(1, 6))
    header = draw(st.booleans())
    end = draw(st.sampled_from(["\n", "\r\n", " \n"]))
    words = WORDS if header else WORDS.filter(lambda word: "\t" not in word)
    lines = [" ".join([draw(words), *(draw(NUMBERS) for _ in range(dim))]) for _ in range(n_rows)]
    if header:
        lines.insert(0, f"{n_rows} {dim}")
    data = end.join(lines) + draw(st.sampled_from(["", end]))
    return data.encode(), header


def assert_same(ours: Embedding, theirs: KeyedVectors) -> None:
    words = [word for word in theirs.index_to_key if word is not None]  # it keeps rows for duplicates
    assert ours.words == words
    expected = theirs.vectors[: len(words)]
    np.testing.assert_array_equal(ours.vectors.view(np.uint32), expected.view(np.uint32))


@settings(max_examples=120)
@given(text_files())
def test_text(tmp_path_factory: pytest.TempPathFactory, file: tuple[bytes, bool]) -> None:
    data, header = file
    path = tmp_path_factory.getbasetemp() / "text.txt"
    path.write_bytes(data)
    theirs = KeyedVectors.load_word2vec_format(str(path), binary=False, no_header=not header)
    if not np.isfinite(theirs.vectors).all():
        with pytest.raises(InputError, match="expected a finite float32"):
            read(path)
        return
    assert_same(read(path, format="word2vec-text" if header else "glove-text"), theirs)


@settings(max_examples=120)
@given(st.lists(NUMBERS, min_size=1, max_size=40))
def test_numbers(tmp_path_factory: pytest.TempPathFactory, tokens: list[str]) -> None:
    path = tmp_path_factory.getbasetemp() / "numbers.txt"
    ours = read(path, f"w {' '.join(tokens)}\n".encode()).vectors[0]
    expected = np.array([float(token) for token in tokens]).astype(np.float32)
    np.testing.assert_array_equal(ours.view(np.uint32), expected.view(np.uint32))


@st.composite
def embeddings(draw: st.DrawFn) -> tuple[list[str], np.ndarray]:
    dim = draw(st.integers(2, 5))
    words = draw(st.lists(WORDS.filter(lambda word: word != ""), min_size=1, max_size=6, unique=True))
    numbers = st.floats(width=32, allow_nan=False, allow_infinity=False)
    flat = draw(st.lists(numbers, min_size=len(words) * dim, max_size=len(words) * dim))
    return words, np.array(flat, dtype=np.float32).reshape(len(words), dim)


@settings(max_examples=80)
@given(embeddings(), st.booleans())
def test_binary(
    tmp_path_factory: pytest.TempPathFactory, embedding: tuple[list[str], np.ndarray], feeds: bool
) -> None:
    words, vectors = embedding
    path = tmp_path_factory.getbasetemp() / "vectors.bin"
    end = b"\n" if feeds else b""
    rows = [word.encode() + b" " + row.tobytes() + end for word, row in zip(words, vectors, strict=True)]
    path.write_bytes(f"{len(words)} {vectors.shape[1]}\n".encode() + b"".join(rows))
    theirs = KeyedVectors.load_word2vec_format(str(path), binary=True)
    assert_same(read(path, format="word2vec-binary"), theirs)


def test_real_text_and_binary(tmp_path: Path) -> None:
    """Numbers as the GloVe authors wrote them, and a limit."""
    generator = np.random.default_rng(0)
    vectors = generator.normal(size=(300, 50))
    lines = [f"w{row} " + " ".join(f"{number:.5g}" for number in vector) for row, vector in enumerate(vectors)]
    text = tmp_path / "glove.txt"
    text.write_text("\n".join(lines) + "\n")
    theirs = KeyedVectors.load_word2vec_format(str(text), binary=False, no_header=True)
    assert_same(read(text), theirs)
    assert_same(read(text, limit=7), KeyedVectors.load_word2vec_format(str(text), no_header=True, limit=7))
    theirs.save_word2vec_format(str(tmp_path / "v.bin"), binary=True)
    assert_same(read(tmp_path / "v.bin"), theirs)
    assert_same(
        read(tmp_path / "v.bin", limit=7), KeyedVectors.load_word2vec_format(tmp_path / "v.bin", binary=True, limit=7)
    )
    theirs.save_word2vec_format(str(tmp_path / "v.vec"), binary=False)
    assert_same(read(tmp_path / "v.vec"), KeyedVectors.load_word2vec_format(str(tmp_path / "v.vec")))


def test_duplicates(tmp_path: Path) -> None:
    path = tmp_path / "glove.txt"
    path.write_bytes(b"a 1 2\na 3 4\nb 5 6\n")
    assert_same(read(path), KeyedVectors.load_word2vec_format(str(path), no_header=True))
