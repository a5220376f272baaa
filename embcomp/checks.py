"""Constraints of options: declared once, used to check, to describe and to parse values.

The same declaration serves the library (``check_config``), the command line (parsing and ``--help``)
and the tests (which try values on both sides of every limit).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from embcomp.errors import ParameterError

MOST_SHARE = 10.0  # of a source's score


class Check(Protocol):
    """A constraint on one option."""

    def allows(self, value: Any) -> bool:
        """Return whether ``value`` is allowed, type included."""

    def describe(self) -> str:
        """Return what is allowed, to follow the words 'must be'."""

    def parse(self, text: str) -> Any:
        """Turn command-line text into a value; ``ValueError`` if it is not one of this kind."""


@dataclass(frozen=True)
class Integer:
    """A whole number of at least ``low`` (and at most ``high``); ``bool`` is none."""

    low: int
    high: int | None = None

    def allows(self, value: Any) -> bool:
        if not isinstance(value, int) or isinstance(value, bool):
            return False
        return value >= self.low and (self.high is None or value <= self.high)

    def describe(self) -> str:
        if self.high is None:
            return f"an integer of at least {self.low}"
        return f"an integer from {self.low} to {self.high}"

    def parse(self, text: str) -> int:
        if not text.lstrip("+-").isascii() or "_" in text:
            raise ValueError(text)
        return int(text)


@dataclass(frozen=True)
class Real:
    """A finite number between ``low`` and ``high``; each end is allowed unless ``open_ends``. ``bool`` is none."""

    low: float
    high: float = math.inf
    open_ends: bool = False

    def allows(self, value: Any) -> bool:
        if not isinstance(value, int | float) or isinstance(value, bool) or not math.isfinite(value):
            return False
        if self.open_ends:
            return self.low < value < self.high
        return self.low <= value <= self.high

    def describe(self) -> str:
        if math.isinf(self.high):
            return f"a number {'above' if self.open_ends else 'of at least'} {self.low:g}"
        between = "strictly between" if self.open_ends else "between"
        return f"a number {between} {self.low:g} and {self.high:g}"

    def parse(self, text: str) -> float:
        return float(text)


@dataclass(frozen=True)
class Boolean:
    """True or false."""

    def allows(self, value: Any) -> bool:
        return isinstance(value, bool)

    def describe(self) -> str:
        return "true or false"

    def parse(self, text: str) -> bool:
        try:
            return {"true": True, "false": False}[text.lower()]
        except KeyError:
            raise ValueError(text) from None


class OneOf:
    """One of a few words."""

    def __init__(self, *words: str) -> None:
        self.words = words

    def allows(self, value: Any) -> bool:
        return isinstance(value, str) and value in self.words

    def describe(self) -> str:
        return " or ".join(repr(word) for word in self.words)

    def parse(self, text: str) -> str:
        if text not in self.words:
            raise ValueError(text)
        return text


class Either:
    """Whatever one of several checks allows, such as an integer or the word ``all``."""

    def __init__(self, *checks: Check) -> None:
        self.checks = checks

    def allows(self, value: Any) -> bool:
        return any(check.allows(value) for check in self.checks)

    def describe(self) -> str:
        return " or ".join(check.describe() for check in self.checks)

    def parse(self, text: str) -> Any:
        for check in self.checks:
            try:
                return check.parse(text)
            except ValueError:
                continue
        raise ValueError(text)


def require(name: str, value: Any, check: Check) -> None:
    """Refuse an argument's value.

    Raises:
        ParameterError: saying what is allowed.
    """
    if not check.allows(value):
        raise ParameterError(f"`{name}` must be {check.describe()}, got {value!r}")


Role = Literal["width", "symbols", "ways", "head", "seed"]


@dataclass(frozen=True)
class Option:
    """One option of a compressor, as declared once for library, command line and documentation.

    Attributes:
        name: the constructor's keyword.
        check: what values are allowed.
        default: the value if none is given.
        help: one line, without a full stop.
        role: what the option does in all methods that have it, whatever its name: the bits of a code
            (``"width"``), the number of its symbols (``"symbols"``) and their values (``"ways"``), the number of
            first rows to learn from (``"head"``), the start of all randomness (``"seed"``).
    """

    name: str
    check: Check
    default: Any
    help: str
    role: Role | None = None

    @property
    def flag(self) -> str:
        """The option as typed on the command line."""
        return "--" + self.name.replace("_", "-")

    def parse(self, method: str, text: str) -> Any:
        """Read a value of the option of a method.

        Raises:
            ParameterError: it is of another kind.
        """
        try:
            return self.check.parse(text)
        except ValueError:
            raise ParameterError(f"{method}: `{self.name}` must be {self.check.describe()}, got {text!r}") from None


def option(check: Check, help: str, *, default: Any, role: Role | None = None) -> Any:
    """Declare an option in the body of a compressor; its name is that of the attribute."""
    return Option("", check, default, help, role)


def parse_size(name: str, text: str) -> int:
    """Read ``5MB``, ``800 kB``, ``1.5G`` (decimal), ``4MiB`` (binary) or plain bytes, given for an option.

    Raises:
        ParameterError: it is none of these, or below 1.
    """
    units = {"b": 1} | {
        f"{letter}{ending}": base**power
        for power, letter in enumerate("kmgt", start=1)
        for ending, base in (("", 1000), ("b", 1000), ("i", 1024), ("ib", 1024))
    }
    number = text.strip().rstrip("BKMGTIbkmgti").rstrip()
    unit = text.strip()[len(number) :].strip().lower() or "b"
    try:
        size = float(number) * units[unit]
    except (ValueError, KeyError):
        size = math.nan
    if not (math.isfinite(size) and size >= 1):
        raise ParameterError(f"`{name}` must be a size such as 5MB or 800kB, got {text!r}")
    return int(size)


def require_share(name: str, share: float) -> None:
    """Refuse what is no share of a score; per cents are far above what any file reaches.

    Raises:
        ParameterError: it is not above 0, or above 10.
    """
    if not 0 < share <= MOST_SHARE:
        hint = f"; for {share:g} % give {share / 100:g}" if math.isfinite(share) and share > 0 else ""
        raise ParameterError(f"`{name}` must be a number above 0 and up to {MOST_SHARE:g}, got {share:g}{hint}")


def size_text(n_bytes: float) -> str:
    """Return a size in decimal units: 500 kB, 6.0 MB."""
    units = {"B": 1, "kB": 10**3, "MB": 10**6, "GB": 10**9}
    unit = next((name for name, size in units.items() if n_bytes < 999.95 * size), "GB")
    number = n_bytes / units[unit]
    return f"{number:.1f} {unit}" if number % 1 else f"{number:.0f} {unit}"
