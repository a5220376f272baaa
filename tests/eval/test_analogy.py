from __future__ import annotations

import numpy as np
import pytest
from gensim.models import KeyedVectors
from numpy.testing import assert_allclose, assert_array_equal

from embcomp.embedding import Embedding
from embcomp.eval import analogy
from embcomp.eval.analogy import answer, measure, number_questions
from embcomp.eval.statistics import unit_rows
from embcomp.eval.suite import DataSet, Settings

from .conftest import built_in, toy


def asked(*questions: str) -> DataSet:
    return DataSet("analogy", "x", [("s", *question.split()) for question in questions])


@pytest.fixture(scope="module")
def google():
    return built_in()[2]


@pytest.fixture(scope="module")
def cased(google):
    """Words of Google's questions with case variants among others, vectors that answer some of them."""
    rng = np.random.default_rng(3)
    words = list(dict.fromkeys(word for _, *question in google.rows for word in question))
    words = [word for i, word in enumerate(words) if i % 5]
    offsets = {}
    for section, a, b, _, _ in google.rows:
        offsets.setdefault(section, (a, b))
    vectors = dict(zip(words, rng.normal(size=(len(words), 12)), strict=True))
    for number, (_, a, b, *_) in enumerate(google.rows):
        if a in vectors and b in vectors:
            vectors[b] = vectors[a] + np.eye(12)[number % 12] + 0.35 * rng.normal(size=12)
    forms = list(vectors.items())
    forms += [(w.lower(), v + 0.3 * rng.normal(size=12)) for w, v in forms[::3] if w != w.lower()]
    forms += [(w.upper(), v + 0.3 * rng.normal(size=12)) for w, v in forms[::4] if w != w.upper()]
    forms = list(dict(forms).items())
    order = rng.permutation(len(forms))
    return Embedding([forms[i][0] for i in order], np.array([forms[i][1] for i in order], dtype=np.float32))


def gensims_accuracy(embedding: Embedding, restrict_vocab: int) -> tuple[int, int]:
    from gensim.test.utils import datapath

    vectors = KeyedVectors(embedding.dim)
    vectors.add_vectors(list(embedding.words), embedding.vectors)
    _, sections = vectors.evaluate_word_analogies(datapath("questions-words.txt"), restrict_vocab=restrict_vocab)
    return len(sections[-1]["correct"]), len(sections[-1]["incorrect"])


@pytest.mark.parametrize("restrict_vocab", [300, 5000])
def test_3cosadd_is_gensims(cased, google, restrict_vocab):
    correct, incorrect = gensims_accuracy(cased, restrict_vocab)
    found = measure(cased, google, Settings(restrict_vocab=restrict_vocab))["3cosadd"]
    assert found.n_used == correct + incorrect
    assert found.n_skipped == 19544 - found.n_used
    assert_allclose(found.value * found.n_used, correct)
    assert min(correct, incorrect) > 5


def slow_answers(units, questions, metric):
    answers = []
    for a, b, c, _ in questions.words:
        to_a, to_b, to_c = units @ units[a], units @ units[b], units @ units[c]
        if metric == "3cosadd":
            scores = to_b - to_a + to_c
        else:
            scores = (to_b + 1) / 2 * (to_c + 1) / 2 / ((to_a + 1) / 2 + 0.001)
        for word in (a, b, c):
            scores[questions.same == questions.same[word]] = -np.inf
        answers.append(int(scores.argmax()))
    return answers


@pytest.mark.parametrize("metric", analogy.METRICS)
def test_answers_are_those_of_the_formulas(cased, google, metric, monkeypatch):
    monkeypatch.setattr(analogy, "BLOCK_WORDS", 64)
    monkeypatch.setattr(analogy, "BLOCK_QUESTIONS", 7)
    units = unit_rows(cased.vectors)
    few = DataSet("analogy", "few", google.rows[::61])
    questions = number_questions(few, cased.words)
    assert len(questions.words) > 50
    fast = answer(units.astype(np.float32), questions, metric)
    assert_array_equal(fast, slow_answers(units, questions, metric))


def test_by_hand():
    embedding = toy("man woman king queen apple", [[1, 0, 0], [1, 1, 0], [1, 0, 1], [1, 1, 1], [-1, 0, 0]])
    found = measure(embedding, asked("man woman king queen", "man woman king apple"), Settings(restrict_vocab=5))
    for metric in analogy.METRICS:
        assert (found[metric].value, found[metric].n_used, found[metric].n_skipped) == (0.5, 2, 0)


def test_case_is_ignored_and_variants_of_the_question_are_no_answers():
    embedding = toy(
        "man woman king KING Queen QUEEN", [[1, 0, 0], [1, 1, 0], [1, 0, 1], [1, 0.9, 1], [1, 1, 1], [0, 0, 1]]
    )
    found = measure(embedding, asked("MAN Woman king queen"), Settings(restrict_vocab=6))["3cosadd"]
    assert (found.value, found.oov) == (1.0, 0)


def test_questions_with_a_missing_or_rare_word_are_skipped():
    embedding = toy("man woman king queen", [[1, 0, 0], [1, 1, 0], [1, 0, 1], [1, 1, 1]])
    data = asked("man woman king queen", "man woman boy girl", "queen king woman man")
    found = measure(embedding, data, Settings(restrict_vocab=4))["3cosadd"]
    assert (found.n_used, found.n_skipped, found.oov) == (2, 1, 2)
    found = measure(embedding, data, Settings(restrict_vocab=3))["3cosadd"]
    assert (found.value, found.n_used, found.n_skipped, found.oov) == (None, 0, 3, 3)
    assert found.note == "no question has all its words among the first 3"


@pytest.mark.parametrize("metric", analogy.METRICS)
def test_of_equal_answers_the_more_frequent_wins(metric, monkeypatch):
    monkeypatch.setattr(analogy, "BLOCK_WORDS", 4)
    embedding = toy(
        "a b c x y z", [[1, 0, 0], [0, 1, 0], [0, 0, 1], [-1, 1, 1], [-1 + 1e-7, 1, 1], [-2, 2.0000002, 2]]
    )
    for order in ([0, 1, 2, 3, 4, 5], [5, 4, 3, 2, 1, 0]):
        turned = Embedding([embedding.words[i] for i in order], embedding.vectors[order])
        questions = number_questions(asked("a b c x"), turned.words)
        (found,) = answer(unit_rows(turned.vectors).astype(np.float32), questions, metric)
        assert turned.words[found] == ("x" if order[0] == 0 else "z")


def test_zero_vectors_answer_nothing():
    embedding = toy("a b c zero d", [[1, 0], [1, 1], [1, 0.1], [0, 0], [1, 1.1]])
    assert measure(embedding, asked("a b c d"), Settings(restrict_vocab=5))["3cosadd"].value == 1


def test_without_the_source_order_there_is_a_gap():
    class Unordered(Embedding):
        ordered = False

    embedding = Unordered(["a", "b", "c", "d"], np.eye(4, dtype=np.float32))
    found = measure(embedding, asked("a b c d"), Settings(restrict_vocab=3))["3cosmul"]
    assert (found.value, found.n_skipped) == (None, 1)
    assert found.note == "its source order was dropped, so its most frequent words are not known"
    assert measure(embedding, asked("a b c d"), Settings(restrict_vocab=4))["3cosadd"].value is not None
