"""The section with a tokenizer, and files that lie about it."""

from __future__ import annotations

import json
import zlib
from pathlib import Path
from typing import Any

import pytest

from embcomp.compressors.registry import make_compressor
from embcomp.container.description import describe
from embcomp.container.reader import Container, open_container, verify
from embcomp.container.writer import save
from embcomp.encoded import EncodedEmbedding
from embcomp.errors import ContainerError, CorruptError
from embcomp.formats import read_embedding
from tests.test_fixtures import reader
from tests.text.models import TOKENS, model2vec, tokenizer

from .builder import Parts


@pytest.fixture
def path(tmp_path: Path) -> Path:
    encoded = EncodedEmbedding.encode(read_embedding(model2vec(tmp_path / "m")), make_compressor("sign"))
    save(encoded, tmp_path / "m.embc")
    return tmp_path / "m.embc"


def test_it_comes_back(path: Path) -> None:
    text = open_container(path).text
    assert text is not None
    assert text.tokenizer == tokenizer()
    assert text.rules.to_json() == Container(path).header["text"]
    assert verify(path) == []
    section = Container(path).sections["text.tokenizer"]
    assert not section.required
    assert describe(path)["bytes"]["text"] == section.length < 600


def test_the_second_reader_gives_the_same(path: Path) -> None:
    document, sections = reader.read_file(path.read_bytes())
    words = reader.words_by_rank(document, sections)
    assert reader.tokenizer_of(document, sections, words) == (tokenizer(), document["text"])
    assert reader.read_embedding(path)[0] == TOKENS


def test_an_older_reader_would_skip_it(path: Path) -> None:
    parts = Parts(path.read_bytes())
    parts.remove("text.tokenizer")
    del parts.document["text"]
    path.write_bytes(parts.build())
    assert verify(path) == []
    assert open_container(path).text is None


def rewritten(path: Path, **changes: Any) -> Path:
    parts = Parts(path.read_bytes())
    for name, value in changes.items():
        if name == "stream":
            parts.set_bytes("text.tokenizer", value, [len(value)])
        elif value is None:
            del parts.document[name]
        else:
            parts.document[name] |= value
    path.write_bytes(parts.build())
    return path


def tokenizer_of(path: Path) -> dict[str, Any]:
    text = open_container(path).text
    assert text is not None
    return text.tokenizer


def problem(path: Path) -> str:
    with pytest.raises(ContainerError) as caught:
        _ = tokenizer_of(path)
    assert isinstance(caught.value, CorruptError)
    assert verify(path) == [str(caught.value)]
    return str(caught.value).replace(f"{path.parent}/", "")


def test_rules_that_are_refused(path: Path) -> None:
    assert problem(rewritten(path, text={"pooling": "max"})) == (
        "m.embc: header field 'text': 'pooling' must be 'mean', got 'max'"
    )


def test_rules_without_a_tokenizer(path: Path) -> None:
    parts = Parts(path.read_bytes())
    parts.remove("text.tokenizer")
    path.write_bytes(parts.build())
    assert problem(path) == "m.embc: section 'text.tokenizer' is missing"


def test_a_tokenizer_without_rules(path: Path) -> None:
    parts = Parts(path.read_bytes())
    del parts.document["text"]
    path.write_bytes(parts.build())
    assert problem(path) == "m.embc: section 'text.tokenizer' has no rules: header field 'text' is missing"


@pytest.mark.parametrize(
    ("stream", "found"),
    [
        (zlib.compress(bytes(10**7)), "is not a zlib stream of at most"),
        (b"", "is not a zlib stream of at most 0 bytes"),
        (zlib.compress(b"[" * 100_000, 0), "is JSON that is nested too deeply"),
        (zlib.compress(b'{"model":{"vocab":11}}'), "has a vocabulary of 11 words, there are 10"),
        (zlib.compress(json.dumps({"model": {"vocab": 10**18}}).encode()), "has a vocabulary of 10"),
    ],
)
def test_streams_that_are_refused(path: Path, stream: bytes, found: str) -> None:
    assert problem(rewritten(path, stream=stream)).startswith(f"m.embc: section 'text.tokenizer' {found}")


def test_a_flipped_bit_is_found(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    assert problem(path) == "m.embc: the checksum of section 'text.tokenizer' does not match"
    assert open_container(path).words == TOKENS
