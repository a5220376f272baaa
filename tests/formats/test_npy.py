"""``.npy`` with words of its own, or with a word list."""

from __future__ import annotations

import gzip
import hashlib
import io
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from embcomp.errors import InputError
from embcomp.formats import open_blocks
from tests.formats.helpers import read, refusal, rows


def save_npy(path: Path, array: np.ndarray, words: str) -> Path:
    np.save(path, array)
    path.with_name("m.npy.words.txt").write_bytes(words.encode())
    return path


@pytest.mark.parametrize("dtype", ["<f4", ">f4", "<f8", "<f2", "<i4", "u1"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_npy(tmp_path: Path, dtype: str, order: Any) -> None:
    matrix = np.arange(6).reshape(3, 2).astype(dtype, order=order)
    embedding = read(save_npy(tmp_path / "m.npy", matrix, "a\nb b\n\u2028\n"))
    assert rows(embedding) == {"a": [0.0, 1.0], "b b": [2.0, 3.0], "\u2028": [4.0, 5.0]}
    assert embedding.source.format == "npy"
    assert read(tmp_path / "m.npy", limit=2).words == ["a", "b b"]


def test_npy_from_a_pipe_with_words_named(tmp_path: Path) -> None:
    path = save_npy(tmp_path / "m.npy", np.eye(2, dtype=np.float32), "")
    words = tmp_path / "vocabulary"
    words.write_bytes(gzip.compress(b"a\r\nb\r\n"))
    assert read(tmp_path / "m.gz", gzip.compress(path.read_bytes()), word_list=words).words == ["a", "b"]


def test_npy_that_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "m.npy"
    eye = np.eye(2, dtype=np.float32)
    assert refusal(save_npy(path, eye, "a\n")) == "m.npy: 2 rows, but 1 words in the word list"
    assert (
        refusal(save_npy(path, np.array([[1.0, 1e39]]), "a\n"))
        == "m.npy: row 1: number 2 is inf, expected a finite float32"
    )
    assert (
        refusal(save_npy(path, np.zeros(3), "a\n"))
        == "m.npy: is an array of shape (3,), expected (rows, 1 to 1048576 dimensions)"
    )
    assert (
        refusal(save_npy(path, np.zeros((3, 0)), "a\n"))
        == "m.npy: is an array of shape (3, 0), expected (rows, 1 to 1048576 dimensions)"
    )
    assert refusal(save_npy(path, np.zeros((1, 2), "c8"), "a\n")) == (
        "m.npy: is an array of complex64, expected real numbers"
    )
    assert refusal(save_npy(path, np.array([[{}]]), "a\n")) == (
        "m.npy: holds pickled objects, expected numbers; such arrays are never loaded"
    )
    save_npy(path, eye, "a\nb\n")
    data = path.read_bytes()
    assert refusal(path, data[:-1]) == "m.npy: header promises 2 rows, the file has 1"
    assert refusal(path, data[:20]).startswith("m.npy: the .npy header is damaged: ")
    assert refusal(path, b"\x93NUMPY\x09\x00" + data[8:]) == (
        "m.npy: is .npy version (9, 0), expected (1, 0) or (2, 0)"
    )
    huge = data.replace(b"(2, 2), }         ", b"(2, 1000000000), }")
    assert len(huge) == len(data)
    assert refusal(path, huge).startswith("m.npy: is an array of shape (2, 1000000000), ")
    path.with_name("m.npy.words.txt").write_bytes(b"a\nb\xff\n")
    assert refusal(path, data) == (
        "m.npy.words.txt:2: 'b\\\\xff' is not valid UTF-8 (invalid start byte); "
        "`encoding_errors` replace or ignore accepts it"
    )
    path.with_name("m.npy.words.txt").unlink()
    assert refusal(path, data) == (
        "m.npy: has no words in it and no word list beside it, expected m.npy.words.txt or `word_list`"
    )


def npy_with_words(words: list[str], matrix: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.save(file, matrix)
    np.save(file, np.frombuffer("".join(f"{word}\n" for word in words).encode(), dtype=np.uint8))
    return file.getvalue()


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_npy_with_words_of_its_own(tmp_path: Path, order: Any, pack: Any) -> None:
    matrix = np.arange(6, dtype=np.float32).reshape(3, 2).copy(order)
    path = tmp_path / "m.npy"
    path.with_name("m.npy.words.txt").write_text("from\nanother\nfile\n")
    path.write_bytes(pack(npy_with_words(["a\r", "", "\u2028"], matrix)))
    embedding = read(path)
    assert rows(embedding) == {"a\r": [0.0, 1.0], "": [2.0, 3.0], "\u2028": [4.0, 5.0]}
    assert embedding.source.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert read(path, limit=2).words == ["a\r", ""]
    assert read(path, word_list=path.with_name("m.npy.words.txt")).words == ["from", "another", "file"]


def test_npy_with_other_words_than_rows(tmp_path: Path) -> None:
    path, eye = tmp_path / "m.npy", np.eye(2, dtype=np.float32)
    for words in (["a"], ["a", "b", "c"]):
        message = f"m.npy: 2 rows, but {len(words)} words in the word list"
        assert refusal(path, npy_with_words(words, eye)) == message
        assert refusal(path, npy_with_words(words, eye), limit=1) == message
    whole = npy_with_words(["a", "b"], eye)
    beyond = "m.npy: after the vectors is an array of uint8 of shape (4,), expected the words: uint8 of shape "
    assert refusal(path, whole[:-1]) == beyond + "(3,)"
    assert refusal(path, whole + b"x") == beyond + "(5,)"
    assert refusal(path, whole[:-120]).startswith("m.npy: the .npy header is damaged: ")


def test_npy_that_is_replaced_while_it_is_read(tmp_path: Path) -> None:
    """Vectors of one file do not get the words of another."""
    path, eye = tmp_path / "m.npy", np.eye(2, dtype=np.float32)
    path.write_bytes(npy_with_words(["a", "b"], eye))
    (tmp_path / "new").write_bytes(npy_with_words(["c", "d"], eye))
    with open_blocks(path) as reader:
        (tmp_path / "new").replace(path)
        with pytest.raises(InputError, match=r"m\.npy: was replaced while it was being read$"):
            list(reader)


def header(text: str, body: bytes = bytes(16)) -> bytes:
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text.encode("latin-1") + body


WHOLE = "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 2), }"
BROKEN = [
    "",
    "{",
    "(" * 9000,
    "-" * 9000,
    "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 2)",
    "{'descr': '<f4'}",
    "[1]",
    "{[]: 1}",
    "\x00" * 20,
    "'unclosed",
    "'" * 3,
    "{'a\\",
    WHOLE.replace("(2, 2)", "2"),
    WHOLE.replace("(2, 2)", "(2, -2)"),
    WHOLE.replace("(2, 2)", "(True, 2)"),
    WHOLE.replace("(2, 2)", "()"),
    WHOLE.replace("(2, 2)", "(2, 2, 2)"),
    WHOLE.replace("(2, 2)", f"({'9' * 5000}, 2)"),
    WHOLE.replace("(2, 2)", f"({2**62}, 2)"),
    WHOLE.replace("(2, 2)", f"({'9' * 4000}, 2)"),
    WHOLE.replace("(2, 2)", f"({'2, ' * 1000})"),
    WHOLE.replace("False", "0"),
    WHOLE + "\xa0",
    WHOLE.replace("False", "None"),
    WHOLE.replace("<f4", ""),
    WHOLE.replace("<f4", "<f3"),
    WHOLE.replace("<f4", "f4,f4"),
    WHOLE.replace("<f4", "999999999999f8"),
    WHOLE.replace("<f4", "<V8"),
    WHOLE.replace("<f4", "<M8[s]"),
    WHOLE.replace("<f4", "U999999999"),
    WHOLE.replace("'<f4'", "[('a', '<f4')]"),
    WHOLE.replace("'<f4'", "None"),
    WHOLE.replace("'<f4'", "('<f4', (2, 2))"),
    WHOLE.replace("(2, 2)", "(2, 2),"),
    WHOLE + "\n\t\\",
]


@pytest.mark.parametrize("text", BROKEN, ids=range(len(BROKEN)))
@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_npy_headers_that_are_broken(tmp_path: Path, text: str, pack: Any) -> None:
    path = tmp_path / "m.npy"
    path.with_name("m.npy.words.txt").write_text("a\nb\n")
    for each in (text, text.replace("False", "True")):
        message = refusal(path, pack(header(each)))
        assert message.startswith("m.npy: ")
        assert len(message) < 250


def test_npy_of_python_2(tmp_path: Path) -> None:
    path = tmp_path / "m.npy"
    path.with_name("m.npy.words.txt").write_text("a\nb\n")
    assert read(path, header(WHOLE.replace("(2, 2)", "(2L, 2L)"))).words == ["a", "b"]


def test_word_lists_of_npy_are_read_with_limits(tmp_path: Path) -> None:
    """Files of 0.3 MB that expand to 150 MB."""
    path = save_npy(tmp_path / "m.npy", np.eye(2, dtype=np.float32), "")
    words = tmp_path / "words.gz"
    words.write_bytes(gzip.compress(b"w\n" * (150 << 19)))
    tracemalloc.start()
    assert refusal(path, word_list=words) == (
        "words.gz: its words alone expand to more than 10 times its size, allowed at most that many"
    )
    words.write_bytes(b"a\n" + bytes(2 << 20) + b"\n")
    assert refusal(path, word_list=words) == "words.gz: a word is longer than 1048576 bytes, allowed at most that"
    assert tracemalloc.get_traced_memory()[1] < 100 << 20
    tracemalloc.stop()
