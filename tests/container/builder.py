"""Containers for the tests: made by embcomp, then taken apart and put together again, right or wrong in one way."""

from __future__ import annotations

import json
import struct
import zlib
from copy import deepcopy
from typing import Any

import numpy as np

from embcomp.compressors.registry import make_compressor
from embcomp.embedding import Embedding, Source
from embcomp.encoded import EncodedEmbedding

MAGIC = b"\x89EMBC\r\n\x1a"
WORDS = ["the", "of", "queen", "a\x00b", "", "naïve"]


def encoded(method: str = "iiq", **config: object) -> EncodedEmbedding:
    """Six words of five dimensions."""
    vectors = np.random.default_rng(0).standard_normal((len(WORDS), 5)).astype(np.float32)
    source = Source(name="six.txt", format="glove-text", sha256="00" * 32, rows=len(WORDS), dim=5)
    return EncodedEmbedding.encode(Embedding(WORDS, vectors, source), make_compressor(method, **config))


class Parts:
    """A container's header document and section bytes; :meth:`build` computes all that follows from them."""

    def __init__(self, data: bytes) -> None:
        header_bytes = struct.unpack_from("<Q", data, 16)[0]
        self.document: dict[str, Any] = json.loads(data[32 : 32 + header_bytes])
        self.sections: list[dict[str, Any]] = self.document.pop("sections")
        self.bytes = {
            section["name"]: data[section["offset"] : section["offset"] + section["length"]]
            for section in self.sections
        }

    def section(self, name: str) -> dict[str, Any]:
        found, *_ = [section for section in self.sections if section["name"] == name]
        return found

    def set_bytes(self, name: str, data: bytes, shape: list[int] | None = None) -> None:
        """Give a section other bytes, with the checksum and length that belong to them."""
        self.bytes[name] = data
        if shape is not None:
            self.section(name)["shape"] = shape

    def add(self, name: str, data: bytes, **entry: Any) -> None:
        self.sections.append({"name": name, "dtype": "|u1", "shape": [len(data)], "required": False} | entry)
        self.bytes[name] = data

    def remove(self, name: str) -> None:
        self.sections.remove(self.section(name))

    def build(self, overrides: dict[str, dict[str, Any]] | None = None) -> bytes:
        """Return the file; ``overrides`` are fields put into the entry of the section named so, last of all."""
        header = b""
        while True:
            document = self.document | {"sections": self._entries(32 + len(header), overrides or {})}
            grown = json.dumps(document, sort_keys=True, separators=(",", ":")).encode()
            if len(grown) == len(header):
                return with_header(grown, self._body(32 + len(header)))
            header = grown

    def _entries(self, end: int, overrides: dict[str, Any]) -> list[dict[str, Any]]:
        entries = []
        for section in deepcopy(self.sections):
            data = self.bytes[section["name"]]
            start = -(-end // 64) * 64
            section |= {"offset": start, "length": len(data), "crc32": f"{zlib.crc32(data):08x}"}
            entries.append(section | overrides.get(section["name"], {}))
            end = start + len(data)
        return entries

    def _body(self, end: int) -> bytes:
        body = b""
        for section in self.sections:
            body += bytes(-(end + len(body)) % 64) + self.bytes[section["name"]]
        return body


def with_header(header: bytes, body: bytes = b"", *, version: int = 1, flags: int = 0, spare: int = 0) -> bytes:
    """Put a preamble with a right checksum before a header."""
    start = MAGIC + struct.pack("<IIQ", version, flags, len(header))
    return start + struct.pack("<II", zlib.crc32(start + header), spare) + header + body
