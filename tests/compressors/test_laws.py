"""What holds for every compressor there is, whoever wrote it: the contract of embcomp.compressors.base."""

from __future__ import annotations

import inspect
import io
import json
import math
from functools import cache
from typing import Any

import numpy as np
import pytest
from sklearn.base import clone

from embcomp import bits, threads
from embcomp.checks import Boolean, Check, Either, Integer, OneOf, Option, Real
from embcomp.compressors.base import Compressor
from embcomp.compressors.registry import compressor_class, make_compressor, method_names
from embcomp.container.layout import DTYPES
from embcomp.container.reader import open_container, verify
from embcomp.container.writer import write
from embcomp.embedding import Embedding
from embcomp.encoded import EncodedEmbedding
from embcomp.errors import CorruptError, NotFittedError, ParameterError

METHODS = method_names()
QUICK: dict[str, dict[str, Any]] = {"alone": {"epochs": 5}}
"""Options that make a slow method quick enough to be fitted many times on a few rows."""
VARIANTS: dict[str, tuple[str, dict[str, Any]]] = {
    "sign-zero": ("sign", {"threshold": "zero"}),
    "iiq-3-bits": ("iiq", {"bits": 3}),
    "iiq-13-bits": ("iiq", {"bits": 13}),
    "sign-graded": ("sign", {"grade": 2.0}),
    "sign-lengths": ("sign", {"lengths": 5}),
    "itq-auto": ("itq", {"grade": "auto", "bits": 19}),
    "iiq-graded": ("iiq", {"grade": 1.5, "bits": 5, "lengths": 3}),
    "iiq-lengths": ("iiq", {"bits": 11, "lengths": 8}),
    "nlb-lengths": ("nlb", {"lengths": 4}),
    "nlb-scale": ("nlb", {"bounds": "scale", "bits": 11}),
    "dccl-5-ways": ("dccl", {"ways": 5, "codebooks": 3, "epochs": 3}),
    "kd-5-ways": ("kd", {"ways": 5, "dims": 3}),
    "kd-ste": ("kd", {"solver": "ste", "ways": 4, "dims": 3, "epochs": 3}),
    "kd-random": ("kd", {"solver": "random", "ways": 4, "dims": 3}),
    "kd-lstm": ("kd", {"compose": "lstm", "ways": 4, "dims": 3, "epochs": 3}),
    "prune-per-word": ("prune", {"per_word": True, "fraction": 0.5}),
    "alone-binary": ("alone", {"filter": "binary", "epochs": 3, "inter": 8}),
    "alone-int8": ("alone", {"weights": "int8", "epochs": 3, "inter": 8}),
    "alone-stored": ("alone", {"store_filters": True, "columns": 64, "matrices": 4, "epochs": 3, "inter": 8}),
}
"""Methods with options that take another path through the code."""
LEARNT_CODES = ["kd-ste", "kd-random"]
"""Those whose training settles the codes, so that encoding the same vectors afterwards may find better ones."""
SAME_COSINES = ["sign", "itq", "iiq"]
"""Methods whose decoded vectors are the codes, rotated back."""

OPTIONS = [(method, option) for method in METHODS for option in compressor_class(method).options]
OPTION_IDS = [f"{method}-{option.name}" for method, option in OPTIONS]

each_method = pytest.mark.parametrize("method", METHODS)
each_case = pytest.mark.parametrize("method", [*METHODS, *VARIANTS])
each_option = pytest.mark.parametrize(("method", "option"), OPTIONS, ids=OPTION_IDS)


def new(method: str) -> Compressor:
    """Of a method, or a variant of one."""
    if method in VARIANTS:
        name, config = VARIANTS[method]
        return make_compressor(name, **config)
    return make_compressor(method, **QUICK.get(method, {}))


