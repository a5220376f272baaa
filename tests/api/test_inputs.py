"""Words and vectors of every kind, and every way to refuse them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from embcomp.errors import InputError
from embcomp.inputs import as_embedding

WORDS = ["the", "of", "king"]
VECTORS = np.array([[1.5, -2.0], [0.25, 4.0], [0.0, -0.5]], dtype=np.float32)


class Column:
    """Gives its items as pandas' columns and indices do."""

    def __init__(self, items: list[Any]) -> None:
        self.items = items

    def tolist(self) -> list[Any]:
        return self.items


class Frame:
    """Turns into an array as pandas' frames do."""

    def __init__(self, rows: Any) -> None:
        self.rows = rows

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        return np.array(self.rows, dtype=dtype)


class Tensor(Frame):
    """Refuses to turn into an array while it has a gradient, as torch's tensors do."""

    attached = True

    def detach(self) -> Tensor:
        detached = Tensor(self.rows)
        detached.attached = False
        return detached

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        if self.attached:
            raise RuntimeError("Can't call numpy() on Tensor that requires grad.")
        return super().__array__(dtype, copy)


@pytest.mark.parametrize(
    "vectors",
    [
        VECTORS,
        VECTORS.astype(np.float64),
        VECTORS.astype(np.float16),
        np.asfortranarray(VECTORS),
        VECTORS[:, ::-1].copy()[:, ::-1],
        VECTORS.astype(">f4"),
        VECTORS.astype(object),
        VECTORS.tolist(),
        list(VECTORS),
        Frame(VECTORS),
        Tensor(VECTORS),
    ],
    ids=[
        "float32",
        "float64",
        "float16",
        "fortran",
        "strided",
        "big-endian",
        "object",
        "lists",
        "rows",
        "frame",
        "tensor",
    ],
)
def test_vectors_of_every_kind(vectors: Any) -> None:
    taken = as_embedding(WORDS, vectors).vectors
    assert (taken.dtype, taken.dtype.isnative, taken.flags.c_contiguous) == (np.float32, True, True)
    assert np.array_equal(taken, VECTORS)


def test_float32_is_taken_as_it_is() -> None:
    assert as_embedding(WORDS, VECTORS).vectors is VECTORS


def test_whole_numbers_are_numbers() -> None:
    assert as_embedding(["a"], [[1, 2]]).vectors.tolist() == [[1.0, 2.0]]


@pytest.mark.parametrize(
    "words",
    [
        WORDS,
        tuple(WORDS),
        np.array(WORDS),
        np.array(WORDS, dtype=object),
        list(np.array(WORDS)),
        Column(WORDS),
        dict.fromkeys(WORDS),
    ],
    ids=["list", "tuple", "array", "objects", "numpy.str_", "column", "keys"],
)
def test_words_of_every_kind(words: Any) -> None:
    taken = as_embedding(words, VECTORS).words
    assert taken == WORDS
    assert all(type(word) is str for word in taken)


def test_the_source_says_how_much_there_was() -> None:
    source = as_embedding(WORDS, VECTORS).source
    assert (source.name, source.rows, source.dim) == ("", 3, 2)


def test_no_rows_are_rows() -> None:
    assert len(as_embedding([], np.empty((0, 4)))) == 0


REFUSED: list[tuple[Any, Any, str]] = [
    (WORDS[:2], VECTORS, "2 words, but 3 vectors"),
    (WORDS, VECTORS[0], "vectors must have shape (rows, at least 1), got (2,)"),
    (WORDS, VECTORS[None], "vectors must have shape (rows, at least 1), got (1, 3, 2)"),
    (WORDS, VECTORS[:, :0], "vectors must have shape (rows, at least 1), got (3, 0)"),
    (WORDS, 1.0, "vectors must have shape (rows, at least 1), got ()"),
    (WORDS, VECTORS.astype(np.complex64), "vectors must be numbers, got complex64"),
    (WORDS, [["a", "b"]] * 3, "vectors must be numbers, got <U1"),
    (WORDS, [[1.0, None]] * 3, "vectors must be finite float32, got nan in row 0 ('the'), column 1"),
    (
        WORDS,
        [[1.0, 2.0], [3.0, 1e300], [4.0, 5.0]],
        "vectors must be finite float32, got inf in row 1 ('of'), column 1",
    ),
    (
        WORDS,
        [[1.0, 2.0], [3.0, 4.0], [np.nan, 5.0]],
        "vectors must be finite float32, got nan in row 2 ('king'), column 0",
    ),
    (["a", "b", "a"], VECTORS, "words must be distinct, got 'a' in rows 0 and 2"),
    (["a", 5, "b"], VECTORS, "word 1 must be a string, got 5"),
    ([b"a", b"b", b"c"], VECTORS, "word 0 must be a string, got b'a'"),
    ("abc", VECTORS, "words must be a sequence of strings, got one str"),
    (np.array("abc"), VECTORS, "words must be a sequence of strings, got 'abc'"),
    (7, VECTORS, "words must be a sequence of strings, got int"),
]


@pytest.mark.parametrize(("words", "vectors", "message"), REFUSED, ids=[message for _, _, message in REFUSED])
def test_a_refusal_says_what_was_found(words: Any, vectors: Any, message: str) -> None:
    with pytest.raises(InputError) as refused:
        as_embedding(words, vectors)
    assert str(refused.value) == message


@pytest.mark.parametrize(
    ("vectors", "start"),
    [
        ([[1.0], [1.0, 2.0], [3.0]], "vectors must be a matrix of numbers, got list: "),
        ([[object()]] * 3, "vectors must be a matrix of numbers, got list: "),
        (Frame([["1,5"]] * 3), "vectors must be numbers, got <U3"),
    ],
    ids=["ragged", "objects", "text"],
)
def test_what_numpy_says_is_one_line(vectors: Any, start: str) -> None:
    with pytest.raises(InputError) as refused:
        as_embedding(WORDS, vectors)
    assert str(refused.value).startswith(start)
    assert "\n" not in str(refused.value)


def test_rows_are_counted_across_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("embcomp.inputs.CHUNK_ROWS", 2)
    with pytest.raises(InputError, match=r"got inf in row 2 \('king'\), column 1"):
        as_embedding(WORDS, [[1, 2], [3, 4], [5, np.inf]])
