"""Planning a comparison: from the arguments of a user to complete configurations."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from embcomp.compressors.base import Compressor
from embcomp.compressors.registry import compressor_class, compressor_classes
from embcomp.errors import ParameterError

SEED = "seed"  # as typed


def seed_name(method: str) -> str | None:
    """The name of the method's option for a seed, if it has one."""
    option = compressor_class(method).option_for("seed")
    return None if option is None else option.name


@dataclass(frozen=True)
class Job:
    """One thing to compress with, or the reason why there is none.

    Attributes:
        method: its name.
        config: all options by name; ``None`` if nothing reaches what was asked for.
        note: for people.
    """

    method: str
    config: dict[str, Any] | None
    note: str = ""


@dataclass(frozen=True)
class Candidate:
    """A method and the options given for it, checked; the others have their defaults."""

    method: str
    options: dict[str, Any]

    @property
    def kind(self) -> type[Compressor]:
        """The class behind the method."""
        return compressor_class(self.method)

    def with_options(self, **options: Any) -> Candidate:
        """The same with further options."""
        return Candidate(self.method, self.options | options)

    def for_bits(self, n_bits: int, dim: int) -> Candidate | None:
        """The same with ``n_bits`` per word or a little less; ``None`` if that is not possible or given already."""
        options = self.kind.options_for_bits(n_bits, dim, self.options)
        return None if options is None else self.with_options(**options)

    def from_seed(self, seed: int) -> Candidate:
        """The same with a seed, if the method takes one and none was given."""
        name = seed_name(self.method)
        return self if name is None or name in self.options else self.with_options(**{name: seed})

    def for_ratio(self, ratio: float, dim: int) -> Candidate | None:
        """The same, about ``ratio`` times smaller than float32; ``None`` if that is not possible or given already."""
        options = self.kind.options_for_ratio(ratio, dim, self.options)
        return None if options is None else self.with_options(**options)

    def build(self) -> Compressor:
        """Make the compressor.

        Raises:
            ParameterError: an option is unknown to the method, or not allowed.
        """
        return self.kind.from_config(self.options)

    def job(self, note: str = "") -> Job:
        """What to run, with all options."""
        return Job(self.method, self.build().get_config(), note)


def parse_candidate(text: str) -> Candidate:
    """Read ``method`` or ``method:option=value:option=value``.

    Raises:
        ParameterError: no such method or option, or a value that is not allowed.
    """
    method, *settings = text.strip().split(":")
    given: dict[str, str] = {}
    for setting in settings:
        typed, equals, value = setting.partition("=")
        if not equals:
            raise ParameterError(f"`methods` {text}: expected option=value after the colon, got {setting!r}")
        name = typed.strip("-").replace("-", "_")
        given[seed_name(method) or name if typed == SEED else name] = value
    declared = {option.name: option for option in compressor_class(method).options}
    known = {name: each for name, each in declared.items() if name in given}
    try:
        candidate = Candidate(method, given | {name: each.parse(method, given[name]) for name, each in known.items()})
        candidate.build()
    except ParameterError as error:  # these options are no flags of the command line
        raise ParameterError(str(error).replace("`", "'")) from None
    return candidate


def candidates_for(methods: Iterable[str] | None) -> tuple[list[Candidate], list[str]]:
    """Read methods with their options; ``None`` for those that do not take minutes, with a note on each other."""
    kinds = compressor_classes() if methods is None else {}
    slow = [name for name, kind in kinds.items() if kind.slow]
    named = [name for name in kinds if name not in slow] if methods is None else methods
    notes = [f"{name} takes minutes: name it in `methods`, or give `methods` all" for name in slow]
    return [parse_candidate(text) for text in named], notes


def sweep_bits(candidates: Iterable[Candidate], widths: Sequence[int], dim: int) -> tuple[list[Candidate], list[str]]:
    """Each candidate at each number of bits per word, and notes: the bits chosen, and where the widths do not apply.

    Args:
        candidates: in the order in which they run.
        widths: bits per word; none leave the candidates as they are.
        dim: of the vectors.
    """
    swept: list[Candidate] = []
    notes, without = [], []
    for candidate in candidates:
        sized = [(width, each) for width in widths if (each := candidate.for_bits(width, dim)) is not None]
        swept += [each for _, each in sized] or [candidate]
        if widths and not sized:
            without.append(candidate.method)
        chosen = [(width, _beside(each, candidate)) for width, each in sized]
        if any(list(options.values()) != [width] for width, options in chosen):
            texts = [f"{width} is {' '.join(f'{k}={v}' for k, v in options.items())}" for width, options in chosen]
            notes.append(f"{candidate.method}: bits {', '.join(texts)}")
    for candidate in swept:
        candidate.build()
    names = ", ".join(dict.fromkeys(without))
    if without:
        notes.append(f"bits do not apply to {names}: run once, with the options they have")
    return swept, notes


def _beside(candidate: Candidate, before: Candidate) -> dict[str, Any]:
    """The options of one candidate that another does not have, or has with another value."""
    return {k: v for k, v in candidate.options.items() if k not in before.options or before.options[k] != v}


def over_seeds(candidates: Iterable[Candidate], first: int, n_seeds: int) -> list[Job]:
    """Jobs for each candidate and seed; methods without randomness, and those with a seed set, run once."""
    jobs = [each.from_seed(first + number).job() for each in candidates for number in range(n_seeds)]
    return list({(job.method, str(job.config)): job for job in jobs}.values())
