"""Every method gives what gensim gives on the decompressed vectors."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gensim.models import KeyedVectors
from gensim.test.utils import datapath

from embcomp.keyed import CompressedVectors

CLOSE = 3e-6  # float32, and scores are rounded to 2⁻²⁰
WORDS = ["king", "queen", "man", "woman", "paris", "computer"]


@pytest.fixture(scope="session")
def theirs(vectors: CompressedVectors) -> KeyedVectors:
    return vectors.to_keyed_vectors()


def assert_same_ranking(mine: list[tuple[str, float]], theirs: list[tuple[str, float]]) -> None:
    """The same scores in the same order; the same words, up to the order of equal scores."""
    np.testing.assert_allclose([score for _, score in mine], [score for _, score in theirs], atol=CLOSE)
    last = theirs[-1][1] + 2 * CLOSE  # words as near as the last may be others as near
    assert {word for word, score in mine if score > last} == {word for word, score in theirs if score > last}


def test_words_and_vectors(vectors: CompressedVectors, theirs: KeyedVectors) -> None:
    assert len(vectors) == len(theirs)
    assert vectors.vector_size == theirs.vector_size
    assert vectors.index_to_key == theirs.index_to_key
    assert dict(vectors.key_to_index) == theirs.key_to_index
    np.testing.assert_allclose(vectors.vectors, theirs.vectors, atol=1e-5)
    np.testing.assert_allclose(vectors[WORDS], theirs[WORDS], atol=1e-5)
    np.testing.assert_allclose(vectors[3], theirs[3], atol=1e-5)
    np.testing.assert_allclose(vectors[[3, "king"]], theirs[[3, "king"]], atol=1e-5)
    np.testing.assert_allclose(vectors.get_vector("king", norm=True), theirs.get_vector("king", norm=True), atol=1e-5)
    np.testing.assert_allclose(vectors.get_normed_vectors(), theirs.get_normed_vectors(), atol=1e-5)
    theirs.fill_norms()
    vectors.fill_norms()
    np.testing.assert_allclose(vectors.norms, theirs.norms, rtol=1e-5)


def test_keys(vectors: CompressedVectors, theirs: KeyedVectors) -> None:
    for key in ("king", "no such word", 0, 7, len(vectors) - 1, len(vectors), -1):
        assert (key in vectors) == (key in theirs)
        assert vectors.get_index(key, -5) == theirs.get_index(key, -5)


@pytest.mark.parametrize(
    "arguments",
    [
        {"positive": "king"},
        {"positive": ["king"], "topn": 1},
        {"positive": ["king", "woman"], "negative": ["man"], "topn": 20},
        {"positive": [("king", 0.5), ("paris", 2)], "negative": [("man", -0.3)]},
        {"positive": 17},
        {"positive": [np.int64(17)], "topn": np.int64(3), "restrict_vocab": np.int64(900)},
        {"positive": ["king"], "restrict_vocab": 500},
        {"positive": ["king"], "clip_start": 100, "clip_end": 900},
        {"positive": ["king"], "clip_end": 900, "topn": 3},
        {"negative": ["king"], "topn": 4},
        {"positive": ["king"], "topn": 0},
        {"positive": ["king"], "topn": 10**6},
        {"positive": ["king"], "topn": None},
        {"positive": ["king"], "topn": None, "restrict_vocab": 50},
    ],
    ids=str,
)
def test_most_similar(vectors: CompressedVectors, theirs: KeyedVectors, arguments: dict[str, Any]) -> None:
    mine, other = vectors.most_similar(**arguments), theirs.most_similar(**arguments)
    if arguments.get("topn", 10) is None or not len(other):
        np.testing.assert_allclose(mine, other, atol=CLOSE)
    else:
        assert_same_ranking(mine, other)


def test_most_similar_to_vectors(vectors: CompressedVectors, theirs: KeyedVectors) -> None:
    one, two = theirs["king"], theirs["queen"]
    assert_same_ranking(vectors.most_similar(one), theirs.most_similar(one))
    assert_same_ranking(vectors.most_similar([one, two, "man"]), theirs.most_similar([one, two, "man"]))
    assert_same_ranking(vectors.most_similar(np.stack([one, two])), theirs.most_similar(np.stack([one, two])))
    assert_same_ranking(vectors.similar_by_vector(one, topn=4), theirs.similar_by_vector(one, topn=4))
    assert_same_ranking(vectors.similar_by_word("king", 4), theirs.similar_by_word("king", 4))
    assert_same_ranking(vectors.similar_by_key("king", 4, 600), theirs.similar_by_key("king", 4, 600))


@pytest.mark.filterwarnings("ignore:Call to deprecated `init_sims`:DeprecationWarning")
def test_cosmul(vectors: CompressedVectors, theirs: KeyedVectors) -> None:
    for arguments in ({"positive": ["king", "woman"], "negative": ["man"]}, {"positive": "king", "topn": 3}):
        mine, other = vectors.most_similar_cosmul(**arguments), theirs.most_similar_cosmul(**arguments)
        np.testing.assert_allclose([score for _, score in mine], [score for _, score in other], rtol=1e-5)
    mine = vectors.most_similar_cosmul("king", "man", topn=None)
    np.testing.assert_allclose(mine, theirs.most_similar_cosmul("king", "man", topn=None), rtol=1e-5)


def test_similarities(vectors: CompressedVectors, theirs: KeyedVectors) -> None:
    def same(name: str, *arguments: Any) -> None:
        mine, other = getattr(vectors, name)(*arguments), getattr(theirs, name)(*arguments)
        np.testing.assert_allclose(mine, other, atol=CLOSE)

    same("similarity", "king", "queen")
    same("similarity", "king", "king")
    same("distance", "king", 5)
    same("n_similarity", ["king", "man"], ["queen", "woman", "no such word"])
    same("distances", "king")
    same("distances", "king", ["queen", "man"])
    same("distances", theirs["king"], [3])
    same("cosine_similarities", theirs["king"], theirs.vectors[:9])
    same("relative_cosine_similarity", "king", "queen")
    same("get_mean_vector", ["king", 3, "no such word", theirs["man"]])
    same("get_mean_vector", ["king", "man"], [0.5, -2], False, True)


def test_choices(vectors: CompressedVectors, theirs: KeyedVectors) -> None:
    assert vectors.doesnt_match(WORDS) == theirs.doesnt_match(WORDS)
    mine, other = vectors.rank_by_centrality(WORDS, False), theirs.rank_by_centrality(WORDS, False)
    assert {word: score for score, word in mine} == pytest.approx({word: score for score, word in other}, abs=CLOSE)
    assert mine == sorted(mine, reverse=True)
    assert vectors.most_similar_to_given("king", WORDS[1:]) == theirs.most_similar_to_given("king", WORDS[1:])
    distances = theirs.distances("king")
    limit = distances[theirs.get_index("queen")]
    closer = set(vectors.closer_than("king", "queen"))
    surely = {theirs.index_to_key[rank] for rank in np.flatnonzero(distances < limit - CLOSE)} - {"king"}
    perhaps = {theirs.index_to_key[rank] for rank in np.flatnonzero(distances < limit + CLOSE)} - {"king"}
    assert surely <= closer <= perhaps
    assert vectors.rank("king", "queen") == len(closer) + 1


def test_vectors_for_all(vectors: CompressedVectors) -> None:
    some = vectors.vectors_for_all(["queen", "no such word", "king", "queen"])
    assert some.index_to_key == ["queen", "king"]
    np.testing.assert_allclose(some.vectors, vectors[["queen", "king"]])
    assert len(vectors.vectors_for_all([])) == 0


def test_word_movers_distance(vectors: CompressedVectors, theirs: KeyedVectors) -> None:
    pytest.importorskip("ot", reason="the package POT is not installed")
    one, two = ["the", "king", "of", "france", "spoke"], ["a", "queen", "was", "in", "paris", "nosuchword"]
    assert vectors.wmdistance(one, two) == pytest.approx(theirs.wmdistance(one, two), abs=1e-5)
    assert vectors.wmdistance(one, two, norm=False) == pytest.approx(
        theirs.wmdistance(one, two, norm=False), rel=1e-5
    )


def gold_pairs() -> list[tuple[str, str, float]]:
    lines = Path(datapath("wordsim353.tsv")).read_text().splitlines()
    return [(a, b, float(c)) for a, b, c in (line.split("\t") for line in lines if not line.startswith("#"))]


def test_gensims_word_pairs(vectors: CompressedVectors, theirs: KeyedVectors) -> None:
    """gensim's own function, on this object as if it were its own; ties are ties here and noise there."""
    mine = KeyedVectors.evaluate_word_pairs(vectors, datapath("wordsim353.tsv"))
    other = theirs.evaluate_word_pairs(datapath("wordsim353.tsv"))
    assert mine[2] == other[2]
    assert mine[0][0] == pytest.approx(other[0][0], abs=1e-6)  # Pearson
    assert mine[1][0] == pytest.approx(other[1][0], abs=5e-3)  # Spearman: many pairs tie
    assert vectors.evaluate_word_pairs(datapath("wordsim353.tsv")) == mine
    from scipy.stats import spearmanr

    known = [pair for pair in gold_pairs() if pair[0].lower() in theirs and pair[1].lower() in theirs]
    tolerance = 1e-6 if vectors.encoded.compressor.layout.symbols <= vectors.vector_size else 3e-4  # ties, or not
    tied = [round(float(theirs.similarity(a.lower(), b.lower())), 5) for a, b, _ in known]
    assert mine[1][0] == pytest.approx(spearmanr([gold for *_, gold in known], tied)[0], abs=tolerance)


