"""One file for each way to be wrong: its error's class and its whole message."""

from __future__ import annotations

import io
import json
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from embcomp.container.description import describe
from embcomp.container.reader import Container, open_container, verify
from embcomp.container.writer import write
from embcomp.errors import (
    ContainerError,
    CorruptError,
    InputError,
    NewerVersionError,
    NotAContainerError,
    ParameterError,
    TruncatedError,
)
from embcomp.wordlist import Texts, WordListWriter
from tests.container.builder import MAGIC, WORDS, Parts, encoded, with_header


def refusal(path: Path, data: bytes, kind: type[ContainerError]) -> str:
    """Write ``data``, see that opening is refused, and that verify either says the same or is refused too."""
    path.write_bytes(data)
    with pytest.raises(ContainerError) as caught:
        open_container(path)
    assert type(caught.value) is kind
    if kind in (NotAContainerError, NewerVersionError):
        with pytest.raises(kind) as again:
            verify(path)
        assert str(again.value) == str(caught.value)
    else:
        assert verify(path) == [str(caught.value)]
    return str(caught.value)


# The first 32 bytes


@pytest.mark.parametrize(
    "data", [b"the 0.1 0.2\n", b"\x89EMBD\r\n\x1a" + bytes(64), b"\x89PNG\r\n\x1a\n" + bytes(64)]
)
def test_another_kind_of_file(path: Path, data: bytes) -> None:
    message = "x.embc: is not an embcomp container (it does not start with its magic bytes), expected an .embc file"
    assert refusal(path, data, NotAContainerError) == message


def test_an_empty_file(path: Path) -> None:
    assert refusal(path, b"", NotAContainerError) == "x.embc: is empty, expected an .embc file"


def test_a_text_mode_copy(path: Path, small: bytes) -> None:
    message = "x.embc: is not an embcomp container (it does not start with its magic bytes), expected an .embc file"
    assert refusal(path, small.replace(b"\r\n", b"\n"), NotAContainerError) == message


@pytest.mark.parametrize("length", [1, 8, 31])
def test_less_than_a_preamble(path: Path, small: bytes, length: int) -> None:
    message = f"x.embc: {length} bytes, a container has at least 32"
    assert refusal(path, small[:length], TruncatedError) == message


def test_a_newer_version(path: Path) -> None:
    message = "x.embc: format version 2, this release reads up to 1; update embcomp"
    assert refusal(path, with_header(b"{}", version=2), NewerVersionError) == message


def test_version_0(path: Path) -> None:
    assert refusal(path, with_header(b"{}", version=0), CorruptError) == "x.embc: format version 0 does not exist"


def test_an_unknown_flag(path: Path) -> None:
    message = "x.embc: flags 0x00000004 are not known to this release; update embcomp"
    assert refusal(path, with_header(b"{}", flags=4), NewerVersionError) == message


@pytest.mark.parametrize("header_bytes", [3, 2**40, 2**64 - 1])
def test_a_header_longer_than_the_file(path: Path, header_bytes: int) -> None:
    data = MAGIC + struct.pack("<IIQII", 1, 0, header_bytes, 0, 0) + b"{}"
    message = f"x.embc: 34 bytes, its header alone should end at {32 + header_bytes}"
    assert refusal(path, data, TruncatedError) == message


def test_a_header_longer_than_any(path: Path) -> None:
    data = with_header(b"{}" + b" " * 2**20)
    message = "x.embc: header of 1048578 bytes, at most 1048576 are allowed"
    assert refusal(path, data, CorruptError) == message


def test_the_longest_header_that_is_allowed(path: Path) -> None:
    message = "x.embc: header field 'sections' must be a list"
    assert refusal(path, with_header(b"{}" + b" " * (2**20 - 2)), CorruptError) == message


def test_a_wrong_header_checksum(path: Path, small: bytes) -> None:
    data = small[:40] + b"!" + small[41:]
    assert refusal(path, data, CorruptError) == "x.embc: the header's checksum does not match"