def some_vectors(n_rows: int = 60, dim: int = 8) -> np.ndarray:
    """Rows off centre, with some directions stronger than others and a row of zeros."""
    rng = np.random.default_rng(7)
    vectors = rng.standard_normal((n_rows, dim)) * np.linspace(3, 0.5, dim) + rng.standard_normal(dim)
    vectors[n_rows // 2] = 0
    return vectors.astype(np.float32)


@cache
def fitted(method: str) -> tuple[Compressor, np.ndarray]:
    """A compressor fitted on ``some_vectors()``, and their codes."""
    compressor = new(method)
    codes = compressor.fit_encode(some_vectors())
    return compressor, codes


def restored(compressor: Compressor) -> Compressor:
    """What a container gives back: config through JSON, state through bytes."""
    other = type(compressor).from_config(json.loads(json.dumps(compressor.get_config())))
    state = compressor.get_state()
    other.set_state({name: np.frombuffer(a.tobytes(), a.dtype).reshape(a.shape) for name, a in state.items()})
    return other


def same_state(one: Compressor, other: Compressor) -> bool:
    left, right = one.get_state(), other.get_state()
    return left.keys() == right.keys() and all(
        left[name].dtype == right[name].dtype
        and left[name].shape == right[name].shape
        and left[name].tobytes() == right[name].tobytes()
        for name in left
    )


# Options


@each_method
def test_the_name_is_that_of_the_registry(method: str) -> None:
    kind = compressor_class(method)
    assert kind.name == method
    assert kind.summary
    assert "\n" not in kind.summary


@each_method
def test_the_constructor_takes_the_declared_options_in_order_with_their_defaults(method: str) -> None:
    kind = compressor_class(method)
    parameters = list(inspect.signature(kind).parameters.values())
    assert [parameter.name for parameter in parameters] == [option.name for option in kind.options]
    assert {parameter.kind for parameter in parameters} == {inspect.Parameter.KEYWORD_ONLY}
    for parameter, option in zip(parameters, kind.options, strict=True):
        assert parameter.default == option.default == getattr(kind(), option.name), option.name
        assert type(parameter.default) is type(option.default), option.name


@each_method
def test_the_constructor_refuses_other_arguments_as_python_does(method: str) -> None:
    kind = compressor_class(method)
    with pytest.raises(TypeError, match=r"got an unexpected keyword argument 'no_such'$"):
        kind(no_such=1)
    with pytest.raises(TypeError):
        kind(1)


@each_method
def test_each_role_has_one_option(method: str) -> None:
    kind = compressor_class(method)
    roles = [option.role for option in kind.options if option.role is not None]
    assert len(roles) == len(set(roles))
    for role in roles:
        option = kind.option_for(role)
        assert option is not None
        assert option.role == role


@each_method
def test_the_constructor_only_assigns(method: str) -> None:
    kind = compressor_class(method)
    marks = {option.name: object() for option in kind.options}
    assert vars(kind(**marks)) == marks


@each_case
def test_config_survives_json(method: str) -> None:
    config = new(method).get_config()
    assert list(config) == [option.name for option in new(method).options]
    assert json.loads(json.dumps(config)) == config
    assert type(new(method)).from_config(json.loads(json.dumps(config))).get_config() == config


@each_case
def test_config_is_identity(method: str) -> None:
    one, other = new(method), new(method)
    assert one == other
    assert one != "another thing"
    assert eval(repr(one), {type(one).__name__: type(one)}) == one
    assert repr(type(one)()) == f"{type(one).__name__}()"
    option = one.options[0]
    setattr(other, option.name, object())
    assert one != other
    with pytest.raises(TypeError, match="unhashable"):
        hash(one)


@each_case
def test_scikit_learn_can_clone_it(method: str) -> None:
    fitted_one, _ = fitted(method)
    copy = clone(fitted_one)
    assert type(copy) is type(fitted_one)
    assert copy == fitted_one
    with pytest.raises(NotFittedError):
        copy.get_state()


@each_method
def test_params_are_the_config(method: str) -> None:
    compressor = new(method)
    assert compressor.get_params() == compressor.get_params(deep=False) == compressor.get_config()
    other = compressor_class(method)()
    assert other.set_params(**compressor.get_params()) is other
    assert other == compressor
    with pytest.raises(ParameterError, match=rf"^{method}: `no_such` is not an option of this method; it has "):
        other.set_params(no_such=1)


@each_method
def test_what_was_learned_with_other_options_is_forgotten(method: str) -> None:
    compressor = new(method).fit(some_vectors())
    option = compressor.options[0]
    compressor.set_params(**{option.name: option.default})
    assert vars(compressor) == compressor.get_config()
    with pytest.raises(NotFittedError):
        compressor.get_state()


@each_method
def test_an_unknown_option_is_refused(method: str) -> None:
    kind = compressor_class(method)
    with pytest.raises(ParameterError) as caught:
        kind.from_config({"no_such": 1})
    names = ", ".join(f"`{option.name}`" for option in kind.options) or "no options"
    assert str(caught.value) == f"{method}: `no_such` is not an option of this method; it has {names}"


def sides(check: Check) -> tuple[list[Any], list[Any]]:
    """Values on both sides of a check: allowed ones, and ones that nothing but another check could allow."""
    if isinstance(check, Integer):
        top = [] if check.high is None else [check.high]
        beyond = [] if check.high is None else [check.high + 1]
        return [check.low, *top], [check.low - 1, *beyond, check.low + 0.5, True, None, "x"]
    if isinstance(check, Real):
        ends: list[float] = [check.low] if math.isinf(check.high) else [check.low, check.high]
        inside = check.low + 1 if math.isinf(check.high) else (check.low + check.high) / 2
        beyond = [math.nextafter(check.low, -math.inf), math.nextafter(check.high, math.inf)]
        allowed, refused = ([inside], ends) if check.open_ends else ([inside, *ends], [])
        return allowed, [*refused, *beyond, math.nan, math.inf, -math.inf, True, None, "x"]
    if isinstance(check, Boolean):
        return [True, False], [0, 1, "true", None]
    if isinstance(check, OneOf):
        return list(check.words), ["", "no-such-word", check.words[0].upper(), 0, None, [check.words[0]]]
    assert isinstance(check, Either)
    halves = [sides(each) for each in check.checks]
    refused = [value for _, half in halves for value in half]
    return [value for half, _ in halves for value in half], [value for value in refused if not check.allows(value)]


@each_option
def test_each_check_is_tried_on_both_sides(method: str, option: Option) -> None:
    kind = compressor_class(method)
    allowed, refused = sides(option.check)
    assert allowed
    assert refused
    assert option.check.allows(option.default)
    for value in allowed:
        assert option.check.allows(value), value
    for value in refused:
        with pytest.raises(ParameterError) as caught:
            kind.from_config({option.name: value})
        assert str(caught.value) == f"{method}: `{option.name}` must be {option.check.describe()}, got {value!r}"


@each_option
def test_options_are_checked_at_fit_too(method: str, option: Option) -> None:
    _, refused = sides(option.check)
    for value in refused:
        compressor = compressor_class(method)(**{option.name: value})
        with pytest.raises(ParameterError) as caught:
            compressor.fit(some_vectors())
        assert str(caught.value) == f"{method}: `{option.name}` must be {option.check.describe()}, got {value!r}"
        with pytest.raises(ParameterError):
            compressor.fit_encode(some_vectors())


@each_option
def test_each_default_can_be_typed(method: str, option: Option) -> None:
    default = option.default
    text = json.dumps(default) if isinstance(default, bool) else str(default)
    assert option.check.parse(text) == default
    assert option.help
    assert not option.help.endswith(".")
    with pytest.raises(ValueError, match=r".*"):
        option.check.parse("no-such-word")


# Fitting


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


# Codes


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


# State


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
