"""The list of candidates, against sorting all rows; and that it computes few of them exactly."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from embcomp import shortlist
from embcomp.shortlist import Shortlist

ERROR = 0.01  # of the costs


class Rows:
    """Rows with scores, many of them equal, and costs that say a little less."""

    def __init__(self, seed: int, n_rows: int) -> None:
        rng = np.random.default_rng(seed)
        self.scores = rng.normal(size=n_rows).round(2)
        self.costs = rng.uniform(-ERROR, ERROR, n_rows) - self.scores
        self.n_computed = 0

    def exact(self, ranks: NDArray[np.int64], costs: NDArray[np.float64]) -> NDArray[np.float64]:
        assert ((ranks >= 0) & (ranks < len(self.scores))).all()
        self.n_computed += len(ranks)
        return self.scores[ranks]

    def best(self, k: int, ends: list[int]) -> tuple[list[int], list[float]]:
        listed = Shortlist(k, self.exact, lambda score: 1.001 * ERROR - score)
        for first, last in zip([0, *ends], [*ends, len(self.costs)], strict=True):
            part = self.costs[first:last].copy()
            listed.offer(part, first)
            part[:] = 0  # the list must not look at it again
        ranks, scores = listed.best()
        return ranks.tolist(), scores.tolist()

    def sorted(self, k: int) -> tuple[list[int], list[float]]:
        order = np.lexsort((np.arange(len(self.scores)), -self.scores))[:k]
        return order.tolist(), self.scores[order].tolist()


@given(st.integers(0, 999), st.integers(0, 200), st.integers(1, 40), st.data())
def test_the_best_are_those_of_sorting_all(seed: int, n_rows: int, k: int, data: st.DataObject) -> None:
    ends = sorted(data.draw(st.lists(st.integers(0, n_rows), max_size=6)))
    rows = Rows(seed, n_rows)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shortlist, "FIRST_ROWS", 8)
        patch.setattr(shortlist, "PENDING_ROWS", 16)
        assert rows.best(k, ends) == rows.sorted(k)


@pytest.mark.parametrize(("k", "most"), [(1, 150), (10, 700), (1000, 10_000)])
def test_few_rows_are_computed_exactly(k: int, most: int) -> None:
    rows = Rows(5, 100_000)
    assert rows.best(k, list(range(4096, 100_000, 4096))) == rows.sorted(k)
    assert rows.n_computed <= most


def test_blocks_too_small_for_a_first_bound() -> None:
    rows = Rows(6, 3000)
    assert rows.best(100, [3, 50, 130, 900]) == rows.sorted(100)


@given(
    st.lists(st.integers(0, 20), max_size=60),
    st.integers(1, 8),
    st.integers(1, 7),
    st.sampled_from([np.uint8, np.uint16, np.float32]),
)
def test_costs_that_are_exact(costs: list[int], k: int, block: int, dtype: type) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shortlist, "FIRST_ROWS", 4)
        patch.setattr(shortlist, "PENDING_ROWS", 6)
        listed = Shortlist(k, bound=lambda score: int(-score))
        for first in range(0, len(costs), block):
            part = np.array(costs[first : first + block], dtype=dtype)
            listed.offer(part, first)
            part[:] = 0  # the list must have copied
        ranks, scores = listed.best()
    wanted = sorted(range(len(costs)), key=lambda rank: (costs[rank], rank))[:k]
    assert ranks.tolist() == wanted
    assert scores.tolist() == [-costs[rank] for rank in wanted]


@pytest.mark.parametrize("k", [1, 100, 3000])
def test_a_first_block_that_is_longer_than_what_the_first_bound_is_made_of(k: int) -> None:
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
