"""What holds for the options of every compressor, whoever wrote it: the contract of embcomp.compressors.base."""

from __future__ import annotations

import inspect
import json
import math
from typing import Any

import pytest
from sklearn.base import clone

from embcomp.checks import Boolean, Check, Either, Integer, OneOf, Option, Real
from embcomp.compressors.registry import compressor_class
from embcomp.errors import NotFittedError, ParameterError
from tests.compressors.laws import (
    each_case,
    each_method,
    each_option,
    fitted,
    new,
    some_vectors,
)


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
