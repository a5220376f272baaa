"""sign, itq and iiq against their papers' algorithms, written out plainly in float64."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from embcomp import bits, kernels
from embcomp.compressors.base import MAX_MAGNITUDE
from embcomp.compressors.binary import plus_minus
from embcomp.compressors.dominant import dominant_directions
from embcomp.compressors.iiq import IiqCompressor
from embcomp.compressors.itq import ItqCompressor
from embcomp.compressors.sign import SignCompressor
from embcomp.errors import ParameterError
from embcomp.linear import isotropies, random_orthogonal


def some_vectors(n_rows: int = 200, dim: int = 6) -> np.ndarray:
    rng = np.random.default_rng(11)
    return (rng.standard_normal((n_rows, dim)) * np.linspace(4, 0.5, dim) + 1.5).astype(np.float32)


def algorithm_1(
    x: np.ndarray, d: int, t: int, o: int, seed: int, *, unit_rows: bool = False
) -> tuple[np.ndarray, list[float]]:
    """[Liao 2020, Algorithm 1], with V = X̂ (after PCA) in line 13 where the paper prints U; returns ±1 and losses.

    The one freedom it leaves, the signs of singular vectors, is settled as in embcomp: the largest part is positive.
    """
    x = x.astype(np.float64)
    x = x - x.mean(axis=0)  # lines 1-2
    left, values, right = np.linalg.svd(x, full_matrices=False)  # line 3
    values[:d] = 0  # line 4
    v = (left * values) @ right  # line 5
    if o < x.shape[1]:  # lines 6-8
        _, _, right = np.linalg.svd(v)
        right *= np.sign(right[range(len(right)), np.abs(right).argmax(axis=1)])[:, None]
        v = v @ right[:o].T
    fitted = v / np.linalg.norm(v, axis=1, keepdims=True) if unit_rows else v
    scale = np.sqrt(len(x) * o / np.square(fitted).sum())
    r = random_orthogonal(v.shape[1], o, np.random.default_rng(seed))  # line 9
    losses = []
    for _ in range(t):  # line 10
        b = np.where(fitted @ r > 0, 1, -1)  # lines 11-12
        losses.append(float(np.square(b - scale * fitted @ r).mean()))  # eq. 2
        s, _, s_hat = np.linalg.svd(b.T @ fitted, full_matrices=False)  # line 13
        r = (s @ s_hat).T  # line 14: Ŝ Sᵀ
    return np.where(v @ r > 0, 1, -1), losses  # line 16


def assert_nearly_algorithm_1(compressor: ItqCompressor, expected: tuple[np.ndarray, list[float]]) -> None:
    """The same losses and codes, but for rounding rows and rotations to whole numbers, which some rounds amplify."""
    codes, losses = expected
    found = compressor.report["losses"]
    assert 3 <= len(found) <= len(losses)
    np.testing.assert_allclose(found[:3], losses[:3], atol=1e-3)
    np.testing.assert_allclose(found, losses[: len(found)], atol=1e-2)
    assert (codes_as_signs(compressor, some_vectors()) == codes).mean() > 0.95


def codes_as_signs(compressor: Any, vectors: np.ndarray) -> np.ndarray:
    return 2 * bits.unpack(compressor.encode(vectors), compressor.layout.row_bits).astype(int) - 1


def projected(compressor: Any, vectors: np.ndarray) -> np.ndarray:
    """What the bits are the signs of."""
    return np.asarray(compressor.align(vectors) @ compressor.rotation_)


@pytest.mark.parametrize("unit_rows", [False, True])
@pytest.mark.parametrize(("remove_top", "n_bits"), [(0, 6), (2, 6), (1, 4), (2, 2), (1, 9), (0, 12)])
def test_iiq_is_algorithm_1(remove_top: int, n_bits: int, unit_rows: bool) -> None:
    vectors = some_vectors()
    compressor = IiqCompressor(bits=n_bits, remove_top=remove_top, iterations=7, unit_rows=unit_rows, random_state=3)
    compressor.fit(vectors)
    expected = algorithm_1(vectors, remove_top, 7, n_bits, 3, unit_rows=unit_rows)
    assert_nearly_algorithm_1(compressor, expected)


@pytest.mark.parametrize("n_bits", [3, 6, 8])
def test_itq_is_algorithm_1_with_nothing_removed(n_bits: int) -> None:
    vectors = some_vectors()
    compressor = ItqCompressor(bits=n_bits, iterations=7, unit_rows=False, random_state=3).fit(vectors)
    assert_nearly_algorithm_1(compressor, algorithm_1(vectors, 0, 7, n_bits, 3))
    assert compressor.removed_.shape == (0, 6)


def test_fit_rows_are_the_first_ones() -> None:
    vectors = some_vectors()
    some = IiqCompressor(fit_rows=50).fit(vectors)
    alone = IiqCompressor(fit_rows="all").fit(vectors[:50])
    assert some.get_state().keys() == alone.get_state().keys()
    assert all(array.tobytes() == alone.get_state()[name].tobytes() for name, array in some.get_state().items())
    assert some.encode(vectors).shape == (200, 1)


def test_the_dominant_directions_are_gone() -> None:
    vectors = some_vectors()
    compressor = IiqCompressor(remove_top=2, fit_rows="all").fit(vectors)
    assert compressor.removed_.shape == (2, 6)
    np.testing.assert_allclose(compressor.removed_ @ compressor.removed_.T, np.eye(2), atol=1e-6)
    centred = vectors - vectors.mean(axis=0)
    _, _, right = np.linalg.svd(centred.astype(np.float64), full_matrices=False)
    np.testing.assert_allclose(np.abs(compressor.removed_ @ right.T), np.eye(2, 6), atol=1e-4)
    moved = vectors + 10 * compressor.removed_[0] - 3 * compressor.removed_[1]
    np.testing.assert_allclose(projected(compressor, moved), projected(compressor, vectors), atol=1e-4)


def test_project_gives_the_values_whose_signs_are_the_code() -> None:
    vectors = some_vectors()
    compressor = IiqCompressor(remove_top=1).fit(vectors)
    values = projected(compressor, vectors)
    clear = np.abs(values) > 1e-4
    assert clear.mean() > 0.99
    assert np.array_equal(values[clear] > 0, codes_as_signs(compressor, vectors)[clear] > 0)


def test_what_is_removed_must_leave_something() -> None:
    with pytest.raises(ParameterError) as caught:
        IiqCompressor(remove_top=6).fit(some_vectors())
    assert str(caught.value) == "iiq: `remove_top` must be below the number of dimensions (6), got 6"


def test_the_scale_is_the_mean_magnitude_of_projections() -> None:
    vectors = some_vectors()
    compressor = ItqCompressor(fit_rows="all").fit(vectors)
    assert compressor.scale_[0] == pytest.approx(np.abs(projected(compressor, vectors)).mean(), rel=1e-3)


@pytest.mark.parametrize("n_bits", [4, 6, 10])
def test_the_rotation_has_orthonormal_columns_or_rows(n_bits: int) -> None:
    rotation = ItqCompressor(bits=n_bits).fit(some_vectors()).rotation_.astype(np.float64)
    product = rotation.T @ rotation if n_bits <= 6 else rotation @ rotation.T
    np.testing.assert_allclose(product, np.eye(min(6, n_bits)), atol=1e-6)


def test_decoding_by_hand() -> None:
    compressor = ItqCompressor(bits=3).fit(some_vectors())
    b = np.array([1.0, -1.0, 1.0])
    decoded = compressor.decode(bits.pack(np.array([[1, 0, 1]], np.uint8)))
    np.testing.assert_allclose(decoded[0], compressor.scale_[0] * compressor.rotation_ @ b, atol=1e-5)


@pytest.mark.parametrize(("n_rows", "n_bits"), [(1, 5), (3, 64), (600, 100), (700, 37)])
def test_decoded_vectors_are_exact_sums(n_rows: int, n_bits: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same with the extension and without, and whatever the order of adding."""
    rng = np.random.default_rng(n_rows)
    compressor = ItqCompressor(bits=9, iterations=0).fit(some_vectors())
    vars(compressor).pop("_back", None)
    compressor.rotation_ = rng.normal(size=(6, n_bits)).astype(np.float32)
    codes = bits.pack(rng.integers(0, 2, (n_rows, n_bits), dtype=np.uint8))
    decoded = compressor.decode(codes)
    exact = plus_minus(codes, n_bits).astype(np.float64) @ compressor.bit_directions.astype(np.float64)
    assert np.array_equal(decoded, exact)
    np.testing.assert_allclose(compressor.bit_directions, compressor.scale_[0] * compressor.rotation_.T, atol=1e-4)
    with monkeypatch.context() as patch:
        patch.setattr(kernels, "native", None)
        assert np.array_equal(compressor.decode(codes), decoded)
    if kernels.native is not None:
        monkeypatch.setattr(kernels.native, "many_signs", lambda *_: False)  # as on many processors
    for limit in ("FEW_ROWS", "SMALL_PRODUCT", "MOST_IN_TABLES"):
        monkeypatch.setattr(f"embcomp.kernels.signs.{limit}", 1)
        assert np.array_equal(compressor.decode(codes), decoded)


