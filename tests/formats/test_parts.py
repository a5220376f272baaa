"""Parts of one text file, cut at lines."""

from __future__ import annotations

import gzip
import hashlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from embcomp.embedding import Embedding
from embcomp.errors import ParameterError
from embcomp.formats import ReadOptions, stream

from .helpers import read, refusal

LINES = ["a 1 2\n", "bb 3 4\n", "longer_word 5 6.25\n", "\n", " \r\n", "é 7 8\n", "c d 9 10\n"]


def parts(path: Path, n_parts: int, **options: object) -> list[Embedding]:
    return [read(path, part=(number, n_parts), **options) for number in range(1, n_parts + 1)]


def require_same_rows(path: Path, n_parts: int) -> None:
    whole, cut = read(path, bad_rows="skip"), parts(path, n_parts, bad_rows="skip")
    words = [word for part in cut for word in part.words]
    kept = [words.index(word) for word in dict.fromkeys(words)]
    assert [words[row] for row in kept] == whole.words
    np.testing.assert_array_equal(np.concatenate([part.vectors for part in cut])[kept], whole.vectors)
    assert sum(part.source.bad_rows_dropped for part in cut) == whole.source.bad_rows_dropped
    assert {part.dim for part in cut} == {whole.dim}


@given(
    lines=st.lists(st.sampled_from(LINES), min_size=1, max_size=30),
    start=st.sampled_from(["", "\ufeff", "header"]),
    ended=st.booleans(),
    n_parts=st.integers(1, 40),
    at_once=st.sampled_from([1, 8, 2**16]),
)
def test_parts_have_the_rows_of_the_file(
    tmp_path_factory: pytest.TempPathFactory, lines: list[str], start: str, ended: bool, n_parts: int, at_once: int
) -> None:
    path = tmp_path_factory.mktemp("parts") / "x.txt"
    lines = ["first 0 0\n", *lines]
    n_rows = len("".join(lines).rstrip().splitlines())
    text = "".join([f"{n_rows} 2\n" if start == "header" else start, *lines])
    path.write_bytes((text if ended else text.rstrip("\n")).encode())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stream, "READ_BYTES", at_once)
        patch.setattr(stream, "BUFFER_BYTES", at_once)
        require_same_rows(path, n_parts)


def test_the_dimensions_are_those_of_the_head(tmp_path: Path) -> None:
    path = tmp_path / "x.txt"
    path.write_bytes(b"".join(b"a%d 1 2\n" % row for row in range(150)) + b"new york 1 2 3\n" * 150)
    skipped = parts(path, 2, bad_rows="skip")
    assert [part.dim for part in skipped] == [2, 2]


def test_the_sha256_is_that_of_the_part(tmp_path: Path) -> None:
    path = tmp_path / "x.txt"
    path.write_bytes(b"a 1 2\nbcdefgh 3 4\nc 5 6\n")
    first, second = parts(path, 2)
    assert (first.words, second.words) == (["a", "bcdefgh"], ["c"])
    assert first.source.sha256 == hashlib.sha256(b"a 1 2\nbcdefgh 3 4\n").hexdigest()
    assert second.source.sha256 == hashlib.sha256(b"c 5 6\n").hexdigest()


def test_parts_without_rows(tmp_path: Path) -> None:
    path = tmp_path / "x.txt"
    path.write_bytes(b"a 1 2\nb 3 4\n")
    assert ["".join(part.words) for part in parts(path, 5)] == ["a", "", "b", "", ""]


def test_errors_count_lines_within_the_part(tmp_path: Path) -> None:
    path = tmp_path / "x.txt"
    path.write_bytes(b"a 1 2\nb 3 4\nc 5 6\nd 7\n")
    assert refusal(path, part=(2, 2)) == "x.txt: part 2 of 2:2: 1 number, expected 2"


def test_what_has_no_parts(tmp_path: Path) -> None:
    expected = "x: `part` needs a file of text that is not compressed, got "
    packed = gzip.compress(b"a 1 2\nb 3 4\n")
    assert refusal(tmp_path / "x", packed, part=(1, 2)) == expected + "glove-text, compressed or from a pipe"
    binary = b"1 2\na " + np.float32([1, 2]).tobytes()
    assert refusal(tmp_path / "x", binary, part=(1, 2)) == expected + "word2vec-binary"
    (tmp_path / "y").write_bytes(b"b 3 4\n")
    assert refusal(tmp_path / "[xy]", part=(1, 2)) == "[xy]: `part` needs one file, got 2"


@pytest.mark.parametrize("part", [(0, 2), (3, 2), (-1, -1)])
def test_numbers_of_parts(part: tuple[int, int]) -> None:
    with pytest.raises(ParameterError, match=r"^`part` must be \(k, n\) with k from 1 to n, got \("):
        ReadOptions(part=part)


def test_options_of_whole_files() -> None:
    with pytest.raises(ParameterError, match=r"^`part` is of a whole file: `sha256` and `limit` are not allowed"):
        ReadOptions(part=(1, 2), limit=3)
