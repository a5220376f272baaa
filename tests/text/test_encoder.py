"""Vectors of texts: by words with weights, and by a sentence model's own tokenizer."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import embcomp
from embcomp.compressors.registry import make_compressor
from embcomp.container.reader import open_container
from embcomp.container.writer import save
from embcomp.embedding import Embedding
from embcomp.encoded import EncodedEmbedding
from embcomp.errors import CorruptError, ParameterError, UnknownTextWarning
from embcomp.formats import read_embedding
from embcomp.text import TextEncoder, TextModel, TextRules
from embcomp.text.encoder import BATCH_TEXTS, SIF_A

from .models import TOKENS, model2vec, sentence_transformers, table, tokenizer

WORDS = ["the", "of", "Paris", "rain", "in"]
VECTORS = np.array([[1, 0], [0, 1], [3, 4], [6, 0], [0, 2]], dtype=np.float32)
ENCODER = TextEncoder(Embedding(WORDS, VECTORS))


def encode(*texts: str, weighting: str | None = "mean", **options: object) -> list[list[float]]:
    vectors, _ = ENCODER.encode(texts, weighting=weighting, **options)  # type: ignore[arg-type]
    assert vectors.dtype == np.float32
    return vectors.tolist()  # type: ignore[no-any-return]


def test_a_text_is_the_mean_of_its_known_words() -> None:
    assert encode("Rain, in Paris!", "zzz rain") == [[3, 2], [6, 0]]
    assert ENCODER.encode(["Rain, in Paris!", "rain"])[1].tolist() == [3, 1]


def test_unit_length() -> None:
    assert encode("paris Paris", normalize=True) == [[pytest.approx(0.6), pytest.approx(0.8)]]


def test_frequent_words_count_less() -> None:
    share = 1 / (np.array([1, 4]) * (1 + 1 / 2 + 1 / 3 + 1 / 4 + 1 / 5))  # Zipf's law, ranks 1 and 4 of 5
    weights = SIF_A / (SIF_A + share)
    expected = (weights @ VECTORS[[0, 3]] / weights.sum()).tolist()
    assert encode("the rain", weighting="sif") == [pytest.approx(expected, rel=1e-6)]
    assert encode("the rain", weighting=None) == encode("the rain", weighting="sif")


def test_texts_without_a_known_word_are_zeros_and_reported() -> None:
    with pytest.warns(UnknownTextWarning) as caught:
        assert encode("rain", "x" * 50, "", normalize=True) == [[1, 0], [0, 0], [0, 0]]
    assert str(caught[0].message) == (
        f"2 of 3 texts have no known word and get a vector of zeros, text 1 first: '{'x' * 39}…'"
    )


def test_batches_make_no_difference() -> None:
    texts = [f"{WORDS[number % 5]} {WORDS[number // 5 % 5]}" for number in range(BATCH_TEXTS + 7)]
    assert encode(*texts) == [encode(text)[0] for text in texts]


def test_no_texts() -> None:
    assert ENCODER.encode([])[0].shape == (0, 2)


def test_weightings_that_are_not_allowed() -> None:
    with pytest.raises(ParameterError, match=r"^`weighting` must be 'mean' or 'sif', got 'max'$"):
        encode("a", weighting="max")
    compressed = EncodedEmbedding.encode(Embedding(WORDS, VECTORS), make_compressor("sign")).without_order()
    with pytest.raises(ParameterError, match=r"must be 'mean' for a file of words without their order, got 'sif'$"):
        TextEncoder(compressed).encode(["a"], weighting="sif")
    plain, _ = TextEncoder(compressed).encode(["of rain"])
    assert plain.tolist() == TextEncoder(compressed).encode(["of rain"], weighting="mean")[0].tolist()


def test_an_opened_file(tmp_path: Path) -> None:
    vectors = embcomp.compress(WORDS, VECTORS, "sign")
    decoded = vectors[["rain", "in"]]
    assert vectors.encode("rain in", weighting="mean").tolist() == pytest.approx(decoded.mean(axis=0).tolist())
    assert vectors.encode(["rain", "in"]).tolist() == decoded.tolist()
    assert vectors.encode([]).shape == (0, 2)


# Sentence models


@pytest.fixture
def tokenizers() -> None:
    pytest.importorskip("tokenizers", reason="the package tokenizers is not installed")


@pytest.mark.usefixtures("tokenizers")
@pytest.mark.parametrize("through_a_file", [False, True])
def test_a_model_splits_texts_itself(tmp_path: Path, through_a_file: bool) -> None:
    embedding = read_embedding(model2vec(tmp_path / "m"))
    words: Embedding | EncodedEmbedding = embedding
    if through_a_file:
        path = tmp_path / "m.embc"
        save(EncodedEmbedding.encode(embedding, make_compressor("sign")), path)
        words = open_container(path)
    vectors, counts = TextEncoder(words).encode(["The cats sat.", "zzz Été"])
    decoded = words.decode_rows(words.rows(TOKENS))
    for vector, numbers in zip(vectors, [[2, 3, 5, 4, 8], [7]], strict=True):  # [UNK] is dropped
        mean = decoded[numbers].mean(axis=0)
        np.testing.assert_allclose(vector, mean / np.linalg.norm(mean), rtol=1e-6)
    assert counts.tolist() == [5, 1]
    with pytest.raises(ParameterError, match=r"must be 'mean' for a file of a sentence model, got 'sif'$"):
        TextEncoder(words).encode(["a"], weighting="sif")


@pytest.mark.usefixtures("tokenizers")
def test_sentence_transformers_keeps_unknown_tokens_and_its_own_limit(tmp_path: Path) -> None:
    embedding = read_embedding(sentence_transformers(tmp_path / "m"))
    vectors, counts = TextEncoder(embedding).encode(["zzz cat", "cat " * 9])
    np.testing.assert_allclose(vectors, [table()[[1, 3]].mean(axis=0), table()[3]], rtol=1e-6)
    assert counts.tolist() == [2, 6]


@pytest.mark.usefixtures("tokenizers")
def test_limits_of_tokens_and_characters(tmp_path: Path) -> None:
    embedding = read_embedding(model2vec(tmp_path / "m", config={"max_length": 2}))
    assert embedding.text is not None
    assert embedding.text.rules == TextRules(max_tokens=2, max_characters=6)  # a median of 3 letters
    _, counts = TextEncoder(embedding).encode(["a a a", "zzz a a", "     aa a"])
    assert counts.tolist() == [2, 1, 1]


@pytest.mark.usefixtures("tokenizers")
def test_tokens_without_a_vector_are_left_out() -> None:
    text = TextModel(TextRules(), tokenizer)
    words = Embedding(["cat", "the"], np.array([[1, 2], [3, 4]], dtype=np.float32), text=text)
    vectors, counts = TextEncoder(words).encode(["the mat cat cat"])
    np.testing.assert_allclose(vectors, [[5 / 3, 8 / 3]], rtol=1e-6)
    assert counts.tolist() == [3]


@pytest.mark.usefixtures("tokenizers")
def test_a_tokenizer_that_its_package_refuses() -> None:
    document = tokenizer() | {"pre_tokenizer": {"type": "Unheard"}}
    words = Embedding(TOKENS, table(), text=TextModel(TextRules(), lambda: document))
    with pytest.raises(CorruptError, match=r"^the tokenizer cannot be used: "):
        TextEncoder(words).encode(["a"])


def test_without_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "tokenizers", None)
    words = Embedding(TOKENS, table(), text=TextModel(TextRules(), tokenizer))
    with pytest.raises(ParameterError, match=r"tokenizers is needed .* not installed: pip install '\.\[text\]'$"):
        TextEncoder(words).encode(["a"])