def test_spare_bytes_of_the_preamble(path: Path) -> None:
    assert refusal(path, with_header(b"{}", spare=1), CorruptError) == "x.embc: bytes 28 to 31 must be 0"


# The header's JSON


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        (b"", "Expecting value: line 1 column 1 (char 0)"),
        (b"{", "Expecting property name enclosed in double quotes: line 1 column 2 (char 1)"),
        (b'{"rows":1,"rows":2}', "a key occurs twice in one object"),
        (b'{"a":[{"b":1,"b":1}]}', "a key occurs twice in one object"),
        (b'{"dim":NaN}', "NaN is not a JSON number"),
        (b'{"dim":-Infinity}', "-Infinity is not a JSON number"),
        (b'{"\xc3\xa9":1}', "'ascii' codec can't decode byte 0xc3 in position 2: ordinal not in range(128)"),
        (
            '{"rows":1}'.encode("utf-16"),
            "'ascii' codec can't decode byte 0xff in position 0: ordinal not in range(128)",
        ),
    ],
)
def test_a_header_that_is_not_json(path: Path, header: bytes, reason: str) -> None:
    message = refusal(path, with_header(header), CorruptError)
    assert message == f"x.embc: the header is not JSON: {reason}"


def test_a_number_of_many_digits(path: Path) -> None:
    message = refusal(path, with_header(b'{"rows":' + b"9" * 5000 + b"}"), CorruptError)
    assert message.startswith("x.embc: the header is not JSON: Exceeds the limit (4300 digits) for integer string")


@pytest.mark.parametrize("deep", [b"[" * 200_000, b'{"a":' * 100_000])
def test_a_deep_header(path: Path, deep: bytes) -> None:
    message = refusal(path, with_header(deep), CorruptError)
    assert message == "x.embc: the header is JSON that is nested too deeply"


@pytest.mark.parametrize("header", [b"[]", b"1", b"null", b'"sections"'])
def test_a_header_that_is_no_object(path: Path, header: bytes) -> None:
    assert refusal(path, with_header(header), CorruptError).startswith(
        "x.embc: the header must be a JSON object, got "
    )


@pytest.mark.parametrize("header", [b"{}", b'{"sections":{}}', b'{"sections":null}'])
def test_no_list_of_sections(path: Path, header: bytes) -> None:
    assert refusal(path, with_header(header), CorruptError) == "x.embc: header field 'sections' must be a list"


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("rows", -1, "header field 'rows' must be an integer from 0 to 1099511627776, got -1"),
        ("rows", True, "header field 'rows' must be an integer from 0 to 1099511627776, got True"),
        ("rows", 6.0, "header field 'rows' must be an integer from 0 to 1099511627776, got 6.0"),
        ("rows", 7, "header field 'parts' must ascend to 7, got [6]"),
        ("parts", None, "header field 'parts' must ascend to 6, got None"),
        ("parts", [], "header field 'parts' must ascend to 6, got []"),
        ("parts", [5], "header field 'parts' must ascend to 6, got [5]"),
        ("parts", [6, 6], "header field 'parts' must ascend to 6, got [6, 6]"),
        ("parts", [0, 6], "header field 'parts' must ascend to 6, got [0, 6]"),
        ("parts", [-1, 6], "header field 'parts' must ascend to 6, got [-1, 6]"),
        ("parts", [6.0], "header field 'parts' must ascend to 6, got [6.0]"),
        ("parts", [2, 6], "section 'words.1.index' is missing"),
        ("dim", 0, "header field 'dim' must be an integer from 1 to 1048576, got 0"),
        ("dim", None, "header field 'dim' must be an integer from 1 to 1048576, got None"),
        ("dim", "5", "header field 'dim' must be an integer from 1 to 1048576, got '5'"),
        ("bands", {}, "header field 'bands' must be a list of objects, got {}"),
        ("bands", [3], "header field 'bands' must be a list of objects, got [3]"),
        ("bands", [], "the 'end' of header field 'bands' must ascend to 6, got []"),
        ("bands", [{}], "the 'end' of header field 'bands' must ascend to 6, got [None]"),
        ("bands", [{"end": 6}] * 2, "the 'end' of header field 'bands' must ascend to 6, got [6, 6]"),
        ("bands", [{"end": 6}], "header field 'bands' has a malformed code: {'end': 6}"),
        ("config", "x", "header field 'config' must be an object, got 'x'"),
        ("source", 1, "header field 'source' must be an object, got 1"),
        ("source", {"rows": "6"}, "header field 'source' has 'rows' of '6'"),
        ("source", {"rows": True}, "header field 'source' has 'rows' of True"),
        ("source", {"name": {}}, "header field 'source' has 'name' of {}"),
        ("report", [1], "header field 'report' must be an object, got [1]"),
        ("producer", None, "header field 'producer' must be an object, got None"),
        ("producer", {"name": "x"}, "header field 'producer' must have a 'version', got {'name': 'x'}"),
    ],
)
def test_a_wrong_field(path: Path, parts: Parts, field: str, value: Any, message: str) -> None:
    parts.document[field] = value
    assert refusal(path, parts.build(), CorruptError) == f"x.embc: {message}"


