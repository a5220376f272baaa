"""Options that several methods have."""

from __future__ import annotations

from typing import Any

from embcomp.checks import Check, Either, Integer, OneOf, Real, Role, option
from embcomp.compressors.lengths import MOST_BITS


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
GRADE = option(
    Either(Real(0, 1000), OneOf("auto")),
    "bits less for each doubling of rank, around the mean; 0 for one width, 'auto' for 0 where words are not in "
    "order of frequency",
    default=0.0,
)
LENGTHS = auto(
    Integer(0, MOST_BITS), "bits of a row's length, beside those of its signs; 'auto' for 0 where lengths vary little"
)
RANDOM_STATE = option(Integer(0, 2**32 - 1), "seed of all randomness", default=0, role="seed")
