"""One file for each way to be wrong in the preamble and the header: its error's class and its whole message."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import pytest

from embcomp.container.reader import Container, open_container, verify
from embcomp.errors import (
    CorruptError,
    NewerVersionError,
    NotAContainerError,
    TruncatedError,
)
from tests.container.builder import MAGIC, WORDS, Parts, with_header

from .conftest import refusal

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
