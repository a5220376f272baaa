from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from embcomp import bits
from embcomp.comparison import details
from embcomp.compressors.registry import make_compressor
from embcomp.embedding import Embedding
from embcomp.encoded import EncodedEmbedding


@pytest.fixture(scope="module")
def encoded(embedding: Embedding) -> EncodedEmbedding:
    return EncodedEmbedding.encode(embedding, make_compressor("itq", bits=11))


def test_singular_values_are_numpys(embedding: Embedding) -> None:
    centred = embedding.vectors - embedding.vectors.mean(axis=0)
    expected = np.linalg.svd(centred, compute_uv=False)
    assert details.singular_values(embedding.vectors) == pytest.approx(expected / np.linalg.norm(expected), abs=1e-5)
    assert details.singular_values(np.ones((3, 2), dtype=np.float32)) == [0.0, 0.0]


def test_errors_are_of_centred_vectors(embedding: Embedding, encoded: EncodedEmbedding) -> None:
    (band,) = details.errors_by_band(embedding, encoded)
    centred = embedding.vectors - encoded.compressor.offset
    decoded = encoded.decode_all()
    cosines = (centred * decoded).sum(1) / np.linalg.norm(centred, axis=1) / np.linalg.norm(decoded, axis=1)
    assert band["band"] == "top 1k"
    assert band["words"] == 240
    assert band["error"] == pytest.approx(1 - cosines.mean(), abs=1e-5)


def test_the_pattern_lists_nearest_and_furthest_by_dot_product(
    embedding: Embedding, encoded: EncodedEmbedding
) -> None:
    pattern = details.bit_pattern(encoded, "b3w4")
    assert pattern is not None
    codes = {word: encoded.codes_at(encoded.rows([word]))[0] for word in embedding.words}
    signs = {word: 2 * bits.unpack(code[None], 11)[0].astype(int) - 1 for word, code in codes.items()}
    products = {word: int(sign @ signs["b3w4"]) for word, sign in signs.items()}
    near = [products[word] for word, _ in pattern["nearest"]]
    far = [products[word] for word, _ in pattern["furthest"]]
    ranked = sorted(products.values(), reverse=True)
    assert (near, far) == (ranked[:100], ranked[-100:])
    assert ["b3w4", codes["b3w4"].tobytes().hex()] in pattern["nearest"]
    word, code = pattern["nearest"][5]
    assert bytes.fromhex(code) == codes[word].tobytes()


def test_patterns_come_back_as_bits(encoded: EncodedEmbedding) -> None:
    pattern = details.bit_pattern(encoded, "cook")
    assert pattern is not None
    table = details.unpacked(pattern["nearest"], pattern["bits"])
    words = [word for word, _ in pattern["nearest"]]
    expected = bits.unpack(encoded.codes_at(encoded.rows(words)), 11)
    assert np.array_equal(table, expected.astype(bool))


def test_no_pattern_without_the_word(encoded: EncodedEmbedding) -> None:
    assert details.bit_pattern(encoded, "absent") is None


def test_details_are_kept(embedding: Embedding, encoded: EncodedEmbedding, cache, tmp_path: Path) -> None:
    from embcomp.container.writer import save

    save(encoded, tmp_path / "x.embc")
    first = details.details_of(embedding, tmp_path / "x.embc", "key", "cook", cache)
    (tmp_path / "x.embc").unlink()
    assert details.details_of(embedding, tmp_path / "x.embc", "key", "cook", cache) == first
    assert first["losses"] == encoded.report["losses"]
    assert len(first["losses"]) > 1
    assert first["loss_kind"] == "rotation"
