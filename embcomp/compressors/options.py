"""Options that several methods have."""

from __future__ import annotations

from typing import Any

from embcomp.checks import Check, Either, Integer, OneOf, Role, option


def auto(check: Check, help: str, role: Role | None = None) -> Any:
    """Declare an option that may also be, and is by default, the word ``auto``."""
    return option(Either(check, OneOf("auto")), help, default="auto", role=role)


BITS = option(
    Either(Integer(1, 65536), OneOf("dim")),
    "bits per word; 'dim' for one bit per dimension",
    default="dim",
    role="width",
)
FIT_ROWS = option(
    Either(Integer(1), OneOf("all")),
    "learn from the first N rows, the most frequent words; 'all' for all rows",
    default=50_000,
    role="head",
)
RANDOM_STATE = option(Integer(0, 2**32 - 1), "seed of all randomness", default=0, role="seed")
