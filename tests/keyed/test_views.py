"""The views of a compressed embedding, where they differ from a matrix, a list and a dictionary."""

from __future__ import annotations

import numpy as np
import pytest

from embcomp.keyed import CompressedVectors, views


def test_more_rows_than_a_block(vectors: CompressedVectors, monkeypatch: pytest.MonkeyPatch) -> None:
    ranks = np.array([7, 0, 3000, 7, 5, 1, 2, 4])
    whole = vectors.vectors[ranks]
    monkeypatch.setattr(views, "CHUNK_ROWS", 3)
    np.testing.assert_allclose(vectors.vectors[ranks], whole, atol=1e-6)
    first = [row for row, _ in zip(vectors.vectors, range(7), strict=False)]
    np.testing.assert_allclose(first, vectors.vectors[:7], atol=1e-6)


def test_words_compare_as_a_list(vectors: CompressedVectors) -> None:
    words = list(vectors.index_to_key)
    assert vectors.index_to_key == words
    assert vectors.index_to_key != words[:-1]
    assert vectors.index_to_key != [*words[:-1], "another"]
    assert vectors.index_to_key != "the"
    assert vectors.index_to_key != 5


def test_words_and_ranks_as_a_dictionary(vectors: CompressedVectors) -> None:
    index = vectors.key_to_index
    rank = index["queen"]
    assert vectors.index_to_key[rank] == "queen"
    assert (index.get("queen"), index.get("no such word"), index.get(3, "other")) == (rank, None, "other")
    assert "queen" in index
    assert "no such word" not in index


def test_what_they_say_of_themselves(vectors: CompressedVectors) -> None:
    n_words, dim = vectors.vectors.shape
    assert repr(vectors.vectors) == f"DecodedMatrix(shape=({n_words}, {dim}), dtype=float32)"
    assert repr(vectors.index_to_key) == f"WordList({n_words} words)"
    assert repr(vectors.key_to_index) == f"WordIndex({n_words} words)"
    assert repr(vectors).startswith(f"CompressedVectors({n_words} keys, {dim} dimensions, i")
