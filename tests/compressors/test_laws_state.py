"""What holds for what every compressor has learned, in memory and in a file."""

from __future__ import annotations

import io
import json
from typing import Any

import numpy as np
import pytest

from embcomp import bits
from embcomp.container.layout import DTYPES
from embcomp.container.reader import open_container, verify
from embcomp.container.writer import write
from embcomp.embedding import Embedding
from embcomp.encoded import EncodedEmbedding
from embcomp.errors import CorruptError, NotFittedError
from tests.compressors.laws import (
    each_case,
    each_method,
    fitted,
    new,
    restored,
    same_state,
    some_vectors,
)


@each_case
def test_the_state_is_all_that_is_learnt(method: str) -> None:
    compressor, codes = fitted(method)
    other = restored(compressor)
    assert same_state(other, compressor)
    assert other.layout == compressor.layout
    assert other.dim == compressor.dim
    assert other.decode_state == compressor.decode_state <= compressor.get_state().keys()
    assert np.array_equal(other.decode(codes, np.arange(60)), compressor.decode(codes, np.arange(60)))
    if compressor.encodes_vectors:
        assert np.array_equal(other.encode(some_vectors()), compressor.encode(some_vectors()))
    assert (other.offset is None) == (compressor.offset is None)
    if compressor.offset is not None:
        assert np.array_equal(other.offset, compressor.offset)


@each_case
def test_the_state_is_as_declared(method: str) -> None:
    """The first axis of that name gives an extent; all others have it."""
    compressor, _ = fitted(method)
    state = compressor.get_state()
    declared = {array.name: array for array in compressor.arrays if array.when(compressor)}
    assert list(state) == list(declared)
    for name, array in state.items():
        dtype, shape = declared[name].dtype, declared[name].shape
        assert array.dtype.str == (dtype if isinstance(dtype, str) else dtype(compressor))
        assert array is getattr(compressor, declared[name].attribute)
        for length, extent in zip(array.shape, shape, strict=True):
            known = compressor.extents[extent] if isinstance(extent, str) else extent
            assert length == (known if isinstance(known, int) else known(compressor))
    assert compressor.extents.get("dim", 8) == compressor.dim == 8
    assert compressor.n_rows in (None, 60)


@each_case
def test_a_state_from_elsewhere_replaces_what_was_learned(method: str) -> None:
    compressor, codes = fitted(method)
    other = new(method).fit(some_vectors(30, 5))
    other.set_state(compressor.get_state())
    assert same_state(other, compressor)
    assert other.report == {}
    assert other.decode(codes, np.arange(60)).tobytes() == compressor.decode(codes, np.arange(60)).tobytes()


@each_case
def test_fitting_again_is_fitting_anew(method: str) -> None:
    compressor = new(method).fit(some_vectors(30, 5))
    compressor.decode(np.zeros((1, bits.row_bytes(compressor.layout.row_bits)), np.uint8))
    codes = compressor.fit_encode(some_vectors())
    expected, expected_codes = fitted(method)
    assert same_state(compressor, expected)
    assert codes.tobytes() == expected_codes.tobytes()
    assert compressor.decode(codes).tobytes() == expected.decode(codes).tobytes()


@each_method
def test_a_refused_state_leaves_nothing(method: str) -> None:
    compressor, _ = fitted(method)
    name, array = list(compressor.get_state().items())[-1]
    other = new(method).fit(some_vectors(30, 5))
    with pytest.raises(CorruptError):
        other.set_state(compressor.get_state() | {name: array[None]})
    with pytest.raises(NotFittedError):
        other.get_state()


@each_method
def test_an_unknown_array_is_refused(method: str) -> None:
    compressor, _ = fitted(method)
    with pytest.raises(CorruptError, match=f"^state 'later' is unknown to {method}$"):
        new(method).set_state(compressor.get_state() | {"later": np.zeros(1, np.float32)})


@each_case
def test_decode_state_is_enough_to_decode(method: str) -> None:
    """The rest may be anything; here it is zeros."""
    compressor, codes = fitted(method)
    state = compressor.get_state()
    partial = {
        name: array if name in compressor.decode_state else np.zeros_like(array) for name, array in state.items()
    }
    other = type(compressor).from_config(compressor.get_config())
    other.set_state(partial)
    assert np.array_equal(other.decode(codes), compressor.decode(codes))


@each_case
def test_the_state_can_be_stored(method: str) -> None:
    compressor, _ = fitted(method)
    for name, array in compressor.get_state().items():
        assert array.dtype.str in DTYPES, name
        assert array.ndim <= 4, name
        assert name.isascii()
        assert name.islower()
    json.dumps(compressor.report, allow_nan=False)


@each_case
def test_a_state_that_does_not_fit_is_refused(method: str) -> None:
    compressor, _ = fitted(method)
    state = compressor.get_state()
    for name, array in state.items():
        damaged = [
            {other: kept for other, kept in state.items() if other != name},
            state | {name: array.astype("<f8")},
            state | {name: array[None]},
        ]
        if array.dtype.kind == "f" and array.size:
            poisoned = array.copy()
            poisoned.flat[0] = np.nan
            damaged.append(state | {name: poisoned})
        for wrong in damaged:
            with pytest.raises(CorruptError, match=f"^state '{name}' "):
                type(compressor).from_config(compressor.get_config()).set_state(wrong)


@each_case
@pytest.mark.parametrize("drop_order", [False, True])
def test_through_a_container(method: str, drop_order: bool, tmp_path: Any) -> None:
    words = [f"w{number * 37 % 60}" for number in range(60)]
    compressor = new(method)
    if drop_order and not compressor.encodes_vectors:
        words.sort()  # a code belongs to its row
    before = EncodedEmbedding.encode(Embedding(words, some_vectors()), compressor)
    file = io.BytesIO()
    write(before.without_order() if drop_order else before, file)
    (tmp_path / "laws.embc").write_bytes(file.getvalue())
    after = open_container(tmp_path / "laws.embc")
    assert verify(tmp_path / "laws.embc") == []
    assert set(after.words) == set(words)
    assert drop_order or after.words == words
    assert after.compressor.get_config() == before.compressor.get_config()
    assert np.array_equal(after.decode_rows(after.rows(words)), before.decode_rows(before.rows(words)))
    expected = {word: before.vector(word) for word in words}
    assert all(np.array_equal(after.vector(word), expected[word]) for word in words)
