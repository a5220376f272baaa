"""Vocabulary + codes + compressor."""

from __future__ import annotations

import numpy as np
import pytest

from embcomp import bits
from embcomp.compressors.registry import make_compressor
from embcomp.embedding import Embedding, Source
from embcomp.encoded import EncodedEmbedding
from embcomp.errors import MissingWordError
from embcomp.threads import CHUNK_ROWS


def embedding(n_words: int = 30) -> Embedding:
    vectors = np.random.default_rng(0).standard_normal((n_words, 5)).astype(np.float32)
    return Embedding([f"w{number * 7 % n_words}" for number in range(n_words)], vectors, Source(name="x"))


def encoded(n_words: int = 30) -> EncodedEmbedding:
    return EncodedEmbedding.encode(embedding(n_words), make_compressor("sign"))


def test_words_keep_the_order_of_the_source() -> None:
    assert encoded().words == list(embedding().words)
    assert len(encoded()) == 30
    assert "w3" in encoded()
    assert "w30" not in encoded()


def test_codes_belong_to_their_words() -> None:
    compressed, source = encoded(), embedding()
    codes = compressed.compressor.encode(source.vectors)
    assert np.array_equal(compressed.codes_at(compressed.rows(source.words)), codes)
    assert len(compressed.codes.streams[0]) == bits.stream_bytes(30, 5)


def test_vectors_belong_to_their_words() -> None:
    compressed, source = encoded(), embedding()
    expected = compressed.compressor.decode(compressed.compressor.encode(source.vectors))
    assert np.array_equal(compressed.decode_all(), expected)
    assert np.array_equal(
        compressed.decode_rows(compressed.rows(["w5", "w2"])), expected[[source.index["w5"], source.index["w2"]]]
    )
    assert np.array_equal(compressed.vector("w5"), expected[source.index["w5"]])
    assert compressed.dim == 5
    assert compressed.source.name == "x"


def test_a_missing_word() -> None:
    assert encoded().rows(["w0", "none"]).tolist()[1] == -1
    with pytest.raises(MissingWordError) as caught:
        encoded().vector("none")
    assert str(caught.value) == "'none' is not in the vocabulary"


def test_the_mean_is_that_of_the_decoded_vectors_over_all_blocks() -> None:
    compressed = encoded(CHUNK_ROWS + 100)
    assert compressed.mean_vector().dtype == np.float32
    np.testing.assert_allclose(compressed.mean_vector(), compressed.decode_all().mean(axis=0), atol=1e-6)


def test_more_rows_than_a_block() -> None:
    compressed = encoded(CHUNK_ROWS + 100)
    everything = compressed.decode_all()
    last = compressed.words[-1]
    assert everything.shape == (CHUNK_ROWS + 100, 5)
    assert np.array_equal(everything[-1], compressed.vector(last))


def test_no_words() -> None:
    empty = EncodedEmbedding.encode(Embedding([], np.zeros((0, 5), np.float32)), make_compressor("sign"))
    assert empty.words == []
    assert empty.decode_all().shape == (0, 5)
    assert empty.mean_vector().tolist() == [0] * 5
