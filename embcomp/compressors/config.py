"""Objects defined by their options, which are declared once; everything else is derived from them."""

from __future__ import annotations

import inspect
from abc import ABC
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar, Self

from embcomp.checks import Option, Role
from embcomp.errors import ParameterError


class Configurable(ABC):
    """Base of what is made from options, which are declared in the class body by :func:`embcomp.checks.option`.

    The constructor takes them by keyword and only assigns. They are the *config*, JSON values by name, and the
    object's identity. Anything else among its attributes is learned, and forgotten when options change.
    """

    name: ClassVar[str]
    """What messages call it."""
    options: ClassVar[tuple[Option, ...]] = ()
    """In order of declaration, those of base classes first."""

    def __init_subclass__(cls) -> None:
        """Collect the options that the class body declares."""
        super().__init_subclass__()
        if "options" in vars(cls):
            raise TypeError(f"{cls.__qualname__}: options are declared as attributes, one by one")
        cls.options += tuple(replace(each, name=name) for name, each in declared(cls, Option))
        cls.__signature__ = inspect.Signature(  # type: ignore[attr-defined]  # what `help` and `inspect` show
            [inspect.Parameter(o.name, inspect.Parameter.KEYWORD_ONLY, default=o.default) for o in cls.options]
        )

    def __init__(self, **options: Any) -> None:
        for each in self.options:
            setattr(self, each.name, options.pop(each.name, each.default))
        if options:
            raise TypeError(f"{type(self).__name__}() got an unexpected keyword argument {next(iter(options))!r}")

    def __repr__(self) -> str:
        """The constructor call, without the options that have their default."""
        given = (f"{o.name}={getattr(self, o.name)!r}" for o in self.options if getattr(self, o.name) != o.default)
        return f"{type(self).__name__}({', '.join(given)})"

    __hash__ = None  # type: ignore[assignment]  # options may be changed

    def __eq__(self, other: object) -> bool:
        """Config is identity."""
        return type(self) is type(other) and self.get_config() == other.get_config()

    @classmethod
    def option_for(cls, role: Role) -> Option | None:
        """The option that does what ``role`` says, if the method has one."""
        return next((option for option in cls.options if option.role == role), None)

    @classmethod
    def defaults(cls) -> dict[str, Any]:
        """Options by name, as they are if nothing is given."""
        return {option.name: option.default for option in cls.options}

    def check_config(self) -> None:
        """Check the options.

        Raises:
            ParameterError: naming the option, what it must be, and what it is.
        """
        for option in self.options:
            value = getattr(self, option.name)
            if not option.check.allows(value):
                raise ParameterError(f"{self.name}: `{option.name}` must be {option.check.describe()}, got {value!r}")

    def get_config(self) -> dict[str, Any]:
        """Options by name, as given; JSON values."""
        return {option.name: getattr(self, option.name) for option in self.options}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """Build one from options by name; missing ones take their defaults.

        Raises:
            ParameterError: an option is unknown to this method, or not allowed.
        """
        cls._require_known(config)
        compressor = cls(**config)
        compressor.check_config()
        return compressor

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """The config, under scikit-learn's name; there are no nested objects, so ``deep`` has no effect."""
        return self.get_config()

    def set_params(self, **params: Any) -> Self:
        """Change options, and forget what was learned with others.

        Raises:
            ParameterError: an option is unknown to this method.
        """
        self._require_known(params)
        self._forget()
        self.__dict__.update(params)
        return self

    @classmethod
    def _require_known(cls, given: Mapping[str, Any]) -> None:
        known = [option.name for option in cls.options]
        for name in given:
            if name not in known:
                has = ", ".join(f"`{each}`" for each in known) or "no options"
                raise ParameterError(f"{cls.name}: `{name}` is not an option of this method; it has {has}")

    def _forget(self) -> None:
        """Drop all that was learned, and what was computed from it."""
        for name in self.__dict__.keys() - {option.name for option in self.options}:
            del self.__dict__[name]


def declared(cls: type, kind: type[Any]) -> list[tuple[str, Any]]:
    """Take the declarations of one kind out of a class body, where they would hide that an attribute is missing."""
    found = [(name, value) for name, value in vars(cls).items() if isinstance(value, kind)]
    for name, _ in found:
        delattr(cls, name)
    return found