@pytest.mark.parametrize(
    "code",
    [
        {"kind": "ternary"},
        {"kind": ["binary"]},
        {"symbols": -3},
        {"symbols": True},
        {"symbol_bits": 33},
        {"symbol_bits": -1},
        {"symbol_bits": None},
        {"length_bits": 9},
        {"length_bits": -1},
    ],
)
def test_a_wrong_code(path: Path, parts: Parts, code: dict[str, Any]) -> None:
    band = {"end": 6, "kind": "binary", "length_bits": 0, "symbol_bits": 1, "symbols": 3} | code
    parts.document["bands"] = [band]
    message = f"x.embc: header field 'bands' has a malformed code: {band!r}"
    assert refusal(path, parts.build(), CorruptError) == message


@pytest.mark.parametrize("field", ["rows", "dim", "parts", "bands", "producer"])
def test_a_missing_field(path: Path, parts: Parts, field: str) -> None:
    del parts.document[field]
    assert refusal(path, parts.build(), CorruptError).startswith(f"x.embc: header field {field!r} ")


# The list of sections


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("name", 1, "TypeError('1 is not str')"),
        ("shape", [True], "TypeError('True is not int')"),
        ("shape", 3, "TypeError(\"'int' object is not iterable\")"),
        ("shape", [2.0], "TypeError('2.0 is not int')"),
        ("offset", "0", "TypeError(\"'0' is not int\")"),
        ("length", None, "TypeError('None is not int')"),
        ("crc32", 5, "TypeError('5 is not 8 lower-case hexadecimal digits')"),
        ("crc32", "0x123456", "TypeError(\"'0x123456' is not 8 lower-case hexadecimal digits\")"),
        ("crc32", "ABCDEF01", "TypeError(\"'ABCDEF01' is not 8 lower-case hexadecimal digits\")"),
        ("crc32", "abcdef01\n", "TypeError(\"'abcdef01\\\\n' is not 8 lower-case hexadecimal digits\")"),
        ("required", 1, "TypeError('1 is not bool')"),
    ],
)
def test_a_malformed_entry(path: Path, parts: Parts, field: str, value: Any, reason: str) -> None:
    message = refusal(path, parts.build({"codes.0": {field: value}}), CorruptError)
    assert message == f"x.embc: an entry of 'sections' is malformed: {reason}"


@pytest.mark.parametrize("field", ["name", "dtype", "shape", "offset", "length", "crc32", "required"])
def test_an_entry_without_a_field(path: Path, field: str) -> None:
    entry = {"name": "a", "dtype": "|u1", "shape": [0], "offset": 0, "length": 0, "crc32": "0" * 8, "required": True}
    del entry[field]
    header = json.dumps({"sections": [entry]}).encode()
    message = f"x.embc: an entry of 'sections' is malformed: KeyError({field!r})"
    assert refusal(path, with_header(header), CorruptError) == message


