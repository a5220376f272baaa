"""Vectors of texts: the reader for browsers and Node gives what embcomp gives."""

from __future__ import annotations

import json
import subprocess
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import embcomp
from embcomp.compressors.registry import make_compressor
from embcomp.container.writer import save
from embcomp.embedding import Embedding
from embcomp.encoded import EncodedEmbedding
from embcomp.text.model import TextModel, TextRules
from tests.javascript.test_reader import MODULE, node
from tests.text.models import TOKENS, tokenizer

TEXTS = [
    "The cats sat on the mat.",
    "catsat été Été E\u0301te\u0301",
    "[UNK] a[PAD]cat [CLS]",
    "zzz",
    "",
    " \t\u3000\x85\x1c",
    "a\u0000b the\u200dcat \ufffd a",
    "the中cat文. \U0002b820a \U0002a700a",
    "don't cost-$5.00+3 Cat's",
    "ΟΔΟΣ İstanbul i̇stanbul STRASSE ß",
    "a" * 101 + " cat",
    "naïve NAÏVE façade",
    "\x1cthe\x85cat\u00a0sat\u3000",
]
"""What is split and folded in different ways."""

WORDS = ["the", ",", "cat", "οδος", "naïve", "facade", "中", "-", "don't", "sat", "5", "i̇stanbul", "##s", "$", "b"]


def encoded(path: Path, texts: list[str]) -> tuple[np.ndarray, np.ndarray]:
    """The vectors by Node and by Python; zeros for ``null``."""
    code = f"""import {{ readFileSync }} from 'node:fs'; import {{ open }} from '{MODULE.as_uri()}';
        const file = await open(readFileSync({json.dumps(str(path))}));
        console.log(JSON.stringify((await file.encode({json.dumps(texts)})).map((each) => each && [...each])));"""
    found = json.loads(node("--input-type=module", "-e", code))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = embcomp.open(path).encode(texts)
    return np.array([np.zeros(expected.shape[1]) if each is None else each for each in found]), expected


@pytest.mark.parametrize("ordered", [True, False])
def test_words(tmp_path: Path, ordered: bool) -> None:
    words = WORDS if ordered else sorted(WORDS, key=str.encode)
    path = tmp_path / "words.embc"
    embcomp.compress(words, np.random.default_rng(0).normal(size=(len(words), 8)), "sign").save(path)
    found, expected = encoded(path, TEXTS)
    assert np.count_nonzero(expected.any(axis=1)) == 8
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_pieces_of_words(tmp_path: Path) -> None:
    path = tmp_path / "pieces.embc"
    words = [*TOKENS[2:], "##a", "on", "na", "##i", "##ve"]
    embcomp.compress(words, np.random.default_rng(0).normal(size=(len(words), 8)), "sign").save(path)
    np.testing.assert_allclose(*encoded(path, TEXTS), atol=1e-6)


def model_file(path: Path, words: list[str], document: dict[str, Any], rules: TextRules) -> Path:
    vectors = np.random.default_rng(0).normal(size=(len(words), 8)).astype(np.float32)
    embedding = Embedding(words, vectors, text=TextModel(rules, lambda: document))
    save(EncodedEmbedding.encode(embedding, make_compressor("sign")), path)
    return path


MODEL_TOKENS = [*TOKENS, "##a", "οδοσ", "ete", "strasse", "İ", "on", "-", "$", "中", "##t", "Cat", "i", "##\u0307"]


@pytest.mark.parametrize("own_vocabulary", [False, True])
@pytest.mark.parametrize(
    "normalizer",
    [
        {"strip_accents": None},
        {"strip_accents": False},
        {"strip_accents": True, "lowercase": False},
        {"clean_text": False, "handle_chinese_chars": False},
    ],
)
@pytest.mark.parametrize(
    "rules",
    [TextRules(), TextRules(normalize=True, keep_unknown=True), TextRules(max_tokens=3, max_characters=9)],
)
def test_a_sentence_model(
    tmp_path: Path, rules: TextRules, normalizer: dict[str, bool | None], own_vocabulary: bool
) -> None:
    pytest.importorskip("tokenizers", reason="the package tokenizers is not installed")
    document = tokenizer(MODEL_TOKENS)
    document["normalizer"] |= normalizer
    words = MODEL_TOKENS[:2:-1] if own_vocabulary else MODEL_TOKENS
    path = model_file(tmp_path / "model.embc", words, document, rules)
    np.testing.assert_allclose(*encoded(path, TEXTS), atol=1e-6)


@pytest.mark.parametrize("part", ["normalizer", "pre_tokenizer", "model", "added_tokens"])
def test_another_tokenizer_is_refused(tmp_path: Path, part: str) -> None:
    document = tokenizer()
    if part == "added_tokens":
        document[part][0]["lstrip"] = True
    else:
        document[part]["type"] = "Other"
    path = model_file(tmp_path / "model.embc", TOKENS, document, TextRules())
    with pytest.raises(subprocess.CalledProcessError) as caught:
        encoded(path, ["a"])
    assert "EmbcError: cannot encode texts: expected the tokenizer BertNormalizer" in caught.value.stderr.decode()
