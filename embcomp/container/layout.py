"""The bytes of an ``.embc`` file, version 1. ``docs/format.md`` is the specification; this module agrees with it.

offset  size  what
0       8     magic  89 45 4D 42 43 0D 0A 1A   (\\x89 E M B C CR LF SUB: damaged by any text-mode copy)
8       4     u32    format version, 1
12      4     u32    flags, 0 (a reader refuses any it does not know)
16      8     u64    length of the header JSON in bytes
24      4     u32    CRC-32 of bytes 0-23 and the header JSON
28      4     u32    0
32      …            header JSON, then zeros up to a multiple of 64
…       …            sections, in the order of the header, each followed by zeros up to a multiple of 64,
                     except that the file ends with the last byte of the last section
"""

from __future__ import annotations

import json
import math
import re
import struct
import zlib
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from embcomp.documents import BadDocumentError, parse_document
from embcomp.errors import CorruptError, NewerVersionError, NotAContainerError, TruncatedError
from embcomp.memory import pieces

MAGIC = b"\x89EMBC\r\n\x1a"
FORMAT_VERSION = 1
ALIGNMENT = 64  # a cache line, and the widest vector register
PREAMBLE = struct.Struct("<8sIIQI4x")
CHECKED_PREAMBLE = struct.Struct("<8sIIQ")
MAX_HEADER_BYTES = 2**20  # far above any real header; limits what a hostile header can make a reader build
MAX_DIMENSIONS = 4
MAX_ARRAY_BYTES = 2**62  # with extents of 0 left out of the product: array libraries form it in 64 bits, signed

CRC_TEXT = re.compile("[0-9a-f]{8}")  # here, since compiling takes longer than opening a file
DTYPES = frozenset({"<f4", "<f2", "<f8", "|i1", "|u1", "<i2", "<u2", "<i4", "<u4", "<i8", "<u8"})

INDEX, PAGES = "words.{}.index", "words.{}.pages"  # of a part of the vocabulary
ORDER = "order.{}"
CODES = "codes.{}"  # of a band
STATE_PREFIX = "state."
TOKENIZER = "text.tokenizer"


