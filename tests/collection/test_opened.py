"""A collection answers as the one file does."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest

import embcomp
from embcomp.collection.vectors import CollectionVectors
from embcomp.errors import MissingWordError, ParameterError
from embcomp.keyed import CompressedVectors

ASKED = ["wörd-0", "wörd-20", "wörd-1400", "wörd-2301"]


@pytest.fixture
def one(single: Path) -> CompressedVectors:
    return embcomp.open(single)


@pytest.fixture
def many(collection: str) -> CollectionVectors:
    opened = embcomp.open(collection)
    assert isinstance(opened, CollectionVectors)
    return opened


NEAR = 1e-5  # the last digit of a product of matrices depends on how many rows are multiplied at once
MOST = 0.95  # of the neighbours, in the same order: scores that differ in the last digit may change places


def require_equal(one: CompressedVectors, many: CompressedVectors) -> None:
    assert list(one.index_to_key) == list(many.index_to_key)
    np.testing.assert_allclose(one.encoded.decode_all(), many.encoded.decode_all(), rtol=0, atol=NEAR)
    queries = one.encoded.decode_rows(np.arange(0, len(one), 100))
    for similarity in one.index.similarities:
        for restrict in (None, 1, 700, 2000):
            ours = many.index.search(queries, 30, similarity=similarity, restrict=restrict)
            theirs = one.index.search(queries, 30, similarity=similarity, restrict=restrict)
            np.testing.assert_allclose(ours.scores, theirs.scores, rtol=0, atol=NEAR)
            assert np.mean(ours.ranks == theirs.ranks) >= MOST


def require_near(found: list[tuple[str, float]], expected: list[tuple[str, float]]) -> None:
    assert [score for _, score in found] == pytest.approx([score for _, score in expected], abs=NEAR)
    assert sum(one[0] != other[0] for one, other in zip(found, expected, strict=True)) <= 2


def test_words_ranks_codes_and_neighbours(one: CompressedVectors, many: CollectionVectors) -> None:
    require_equal(one, many)
    assert many.encoded.source == one.encoded.source
    assert many.encoded.report == one.encoded.report
    assert many.index.similarities == one.index.similarities
    for number in range(len(one.encoded.codes.bands)):
        np.testing.assert_array_equal(many.encoded.codes.loose(number), one.encoded.codes.loose(number))


def test_what_keyed_vectors_have(one: CompressedVectors, many: CollectionVectors) -> None:
    for word in ASKED:
        np.testing.assert_allclose(many[word], one[word], rtol=0, atol=NEAR)
        require_near(many.most_similar(word, topn=25), one.most_similar(word, topn=25))
        assert many.key_to_index[word] == one.key_to_index[word]
    assert many.similarity(*ASKED[:2]) == pytest.approx(one.similarity(*ASKED[:2]), abs=NEAR)
    both = {"positive": ASKED[:2], "negative": ASKED[2:3]}
    require_near(many.most_similar(**both), one.most_similar(**both))
    np.testing.assert_allclose(many.distances(ASKED[0]), one.distances(ASKED[0]), rtol=0, atol=NEAR)
    np.testing.assert_allclose(many.norms, one.norms, rtol=0, atol=NEAR)
    np.testing.assert_allclose(many.encoded.mean_vector(), one.encoded.mean_vector(), rtol=0, atol=NEAR)
    assert many.encoded.rows([*ASKED, "missing"]).tolist() == one.encoded.rows([*ASKED, "missing"]).tolist()
    assert many.index_to_key[7] == one.index_to_key[7]
    assert "missing" not in many
    with pytest.raises(MissingWordError):
        _ = many["missing"]


def test_rescoring(one: CompressedVectors, many: CollectionVectors) -> None:
    queries = one.encoded.decode_rows(np.arange(20))
    for index in (one.index, many.index):
        found = index.search(queries, 5, rescore=50)
        assert np.mean(found.ranks == one.index.search(queries, 5, rescore=50).ranks) >= MOST


def test_a_pickled_collection_opens_again(many: CollectionVectors) -> None:
    again = pickle.loads(pickle.dumps(many))
    assert again.most_similar(ASKED[0]) == many.most_similar(ASKED[0])


def test_worker_processes_give_the_same(iiq: str) -> None:
    alone, shared = embcomp.open(iiq), embcomp.open(iiq, processes=2)
    for word in ASKED:
        assert shared.most_similar(word, topn=25) == alone.most_similar(word, topn=25)
        assert shared.most_similar(word, topn=3, restrict_vocab=5) == alone.most_similar(
            word, topn=3, restrict_vocab=5
        )


def test_what_a_collection_refuses(iiq: str, single: Path) -> None:
    opened = embcomp.open(iiq)
    with pytest.raises(ParameterError, match="a collection is not saved"):
        opened.save("x.embc")
    with pytest.raises(ParameterError, match="the order of a collection cannot be dropped"):
        opened.encoded.without_order()
    with pytest.raises(ParameterError, match="`processes` must be 1 for one file, got 2"):
        embcomp.open(single, processes=2)
    with pytest.raises(ParameterError, match="`processes` must be an integer from 1 to 1024, got 0"):
        embcomp.open(iiq, processes=0)
