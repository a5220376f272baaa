"""The list of candidates, against sorting all rows."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from embcomp.shortlist import Shortlist


@given(st.integers(0, 999), st.integers(0, 200), st.integers(1, 40), st.data())
def test_the_best_are_those_of_sorting_all(seed: int, n_rows: int, k: int, data: st.DataObject) -> None:
    ends = sorted(data.draw(st.lists(st.integers(0, n_rows), max_size=6)))
    costs = np.random.default_rng(seed).normal(size=n_rows).round(2)
    listed = Shortlist(k)
    for first, last in zip([0, *ends], [*ends, n_rows], strict=True):
        listed.offer(costs[first:last], first)
    ranks, scores = listed.best()
    order = np.lexsort((np.arange(n_rows), costs))[:k]
    assert ranks.tolist() == order.tolist()
    assert scores.tolist() == (-costs[order]).tolist()


@given(
    st.lists(st.integers(0, 20), max_size=60),
    st.integers(1, 8),
    st.integers(1, 7),
    st.sampled_from([np.uint8, np.uint16, np.float32]),
)
def test_costs_that_are_exact(costs: list[int], k: int, block: int, dtype: type) -> None:
    listed = Shortlist(k)
    for first in range(0, len(costs), block):
        part = np.array(costs[first : first + block], dtype=dtype)
        listed.offer(part, first)
        part[:] = 0  # the list must have copied
    ranks, scores = listed.best()
    wanted = sorted(range(len(costs)), key=lambda rank: (costs[rank], rank))[:k]
    assert ranks.tolist() == wanted
    assert scores.tolist() == [-costs[rank] for rank in wanted]


@pytest.mark.parametrize("k", [1, 100, 3000])
def test_blocks_of_thousands(k: int) -> None:
    costs = np.random.default_rng(0).permutation(5000).astype(np.float32)
    listed = Shortlist(k)
    listed.offer(costs[:4000], 7)
    listed.offer(costs[4000:], 4007)
    ranks, scores = listed.best()
    assert ranks.tolist() == (np.argsort(costs)[:k] + 7).tolist()
    assert scores.tolist() == (-np.arange(k)).tolist()


def test_nothing_offered() -> None:
    ranks, scores = Shortlist(3).best()
    assert (ranks.tolist(), scores.tolist()) == ([], [])
