"""fastText models: dense, quantized, pruned, supervised; and those that are damaged."""

from __future__ import annotations

import struct
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from embcomp.formats import ReadOptions
from embcomp.formats.fasttext import MAX_WORD_BYTES, _hashes
from tests.formats.fasttext_models import Model, dense, quantized_model
from tests.formats.helpers import read, refusal
from tests.fuzz import reference

SCALED, PLAIN = quantized_model(lengths=True), quantized_model(lengths=False)
RULE = "m.bin: the fastText model is damaged: "


@pytest.mark.parametrize(
    "model",
    [
        Model(),
        Model(shortest=0, longest=0),
        Model(longest=-1, matrix=dense(np.eye(3))),
        Model(n_buckets=0, matrix=dense(np.eye(3))),
        Model(version=11, kind=3),
        Model(kind=3, labels=[b"__label__a"]),
        Model(words=[b"a", b"", b"long" * 300]),
        Model(n_pruned=0, matrix=dense(np.eye(3))),
        SCALED,
        PLAIN,
    ],
)
def test_words_have_the_vectors_of_the_slow_reader(tmp_path: Path, model: Model) -> None:
    embedding = read(tmp_path / "m.bin", model.build())
    expected = reference.fasttext(model.build(), ReadOptions())
    assert expected is not None
    assert embedding.words == expected[0] == [word.decode() for word in model.words]
    np.testing.assert_allclose(embedding.vectors, expected[1], rtol=1e-5, atol=1e-6)


def test_a_word_is_the_mean_of_its_rows(tmp_path: Path) -> None:
    """By hand: the subwords of two characters of ``a`` are ``<a`` and ``a>``."""
    rows = np.zeros((3, 2))
    rows[0] = 3, 0
    rows[1 + reference.fnv(b"<a") % 2] += (0, 3)
    rows[1 + reference.fnv(b"a>") % 2] += (0, 6)
    model = Model(dim=2, words=[b"a"], n_buckets=2, shortest=2, longest=2, matrix=dense(rows))
    same = reference.fnv(b"<a") % 2 == reference.fnv(b"a>") % 2
    assert read(tmp_path / "m.bin", model.build()).vectors.tolist() == [[1.0, 6.0 if same else 3.0]]


def test_hashes_are_those_of_fasttext() -> None:
    """FNV-1a of plain letters, as published: http://www.isthe.com/chongo/tech/comp/fnv"""
    _, hashes = _hashes([b"<foobar>"], 6, 6)
    assert 0xBF9CF968 in hashes.tolist()


@given(st.lists(st.binary(max_size=12), max_size=5), st.integers(1, 4), st.integers(0, 5))
def test_subwords_are_those_of_the_slow_reader(words: list[bytes], shortest: int, longest: int) -> None:
    owners, hashes = _hashes([b"<%b>" % word for word in words], shortest, longest)
    found = sorted(zip(owners.tolist(), hashes.tolist(), strict=True))
    expected = [
        (owner, reference.fnv(each))
        for owner, word in enumerate(words)
        for each in reference.subwords(word, shortest, longest)
    ]
    assert found == sorted(expected)


def test_many_words_are_read_block_by_block(tmp_path: Path) -> None:
    words = [b"%d" % number * 5 for number in range(9000)]
    model = Model(words=words, matrix=dense(np.random.default_rng(0).standard_normal((9010, 3))))
    embedding = read(tmp_path / "m.bin", model.build())
    expected = reference.fasttext(model.build(), ReadOptions())
    assert expected is not None
    np.testing.assert_allclose(embedding.vectors, expected[1], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (Model(version=13), "m.bin: is a fastText model of version 13, expected one of (11, 12)"),
        (Model(dim=0), "m.bin: header promises 0 dimensions, expected 1 to 1048576"),
        (
            Model(n_buckets=-1),
            "m.bin: header promises -1 buckets of subwords of up to 4 characters, expected 0 or more, of up to 32",
        ),
        (
            Model(longest=33),
            "m.bin: header promises 10 buckets of subwords of up to 33 characters, expected 0 or more, of up to 32",
        ),
        (Model(counts=(3, 2, 0)), RULE + "it has 2 words and 0 labels among 3 entries"),
        (Model(counts=(-1, -1, 0)), RULE + "it has -1 words and 0 labels among -1 entries"),
        (Model(counts=(3, 2, 1)), RULE + "the entry '</s>' is of kind 0, expected words before labels"),
        (
            Model(words=[b"x" * (MAX_WORD_BYTES + 1)]),
            RULE + "it has a word that does not end, expected at most 16384 bytes",
        ),
        (
            Model(words=[b"a" + b"\x80" * 33]),
            RULE + "the entry 'a" + r"\\x80" * 9 + "\\\\x…' is no text in UTF-8",
        ),
        (Model(n_pruned=2**60), RULE + "it ends too early"),
        (Model(n_pruned=1, pruned=[(-1, 0)]), RULE + "it has a subword below 0"),
        (Model(matrix=dense(np.eye(3))), RULE + "its matrix has 3 rows, expected 13"),
        (Model(matrix=dense(np.zeros((13, 2)))), RULE + "its matrix has the shape (13, 2)"),
        (Model(matrix=b"\0" + struct.pack("<2q", 2**61, 3)), RULE + "it ends too early"),
        (Model(matrix=b""), RULE + "it ends too early"),
        (
            Model(matrix=PLAIN.matrix[:2] + struct.pack("<q", 8) + PLAIN.matrix[10:], n_pruned=0),
            RULE + "it has 14 bytes of codes for 8 rows",
        ),
        (
            Model(dim=2, matrix=PLAIN.matrix[:10] + struct.pack("<q", 2) + PLAIN.matrix[18:], n_pruned=0),
            RULE + "its quantizer does not fit its matrix",
        ),
        (Model(matrix=dense(np.full((13, 3), np.nan))), "m.bin: row 1: number 1 is nan, expected a finite float32"),
        (
            Model(words=[b"a", b"b\xff"], matrix=dense(np.eye(12, 3))),
            "m.bin: row 2: 'b\\\\xff' is not valid UTF-8 (invalid start byte); "
            "`encoding_errors` replace or ignore accepts it",
        ),
    ],
)
def test_models_that_are_refused(tmp_path: Path, model: Model, message: str) -> None:
    assert refusal(tmp_path / "m.bin", model.build()) == message


@pytest.mark.parametrize("model", [Model(), SCALED])
def test_every_truncation_is_refused(tmp_path: Path, model: Model) -> None:
    data = model.build()
    step = 1 if len(data) < 1000 else 61
    for length in range(4, len(data), step):
        assert refusal(tmp_path / "m.bin", data[:length]).startswith("m.bin: ")


def test_characters_of_many_bytes_take_little_memory(tmp_path: Path) -> None:
    words = [b"%d" % number + (b"\xc3" + b"\x80" * 32) * 400 for number in range(8)]
    model = Model(words=words, longest=32, matrix=dense(np.zeros((18, 3))))
    tracemalloc.start()
    try:
        assert len(read(tmp_path / "m.bin", model.build(), encoding_errors="replace").words) == 8
        assert tracemalloc.get_traced_memory()[1] < 64 * 2**20
    finally:
        tracemalloc.stop()
