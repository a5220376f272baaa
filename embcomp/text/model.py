"""A static sentence model beside its vectors: the tokenizer, and what is done with its tokens.

The tokenizer is a document in the format of the package *tokenizers* (``tokenizer.json``). In a container it is
packed: most of it is the vocabulary, which the container has already, so that a number stands for it; the rest is a
zlib stream. ``docs/format.md`` is the specification. Nothing in the stream is trusted.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

from embcomp.documents import BadDocumentError, Document, parse_document
from embcomp.errors import OutputError
from embcomp.wordlist.deflate import deflate, inflate

MAX_JSON_BYTES = 1 << 24  # of a packed tokenizer: limits the objects that a hostile one can make a reader build
MAX_EXPANSION = 8  # of a packed tokenizer: Huffman codes have a bit or more for each byte
MAX_COUNT = 2**31  # tokens or characters of a text


@dataclass(frozen=True)
class TextRules:
    """What is done with the tokens of a text; their vectors' mean is the text's vector."""

    normalize: bool = False
    """Whether the vector of a text is scaled to unit length."""
    keep_unknown: bool = False
    """Whether the token for unknown words counts; model2vec drops it, sentence-transformers does not."""
    max_tokens: int | None = None
    """Tokens of a text after these are left out, before unknown ones are; ``None`` for no limit."""
    max_characters: int | None = None
    """Characters of a text after these are left out, before it is split; ``None`` for no limit."""

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> TextRules:
        """Read the rules of a container's header, without fields that are not known.

        Raises:
            BadDocumentError: one is missing or has a value that is not allowed.
        """
        if document.get("pooling") != "mean":
            raise BadDocumentError(f"'pooling' must be 'mean', got {document.get('pooling')!r}")
        flags: dict[str, Any] = {name: document.get(name) for name in ("normalize", "keep_unknown")}
        limits: dict[str, Any] = {name: document.get(name, 0) for name in ("max_tokens", "max_characters")}
        for name, flag in flags.items():
            if not isinstance(flag, bool):
                raise BadDocumentError(f"{name!r} must be true or false, got {flag!r}")
        for name, limit in limits.items():
            if limit is not None and (type(limit) is not int or not 0 < limit < MAX_COUNT):
                raise BadDocumentError(
                    f"{name!r} must be null or an integer from 1 to {MAX_COUNT - 1}, got {limit!r}"
                )
        return cls(**flags, **limits)

    def to_json(self) -> dict[str, Any]:
        """The fields by name."""
        return {"pooling": "mean"} | asdict(self)


@dataclass(frozen=True)
class TextModel:
    """A tokenizer and its rules.

    Attributes:
        rules: what is done with tokens.
        load: gives the tokenizer's document when it is wanted.
    """

    rules: TextRules
    load: Callable[[], Document]

    @cached_property
    def tokenizer(self) -> Document:
        """The document of the tokenizer, in the format of ``tokenizer.json``."""
        return self.load()


def token_ids(document: Document) -> dict[str, int]:
    """Return the number of each token: of the model's vocabulary, then of the tokens added to it.

    Raises:
        BadDocumentError: the document does not have them in a way that is known.
    """
    model, added = document.get("model"), document.get("added_tokens") or []
    vocabulary = model.get("vocab") if isinstance(model, dict) else None
    if isinstance(vocabulary, list) and all(isinstance(each, list) and each for each in vocabulary):
        pairs = [(each[0], number) for number, each in enumerate(vocabulary)]
    elif isinstance(vocabulary, dict):
        pairs = list(vocabulary.items())
    else:
        raise BadDocumentError("has no vocabulary under 'model'")
    if not isinstance(added, list) or not all(isinstance(each, dict) for each in added):
        raise BadDocumentError("'added_tokens' must be a list of objects")
    pairs += [(each.get("content"), each.get("id")) for each in added]
    for token, number in pairs:
        if not isinstance(token, str) or type(number) is not int or not 0 <= number < MAX_COUNT:
            raise BadDocumentError(f"has the token {token!r} with the number {number!r}")
    return dict(pairs)


def unknown_id(document: Document) -> int | None:
    """Return the number of the token for unknown words; ``None`` if there is none."""
    model = document["model"]
    number = model.get("unk_id") if "unk_id" in model else token_ids(document).get(str(model.get("unk_token")))
    return number if type(number) is int else None


def pack(document: Document, words: Sequence[str]) -> bytes:
    """Return a tokenizer as it is stored beside ``words``, by row.

    Raises:
        OutputError: it is too large to be read again.
    """
    model = document["model"]
    text = json.dumps(
        document | {"model": model | {"vocab": _short(model["vocab"], words)}},
        sort_keys=True,
        separators=(",", ":"),
        allow_nan=False,
    )
    if len(text) > MAX_JSON_BYTES:
        raise OutputError(f"the tokenizer takes {len(text)} bytes, allowed at most {MAX_JSON_BYTES}")
    return deflate([text.encode("ascii")])


def _short(vocabulary: Any, words: Sequence[str]) -> Any:
    """A vocabulary without the tokens, if they are the first words in order."""
    if isinstance(vocabulary, dict):
        first = words[: len(vocabulary)]
        return len(first) if dict(zip(first, range(len(first)), strict=True)) == vocabulary else vocabulary
    tokens = [each[0] for each in vocabulary]
    return [each[1] for each in vocabulary] if list(words[: len(tokens)]) == tokens else vocabulary


def unpack(stream: bytes | memoryview, first_words: Callable[[int], Sequence[str]]) -> Document:
    """Return a stored tokenizer with its vocabulary; ``first_words`` gives the words of the first so many rows.

    Raises:
        BadDocumentError: the stream is broken, expands too much, or holds no tokenizer.
    """
    limit = min(MAX_JSON_BYTES, MAX_EXPANSION * len(stream))
    content = inflate(stream, limit)
    if content is None:
        raise BadDocumentError(f"is not a zlib stream of at most {limit} bytes")
    document = parse_document(content)
    model = document.get("model")
    if not isinstance(model, dict):
        raise BadDocumentError("has no vocabulary under 'model'")
    model["vocab"] = _complete(model.get("vocab"), first_words)
    token_ids(document)
    return document


def _complete(vocabulary: Any, first_words: Callable[[int], Sequence[str]]) -> Any:
    if type(vocabulary) is int:
        return dict(zip(_first(vocabulary, first_words), range(vocabulary), strict=True))
    if isinstance(vocabulary, list) and all(isinstance(each, int | float) for each in vocabulary):
        return [list(pair) for pair in zip(_first(len(vocabulary), first_words), vocabulary, strict=True)]
    return vocabulary


def _first(n_words: int, first_words: Callable[[int], Sequence[str]]) -> Sequence[str]:
    words = first_words(n_words) if n_words >= 0 else ()
    if len(words) != n_words:
        raise BadDocumentError(f"has a vocabulary of {n_words} words, there are {len(words)}")
    return words