class Section(NamedTuple):
    """One array in the file."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    offset: int
    length: int
    crc32: int
    required: bool

    def to_json(self) -> dict[str, Any]:
        """As it stands in the header."""
        return self._asdict() | {"crc32": f"{self.crc32:08x}"}


def checksum(data: Any) -> int:
    """Return the CRC-32 of the bytes of a buffer."""
    crc = 0
    for piece in pieces(data):
        crc = zlib.crc32(piece, crc)
    return crc


def aligned(offset: int) -> int:
    """Round up to the next section boundary."""
    return -(-offset // ALIGNMENT) * ALIGNMENT


def canonical_json(document: Mapping[str, Any]) -> bytes:
    """ASCII, keys sorted, no spaces: the same document always gives the same bytes."""
    return json.dumps(document, sort_keys=True, separators=(",", ":"), allow_nan=False).encode("ascii")


def preamble(header: bytes) -> bytes:
    """Return the first 32 bytes of a file with this header."""
    fields = (MAGIC, FORMAT_VERSION, 0, len(header))
    crc = zlib.crc32(header, zlib.crc32(CHECKED_PREAMBLE.pack(*fields)))
    return PREAMBLE.pack(*fields, crc)


def read_header(name: str, start: bytes | memoryview, file_bytes: int) -> tuple[dict[str, Any], int]:
    """Check the start of a file and return its header document and where the header ends.

    Args:
        name: of the file, for messages.
        start: the file from its first byte, at least up to the end of the header if the file has one.
        file_bytes: length of the whole file.

    Raises:
        NotAContainerError, NewerVersionError, TruncatedError, CorruptError: in this order of precedence.
    """
    if bytes(start[: len(MAGIC)]) != MAGIC:
        if file_bytes and MAGIC.startswith(bytes(start[: len(MAGIC)])):
            raise TruncatedError(f"{name}: {file_bytes} bytes, a container has at least {PREAMBLE.size}")
        what = "is not an embcomp container (it does not start with its magic bytes)" if file_bytes else "is empty"
        raise NotAContainerError(f"{name}: {what}, expected an .embc file")
    if file_bytes < PREAMBLE.size:
        raise TruncatedError(f"{name}: {file_bytes} bytes, a container has at least {PREAMBLE.size}")
    magic, version, flags, header_bytes, crc = PREAMBLE.unpack_from(start)
    if version > FORMAT_VERSION:
        raise NewerVersionError(
            f"{name}: format version {version}, this release reads up to {FORMAT_VERSION}; update embcomp"
        )
    if version == 0:
        raise CorruptError(f"{name}: format version 0 does not exist")
    if flags:
        raise NewerVersionError(f"{name}: flags {flags:#010x} are not known to this release; update embcomp")
    end = PREAMBLE.size + header_bytes
    if end > file_bytes:
        raise TruncatedError(f"{name}: {file_bytes} bytes, its header alone should end at {end}")
    if header_bytes > MAX_HEADER_BYTES:
        raise CorruptError(f"{name}: header of {header_bytes} bytes, at most {MAX_HEADER_BYTES} are allowed")
    header = bytes(start[PREAMBLE.size : end])
    fields = (magic, version, flags, header_bytes)
    if zlib.crc32(header, zlib.crc32(CHECKED_PREAMBLE.pack(*fields))) != crc:
        raise CorruptError(f"{name}: the header's checksum does not match")
    if bytes(start[28:32]) != b"\0\0\0\0":
        raise CorruptError(f"{name}: bytes 28 to 31 must be 0")
    try:
        return parse_document(header, "ascii"), end
    except BadDocumentError as error:
        raise CorruptError(f"{name}: the header {error}") from error


def read_sections(name: str, document: Mapping[str, Any], header_end: int, file_bytes: int) -> dict[str, Section]:
    """Return the sections by name, having checked that they tile the file: no hole, no overlap, nothing after.

    Raises:
        TruncatedError: the file's length is not what the sections add up to.
        CorruptError: anything else.
    """
    entries = document.get("sections")
    if not isinstance(entries, list):
        raise CorruptError(f"{name}: header field 'sections' must be a list")
    sections: dict[str, Section] = {}
    end = header_end
    for entry in entries:
        section = _section(name, entry)
        if section.name in sections:
            raise CorruptError(f"{name}: section {section.name!r} occurs twice")
        if section.offset != aligned(end):
            raise CorruptError(f"{name}: section {section.name!r} must start at {aligned(end)}, got {section.offset}")
        end = section.offset + section.length
        sections[section.name] = section
    if end != file_bytes:
        raise TruncatedError(f"{name}: {file_bytes} bytes, its sections end at {end}")
    return sections


def _section(name: str, entry: Any) -> Section:
    try:
        section = Section(
            name=_expect(str, entry["name"]),
            dtype=_expect(str, entry["dtype"]),
            shape=tuple(_expect(int, length) for length in entry["shape"]),
            offset=_expect(int, entry["offset"]),
            length=_expect(int, entry["length"]),
            crc32=_expect_crc(entry["crc32"]),
            required=_expect(bool, entry["required"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise CorruptError(f"{name}: an entry of 'sections' is malformed: {error!r}") from error
    if section.dtype not in DTYPES:
        raise CorruptError(f"{name}: section {section.name!r} has dtype {section.dtype!r}, which is not allowed")
    item_bytes = np.dtype(section.dtype).itemsize
    if any(length < 0 for length in section.shape):
        raise CorruptError(f"{name}: section {section.name!r} has a negative shape {section.shape}")
    nominal_bytes = item_bytes * math.prod(max(1, length) for length in section.shape)
    if len(section.shape) > MAX_DIMENSIONS or nominal_bytes > MAX_ARRAY_BYTES:
        raise CorruptError(f"{name}: section {section.name!r} has a shape out of bounds: {section.shape}")
    size = item_bytes * math.prod(section.shape)
    if size != section.length:
        raise CorruptError(
            f"{name}: section {section.name!r} of {section.dtype} {section.shape} takes {size} bytes, "
            f"got {section.length}"
        )
    return section


def _expect_crc(value: Any) -> int:
    if not isinstance(value, str) or not CRC_TEXT.fullmatch(value):
        raise TypeError(f"{value!r} is not 8 lower-case hexadecimal digits")
    return int(value, 16)


def _expect(kind: type, value: Any) -> Any:
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise TypeError(f"{value!r} is not {kind.__name__}")
    return value
