"""Options that several methods have."""

from __future__ import annotations

from embcomp.checks import Either, Integer, OneOf, option

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
