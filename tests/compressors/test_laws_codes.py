"""What holds for the codes of every compressor, whoever wrote it."""

from __future__ import annotations

import numpy as np
import pytest

from embcomp import bits
from embcomp.compressors.registry import compressor_class
from embcomp.errors import ParameterError
from tests.compressors.laws import (
    LEARNT_CODES,
    SAME_COSINES,
    each_case,
    fitted,
    some_vectors,
)


@each_case
def test_codes_are_loose_rows_of_the_layout(method: str) -> None:
    compressor, codes = fitted(method)
    width = compressor.layout.row_bits
    assert codes.dtype == np.uint8
    assert codes.shape == (60, bits.row_bytes(width))
    assert np.array_equal(bits.pack(bits.unpack(codes, width)), codes), "spare bits are 0"


@each_case
def test_rows_are_encoded_each_for_itself(method: str) -> None:
    compressor, codes = fitted(method)
    if not compressor.encodes_vectors:
        return  # codes belong to rows
    vectors = some_vectors()
    encoded = compressor.encode(vectors)
    assert method in LEARNT_CODES or encoded.tobytes() == codes.tobytes()
    one_by_one = np.concatenate([compressor.encode(vectors[row : row + 1]) for row in range(len(vectors))])
    assert one_by_one.tobytes() == encoded.tobytes()
    shuffled = np.random.default_rng(0).permutation(len(vectors))
    assert compressor.encode(vectors[shuffled]).tobytes() == encoded[shuffled].tobytes()
    assert compressor.encode(vectors[:0]).shape == (0, codes.shape[1])


@each_case
def test_rows_are_decoded_each_for_itself(method: str) -> None:
    """Up to the last bits: a product of matrices rounds differently for other numbers of rows."""
    compressor, codes = fitted(method)
    rows = np.arange(len(codes))
    decoded = compressor.decode(codes, rows)
    tolerance = 1e-5 * max(1.0, float(np.abs(decoded).max()))
    for row in (0, 17, 59):
        one = compressor.decode(codes[row : row + 1], rows[row : row + 1])
        assert one.shape == (1, 8)
        np.testing.assert_allclose(one[0], decoded[row], atol=tolerance)
    shuffled = np.random.default_rng(0).permutation(len(codes))
    np.testing.assert_allclose(compressor.decode(codes[shuffled], rows[shuffled]), decoded[shuffled], atol=tolerance)
    assert compressor.decode(codes[:0], rows[:0]).shape == (0, 8)


@each_case
def test_decoded_vectors_are_float32_of_the_dimension(method: str) -> None:
    compressor, codes = fitted(method)
    decoded = compressor.decode(codes)
    assert decoded.dtype == np.float32
    assert decoded.shape == (60, 8)
    assert np.isfinite(decoded).all()
    assert compressor.dim == 8
    assert np.array_equal(compressor.decode(codes, np.arange(60)), decoded), "row ids are 0 to n - 1 if not given"
    if compressor.offset is not None:
        assert compressor.offset.dtype == np.float32
        assert compressor.offset.shape == (8,)


@each_case
def test_codes_that_may_not_be_written_to_are_decoded_and_left_alone(method: str) -> None:
    compressor, codes = fitted(method)
    frozen = codes.copy()
    frozen.flags.writeable = False
    assert np.array_equal(compressor.decode(frozen), compressor.decode(codes))


@each_case
def test_vectors_of_another_dimension_are_not_encoded(method: str) -> None:
    compressor, _ = fitted(method)
    with pytest.raises(ParameterError):
        compressor.encode(np.zeros((2, 9), np.float32))


@pytest.mark.parametrize("method", SAME_COSINES)
@pytest.mark.parametrize("n_bits", [3, 8])
def test_cosines_of_decoded_vectors_are_those_of_the_codes(method: str, n_bits: int) -> None:
    kind = compressor_class(method)
    compressor = kind.from_config(kind.options_for_bits(n_bits, 8, {}) or {})
    codes = compressor.fit_encode(some_vectors())
    signs = 2.0 * bits.unpack(codes, compressor.layout.row_bits) - 1.0
    decoded = compressor.decode(codes).astype(np.float64)
    assert (np.linalg.norm(decoded, axis=1) > 0).all()
    units = decoded / np.linalg.norm(decoded, axis=1, keepdims=True)
    np.testing.assert_allclose(units @ units.T, signs @ signs.T / signs.shape[1], atol=1e-5)


@pytest.mark.parametrize("method", SAME_COSINES)
def test_decoded_vectors_are_near_the_centred_ones(method: str) -> None:
    """One bit per dimension keeps most of the direction."""
    compressor, codes = fitted(method)
    vectors = some_vectors() - (compressor.offset if compressor.offset is not None else 0)
    decoded = compressor.decode(codes)
    cosines = (vectors * decoded).sum(axis=1) / np.linalg.norm(vectors, axis=1) / np.linalg.norm(decoded, axis=1)
    assert cosines.mean() > 0.6
