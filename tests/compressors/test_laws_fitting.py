"""What holds for fitting every compressor, whoever wrote it."""

from __future__ import annotations

import json

import numpy as np
import pytest

from embcomp import threads
from embcomp.errors import NotFittedError, ParameterError
from tests.compressors.laws import (
    each_case,
    each_method,
    fitted,
    new,
    same_state,
    some_vectors,
)


@each_case
def test_fit_returns_itself_and_changes_neither_input_nor_options(method: str) -> None:
    vectors = some_vectors()
    before, compressor = vectors.tobytes(), new(method)
    config = compressor.get_config()
    assert compressor.fit(vectors) is compressor
    assert vectors.tobytes() == before
    assert compressor.get_config() == config
    assert vectors.flags.writeable


@each_case
def test_the_same_seed_gives_the_same_bytes(method: str) -> None:
    (first, first_codes), second = fitted(method), new(method)
    assert second.fit_encode(some_vectors()).tobytes() == first_codes.tobytes()
    assert same_state(first, second)
    assert json.dumps(first.report) == json.dumps(second.report)


@each_case
def test_the_global_seed_is_neither_used_nor_changed(method: str) -> None:
    np.random.seed(1)  # noqa: NPY002
    before = np.random.get_state()[1].tolist()  # noqa: NPY002
    compressor = new(method).fit(some_vectors())
    assert np.random.get_state()[1].tolist() == before  # noqa: NPY002
    assert same_state(compressor, fitted(method)[0])


@each_case
def test_threads_do_not_change_the_result(method: str) -> None:
    vectors = np.tile(some_vectors(), (80, 1))  # more than two blocks
    results = []
    for n_threads in (1, 2, 3):
        threads.set_threads(n_threads)
        try:
            compressor = new(method)
            codes = compressor.fit_encode(vectors)
            results.append((compressor, codes.tobytes(), compressor.decode(codes).tobytes()))
        finally:
            threads.set_threads(None)
    for compressor, codes_bytes, decoded_bytes in results[1:]:
        assert same_state(compressor, results[0][0])
        assert codes_bytes == results[0][1]
        assert decoded_bytes == results[0][2]


@each_case
@pytest.mark.parametrize("kind", ["read-only", "fortran", "strided", "reversed"])
def test_how_the_matrix_lies_in_memory_does_not_matter(method: str, kind: str) -> None:
    vectors = some_vectors()
    if kind == "read-only":
        vectors.flags.writeable = False
    elif kind == "fortran":
        vectors = np.asfortranarray(vectors)
    elif kind == "strided":
        vectors = np.repeat(np.repeat(vectors, 2, axis=0), 3, axis=1)[::2, ::3]
    else:
        vectors = np.ascontiguousarray(vectors[::-1, ::-1])[::-1, ::-1]
    compressor = new(method)
    codes = compressor.fit_encode(vectors)
    decoded = compressor.decode(codes)
    expected_compressor, expected_codes = fitted(method)
    expected = expected_compressor.decode(expected_codes)
    assert codes.shape == expected_codes.shape
    np.testing.assert_allclose(decoded, expected, atol=1e-3 * np.abs(expected).max())


@each_case
@pytest.mark.parametrize(
    ("what", "vectors"),
    [
        ("constant", np.full((6, 4), 2.5, np.float32)),
        ("zero", np.zeros((6, 4), np.float32)),
        ("one row", np.arange(4, dtype=np.float32)[None]),
        ("one dimension", np.arange(-3, 3, dtype=np.float32)[:, None]),
        ("no rows", np.zeros((0, 4), np.float32)),
        ("two equal rows", np.ones((2, 4), np.float32)),
        ("tiny", np.eye(4, dtype=np.float32) * np.float32(1e-30)),
        ("subnormal", np.eye(4, dtype=np.float32) * np.float32(1e-44)),
        ("large", np.eye(4, dtype=np.float32) * np.float32(1e14)),
    ],
)
def test_odd_matrices_are_defined(method: str, what: str, vectors: np.ndarray) -> None:
    compressor = new(method)
    codes = compressor.fit_encode(vectors)
    decoded = compressor.decode(codes, np.arange(len(vectors)))
    assert decoded.shape == vectors.shape
    assert decoded.dtype == np.float32
    assert np.isfinite(decoded).all()
    assert all(np.isfinite(array).all() for array in compressor.get_state().values())
    json.dumps(compressor.report, allow_nan=False)
    again = new(method)
    assert again.fit_encode(vectors).tobytes() == codes.tobytes()
    assert same_state(again, compressor)


