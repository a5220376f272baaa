"""Details of one compressed embedding for the report. Everything is JSON, so that it can be cached."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from embcomp import bits
from embcomp.arrays import FloatArray
from embcomp.comparison.cache import Cache, code_of, key_of
from embcomp.container.reader import open_container
from embcomp.embedding import Embedding, mean_rows
from embcomp.encoded import EncodedEmbedding
from embcomp.eval.fidelity import bands
from embcomp.eval.statistics import cosines
from embcomp.linear import covariance, principal_directions
from embcomp.threads import CHUNK_ROWS

HEAD_ROWS = 50_000  # what singular values are of: the rows that methods learn from by default
BAND_ROWS = 5_000  # of each band, evenly spaced: enough for two digits
ROTATION = "rotation"
"""The kind of loss that all rotations have in common."""
N_NEIGHBOURS = 100  # [Liao 2020, Fig. 3]


def details_of(embedding: Embedding, container: Path, key: str, word: str | None, cache: Cache) -> dict[str, Any]:
    """Losses, singular values, errors by frequency and the bit pattern around ``word``, from the cache if there.

    ``key`` is the container's own. Keys of the result: ``losses``, ``loss_kind``, ``singular_values``, ``errors``,
    ``pattern`` (``None`` without a word, or if the code has no bits that stand for dimensions).
    """
    own = key_of("details", key, word, code_of("embcomp"))
    known: dict[str, Any] | None = cache.load(own)
    if known is None:
        encoded = open_container(container)
        known = {
            "losses": encoded.report.get("losses", []),
            "loss_kind": encoded.compressor.loss_kind or encoded.compressor.name,
            "singular_values": singular_values(encoded.decode_rows(np.arange(min(HEAD_ROWS, len(encoded))))),
            "errors": errors_by_band(embedding, encoded),
            "pattern": None if word is None else bit_pattern(encoded, word),
        }
        cache.store(own, known)
    return known


def singular_values(vectors: FloatArray) -> list[float]:
    """Singular values of the centred vectors, descending, over their root sum of squares."""
    values, _ = principal_directions(covariance(vectors, mean_rows(vectors)))
    length = float(np.sqrt((values**2).sum()))
    return [float(value) / length if length else 0.0 for value in values]


def errors_by_band(embedding: Embedding, encoded: EncodedEmbedding) -> list[dict[str, Any]]:
    """Mean of 1 − cos(x − offset, x̂) in each band: how far decoded vectors point from the originals.

    The offset is what the method subtracts (its mean), or zero. Rows are taken evenly from each band.
    """
    offset = encoded.compressor.offset
    shift = np.zeros(embedding.dim, dtype=np.float32) if offset is None else offset
    found = []
    for name, start, stop in bands(len(embedding)):
        ranks = np.unique(np.linspace(start, stop - 1, num=min(BAND_ROWS, stop - start)).astype(np.int64))
        decoded = encoded.decode_rows(ranks)
        error = 1 - cosines(embedding.vectors[ranks] - shift, decoded)
        found.append({"band": name, "error": float(error.mean()), "words": len(ranks)})
    return found


def bit_pattern(encoded: EncodedEmbedding, word: str) -> dict[str, Any] | None:
    """The codes of the words nearest to ``word`` and furthest from it, by dot product [Liao 2020, §5.5, Fig. 3].

    Returns:
        ``word``, ``bits`` and ``nearest`` and ``furthest``: lists of [word, code as hexadecimal digits], nearest
        first and furthest last. ``None`` for codes that are not binary or differ in width, and for a word that is not
        there.
    """
    layout = encoded.compressor.layout
    if layout.kind != "binary" or len(encoded.codes.bands) > 1 or word not in encoded:
        return None
    own = _signs(encoded, encoded.rows([word]))
    distance = np.empty(len(encoded), dtype=np.int64)
    for start in range(0, len(encoded), CHUNK_ROWS):
        rows = np.arange(start, min(start + CHUNK_ROWS, len(encoded)), dtype=np.int64)
        distance[rows] = bits.unpack(_signs(encoded, rows) ^ own, layout.symbols).sum(axis=1)
    order = np.argsort(distance, kind="stable")
    n_each = min(N_NEIGHBOURS, len(order) // 2)
    return {
        "word": word,
        "bits": layout.symbols,
        "nearest": _codes(encoded, order[:n_each]),
        "furthest": _codes(encoded, order[len(order) - n_each :]),
    }


def unpacked(pattern: list[list[str]], n_bits: int) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """The bits of a pattern's rows, bool, shape (rows, n_bits)."""
    packed = np.frombuffer(bytes.fromhex("".join(code for _, code in pattern)), dtype=np.uint8)
    return bits.unpack(packed.reshape(len(pattern), bits.row_bytes(n_bits)), n_bits).astype(np.bool_)


def _codes(encoded: EncodedEmbedding, rows: np.ndarray[Any, np.dtype[np.int64]]) -> list[list[str]]:
    codes = _signs(encoded, rows)
    return [[word, code.tobytes().hex()] for word, code in zip(encoded.vocabulary.words(rows), codes, strict=True)]


def _signs(encoded: EncodedEmbedding, rows: np.ndarray[Any, np.dtype[np.int64]]) -> bits.BytesArray:
    """Codes without the lengths of rows, as loose rows."""
    return bits.first_bits(encoded.codes_at(rows), encoded.compressor.layout.symbols)
