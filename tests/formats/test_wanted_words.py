"""Only some words of a source; and sources whose rows are cut in the wrong place."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest

from embcomp.errors import InputError
from embcomp.formats import read_word_list

from .helpers import read, refusal, rows

TEXT = b"a 1 2\nb 3 4\nc 5 6\nb 7 8\nd 9 0\n"


def test_wanted_rows_are_kept_and_the_others_counted(tmp_path: Path) -> None:
    embedding = read(tmp_path / "v.txt", TEXT, words=["d", "b", "x"])
    assert rows(embedding) == {"b": [3.0, 4.0], "d": [9.0, 0.0]}
    source = embedding.source
    assert (source.rows, source.unwanted_dropped, source.words_not_found, source.duplicates_dropped) == (2, 2, 1, 1)
    assert {"unwanted_dropped", "words_not_found"} <= set(source.to_json())


def test_without_wanted_words_nothing_is_said_of_them(tmp_path: Path) -> None:
    assert not {"unwanted_dropped", "words_not_found"} & set(read(tmp_path / "v.txt", TEXT).source.to_json())


def test_every_format_takes_them(tmp_path: Path) -> None:
    binary = b"3 1\n" + b"".join(word + b" " + np.float32(i).tobytes() for i, word in enumerate([b"a", b"b", b"c"]))
    assert read(tmp_path / "v.bin", binary, words={"c"}).words == ["c"]
    np.save(tmp_path / "v.npy", np.eye(2))
    (tmp_path / "v.npy.words.txt").write_text("a\nb\n")
    assert read(tmp_path / "v.npy", words={"b"}).words == ["b"]


def test_none_of_them_is_there(tmp_path: Path) -> None:
    assert refusal(tmp_path / "v", TEXT, words=["x", "y"]) == "v: none of the 2 words that `words` names is there"


@pytest.mark.parametrize(
    "data",
    [b"\xef\xbb\xbfking\r\n\r\nnew york\r\n", gzip.compress(b"king\nnew york", mtime=0)],
    ids=["plain", "gzip"],
)
def test_a_list(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "list").write_bytes(data)
    assert read_word_list(tmp_path / "list") == {"king", "new york"}


def test_a_list_without_words(tmp_path: Path) -> None:
    (tmp_path / "list").write_bytes(b"\n\n")
    with pytest.raises(InputError, match=r"list: has no words, expected one a line$"):
        read_word_list(tmp_path / "list")


def test_a_list_of_other_bytes(tmp_path: Path) -> None:
    (tmp_path / "list").write_bytes(b"a\nb\xff\n")
    with pytest.raises(InputError, match=r"list:2: 'b\\\\xff' is not valid UTF-8"):
        read_word_list(tmp_path / "list")
    assert read_word_list(tmp_path / "list", "ignore") == {"a", "b"}


def test_numbers_that_belong_to_words_do_not_vanish_as_duplicates(tmp_path: Path) -> None:
    data = b"".join(b"new york %d 0.5 0.25\n" % number for number in range(200))
    assert refusal(tmp_path / "v", data) == (
        "v: 199 of 200 rows repeat the word of an earlier row, expected distinct words before 3 numbers; words that "
        "end in a number after a space, as in 'new york 12', cannot be told from numbers: join them as in "
        "'new_york_12', or use .npy"
    )


def test_some_duplicates_are_no_reason_to_refuse(tmp_path: Path) -> None:
    assert len(read(tmp_path / "v", b"".join(b"w%d 1 2\n" % (number % 50) for number in range(100)))) == 50
