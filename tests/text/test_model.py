"""Tokenizers as they are stored: packed and unpacked, and refused by name."""

from __future__ import annotations

import json
import zlib
from typing import Any

import pytest

from embcomp.documents import BadDocumentError, parse_document
from embcomp.errors import OutputError
from embcomp.text import TextRules
from embcomp.text import model as text_model
from embcomp.text.model import pack, token_ids, unknown_id, unpack

from .models import TOKENS, tokenizer

UNIGRAM = {"model": {"type": "Unigram", "unk_id": 0, "vocab": [["<unk>", 0], ["▁a", -1.5], ["b", -2.25]]}}
BPE = {"model": {"type": "BPE", "unk_token": None, "vocab": {"a": 0, "b": 1, "ab": 2}, "merges": ["a b"]}}
ADDED = BPE | {"added_tokens": [{"id": 3, "content": "<end>"}]}


def unpacked(stream: bytes, words: list[str]) -> dict[str, Any]:
    return unpack(stream, lambda n_words: words[:n_words])


def stored(stream: bytes) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(zlib.decompress(stream))
    return document


@pytest.mark.parametrize(
    ("document", "words", "short"),
    [
        (tokenizer(), TOKENS, len(TOKENS)),
        (tokenizer(), [*TOKENS, "more"], len(TOKENS)),
        (tokenizer(), TOKENS[::-1], tokenizer()["model"]["vocab"]),
        (tokenizer(), TOKENS[:5], tokenizer()["model"]["vocab"]),
        (UNIGRAM, ["<unk>", "▁a", "b"], [0, -1.5, -2.25]),
        (UNIGRAM, ["<unk>", "▁a"], UNIGRAM["model"]["vocab"]),
        (ADDED, ["a", "b", "ab", "<end>"], 3),
    ],
)
def test_a_vocabulary_that_the_file_has_already_is_not_stored(
    document: dict[str, Any], words: list[str], short: Any
) -> None:
    stream = pack(document, words)
    assert stored(stream)["model"]["vocab"] == short
    assert unpacked(stream, words) == document


def test_tokens_and_their_numbers() -> None:
    assert token_ids(tokenizer()) == {token: number for number, token in enumerate(TOKENS)}
    assert token_ids(UNIGRAM) == {"<unk>": 0, "▁a": 1, "b": 2}
    assert token_ids(ADDED)["<end>"] == 3
    assert [unknown_id(each) for each in (tokenizer(), UNIGRAM, BPE)] == [1, 0, None]


@pytest.mark.parametrize(
    ("document", "problem"),
    [
        ({}, "has no vocabulary under 'model'"),
        ({"model": []}, "has no vocabulary under 'model'"),
        ({"model": {"vocab": [1]}}, "has no vocabulary under 'model'"),
        ({"model": {"vocab": {"a": "b"}}}, "has the token 'a' with the number 'b'"),
        ({"model": {"vocab": {"a": True}}}, "has the token 'a' with the number True"),
        ({"model": {"vocab": {"a": -1}}}, "has the token 'a' with the number -1"),
        ({"model": {"vocab": {"a": 2**31}}}, "has the token 'a' with the number 2147483648"),
        ({"model": {"vocab": [[3, 1]]}}, "has the token 3 with the number 0"),
        (BPE | {"added_tokens": {}}, None),
        (BPE | {"added_tokens": {"a": 1}}, "'added_tokens' must be a list of objects"),
        (BPE | {"added_tokens": [{}]}, "has the token None with the number None"),
    ],
)
def test_documents_without_tokens(document: dict[str, Any], problem: str | None) -> None:
    if problem is None:
        assert token_ids(document) == {"a": 0, "b": 1, "ab": 2}
        return
    with pytest.raises(BadDocumentError) as caught:
        token_ids(document)
    assert str(caught.value) == problem


def packed_json(document: Any) -> bytes:
    return zlib.compress(json.dumps(document).encode())


