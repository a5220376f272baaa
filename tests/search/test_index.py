from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from embcomp.codes import encode_codes
from embcomp.container.reader import open_container
from embcomp.container.writer import save
from embcomp.encoded import EncodedEmbedding
from embcomp.errors import ParameterError
from embcomp.search import SearchIndex, rounded
from tests.search.conftest import CONFIGS, DIM, N_ROWS, embedding, encoded

RNG = np.random.default_rng(11)
QUERIES = RNG.normal(size=(4, DIM)).astype(np.float32)


def cosines(vectors: NDArray[np.float32], query: NDArray[np.float32]) -> NDArray[np.float64]:
    wide, other = vectors.astype(np.float64), query.astype(np.float64)
    lengths = np.linalg.norm(wide, axis=1) * np.linalg.norm(other)
    return rounded(np.divide(wide @ other, lengths, out=np.zeros(len(wide)), where=lengths > 0))


def assert_nearest(ranks: NDArray[np.int64], scores: NDArray[np.float64], slow: NDArray[np.float64], k: int) -> None:
    """Scores are the k largest of ``slow``, and are those of their ranks, up to the last digit."""
    assert len(ranks) == min(k, len(slow))
    np.testing.assert_allclose(scores, np.sort(slow)[::-1][:k], atol=3e-6)
    np.testing.assert_allclose(scores, slow[ranks], atol=3e-6)
    order = list(zip((-scores).tolist(), ranks.tolist(), strict=True))
    assert order == sorted(order)


@pytest.mark.parametrize("name", CONFIGS)
@pytest.mark.parametrize("restrict", [None, 1, 57, 10**6])
def test_decoded_is_the_cosine_of_decoded_vectors(name: str, restrict: int | None) -> None:
    index = SearchIndex(encoded(name))
    vectors = encoded(name).decode_all()[:restrict]
    found = index.search(QUERIES, 9, similarity="decoded", restrict=restrict)
    for query, ranks, scores in zip(QUERIES, found.ranks, found.scores, strict=True):
        slow = cosines(vectors, query)
        assert_nearest(ranks, scores, slow, 9)
        np.testing.assert_allclose(index.scores(query, restrict=restrict), slow, atol=3e-6)


@pytest.mark.parametrize("name", ["sign", "itq", "iiq", "iiq-few"])
def test_asymmetric_is_the_cosine_of_projection_and_signs(name: str) -> None:
    index = SearchIndex(encoded(name))
    ones = 2.0 * np.unpackbits(index._loose, axis=1, count=encoded(name).compressor.layout.symbols) - 1
    directions = encoded(name).compressor.bit_directions
    assert directions is not None
    wide = np.diag(directions) if directions.ndim == 1 else directions
    found = index.search(QUERIES, 9, similarity="asymmetric")
    for query, ranks, scores in zip(QUERIES, found.ranks, found.scores, strict=True):
        projected = wide.astype(np.float64) @ query
        slow = rounded(ones @ projected / (np.linalg.norm(projected) * len(projected) ** 0.5))
        assert_nearest(ranks, scores, slow, 9)


@pytest.mark.parametrize("name", ["sign", "itq", "iiq", "nlb"])
def test_hamming_is_the_share_of_equal_bits(name: str) -> None:
    index = SearchIndex(encoded(name))
    codes = encoded(name).codes.all_of_one_width
    bits = np.unpackbits(codes, axis=1, count=encoded(name).compressor.layout.symbols).astype(int)
    found = index.search_codes(codes[:5], 20)
    for query, ranks, scores in zip(bits[:5], found.ranks, found.scores, strict=True):
        slow = [((query != row).sum(), rank) for rank, row in enumerate(bits)]
        assert ranks.tolist() == [rank for _, rank in sorted(slow)[:20]]
        np.testing.assert_allclose(scores, [1 - 2 * h / bits.shape[1] for h, _ in sorted(slow)[:20]], atol=1e-6)


@pytest.mark.parametrize("name", ["sign", "itq", "iiq-few"])
def test_the_vector_of_a_code_finds_what_the_code_finds(name: str) -> None:
    """With at most one bit per dimension, the cosine of decoded vectors is that of codes: the same ties too."""
    rows = np.arange(40)
    index = SearchIndex(encoded(name))
    by_code = index.search_codes(encoded(name).codes_at(rows), 30)
    by_vector = index.search(encoded(name).decode_rows(rows), 30, similarity="decoded")
    assert np.array_equal(by_code.ranks, by_vector.ranks)
    np.testing.assert_allclose(by_code.scores, by_vector.scores, atol=3e-6)


@pytest.mark.parametrize("name", CONFIGS)
def test_similarity_of_a_pair(name: str) -> None:
    vectors = encoded(name).decode_rows(np.array([3, 8]))
    assert SearchIndex(encoded(name)).of_pair(np.array([3, 8])) == pytest.approx(cosines(vectors[:1], vectors[1])[0])
    assert SearchIndex(encoded(name)).of_pair(np.array([3, 3])) == pytest.approx(1)


def test_hamming_of_a_vector_is_that_of_its_code() -> None:
    index = SearchIndex(encoded("itq"))
    compressor = encoded("itq").compressor
    codes = compressor.encode(QUERIES + compressor.offset)
    by_vector, by_code = index.search(QUERIES, 5, similarity="hamming"), index.search_codes(codes, 5)
    assert np.array_equal(by_vector.ranks, by_code.ranks)
    assert np.array_equal(by_vector.scores, by_code.scores)


