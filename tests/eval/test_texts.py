"""Texts as rows of words and pieces, and their vectors."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose

from embcomp.embedding import Embedding
from embcomp.text.words import parts_of, split_at_spaces, text_vectors, tokens

from .conftest import evaluate, toy

VOCABULARY = toy("the cat caf cafe jump ##s ##a ##ing ##in ##g . , \u4e2d", [[0]] * 13)


def named(text: str, embedding: Embedding = VOCABULARY) -> tuple[list[str], int]:
    (rows,), n_missing = tokens(embedding, [text])
    return [embedding.words[row] if row >= 0 else "?" for row in rows], n_missing


def test_a_text_is_the_mean_of_its_words_and_missing_ones_are_zeros():
    embedding = toy("good Bad bad", [[2, 4], [0, 8], [1, 1]])
    texts, n_oov = split_at_spaces(embedding, ["good Bad", "good rome", "GOOD good good", "oslo", "", "BAD"])
    vectors = text_vectors(embedding, texts)
    assert_allclose(vectors, [[1, 6], [1, 2], [2, 4], [0, 0], [0, 0], [1, 1]])
    assert n_oov == 2
    assert vectors.dtype == np.float32


def test_texts_without_a_known_word():
    texts, n_oov = split_at_spaces(toy("a", [[1, 2]]), ["x y", ""])
    assert_allclose(text_vectors(toy("a", [[1, 2]]), texts), np.zeros((2, 2)))
    assert n_oov == 2


def test_parts():
    assert parts_of("(don't)") == ("(", "don", "'", "t", ")")
    assert parts_of("a_b$5\u4e2d\u6587c") == ("a", "_", "b", "$", "5", "\u4e2d", "\u6587", "c")
    assert parts_of("plain") == ("plain",)


@pytest.mark.parametrize(
    ("text", "words", "n_missing"),
    [
        ("The cat.", ["the", "cat", "."], 0),
        ("CAF\u00c9", ["cafe"], 0),  # without its accent
        ("cats jumping", ["cat", "##s", "jump", "##ing"], 0),  # the longest piece, not ##in and ##g
        ("catalogue,the", ["?", ",", "the"], 1),  # cat ##a, and nothing starts with l
        ("ing", ["?"], 1),  # only within a word
        ("\u4e2dcats", ["\u4e2d", "cat", "##s"], 0),
        ("cat" + "s" * 98, ["?"], 1),
        ("cat" + "s" * 97, ["cat", *["##s"] * 97], 0),
        ("\u0301", ["?"], 1),  # an accent alone
        ("", [], 0),
    ],
)
def test_words_and_pieces(text, words, n_missing):
    assert named(text) == (words, n_missing)


def test_a_vocabulary_of_words_has_no_pieces():
    assert named("cats, dogs", toy("cat s dogs", [[1], [2], [3]])) == (["?", "?", "dogs"], 1)


def test_a_word_with_marks_that_is_there_is_not_split():
    assert named("U.S. u.s.a. dog's", toy("u.s. s . a", [[1], [2], [3], [4]])) == (
        ["u.s.", "?", ".", "s", ".", "a", ".", "?", "?", "s"],
        2,
    )


@pytest.fixture(scope="module")
def static_model():
    """The folder of a static sentence model, in the layout of model2vec."""
    folder = os.environ.get("EMBCOMP_TEST_STATIC_MODEL")
    if not folder:
        pytest.skip("set EMBCOMP_TEST_STATIC_MODEL to the folder of a static sentence model (tokenizer.json)")
    return Path(folder)


def read_model(folder: Path) -> Embedding:
    numpy = pytest.importorskip("safetensors.numpy", reason="safetensors is not installed")
    vocabulary = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))["model"]["vocab"]
    vectors = numpy.load_file(folder / "model.safetensors")["embeddings"].astype(np.float32)
    special = {"[PAD]", "[UNK]"}
    rows = [row for word, row in vocabulary.items() if word not in special]
    return Embedding([word for word in vocabulary if word not in special], vectors[rows])


def test_published_figures_of_a_static_model(static_model, data_dir):
    """StaticModel.encode and cosines of model2vec 0.10.0 on static/minilm-256, Spearman ×100."""
    if static_model.name != "minilm-256":
        pytest.skip("the figures are those of minilm-256")
    found = {score.task: score.value for score in evaluate(read_model(static_model), ["sts"], data_dir)}
    theirs = {"STS12": 49.8, "STS13": 74.0, "STS14": 67.3, "STS15": 74.8, "STS16": 68.2, "STS-B-test": 66.1}
    assert_allclose([found[name] for name in theirs], list(theirs.values()), atol=0.06)
    assert_allclose(np.mean([found[name] for name in theirs]), 66.7, atol=0.06)


def test_the_tokens_are_those_of_the_model_s_own_tokenizer(static_model, data_dir):
    tokenizers = pytest.importorskip("tokenizers", reason="tokenizers is not installed")
    theirs = tokenizers.Tokenizer.from_file(str(static_model / "tokenizer.json"))
    theirs.no_padding()
    words = theirs.get_vocab()
    names = sorted(words, key=words.__getitem__)
    embedding = Embedding(names, np.zeros((len(names), 1), dtype=np.float32))
    texts = (data_dir / "sts" / "STS-B-dev.tsv").read_text(encoding="utf-8").split("\n")
    ours, _ = tokens(embedding, texts)
    unknown = {words["[UNK]"], -1}
    for text, rows in zip(texts, ours, strict=True):
        expected = [each for each in theirs.encode(text, add_special_tokens=False).ids if each not in unknown]
        assert [row for row in rows if row not in unknown] == expected, text
