from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from embcomp.compressors.registry import make_compressor
from embcomp.embedding import Embedding
from embcomp.encoded import EncodedEmbedding
from embcomp.keep import sample
from embcomp.keep.sample import Asked, Sampler, spread_ranks
from embcomp.text.words import tokens


@pytest.fixture
def few(monkeypatch):
    monkeypatch.setattr(sample, "SPREAD_ROWS", 200)


@pytest.mark.parametrize(
    ("method", "config"),
    [("transform", {"bits": 12}), ("iiq", {"bits": 16}), ("sign", {}), ("kd", {"dims": 2, "ways": 8})],
)
def test_sampled_rows_are_those_of_the_whole_file(source, few, method, config):
    sampler = Sampler(source, np.array([7, 2_999, 1_500]), spread_ranks(len(source)))
    whole, spread = sampler.decoded(make_compressor(method, **config))
    encoded = EncodedEmbedding.encode(source, make_compressor(method, **config))
    assert_allclose(whole.vectors, encoded.decode_rows(sampler.ranks), rtol=1e-5, atol=1e-6)  # equal but for rounding
    assert_allclose(spread.vectors, encoded.decode_rows(spread_ranks(len(source))), rtol=1e-5, atol=1e-6)
    assert whole.words == [source.words[rank] for rank in sampler.ranks]
    assert {7, 1_500, 2_999} <= set(sampler.ranks)
    near = np.linalg.norm(whole.mean_vector() - encoded.mean_vector())
    assert near < 0.1 * np.linalg.norm(encoded.decode_all(), axis=1).mean()
    for one, other in zip(sampler.of(encoded), (whole, spread), strict=True):
        assert_allclose(one.vectors, other.vectors, rtol=1e-5, atol=1e-6)
        assert_array_equal(one.mean_vector(), encoded.mean_vector())
    assert_allclose(whole.align(source.vectors[:3]), encoded.align(source.vectors[:3]), rtol=1e-5, atol=1e-6)
    assert (whole.offset is None) == (encoded.offset is None)


def test_ranks_are_the_first_and_as_many_of_the_others(few):
    ranks = spread_ranks(1_000)
    assert_array_equal(ranks[:200], np.arange(200))
    assert len(np.unique(ranks)) == len(ranks) == 400
    assert (np.diff(ranks) > 0).all()
    assert_array_equal(spread_ranks(150), np.arange(150))


def test_rows_that_were_asked_for(source):
    asked = Asked(source)
    asked.decode_rows(np.array([5, 3]))
    assert_array_equal(asked.decode_rows(asked.rows(["w9", "w3"])), source.vectors[[9, 3]])
    assert_array_equal(asked.ranks, [3, 5, 9])
    assert (len(asked), asked.dim, asked.first_words(2)) == (3_000, 24, ["w0", "w1"])


def test_plain_rows_have_the_mean_of_all(source):
    plain = Sampler(source, np.array([1, 4]), np.array([0, 4])).plain
    assert plain.words == ["w0", "w1", "w4"]
    assert_array_equal(plain.mean_vector(), source.mean_vector())
    assert_array_equal(plain.align(plain.vectors), plain.vectors)
    assert plain.offset is None
    assert isinstance(plain, Embedding)


def test_of_many_bits_the_mean_is_that_of_the_source(source, few):
    sampler = Sampler(source, np.array([5]), spread_ranks(len(source)))
    whole, _ = sampler.decoded(make_compressor("transform", bits=8 * source.dim))
    assert_allclose(whole.mean_vector(), source.mean_vector(), atol=0.01)


def test_a_rough_fit_is_nearly_that_of_all_rows(source, few, monkeypatch):
    monkeypatch.setattr(sample, "FIT_ROWS", 1_000)
    sampler = Sampler(source, np.array([5]), spread_ranks(len(source)))
    errors = []
    for roughly in (False, True):
        compressor = make_compressor("transform", bits=2 * source.dim)
        whole, _ = sampler.decoded(compressor, roughly=roughly)
        assert compressor.report["fit_rows"] == (1_000 if roughly else len(source))
        errors.append(np.square(whole.vectors - sampler.plain.vectors).sum())
    assert errors[1] != errors[0]
    assert errors[1] == pytest.approx(errors[0], rel=0.1)


def test_texts_are_looked_up_once(source):
    plain = Sampler(source, np.array([1, 4]), np.array([0, 4])).plain
    again = plain.as_decoded(plain.vectors, plain.mean, make_compressor("sign"))
    assert tokens(plain, ["w4 w1", "w9"]) == ([[2, 1], [-1]], 1)
    assert again.found is plain.found
    assert tokens(again, ["w4 w1", "w9"])[0] is tokens(plain, ["w4 w1", "w9"])[0]
