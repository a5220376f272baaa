"""One file for each way to be wrong in what sections hold: its error's class and its whole message."""

from __future__ import annotations

import io
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from embcomp.container.description import describe
from embcomp.container.reader import open_container, verify
from embcomp.container.writer import write
from embcomp.errors import (
    CorruptError,
    InputError,
    NewerVersionError,
    NotAContainerError,
    ParameterError,
)
from embcomp.wordlist import Texts, WordListWriter
from tests.container.builder import WORDS, Parts, encoded

from .conftest import refusal

# What the sections hold


@pytest.mark.parametrize("name", ["words.0.index", "words.0.pages", "codes.0"])
def test_a_missing_section(path: Path, parts: Parts, name: str) -> None:
    parts.remove(name)
    assert refusal(path, parts.build(), CorruptError) == f"x.embc: section {name!r} is missing"


@pytest.mark.parametrize("name", ["state.mean", "state.rotation", "state.scale"])
def test_a_missing_state(path: Path, parts: Parts, name: str) -> None:
    parts.remove(name)
    message = f"x.embc: state {name.removeprefix('state.')!r} is missing"
    assert refusal(path, parts.build(), CorruptError) == message


def test_an_unknown_required_section(path: Path, parts: Parts) -> None:
    parts.add("subwords", b"abc", required=True)
    message = "x.embc: required section 'subwords' is not known to this release; update embcomp"
    assert refusal(path, parts.build(), NewerVersionError) == message


def test_an_unknown_optional_section_is_skipped(path: Path, parts: Parts) -> None:
    parts.add("subwords", b"abc", required=False)
    path.write_bytes(parts.build())
    assert open_container(path).words == WORDS
    assert verify(path) == []


def test_an_unknown_header_field_is_skipped(path: Path, parts: Parts) -> None:
    parts.document["later"] = {"a": [1, 2]}
    parts.document["source"]["later"] = 1
    path.write_bytes(parts.build())
    assert open_container(path).words == WORDS
    assert verify(path) == []


def test_an_unknown_method(path: Path, parts: Parts) -> None:
    parts.document["method"] = "magic"
    message = "x.embc: method 'magic' is not known to this installation"
    assert refusal(path, parts.build(), NewerVersionError) == message


@pytest.mark.parametrize("method", [None, 3, ["iiq"]])
def test_a_method_that_is_no_word(path: Path, parts: Parts, method: Any) -> None:
    parts.document["method"] = method
    message = f"x.embc: method {method!r} is not known to this installation"
    assert refusal(path, parts.build(), NewerVersionError) == message


def test_an_option_that_is_not_allowed(path: Path, parts: Parts) -> None:
    parts.document["config"]["iterations"] = -1
    message = "x.embc: the stored options are refused: iiq: `iterations` must be an integer from 0 to 1000000, got -1"
    assert refusal(path, parts.build(), CorruptError) == message


def test_an_option_of_another_method(path: Path, parts: Parts) -> None:
    parts.document["config"]["self"] = 1
    message = "x.embc: the stored options are refused: iiq: `self` is not an option of this method; it has "
    assert refusal(path, parts.build(), CorruptError).startswith(message)


@pytest.mark.parametrize("name", ["words.0.index", "words.0.pages", "codes.0", "order.0"])
def test_a_section_that_must_be_bytes(path: Path, parts: Parts, name: str) -> None:
    size = len(parts.bytes[name])
    message = f"x.embc: section {name!r} must be bytes in one dimension"
    assert refusal(path, parts.build({name: {"shape": [size, 1]}}), CorruptError) == message


def test_codes_of_another_length(path: Path, parts: Parts) -> None:
    parts.set_bytes("codes.0", b"abcd", [4])
    message = "x.embc: section 'codes.0' must be 3 bytes as the header says, got 4"
    assert refusal(path, parts.build(), CorruptError) == message


@pytest.mark.parametrize("name", ["words.0.index", "state.rotation"])
def test_a_wrong_checksum(path: Path, parts: Parts, name: str) -> None:
    data = parts.build({name: {"crc32": "00000000"}})
    message = f"x.embc: the checksum of section {name!r} does not match"
    assert refusal(path, data, CorruptError) == message


def test_an_order_with_a_wrong_checksum_is_refused_when_it_is_wanted(path: Path, parts: Parts) -> None:
    path.write_bytes(parts.build({"order.0": {"crc32": "00000000"}}))
    message = "x.embc: the checksum of section 'order.0' does not match"
    opened = open_container(path)
    with pytest.raises(CorruptError) as caught:
        _ = opened.words
    assert str(caught.value) == message
    assert verify(path) == [message]


