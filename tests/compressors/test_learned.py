"""Tables of signs that were learned in a model."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import embcomp
from embcomp import bits
from embcomp.compressors.registry import make_compressor, method_names
from embcomp.encoded import EncodedEmbedding
from embcomp.errors import CorruptError, ParameterError
from tests.test_fixtures import FOLDER


def table(**changes: Any) -> Any:
    compressor = make_compressor("binary", bits=3, linear="float")
    state = {
        "scale": np.float32([0.5]),
        "bias": np.float32([10, 20]),
        "weights": np.float32([[1, 2], [3, -1], [0, 4]]),
        "length_levels": np.zeros(0, np.float32),
    }
    compressor.set_state(state | changes)
    return compressor


def test_vectors_by_hand() -> None:
    codes = bits.pack(np.array([[1, 1, 0], [0, 0, 0]], dtype=np.uint8))
    # 0.5 · ([1, 2] + [3, −1] − [0, 4]), and all signs −1
    assert table().decode(codes).tolist() == [[2.0, -1.5], [-2.0, -2.5]]
    assert table().offset.tolist() == [10, 20]
    assert table().layout.row_bits == 3


def test_a_layer_of_signs_by_hand() -> None:
    compressor = make_compressor("binary", bits=3, linear="binary")
    compressor.set_state(
        {
            "scale": np.float32([1]),
            "bias": np.zeros(2, np.float32),
            "weight_signs": bits.pack(np.array([[1, 1, 0], [0, 1, 1]], dtype=np.uint8)),
            "weight_scale": np.float32([0.5]),
            "gain": np.log(np.float32([1, 4])),
            "length_levels": np.zeros(0, np.float32),
        }
    )
    decoded = compressor.decode(bits.pack(np.array([[1, 1, 1]], dtype=np.uint8)))
    np.testing.assert_allclose(decoded, [[0.5, 2.0]], rtol=1e-6)


def test_it_is_read_and_not_offered() -> None:
    assert "binary" not in method_names()
    with pytest.raises(ParameterError, match=r"binary: its tables are learned in a model by embcomp\.torch"):
        embcomp.compress(["a", "b"], np.eye(2), "binary")


def test_new_vectors_are_refused() -> None:
    opened = embcomp.open(FOLDER / "v1-binary.embc")
    with pytest.raises(ParameterError, match="binary: new words cannot be added: a code belongs to its row"):
        opened.encoded.require_encoding()
    with pytest.raises(ParameterError, match="binary: vectors cannot be encoded, because their codes are learned"):
        opened.encoded.compressor.encode(np.zeros((1, 12), np.float32))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"weights": np.zeros((2, 2), np.float32)}, "state 'weights' must be"),
        ({"length_levels": np.ones(3, np.float32)}, "state 'length_levels' must have 0 or 2"),
    ],
)
def test_damaged_states_are_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(CorruptError, match=message):
        table(**changes)


def test_there_is_a_sign_for_each_dimension_without_a_layer() -> None:
    with pytest.raises(ParameterError, match="binary: `bits` must be 'dim' with `linear` 'none', got 5"):
        make_compressor("binary", bits=5, linear="none")


@pytest.mark.parametrize("name", ["binary", "binary-signs", "binary-plain"])
def test_neighbours_are_those_of_decoded_vectors(name: str) -> None:
    opened = embcomp.open(FOLDER / f"v1-{name}.embc")
    encoded: EncodedEmbedding = opened.encoded
    vectors = encoded.decode_all().astype(np.float64)
    units = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    scores = units @ units[0]
    scores[0] = -2
    word, score = opened.most_similar(encoded.words[0], topn=1)[0]
    assert score == pytest.approx(scores.max(), abs=1e-5)
    assert encoded.words.index(word) == int(scores.argmax())