@pytest.mark.parametrize("name", CONFIGS)
def test_equal_rows_come_in_order_of_rank(name: str) -> None:
    first = encoded(name).vector("word0")
    found = SearchIndex(encoded(name)).search(first[None, :], N_ROWS, similarity="decoded")
    ranks = found.ranks[0].tolist()
    assert ranks.index(0) < ranks.index(N_ROWS - 2)  # a copy
    order = list(zip((-found.scores[0]).tolist(), ranks, strict=True))
    assert order == sorted(order)


@pytest.mark.parametrize("name", CONFIGS)
def test_a_batch_is_its_queries_one_by_one(name: str) -> None:
    index = SearchIndex(encoded(name))
    for similarity in index.similarities:
        batch = index.search(QUERIES, 7, similarity=similarity)
        for number in range(len(QUERIES)):
            one = index.search(QUERIES[number : number + 1], 7, similarity=similarity)
            assert np.array_equal(one.ranks[0], batch.ranks[number])
            assert np.array_equal(one.scores[0], batch.scores[number])


@pytest.mark.parametrize("name", CONFIGS)
def test_zeros_have_similarity_0_to_everything(name: str) -> None:
    index = SearchIndex(encoded(name))
    for similarity in set(index.similarities) - {"hamming"}:
        found = index.search(np.zeros((1, DIM), dtype=np.float32), 3, similarity=similarity)
        assert found.scores.tolist() == [[0, 0, 0]]
        assert found.ranks.tolist() == [[0, 1, 2]]


def test_rescoring_with_all_rows_as_candidates_is_decoded() -> None:
    index = SearchIndex(encoded("iiq"))
    exact = index.search(QUERIES, 5, similarity="decoded")
    for similarity in ("hamming", "asymmetric"):
        again = index.search(QUERIES, 5, similarity=similarity, rescore=N_ROWS)
        assert np.array_equal(again.ranks, exact.ranks)
        np.testing.assert_allclose(again.scores, exact.scores, atol=3e-6)


def test_rescoring_orders_the_candidates() -> None:
    index = SearchIndex(encoded("iiq-few"))
    candidates = index.search(QUERIES, 30, similarity="hamming")
    again = index.search(QUERIES, 5, similarity="hamming", rescore=30)
    vectors = encoded("iiq-few").decode_all()
    for query, some, ranks, scores in zip(QUERIES, candidates.ranks, again.ranks, again.scores, strict=True):
        slow = cosines(vectors, query)
        assert set(ranks.tolist()) <= set(some.tolist())
        np.testing.assert_allclose(scores, np.sort(slow[some])[::-1][:5], atol=3e-6)


def test_norms_are_lengths() -> None:
    for name in CONFIGS:
        np.testing.assert_allclose(
            SearchIndex(encoded(name)).norms, np.linalg.norm(encoded(name).decode_all(), axis=1), rtol=1e-5, atol=1e-6
        )


def test_what_each_method_offers() -> None:
    offers = {name: SearchIndex(encoded(name)).similarities for name in CONFIGS}
    assert offers["iiq"] == offers["sign"] == ("hamming", "asymmetric", "decoded")
    assert offers["nlb"] == ("hamming", "decoded")
    others = ("dccl", "kd", "kd-lstm", "alone", "prune", "transform", "additive", "sign-bands", "iiq-bands")
    assert {offers[name] for name in others} == {("decoded",)}
    defaults = {name: SearchIndex(encoded(name)).default_similarity for name in CONFIGS}
    assert defaults == dict.fromkeys(CONFIGS, "decoded") | dict.fromkeys(("nlb", "nlb-lengths"), "hamming")


def test_search_without_the_source_order(tmp_path: object) -> None:
    path = tmp_path / "no-order.embc"  # type: ignore[operator]
    save(encoded("itq").without_order(), path)
    opened = open_container(path)
    found = SearchIndex(opened).search(opened.vector("word5")[None, :], 3)
    assert opened.words[int(found.ranks[0, 0])] == "word5"


@pytest.mark.parametrize("n_rows", [0, 1])
@pytest.mark.parametrize("name", ["sign", "itq", "dccl", "kd"])
def test_hardly_any_rows(name: str, n_rows: int) -> None:
    compressor = encoded(name).compressor
    few = embedding()
    small = EncodedEmbedding.from_codes(
        type(encoded(name).vocabulary).build(few.words[:n_rows]),
        encode_codes(compressor, few.vectors[:n_rows]),
        compressor,
        few.source,
    )
    found = SearchIndex(small).search(QUERIES, 10)
    assert found.ranks.tolist() == [[0] * n_rows] * len(QUERIES)
    assert found.scores.shape == (len(QUERIES), n_rows)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"similarity": "hamming"}, "similarity must be 'decoded' for dccl, got 'hamming'"),
        ({"k": 0}, "k must be an integer of at least 1, got 0"),
        ({"restrict": 0}, "restrict must be an integer of at least 1, got 0"),
        ({"rescore": -1}, "rescore must be an integer of at least 1, got -1"),
        ({"queries": QUERIES[:, :3]}, "queries must have shape (any, 12), got (4, 3)"),
        ({"queries": QUERIES * np.nan}, "queries must be finite, got NaN or infinity"),
    ],
)
def test_refusals(arguments: dict[str, object], message: str) -> None:
    given: dict[str, object] = {"queries": QUERIES, "k": 3, **arguments}
    with pytest.raises(ParameterError) as caught:
        SearchIndex(encoded("dccl")).search(**given)  # type: ignore[arg-type]
    assert str(caught.value) == message
