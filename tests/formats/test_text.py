"""The input policy for text, row by row."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from embcomp.embedding import Source
from embcomp.formats import text
from embcomp.formats.rows import MAX_DIM, MAX_LINE_BYTES, MAX_WORD_BYTES, BadRowError, parse_row
from tests.formats.helpers import float32, read, refusal, rows

PLAIN = b"the 0.25 -0.5\nof 1.5 2e-1\n"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "glove.txt"


@pytest.mark.parametrize(
    ("data", "format_name"),
    [
        (PLAIN, "glove-text"),
        (PLAIN.rstrip(b"\n"), "glove-text"),
        (b"2 2\n" + PLAIN, "word2vec-text"),
        (b" 2\t2 \r\n" + PLAIN, "word2vec-text"),
        (b"\xef\xbb\xbf2 2\n" + PLAIN, "word2vec-text"),
        (PLAIN.replace(b"\n", b" \n"), "glove-text"),
        (PLAIN.replace(b"\n", b"\r\n"), "glove-text"),
        (PLAIN.replace(b"\n", b" \r\n"), "glove-text"),
        (PLAIN.replace(b"\n", b"\t \n"), "glove-text"),
        (PLAIN.replace(b" ", b"\t"), "glove-text"),
        (PLAIN.replace(b" ", b"  "), "glove-text"),
        (PLAIN.replace(b"the ", b"the\t"), "glove-text"),
        (b" " + PLAIN.replace(b"\nof", b"\n \tof"), "glove-text"),
        (PLAIN + b"\n\n", "glove-text"),
        (b"2 2\n" + PLAIN + b" \r\n\n\n", "word2vec-text"),
        (PLAIN.replace(b"1.5", b"+01.50"), "glove-text"),
        (PLAIN.replace(b"1.5", b".15E1"), "glove-text"),
        (PLAIN.replace(b"1.5", b"1.5" + b"0" * 400), "glove-text"),
    ],
)
def test_layouts_that_are_understood(path: Path, data: bytes, format_name: str) -> None:
    embedding = read(path, data)
    assert rows(embedding) == {"the": float32(0.25, -0.5), "of": float32(1.5, 0.2)}
    assert embedding.source.format == format_name
    assert embedding.vectors.dtype == np.float32
    assert embedding.vectors.flags.c_contiguous


@pytest.mark.parametrize(
    "word",
    [
        "a\x85b",
        "a\u2028b",
        "\xa0",
        "a\u200bb\ufeff",
        "a\rb",
        "a\x0bb\x0c",
        "\x1c",
        "\x00",
        "😀",
        "5",
        "nan",
        "-",
        "'\"#",
    ],
)
def test_words_are_kept_as_they_are(path: Path, word: str) -> None:
    data = f"{word} 1 2\nx 3 4\n".encode()
    assert read(path, data).words == [word, "x"]
    assert read(path, b"2 2\n" + data).words == [word, "x"]


def test_a_token_with_spaces_keeps_them(path: Path) -> None:
    data = b"the 1 2\n. . . 3 4\nnew  york\t5 6\n. .\xc2\xa0 7 8\nat 5 a 1 2\n"
    assert read(path, data).words == ["the", ". . .", "new  york", ". .\xa0", "at 5 a"]


def test_tabs_are_part_of_a_word_where_gensim_has_them_so(path: Path) -> None:
    assert read(path, b"1 2\na\tb 1 2\n").words == ["a\tb"]
    assert read(path, b"1 1\nw\t0.1 2\n").words == ["w\t0.1"]
    assert rows(read(path, b"1 1\n\r\t0.5\n")) == {"\r": [0.5]}


def test_a_row_that_starts_with_its_numbers_has_the_empty_word(path: Path) -> None:
    assert read(path, b"a 1 2\n 3 4\n").words == ["a", ""]
    assert read(path, b"a\t1\t2\n\t3\t4\n").words == ["a", ""]


def test_dimension_is_that_of_most_rows(path: Path) -> None:
    data = b". . . 1 2\nnew 1 3 4\na 1 2\nb 1 2\n"
    assert refusal(path, data) == "glove.txt:2: 3 numbers, expected 2"
    assert read(path, data, bad_rows="skip").words == [". . .", "a", "b"]


def test_a_first_row_of_whole_numbers_is_not_a_header_when_all_rows_are_alike(path: Path) -> None:
    assert rows(read(path, b"7 3\n8 4\n")) == {"7": [3.0], "8": [4.0]}
    assert rows(read(path, b"10 2\n5 1 2\n", bad_rows="skip", limit=1)) == {"5": [1.0, 2.0]}
    assert rows(read(path, b"1 1\na 5\n")) == {"a": [5.0]}
    assert rows(read(path, b"1 1\n2 5\n", format="glove-text")) == {"1": [1.0], "2": [5.0]}


BAD_ROWS = [
    (b"bad 1", "1 number, expected 2"),
    (b"bad 1 2 3", "3 numbers, expected 2"),
    (b"bad", "0 numbers, expected 2"),
    (b"1 2", "1 number, expected 2"),
    (b"", "0 numbers, expected 2"),
    (b" \t", "0 numbers, expected 2"),
    (b"bad word nan 1 2", "3 numbers, expected 2"),
    (b"bad 1  2 3", "3 numbers, expected 2"),
    (b"bad 1 x", "number 2 is 'x', expected a decimal number"),
    (b"bad 1-2 3", "number 1 is '1-2', expected a decimal number"),
    (b"bad 1 --2", "number 2 is '--2', expected a decimal number"),
    (b"bad 1e 2", "number 1 is '1e', expected a decimal number"),
    (b"bad . 2", "number 1 is '.', expected a decimal number"),
    (b"bad 1_000 2", "number 1 is '1_000', expected a decimal number"),
    (b"bad 0x1p3 2", "number 1 is '0x1p3', expected a decimal number"),
    ("bad １ 2".encode(), "number 1 is '１', expected a decimal number"),
    (b"bad 1\xc2\xa0 2", "number 1 is '1\\xa0', expected a decimal number"),
    (b"bad 1\xff 2", "number 1 is '1\\\\xff', expected a decimal number"),
    (b"bad 1,5 2", "number 1 is '1,5', expected a decimal number"),
    (b"bad " + b"x" * 99 + b" 2", f"number 1 is '{'x' * 39}…', expected a decimal number"),
    (b"bad nan 2", "number 1 is 'nan', expected a finite float32"),
    (b"bad 1 -Infinity", "number 2 is '-Infinity', expected a finite float32"),
    (b"bad 1 1e999", "number 2 is '1e999', expected a finite float32"),
    (b"bad 1 3.5e38", "number 2 is '3.5e38', expected a finite float32"),
    (
        b"bad 1 2\rworse 3 4",
        "a carriage return, vertical tab or form feed inside the row, expected spaces between numbers",
    ),
    (b"w" * (MAX_WORD_BYTES + 1) + b" 1 2", "a word of 1048577 bytes, allowed at most 1048576"),
]


@pytest.mark.parametrize(("row", "message"), BAD_ROWS)
@pytest.mark.parametrize("header", [b"", b"4 2\n"])
def test_a_bad_row_is_refused_by_line_or_skipped(path: Path, header: bytes, row: bytes, message: str) -> None:
    data = header + b"a 1 2\n" + row + b"\nb 3 4\nc 5 6\n"
    assert refusal(path, data) == f"glove.txt:{3 if header else 2}: {message}"
    embedding = read(path, data, bad_rows="skip")
    assert rows(embedding) == {"a": [1.0, 2.0], "b": [3.0, 4.0], "c": [5.0, 6.0]}
    assert embedding.source.bad_rows_dropped == 1


@pytest.mark.parametrize("row", [b"b 1 2 3 4 5 6 7 8  9", b"b 1 2 3 4 5 6 7 8 9 ", b"b  1 2 3 4 5 6 7 8 9"])
def test_a_space_too_many_is_no_number(path: Path, row: bytes) -> None:
    good = b" 0.5" * 10 + b"\n"
    assert refusal(path, b"a" + good + row + b"\nc" + good) == "glove.txt:2: 9 numbers, expected 10"


def test_errors_of_two_rows_do_not_cancel_out(path: Path) -> None:
    data = b"a 1 2\nb 1-2 3\nc 1 \x0b\nd 5 6\n"
    assert read(path, data, bad_rows="skip").words == ["a", "d"]
    assert read(path, b"a 1 2\nb 1-2 3\nc 1 \nd 5 6\n", bad_rows="skip").words == ["a", "d"]


@pytest.mark.parametrize("start", [0, 1])
def test_a_line_of_names_in_a_table_is_no_row(path: Path, start: int) -> None:
    counted = b"\t".join(str(number).encode() for number in range(start, start + 8))
    data = b"word\t" + counted + b"\nthe" + b"\t0.5" * 8 + b"\n"
    assert refusal(path, data) == (
        f"glove.txt:1: the numbers {start} to {start + 7} in order are names of columns, expected a vector; "
        "`bad_rows` skip leaves the line out"
    )
    embedding = read(path, data, bad_rows="skip")
    assert (embedding.words, embedding.source.bad_rows_dropped) == (["the"], 1)
    below = b"the" + b"\t0.5" * 8 + b"\nword\t" + counted + b"\n"
    assert read(path, below).words == ["the", "word"]
    assert read(path, b"a 1 2 3\nb 4 5 6\n").words == ["a", "b"]


def test_blank_lines_are_allowed_only_at_the_end(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text, "BLOCK_BYTES", 8)  # the blank lines end one block and fill others
    data = b"a 1 2\n" + b"\n" * 20 + b"b 1 2\n"
    assert refusal(path, data) == "glove.txt:2: 0 numbers, expected 2"
    assert read(path, data, bad_rows="skip").source.bad_rows_dropped == 20
    assert read(path, b"a 1 2\n" + b"\n" * 20).source.bad_rows_dropped == 0


def test_short_lines_do_not_take_the_memory_of_rows(path: Path) -> None:
    """Vectors of 30,000 numbers for each of 300,000 blank lines would take 36 GB."""
    row = b"a" + b" 1" * 30_000 + b"\n"
    assert read(path, row + b"\n" * 300_000).words == ["a"]
    skipped = read(path, row + b"\n" * 300_000 + row.replace(b"a", b"b") + b"x\n" * 100_000, bad_rows="skip")
    assert (skipped.words, skipped.source.bad_rows_dropped) == (["a", "b"], 400_000)


def test_the_first_word_wins_and_repeats_are_counted(path: Path) -> None:
    data = b"a 1 2\nb 3 4\na 5 6\na 7 8\nb 9 9\n"
    embedding = read(path, data)
    assert rows(embedding) == {"a": [1.0, 2.0], "b": [3.0, 4.0]}
    assert embedding.source.duplicates_dropped == 3
    assert (
        refusal(path, data, duplicates="error") == "glove.txt:3: the word 'a' occurs twice, expected distinct words"
    )


def test_a_repeat_is_found_in_a_later_block_and_after_a_skipped_row(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(text, "BLOCK_BYTES", 16)
    data = b"a 1 2\nx\nb 3 4\nc 5 6\nd 7 8\na 9 9\n"
    assert read(path, data, bad_rows="skip").words == ["a", "b", "c", "d"]
    assert (
        refusal(path, data, bad_rows="skip", duplicates="error")
        == "glove.txt:6: the word 'a' occurs twice, expected distinct words"
    )


def test_invalid_utf8_names_the_row_and_the_option(path: Path) -> None:
    data = b"a 1 2\nb\xff 3 4\nc 5 6\n"
    message = (
        "glove.txt:2: 'b\\\\xff' is not valid UTF-8 (invalid start byte); "
        "`encoding_errors` replace or ignore accepts it"
    )
    assert refusal(path, data) == message
    assert refusal(path, data + b"bad\n") == message  # though the later row is found first
    assert refusal(path, data, bad_rows="skip") == message
    assert read(path, data, encoding_errors="replace").words == ["a", "b\ufffd", "c"]
    assert read(path, data, encoding_errors="ignore").words == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("data", "options", "message"),
    [
        (b"", {}, "glove.txt: is empty, expected an embedding"),
        (b"", {"format": "word2vec-text"}, "glove.txt: is empty, expected an embedding"),
        (b"\n\n", {}, "glove.txt: is no embedding in a known format, expected rows of a word and numbers, got ''"),
        (
            b"# Title\n\nSome prose.\n",
            {},
            "glove.txt: is no embedding in a known format, expected rows of a word and numbers, got '# Title'",
        ),
        (b"3 2\n" + PLAIN, {}, "glove.txt:1: header promises 3 rows, the file has 2"),
        (b"1 2\n" + PLAIN, {}, "glove.txt:1: header promises 1 rows, the file has 2"),
        (b"1 2\n" + PLAIN, {"limit": 2}, "glove.txt:1: header promises 1 rows, the file has at least 2"),
        (b"1000000000000 2\n" + PLAIN, {}, "glove.txt:1: header promises 1000000000000 rows, the file has 2"),
        (b"5 2\n", {}, "glove.txt:1: header promises 5 rows, the file has 0"),
        (b"0 2\n", {}, "glove.txt: no rows are left, expected at least 1"),
        (
            b"x\ny 1\nz\nz 2\nz 3\n",
            {"bad_rows": "skip", "limit": 1},
            "glove.txt: no rows are left, expected at least 1",
        ),
        (b"2 0\na\nb\n", {}, f"glove.txt:1: header promises 0 dimensions, expected 1 to {MAX_DIM}"),
        (b"2 3\n" + PLAIN, {}, "glove.txt:1: header promises 3 dimensions, the rows have 2"),
        (
            b"2 3\n" + PLAIN,
            {"format": "word2vec-text"},
            "glove.txt:2: 2 numbers, expected 3",
        ),
        (
            b"2 9999999\na 1\n",
            {"format": "word2vec-text"},
            f"glove.txt:1: header promises 9999999 dimensions, expected 1 to {MAX_DIM}",
        ),
        (
            PLAIN,
            {"format": "word2vec-text"},
            "glove.txt:1: 'the 0.25 -0.5' is no header, expected two whole numbers: rows and dimensions",
        ),
        (b"2 2\n" + PLAIN, {"format": "glove-text"}, "glove.txt:1: 1 number, expected 2"),
        (
            b"a" * (MAX_LINE_BYTES + 1),
            {},
            f"glove.txt:1: the line is longer than {MAX_LINE_BYTES} bytes, allowed at most that",
        ),
        (
            PLAIN + b"1 " * MAX_LINE_BYTES,
            {},
            f"glove.txt:3: the line is longer than {MAX_LINE_BYTES} bytes, allowed at most that",
        ),
        (
            PLAIN + b"1 " * MAX_LINE_BYTES,
            {"bad_rows": "skip"},
            f"glove.txt:3: the line is longer than {MAX_LINE_BYTES} bytes, allowed at most that",
        ),
    ],
)
def test_files_that_are_refused(path: Path, data: bytes, options: dict[str, Any], message: str) -> None:
    assert refusal(path, data, **options) == message


def test_the_limit_counts_rows_of_the_source(path: Path) -> None:
    data = b"a 1\na 2\nx\nb 3\nc 4\n"
    embedding = read(path, data, limit=4, bad_rows="skip")
    assert embedding.words == ["a", "b"]
    assert (embedding.source.duplicates_dropped, embedding.source.bad_rows_dropped) == (1, 1)
    assert read(path, b"9 2\n" + PLAIN, limit=1).words == ["the"]
    assert read(path, b"2 2\n" + PLAIN, limit=5).words == ["the", "of"]


def test_blocks_of_any_size_give_the_same(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = b"6 2\nthe 1 2\r\n. . . 3 4\nbad row\nof\t5 6 \nthe 7 8\n\xe4\xb8\xad 9 10"
    whole = read(path, data, bad_rows="skip")
    for size in range(1, len(data) + 2):
        monkeypatch.setattr(text, "BLOCK_BYTES", size)
        assert rows(read(path, data, bad_rows="skip")) == rows(whole)
        assert read(path, data, bad_rows="skip").source == whole.source


def test_the_source_is_described(path: Path) -> None:
    embedding = read(path, b"a 1 2\na 1 2\nbad\nb 1 2\n", bad_rows="skip")
    assert embedding.source == Source(
        name="glove.txt",
        format="glove-text",
        sha256="dd2fef5580db1c71a795de0fb9d6de1e2c17f36c23c92bf10ea81c3a0f31f04e",
        rows=2,
        dim=2,
        duplicates_dropped=1,
        bad_rows_dropped=1,
        reading='{"bad_rows": "skip"}',
    )


PIECES = [
    b" ",
    b" ",
    b" ",
    b"\t",
    b"\r",
    b"\x0b",
    b"a",
    b"b",
    b"0.5",
    b"-1",
    b"1e5",
    b"7" * 20,
    b"nan",
    b"1-2",
    b"\xff",
    b"\xc3\xa9",
]
ROWS = st.one_of(
    st.lists(st.sampled_from(PIECES), max_size=8).map(b"".join),
    st.tuples(st.sampled_from([b"a", b"b", b"c d", b"5", b""]), st.just(b" 0.25 -1")).map(b"".join),
)


@settings(max_examples=300)
@given(st.lists(ROWS, min_size=1, max_size=8), st.sampled_from([1, 2, 3]), st.sampled_from([b"\n", b" \n", b"\r\n"]))
def test_blocks_give_what_the_rows_give_one_by_one(
    tmp_path_factory: pytest.TempPathFactory, lines: list[bytes], dim: int, end: bytes
) -> None:
    while lines and not lines[-1].strip():
        lines.pop()
    expected: dict[str, list[float]] = {}
    n_bad = n_repeated = 0
    for line in lines:
        try:
            word, vector = parse_row(line + end[:-1], dim)
        except BadRowError:
            n_bad += 1
            continue
        n_repeated += word.decode("utf-8", "replace") in expected
        expected.setdefault(word.decode("utf-8", "replace"), vector.tolist())
    path = tmp_path_factory.getbasetemp() / "rows.txt"
    data = b"%d %d\n" % (len(lines), dim) + b"".join(line + end for line in lines)
    options = {"format": "word2vec-text", "bad_rows": "skip", "encoding_errors": "replace"}
    if not expected:
        assert refusal(path, data, **options) == "rows.txt: no rows are left, expected at least 1"
        return
    embedding = read(path, data, **options)
    assert rows(embedding) == expected
    assert embedding.source.bad_rows_dropped == n_bad
    assert embedding.source.duplicates_dropped == n_repeated