@each_method
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_numbers_that_are_not_finite_are_refused(method: str, value: float) -> None:
    vectors = some_vectors()
    vectors[3, 2] = value
    with pytest.raises(ParameterError, match=f"^{method}: vectors must "):
        new(method).fit_encode(vectors)


@each_case
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 2e15])
def test_numbers_out_of_bounds_are_not_encoded(method: str, value: float) -> None:
    compressor, _ = fitted(method)
    vectors = some_vectors()
    vectors[59, 7] = value
    with pytest.raises(ParameterError, match=f"^{compressor.name}: vectors must hold "):
        compressor.encode(vectors)


@each_case
def test_what_fitting_needs_is_known_before(method: str) -> None:
    """A method with a head learns from nothing else, and all its codes come from ``encode``."""
    compressor, vectors = new(method), some_vectors()
    assert compressor.encodes_vectors or compressor.learns_codes
    head = compressor.option_for("head")
    if head is None or compressor.learns_codes or compressor.samples_rows:
        assert compressor.head_rows is None
        return
    compressor.set_params(**{head.name: 40})
    assert compressor.head_rows == 40
    codes = compressor.fit_encode(vectors)
    other = new(method).set_params(**{head.name: 40}).fit(vectors[:40])
    assert same_state(compressor, other)
    assert other.encode(vectors).tobytes() == codes.tobytes()


@each_case
def test_progress_ends_at_the_whole(method: str) -> None:
    heard: list[tuple[str, int, int]] = []

    def hear(stage: str, done: int, total: int, note: str = "") -> None:
        heard.append((stage, done, total))

    new(method).fit_encode(some_vectors(), progress=hear)
    assert all(done <= total for _, done, total in heard)
    for stage in {stage for stage, _, _ in heard}:
        last = [(done, total) for each, done, total in heard if each == stage][-1]
        assert last[0] == last[1], stage


@each_method
@pytest.mark.parametrize("shape", [(4,), (4, 0), (2, 3, 4)])
def test_what_is_no_matrix_is_refused(method: str, shape: tuple[int, ...]) -> None:
    with pytest.raises(ParameterError) as caught:
        new(method).fit(np.zeros(shape, np.float32))
    assert str(caught.value) == (
        f"{method}: vectors must be float32 of shape (rows, 1 to 1048576), got float32 of {shape}"
    )


@each_method
def test_another_type_of_number_is_refused(method: str) -> None:
    with pytest.raises(ParameterError) as caught:
        new(method).fit(np.zeros((3, 2), np.float64))  # type: ignore[arg-type]
    assert str(caught.value) == (
        f"{method}: vectors must be float32 of shape (rows, 1 to 1048576), got float64 of (3, 2)"
    )


@each_method
def test_nothing_works_before_fit(method: str) -> None:
    uses = [
        lambda compressor: compressor.encode(some_vectors()),
        lambda compressor: compressor.decode(np.zeros((1, 1), np.uint8)),
        lambda compressor: compressor.layout,
        lambda compressor: compressor.dim,
        lambda compressor: compressor.get_state(),
    ]
    for use in uses:
        with pytest.raises(NotFittedError) as caught:
            use(new(method))
        assert str(caught.value) == f"{method}: call fit before using it"
