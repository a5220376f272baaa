"""What an ``.embc`` file holds, byte by byte."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from embcomp.container.layout import FORMAT_VERSION, STATE_PREFIX, aligned
from embcomp.container.reader import Container


def describe(path: str | Path) -> dict[str, Any]:
    """Return what a container holds: the document of ``embcomp info --json``."""
    container = Container(path)
    encoded = container.open()
    sizes = {name: section.length for name, section in container.sections.items()}
    by_kind = {kind: _sum(sizes, f"{kind}.") for kind in ("codes", "words", "order", "state", "text")}
    row_bits = encoded.codes.row_bits
    needed = {STATE_PREFIX + name for name in encoded.compressor.decode_state}
    decode_state = sum(size for name, size in sizes.items() if name in needed)
    floats, words = original_bytes(container.rows, encoded.vocabulary.text_bytes, container.dim)
    return {
        "format_version": FORMAT_VERSION,
        "producer": container.producer,
        "method": encoded.compressor.name,
        "config": encoded.compressor.get_config(),
        "rows": container.rows,
        "dim": container.dim,
        "bits_per_vector": int(row_bits) if row_bits.is_integer() else round(row_bits, 2),
        "bands": [
            {
                "end": band.end,
                "bits": band.layout.row_bits,
                "length_bits": band.layout.length_bits,
                "bytes": len(stream),
            }
            for band, stream in zip(encoded.codes.bands, encoded.codes.streams, strict=True)
        ],
        "bytes": {
            "file": container.file_bytes,
            "codes": by_kind["codes"],
            "vocabulary": by_kind["words"],
            "order": by_kind["order"],
            "state": by_kind["state"],
            "text": by_kind["text"],
            "decode_state": decode_state,
            "header": aligned(container.header_end),
        },
        "sections": sizes,
        "ratio": {
            "vectors": ratio(floats, by_kind["codes"] + decode_state),
            "file": ratio(floats + words, container.file_bytes),
        },
        "source": encoded.source.to_json(),
        "report": encoded.report,
    }


def original_bytes(n_words: int, utf8_bytes: int, dim: int) -> tuple[int, int]:
    """Size of the original: bytes of a float32 matrix, and of the words with one separator byte each."""
    return 4 * n_words * dim, utf8_bytes + n_words


def _sum(sizes: dict[str, int], prefix: str) -> int:
    return sum(size for name, size in sizes.items() if name.startswith(prefix))


def ratio(original: int, compressed: int) -> float:
    """Return how many times smaller something became."""
    return round(original / max(1, compressed), 3)