def test_the_report_says_what_was_done() -> None:
    vectors = some_vectors()
    report = IiqCompressor(remove_top=2, iterations=9, fit_rows=150).fit(vectors).report
    assert (report["fit_rows"], report["removed"]) == (150, 2)
    assert 0 < report["rounds"] <= 9
    assert len(report["losses"]) == report["rounds"]
    assert report["losses"][-1] < report["losses"][0]
    centred = vectors[:150] - vectors[:150].mean(axis=0)
    expected = np.linalg.svd(centred.astype(np.float64), compute_uv=False)
    np.testing.assert_allclose(report["singular_values"], expected, rtol=1e-4)
    assert report["isotropy"]["after"] > report["isotropy"]["before"]
    assert report["isotropy"]["before"] == pytest.approx(isotropies(vectors[:150])[0], abs=1e-4)
    assert report["isotropy_estimate"]["before"] == pytest.approx(isotropies(vectors[:150])[1], abs=1e-4)


# remove_top="auto"


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([], 0),
        ([5.0], 0),
        ([10, 10, 2] + [1.0] * 97, 3),
        ([10] * 9 + [1.0] * 91, 5),  # a twentieth at most
        (np.geomspace(100, 1, 100), 0),  # a smooth decay has no cluster
        ([1.0] * 100, 0),
        ([0.0] * 100, 0),
    ],
)
def test_dominant_directions(values: Any, expected: int) -> None:
    assert dominant_directions(np.asarray(values, np.float32)) == expected


