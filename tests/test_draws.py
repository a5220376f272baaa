"""Random numbers that stay the same: hand-computed from the raw numbers, and their distribution."""

from __future__ import annotations

import numpy as np

from embcomp import draws


def test_the_raw_numbers_are_those_of_pcg64() -> None:
    """The first numbers of PCG64 seeded with 0 and with [0, 1], which numpy promises to keep."""
    assert draws.bits64(draws.generator(0), 2).tolist() == [11749869230777074271, 4976686463289251617]
    assert draws.bits64(draws.generator(0, 1), 1).tolist() == np.random.PCG64([0, 1]).random_raw(1).tolist()


def test_numbers_are_made_by_shifts() -> None:
    raw = [11749869230777074271, 4976686463289251617]
    assert draws.uniform(draws.generator(0), 2).tolist() == [(number >> 11) / 2**53 for number in raw]
    assert draws.below(draws.generator(0), 10, (2,)).tolist() == [(number >> 32) * 10 >> 32 for number in raw]
    assert draws.permutation(draws.generator(0), 2).tolist() == [1, 0]
    sums = [sum(number >> shift & 0xFFFF for shift in (0, 16, 32, 48)) - 131070 for number in raw]
    assert draws.bell(draws.generator(0), (1, 2)).tolist() == [[number / 2**16 for number in sums]]


def test_distributions() -> None:
    rng = draws.generator(1)
    drawn = draws.bell(rng, (200, 500))
    assert abs(drawn.mean()) < 0.01
    assert abs(drawn.var() - 1 / 3) < 0.01
    assert np.bincount(draws.below(rng, 5, (50_000,))).min() > 9_500
    assert sorted(draws.permutation(rng, 1000)) == list(range(1000))
    assert 0 <= draws.uniform(rng, 1000).min() < draws.uniform(rng, 1000).max() < 1