def test_codes_with_a_wrong_checksum_are_found_by_verify(path: Path, parts: Parts) -> None:
    path.write_bytes(parts.build({"codes.0": {"crc32": "00000000"}}))
    assert open_container(path).words == WORDS
    assert verify(path) == ["x.embc: the checksum of section 'codes.0' does not match"]


def test_all_problems_are_told(path: Path, parts: Parts) -> None:
    path.write_bytes(parts.build({"codes.0": {"crc32": "00000000"}, "order.0": {"crc32": "00000000"}}))
    assert verify(path) == [
        "x.embc: the checksum of section 'order.0' does not match",
        "x.embc: the checksum of section 'codes.0' does not match",
    ]


def test_an_index_that_is_none(path: Path, parts: Parts) -> None:
    parts.set_bytes("words.0.index", b"We love pickles.", [16])
    assert refusal(path, parts.build(), CorruptError) == "x.embc: section 'words.0': its index ends too early"


def test_a_page_that_is_none(path: Path, parts: Parts) -> None:
    parts.set_bytes("words.0.pages", bytes(len(parts.bytes["words.0.pages"])))
    path.write_bytes(parts.build())
    message = "section 'words.0': page 0 cannot be inflated"
    opened = open_container(path)
    for action in (lambda: opened.words, lambda: opened.vector("the"), lambda: opened.rows(["the"])):
        with pytest.raises(CorruptError) as caught:
            action()
        assert str(caught.value) == message
    assert verify(path) == [f"x.embc: {message}"]


def with_words(parts: Parts, number: int, words: list[bytes]) -> None:
    """Put other words into a part, six in all."""
    writer = WordListWriter()
    writer.add(Texts.of_bytes(words))
    for name, data in zip(("index", "pages"), writer.finish(), strict=True):
        parts.set_bytes(f"words.{number}.{name}", data, [len(data)])


def test_words_that_are_not_utf_8(path: Path, parts: Parts) -> None:
    with_words(parts, 0, [b"", b"a", b"b", b"c", b"d", b"e\xff"])
    path.write_bytes(parts.build())
    message = "section 'words.0': a word is not UTF-8: b'e\\xff'"
    with pytest.raises(CorruptError) as caught:
        _ = open_container(path).words
    assert str(caught.value) == message
    assert verify(path) == [f"x.embc: {message}"]


def test_another_number_of_words(path: Path, parts: Parts) -> None:
    with_words(parts, 0, [b"a", b"b", b"c", b"d", b"e"])
    message = "x.embc: section 'words.0.index' has 5 words, the header says 6"
    assert refusal(path, parts.build(), CorruptError) == message


def test_words_that_do_not_ascend(path: Path, parts: Parts) -> None:
    with_words(parts, 0, [b"a", b"b", b"d", b"c", b"e", b"f"])
    path.write_bytes(parts.build())
    assert verify(path) == ["x.embc: section 'words.0': page 0 has words that do not ascend"]


def test_a_word_in_two_parts(path: Path, parts: Parts) -> None:
    for name in ("words.1.index", "words.1.pages"):
        parts.add(name, b"", required=True)
    parts.document["parts"] = [2, 6]
    parts.remove("order.0")
    with_words(parts, 0, [b"c", b"d"])
    with_words(parts, 1, [b"a", b"b", b"d", b"e"])
    path.write_bytes(parts.build())
    assert open_container(path).words == ["c", "d", "a", "b", "d", "e"]
    assert verify(path) == ["x.embc: vocabulary: words must be distinct, got 'd' twice"]


def test_an_order_that_is_no_permutation(path: Path, parts: Parts) -> None:
    parts.set_bytes("order.0", bytes(3))
    path.write_bytes(parts.build())
    assert verify(path) == ["x.embc: section 'order.0' gives two words one rank"]
    with pytest.raises(CorruptError, match=r"^section 'order.0' gives two words one rank$"):
        list(open_container(path).vocabulary)


def test_spare_bits_of_the_codes(path: Path, parts: Parts) -> None:
    codes = parts.bytes["codes.0"]  # 18 bits in 3 bytes
    parts.set_bytes("codes.0", codes[:2] + bytes([codes[2] | 1]))
    path.write_bytes(parts.build())
    assert verify(path) == ["x.embc: the spare bits after the last code of section 'codes.0' are not zero"]


