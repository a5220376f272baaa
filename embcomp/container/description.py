"""What an ``.embc`` file holds, byte by byte."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

from embcomp.bits import stream_bytes
from embcomp.container.layout import FORMAT_VERSION, STATE_PREFIX, aligned
from embcomp.container.reader import Container
from embcomp.encoded import EncodedEmbedding

KINDS = ("file", "codes", "vocabulary", "order", "state", "text", "decode_state", "header")


def describe(path: str | Path) -> dict[str, Any]:
    """Return what a container holds: the document of ``embcomp info --json``."""
    container = Container(path)
    encoded = container.open()
    sections = {name: section.length for name, section in container.sections.items()}
    sizes = {kind: _sum(sections, f"{kind}.") for kind in ("codes", "words", "order", "state", "text")}
    sizes |= {"vocabulary": sizes["words"], "file": container.file_bytes, "header": aligned(container.header_end)}
    needed = {STATE_PREFIX + name for name in encoded.compressor.decode_state}
    sizes["decode_state"] = sum(size for name, size in sections.items() if name in needed)
    found = facts(encoded, sizes, encoded.vocabulary.text_bytes)
    return {"format_version": FORMAT_VERSION, "producer": container.producer} | found | {"sections": sections}


def facts(encoded: EncodedEmbedding, sizes: Mapping[str, int], text_bytes: int) -> dict[str, Any]:
    """Return what is said of any embedding, with bytes of each of :data:`KINDS`, and of the words in UTF-8."""
    row_bits, bands = encoded.codes.row_bits, encoded.codes.bands
    lengths = [end - start for start, end in pairwise([0, *(band.end for band in bands)])]
    floats, words = original_bytes(len(encoded), text_bytes, encoded.dim)
    return {
        "method": encoded.compressor.name,
        "config": encoded.compressor.get_config(),
        "rows": len(encoded),
        "dim": encoded.dim,
        "bits_per_vector": int(row_bits) if row_bits.is_integer() else round(row_bits, 2),
        "bands": [
            {
                "end": band.end,
                "bits": band.layout.row_bits,
                "length_bits": band.layout.length_bits,
                "bytes": stream_bytes(n_rows, band.layout.row_bits),
            }
            for band, n_rows in zip(bands, lengths, strict=True)
        ],
        "bytes": {kind: sizes[kind] for kind in KINDS},
        "ratio": {
            "vectors": _ratio(floats, sizes["codes"] + sizes["decode_state"]),
            "file": _ratio(floats + words, sizes["file"]),
        },
        "source": encoded.source.to_json(),
        "report": encoded.report,
    }


def original_bytes(n_words: int, utf8_bytes: int, dim: int) -> tuple[int, int]:
    """Size of the original: bytes of a float32 matrix, and of the words with one separator byte each."""
    return 4 * n_words * dim, utf8_bytes + n_words


def _sum(sizes: dict[str, int], prefix: str) -> int:
    return sum(size for name, size in sizes.items() if name.startswith(prefix))


def _ratio(original: int, compressed: int) -> float:
    return round(original / max(1, compressed), 3)