def test_gensims_analogies(vectors: CompressedVectors, theirs: KeyedVectors, tmp_path: Path) -> None:
    """The same answers, but where two words are equally near."""
    lines = Path(datapath("questions-words.txt")).read_text().splitlines()
    random.Random(0).shuffle(lines)
    path = tmp_path / "questions.txt"
    path.write_text(": some\n" + "\n".join([line for line in lines if not line.startswith(":")][:600]) + "\n")
    untouched = vectors.key_to_index
    score, sections = KeyedVectors.evaluate_word_analogies(vectors, path, restrict_vocab=5000)
    assert vectors.key_to_index is untouched
    other_score, other_sections = theirs.evaluate_word_analogies(path, restrict_vocab=5000)
    right, other_right = set(sections[-1]["correct"]), set(other_sections[-1]["correct"])
    assert len(right) > 10
    asked = right | set(sections[-1]["incorrect"])
    assert asked == other_right | set(other_sections[-1]["incorrect"])
    for a, b, c, _ in right ^ other_right:
        best = theirs.most_similar([b.lower(), c.lower()], [a.lower()], topn=5, restrict_vocab=5000)
        assert best[0][1] - best[1][1] < CLOSE, "a different answer without a tie"
    assert len(right ^ other_right) <= len(asked) // 20
    assert score == pytest.approx(other_score, abs=0.05)
    assert vectors.evaluate_word_analogies(path, restrict_vocab=5000)[0] == score