@pytest.mark.parametrize(
    ("stream", "problem"),
    [
        (b"", "is not a zlib stream of at most 0 bytes"),
        (b"x" * 20, "is not a zlib stream of at most 160 bytes"),
        (packed_json(tokenizer())[:-1], "is not a zlib stream of at most"),
        (packed_json(tokenizer()) + b"!", "is not a zlib stream of at most"),
        (zlib.compress(bytes(10**6)), "is not a zlib stream of at most"),
        (packed_json([]), "must be a JSON object, got a list"),
        (zlib.compress(b"\xff"), "is not JSON: 'utf-8' codec can't decode"),
        (zlib.compress(b"{"), "is not JSON: Expecting property name"),
        (zlib.compress(b'{"a":NaN}'), "is not JSON: NaN is not a JSON number"),
        (zlib.compress(b'{"a":1,"a":1}'), "is not JSON: a key occurs twice in one object"),
        (zlib.compress(b'{"a":' + b"[" * 200_000, 0), "is JSON that is nested too deeply"),
        (packed_json({"model": 1}), "has no vocabulary under 'model'"),
        (packed_json({"model": {"vocab": 4}}), "has a vocabulary of 4 words, there are 3"),
        (packed_json({"model": {"vocab": -1}}), "has a vocabulary of -1 words, there are 0"),
        (packed_json({"model": {"vocab": [1.5, 2, 3, 4]}}), "has a vocabulary of 4 words, there are 3"),
        (packed_json({"model": {"vocab": "abc"}}), "has no vocabulary under 'model'"),
        (packed_json({"model": {"vocab": True}}), "has no vocabulary under 'model'"),
    ],
)
def test_what_is_no_stored_tokenizer(stream: bytes, problem: str) -> None:
    with pytest.raises(BadDocumentError) as caught:
        unpacked(stream, ["a", "b", "c"])
    assert str(caught.value).startswith(problem)


def test_what_could_not_be_read_again_is_not_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text_model, "MAX_JSON_BYTES", 500)
    with pytest.raises(OutputError, match=r"^the tokenizer takes \d+ bytes, allowed at most 500$"):
        pack(tokenizer(), TOKENS)


def test_keys_of_a_document_are_in_order() -> None:
    one, other = {"b": 1, "model": {"vocab": {}}}, {"model": {"vocab": {}}, "b": 1}
    assert pack(one, []) == pack(other, [])


RULES = {"pooling": "mean", "normalize": True, "keep_unknown": False, "max_tokens": 512, "max_characters": None}


def test_rules() -> None:
    rules = TextRules(normalize=True, max_tokens=512)
    assert rules.to_json() == RULES
    assert TextRules.from_json(RULES | {"later": 1}) == rules


@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [
        ("pooling", "max", "'pooling' must be 'mean', got 'max'"),
        ("normalize", 1, "'normalize' must be true or false, got 1"),
        ("keep_unknown", None, "'keep_unknown' must be true or false, got None"),
        ("max_tokens", 0, "'max_tokens' must be null or an integer from 1 to 2147483647, got 0"),
        ("max_tokens", True, "'max_tokens' must be null or an integer from 1 to 2147483647, got True"),
        ("max_characters", 2**31, "'max_characters' must be null or an integer from 1 to 2147483647, got 2147483648"),
        ("max_characters", 1.0, "'max_characters' must be null or an integer from 1 to 2147483647, got 1.0"),
    ],
)
def test_rules_that_are_refused(name: str, value: Any, problem: str) -> None:
    with pytest.raises(BadDocumentError) as caught:
        TextRules.from_json(RULES | {name: value})
    assert str(caught.value) == problem


def test_a_missing_limit_is_refused() -> None:
    with pytest.raises(BadDocumentError, match="'max_tokens' must be null or an integer"):
        TextRules.from_json({name: value for name, value in RULES.items() if name != "max_tokens"})


def test_parse_document() -> None:
    assert parse_document(b'{"a": [1, "\xc3\xa9"]}') == {"a": [1, "é"]}