def test_a_state_of_another_dtype(path: Path, parts: Parts) -> None:
    parts.section("state.mean")["dtype"] = "<i4"
    message = "x.embc: state 'mean' must be <f4 of shape (dim,), got <i4 of (5,)"
    assert refusal(path, parts.build(), CorruptError) == message


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_state_that_is_not_finite(path: Path, parts: Parts, value: float) -> None:
    parts.set_bytes("state.mean", np.array([0, 0, value, 0, 0], "<f4").tobytes())
    assert refusal(path, parts.build(), CorruptError) == "x.embc: state 'mean' holds values that are not finite"


def test_a_state_that_contradicts_the_header(path: Path, parts: Parts) -> None:
    parts.document["dim"] = 6
    message = refusal(path, parts.build(), CorruptError)
    assert message.startswith("x.embc: the header says [Band(end=6, layout=CodeLayout(kind='binary', symbols=3, ")


# Files that are not there, or are no files


def test_a_missing_file(path: Path) -> None:
    for function in (open_container, describe, verify):
        with pytest.raises(InputError) as caught:
            function(path)
        assert str(caught.value) == f"{path}: cannot be read: No such file or directory"


def test_a_folder(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        open_container(tmp_path)
    assert str(caught.value) == f"{tmp_path}: is a folder, expected an .embc file"


def test_a_device_without_end() -> None:
    with pytest.raises(NotAContainerError):
        open_container("/dev/zero")


# The tests' own builder


def test_the_builder_gives_back_what_it_took_apart(small: bytes, parts: Parts) -> None:
    assert parts.build() == small
    assert zlib.crc32(parts.bytes["codes.0"]) == int(parts.section("codes.0")["crc32"], 16)


def test_source_matrices_without_bounds(path: Path) -> None:
    """ALONE draws them from a seed, so that their size is bounded by nothing in the file."""
    buffer = io.BytesIO()
    write(encoded("alone", inter=4, epochs=1), buffer)
    parts = Parts(buffer.getvalue())
    parts.document["config"] |= {"matrices": 256, "columns": 65536}
    message = "x.embc: state 'mean' asks for source matrices of more than 16777216 numbers"
    assert refusal(path, parts.build(), CorruptError) == message
    with pytest.raises(ParameterError) as caught:
        encoded("alone", matrices=256, columns=65536)
    assert str(caught.value) == (
        "alone: `matrices` times `columns` times 5 dimensions must be at most 16777216, got 83886080"
    )


def test_symbols_out_of_range(path: Path) -> None:
    buffer = io.BytesIO()
    write(encoded("alone", store_filters=True, columns=5, matrices=2, inter=3, epochs=1), buffer)
    parts = Parts(buffer.getvalue())
    codes = parts.bytes["codes.0"]  # 6 rows of 2 symbols of 3 bits
    parts.set_bytes("codes.0", b"\xff" + codes[1:])
    path.write_bytes(parts.build())
    assert verify(path) == ["x.embc: a code names column 7, the source matrices have 5"]


@pytest.mark.parametrize(("method", "config"), [("dccl", {"codebooks": 2, "epochs": 1}), ("kd", {"dims": 2})])
def test_symbols_past_the_last_one_count_as_it(path: Path, method: str, config: dict[str, Any]) -> None:
    buffer = io.BytesIO()
    write(encoded(method, ways=5, **config), buffer)
    parts = Parts(buffer.getvalue())
    last = np.packbits([1, 0, 0, 1, 0, 0] * 6).tobytes()
    beyond = np.packbits([1, 1, 1, 1, 0, 1] * 6).tobytes()
    decoded = []
    for codes in (last, beyond):
        parts.set_bytes("codes.0", codes)
        path.write_bytes(parts.build())
        assert verify(path) == []
        decoded.append(open_container(path).decode_all().tobytes())
    assert decoded[0] == decoded[1]


def test_a_state_for_another_number_of_rows(path: Path) -> None:
    buffer = io.BytesIO()
    write(encoded("prune", fraction=0.5), buffer)
    parts = Parts(buffer.getvalue())
    ends = parts.bytes["state.ends"]
    parts.set_bytes("state.ends", ends[:16] + ends[20:], [5])
    message = "x.embc: the state is for 5 rows, the header says 6"
    assert refusal(path, parts.build(), CorruptError) == message