# sign


def test_sign_by_hand() -> None:
    vectors = np.array([[1, -1], [3, -1], [2, 4]], np.float32)  # means 2 and 2/3
    compressor = SignCompressor().fit(vectors)
    assert codes_as_signs(compressor, vectors).tolist() == [[-1, -1], [1, -1], [-1, 1]]  # equal to it: not above
    assert compressor.thresholds_.tolist() == [2, np.float32(2 / 3)]
    distances = np.abs(vectors - [2, 2 / 3]).mean()
    assert compressor.scale_[0] == pytest.approx(distances)
    np.testing.assert_allclose(
        compressor.decode(compressor.encode(vectors)), distances * codes_as_signs(compressor, vectors), rtol=1e-6
    )


def test_sign_against_zero() -> None:
    vectors = np.array([[1, -1], [0, -0.0], [1e-40, 4]], np.float32)
    compressor = SignCompressor(threshold="zero").fit(vectors)
    assert codes_as_signs(compressor, vectors).tolist() == [[1, -1], [-1, -1], [1, 1]]
    assert compressor.offset.tolist() == [0, 0]


# Numbers that are too large


@pytest.mark.parametrize("kind", [SignCompressor, ItqCompressor, IiqCompressor])
def test_numbers_out_of_bounds(kind: Any) -> None:
    vectors = some_vectors()
    vectors[5, 1] = 2e15
    low = f"{vectors.min():g}"
    with pytest.raises(ParameterError) as caught:
        kind().fit(vectors)
    message = f"{kind.name}: vectors must hold numbers of at most 1e+15 in magnitude, got {low} to 2e+15"
    assert str(caught.value) == message
    vectors[5, 1] = MAX_MAGNITUDE
    assert np.isfinite(kind().fit(vectors).decode(kind().fit(vectors).encode(vectors))).all()


def test_a_number_out_of_bounds_past_the_fitted_rows() -> None:
    vectors = some_vectors()
    compressor = IiqCompressor(fit_rows=50).fit(vectors)
    vectors[100, 0] = -np.inf
    with pytest.raises(ParameterError, match="at most 1e\\+15 in magnitude, got -inf to "):
        compressor.encode(vectors)