def test_an_entry_that_is_no_object(path: Path) -> None:
    message = refusal(path, with_header(b'{"sections":[3]}'), CorruptError)
    assert message.startswith("x.embc: an entry of 'sections' is malformed: TypeError(")


@pytest.mark.parametrize("dtype", ["|O", ">f4", "<f16", "<U4", "|b1", "|V8", "O", "float32", "<c8", "", "<M8[s]"])
def test_a_dtype_that_is_not_allowed(path: Path, parts: Parts, dtype: str) -> None:
    message = f"x.embc: section 'codes.0' has dtype {dtype!r}, which is not allowed"
    assert refusal(path, parts.build({"codes.0": {"dtype": dtype}}), CorruptError) == message


@pytest.mark.parametrize("shape", [[-1], [-3, -1], [2**63, -1]])
def test_a_negative_shape(path: Path, parts: Parts, shape: list[int]) -> None:
    message = f"x.embc: section 'codes.0' has a negative shape {tuple(shape)}"
    assert refusal(path, parts.build({"codes.0": {"shape": shape}}), CorruptError) == message


@pytest.mark.parametrize("shape", [[2**40, 2**40, 0], [0, 2**63], [0, 10**400], [0] * 5, [1] * 65])
def test_a_shape_out_of_bounds(path: Path, parts: Parts, shape: list[int]) -> None:
    message = f"x.embc: section 'codes.0' has a shape out of bounds: {tuple(shape)}"
    assert refusal(path, parts.build({"codes.0": {"shape": shape, "length": 0}}), CorruptError) == message


@pytest.mark.parametrize("shape", [[0, 2**30, 2**29], [0, 1, 2**59, 1]])
def test_the_largest_shape_that_is_in_bounds_does_no_harm(path: Path, parts: Parts, shape: list[int]) -> None:
    parts.add("later", b"", dtype="<f8", shape=shape)
    path.write_bytes(parts.build())
    assert Container(path).array("later", checked=True).shape == tuple(shape)
    assert verify(path) == []


def test_a_length_that_does_not_follow_from_the_shape(path: Path, parts: Parts) -> None:
    message = "x.embc: section 'codes.0' of |u1 (4,) takes 4 bytes, got 3"
    assert refusal(path, parts.build({"codes.0": {"shape": [4]}}), CorruptError) == message


def test_two_sections_of_one_name(path: Path, parts: Parts) -> None:
    parts.sections.append(parts.section("codes.0"))
    assert refusal(path, parts.build(), CorruptError) == "x.embc: section 'codes.0' occurs twice"


@pytest.mark.parametrize("by", [-64, 64, 1, -1])
def test_holes_and_overlaps(path: Path, parts: Parts, small: bytes, by: int) -> None:
    at = json.loads(small[32 : 32 + struct.unpack_from("<Q", small, 16)[0]])["sections"][-1]["offset"]
    message = f"x.embc: section 'codes.0' must start at {at}, got {at + by}"
    assert refusal(path, parts.build({"codes.0": {"offset": at + by}}), CorruptError) == message


def test_more_bytes_after_the_last_section(path: Path, small: bytes) -> None:
    message = f"x.embc: {len(small) + 1} bytes, its sections end at {len(small)}"
    assert refusal(path, small + b"\0", TruncatedError) == message


def test_a_section_that_goes_past_the_end(path: Path, parts: Parts) -> None:
    last = parts.sections[-1]["name"]
    data = parts.build({last: {"shape": [2**42], "length": 2**42}})
    start = len(data) - len(parts.bytes[last])
    assert refusal(path, data, TruncatedError) == f"x.embc: {len(data)} bytes, its sections end at {start + 2**42}"


def test_padding_that_is_not_zero(path: Path, small: bytes) -> None:
    end = 32 + struct.unpack_from("<Q", small, 16)[0]
    assert small[end] == 0
    path.write_bytes(small[:end] + b"\1" + small[end + 1 :])
    assert open_container(path).words == WORDS
    assert verify(path) == ["x.embc: the padding before section 'state.length_levels' is not zero"]


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
    assert str(caught.value) == f"{tmp_path}: cannot be read: Is a directory"


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
