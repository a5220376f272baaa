"""Words and a float32 matrix."""

from __future__ import annotations

import numpy as np
import pytest

from embcomp.embedding import Embedding, Source, mean_rows
from embcomp.errors import InputError
from embcomp.threads import CHUNK_ROWS


def test_rows_and_vectors() -> None:
    vectors = np.arange(6, dtype=np.float32).reshape(3, 2)
    embedding = Embedding(["a", "b", ""], vectors)
    assert len(embedding) == 3
    assert embedding.dim == 2
    assert "" in embedding
    assert "c" not in embedding
    assert embedding.rows(["b", "c", "a"]).tolist() == [1, -1, 0]
    assert embedding.decode_rows(np.array([2, 0])).tolist() == [[4, 5], [0, 1]]
    assert embedding.mean_vector().tolist() == [2, 3]


def test_no_rows() -> None:
    embedding = Embedding([], np.zeros((0, 4), np.float32))
    assert len(embedding) == 0
    assert embedding.mean_vector().tolist() == [0, 0, 0, 0]
    assert embedding.rows([]).dtype == np.int64


@pytest.mark.parametrize("shape", [(3,), (3, 0), (3, 2, 1)])
def test_vectors_of_another_shape(shape: tuple[int, ...]) -> None:
    with pytest.raises(InputError) as caught:
        Embedding(["a", "b", "c"], np.zeros(shape, np.float32))
    assert str(caught.value) == f"vectors must have shape (rows, at least 1), got {shape}"


def test_another_number_of_words() -> None:
    with pytest.raises(InputError) as caught:
        Embedding(["a"], np.zeros((2, 3), np.float32))
    assert str(caught.value) == "1 words, but 2 vectors"


def test_mean_rows_sums_in_double_precision() -> None:
    rows = np.full((CHUNK_ROWS + 100, 2), 0.1, np.float32)
    rows[:, 1] = 16_777_217.0  # 2²⁴ + 1: float32 sums of it lose the low bits
    expected = rows.astype(np.float64).mean(axis=0).astype(np.float32)
    assert mean_rows(rows).dtype == np.float32
    assert mean_rows(rows).tolist() == expected.tolist()


def test_source_as_json() -> None:
    source = Source(name="glove.txt", format="glove-text", sha256="ab", rows=3, dim=2, duplicates_dropped=1)
    assert source.to_json() == {
        "name": "glove.txt",
        "format": "glove-text",
        "sha256": "ab",
        "rows": 3,
        "dim": 2,
        "duplicates_dropped": 1,
        "bad_rows_dropped": 0,
    }
