"""Analogies: a is to b as c is to what? Share of questions answered with the expected word.

Follows gensim's ``evaluate_word_analogies`` (``dummy4unknown=False``), which follows word2vec's
``compute-accuracy``: only the most frequent words take part (``restrict_vocab``), as questions and as answers; case
is ignored, and of words that differ in case the most frequent stands for all in a question; questions with a word
that is missing are skipped, whatever the policy for missing words; a, b and c, in any case, are no answers.

3CosAdd  the word x with the highest cos(x, b − a + c), of unit vectors [Mikolov 2013].
3CosMul  the word x with the highest cos(x, b)·cos(x, c) / (cos(x, a) + 0.001), cosines mapped to 0…1
         [Levy 2014, eq. 5].

Where we differ: cosines closer than 10⁻⁶ count as equal, and of equals the more frequent word is the answer, because
codes of few bits give many ties and rounding would pick among them; gensim looks at five candidates only, so that
five case variants of a, b and c at the top make it give up; a zero vector has cosine 0 with everything.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from embcomp.arrays import FloatArray
from embcomp.eval import layouts
from embcomp.eval.datasets import gensim_sets
from embcomp.eval.score import Measurement
from embcomp.eval.statistics import IntArray, bootstrap_mean, unit_rows
from embcomp.eval.suite import DataSet, Settings, Suite
from embcomp.eval.target import Target
from embcomp.threads import for_blocks

METRICS = ("3cosadd", "3cosmul")
TIE = 1e-6
MUL_EPSILON = 0.001  # [Levy 2014, eq. 5]
BLOCK_WORDS = 1024  # a block of cosines with the words of Google's questions is 3.7 MB
BLOCK_QUESTIONS = 256


@dataclass(frozen=True)
class Questions:
    """Questions as numbers of words in order of frequency.

    Attributes:
        words: int64, shape (n, 4): a, b, c and the expected word.
        used: bool, shape (n_all,): which questions of the set these are.
        same: int64, shape (n_words,): the most frequent word that differs from each word in case only.
        n_oov: distinct words of the set, case ignored, that are missing.
    """

    words: IntArray
    used: NDArray[np.bool_]
    same: IntArray
    n_oov: int


def measure(target: Target, data: DataSet, settings: Settings) -> dict[str, Measurement]:
    """Accuracy by 3CosAdd and 3CosMul over the questions whose words are all there."""
    n_questions, restrict_vocab = len(data.rows), settings.restrict_vocab
    if not target.ordered and restrict_vocab < len(target):
        note = "its source order was dropped, so its most frequent words are not known"
        return dict.fromkeys(METRICS, Measurement(None, 0, n_questions, note=note))
    words = target.first_words(restrict_vocab)
    questions = number_questions(data, words)
    n_used, items = len(questions.words), np.packbits(questions.used).tobytes()
    counts = (n_used, n_questions - n_used, questions.n_oov)
    if n_used == 0:
        note = f"no question has all its words among the first {restrict_vocab}"
        return dict.fromkeys(METRICS, Measurement(None, *counts, items=items, note=note))
    units = unit_rows(target.decode_rows(target.rows(words))).astype(np.float32)
    results = {}
    for metric in METRICS[:1] if settings.first_only else METRICS:
        answers = answer(units, questions, metric)
        hits = (questions.same[answers] == questions.words[:, 3]).astype(np.float64)
        results[metric] = Measurement(
            float(hits.mean()), *counts, bootstrap_mean(hits, settings.seed, settings.n_resamples), items
        )
    return results


def number_questions(data: DataSet, words: Sequence[str]) -> Questions:
    """Look up the words of all questions, ignoring case."""
    upper = [word.upper() for word in words]
    first = {word: number for number, word in reversed(list(enumerate(upper)))}
    asked = [word.upper() for _, *question in data.rows for word in question]
    numbers = np.array([first.get(word, -1) for word in asked], dtype=np.int64).reshape(-1, 4)
    used: NDArray[np.bool_] = np.all(numbers >= 0, axis=1)
    same = np.array([first[word] for word in upper], dtype=np.int64)
    return Questions(numbers[used], used, same, len(set(asked) - first.keys()))


def answer(units: FloatArray, questions: Questions, metric: str) -> IntArray:
    """Answer all questions, int64, shape (n,).

    A question's scores are sums or products of three rows of cosines, so the cosines of the distinct question
    words with a block of candidates are computed once, and no question needs a product of its own.

    Args:
        units: float32, shape (n_words, dim), rows of length 1 or 0, in order of frequency.
        questions: at least one.
        metric: ``3cosadd`` or ``3cosmul``.
    """
    asked, places = np.unique(questions.words[:, :3], return_inverse=True)
    places = places.reshape(-1, 3)
    ties = _ties(units, questions.words, metric)
    best = np.full(len(places), -np.inf, dtype=np.float32)
    answers = np.zeros(len(places), dtype=np.int64)
    barred = _Barred(questions)
    for start in range(0, len(units), BLOCK_WORDS):
        cosines = units[asked] @ units[start : start + BLOCK_WORDS].T
        tables = _tables(cosines, metric)

        def judge(batch: slice, start: int = start, tables: tuple[FloatArray, FloatArray] = tables) -> None:
            scores = _score(tables, places[batch], metric)
            barred.strike(scores, start, batch)
            top = scores.max(axis=1)
            better = np.flatnonzero(top > best[batch] + ties[batch])
            found = (scores[better] >= (top[better] - ties[batch][better])[:, None]).argmax(axis=1)
            best[batch.start + better] = top[better]
            answers[batch.start + better] = start + found

        for_blocks(judge, len(places), BLOCK_QUESTIONS)
    return answers


class _Barred:
    """Which words are no answer to which question: a, b, c and their case variants."""

    def __init__(self, questions: Questions) -> None:
        order = np.argsort(questions.same, kind="stable")
        starts = np.searchsorted(questions.same[order], questions.words[:, :3])
        ends = np.searchsorted(questions.same[order], questions.words[:, :3], side="right")
        sizes = (ends - starts).ravel()
        within = np.arange(sizes.sum()) - np.repeat(np.cumsum(sizes) - sizes, sizes)
        self.questions = np.repeat(np.arange(len(questions.words)), sizes.reshape(-1, 3).sum(axis=1))
        self.words = order[np.repeat(starts.ravel(), sizes) + within]
        by_block = np.lexsort((self.questions, self.words // BLOCK_WORDS))
        self.questions, self.words = self.questions[by_block], self.words[by_block]
        self.blocks = self.words // BLOCK_WORDS

    def strike(self, scores: FloatArray, start: int, batch: slice) -> None:
        """Set the scores of barred words to −∞, in place."""
        low, high = np.searchsorted(self.blocks, [start // BLOCK_WORDS, start // BLOCK_WORDS + 1])
        first, last = low + np.searchsorted(self.questions[low:high], [batch.start, batch.stop])
        scores[self.questions[first:last] - batch.start, self.words[first:last] - start] = -np.inf


def _ties(units: FloatArray, words: IntArray, metric: str) -> FloatArray:
    """How close two scores of a question may be and still count as equal, float32, shape (n,)."""
    if metric == "3cosmul":
        return np.full(len(words), TIE, dtype=np.float32)
    a, b, c = (units[words[:, column]] for column in range(3))
    lengths: FloatArray = np.linalg.norm(b - a + c, axis=1).astype(np.float32)
    return lengths * np.float32(TIE)


def _tables(cosines: FloatArray, metric: str) -> tuple[FloatArray, FloatArray]:
    """What a question takes of b and c, and what of a; each float32, shape (n_asked, block)."""
    if metric == "3cosadd":
        return cosines, cosines
    shifted = (cosines + np.float32(1)) / np.float32(2)
    return shifted, np.float32(1) / (shifted + np.float32(MUL_EPSILON))


def _score(tables: tuple[FloatArray, FloatArray], places: IntArray, metric: str) -> FloatArray:
    attract, repel = tables
    join = np.add if metric == "3cosadd" else np.multiply
    part = np.subtract if metric == "3cosadd" else np.multiply
    scores = np.take(attract, places[:, 1], axis=0)
    join(scores, np.take(attract, places[:, 2], axis=0), out=scores)
    part(scores, np.take(repel, places[:, 0], axis=0), out=scores)
    return scores


SUITE = Suite(
    "analogy",
    "share of analogies answered with the expected word",
    METRICS,
    measure,
    layouts.parse_analogies,
    folders=("analogy", "word-analogy"),
    built_in=lambda: gensim_sets("analogy", layouts.parse_analogies, {"Google": "questions-words.txt"}),
)
