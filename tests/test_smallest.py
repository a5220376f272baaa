from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from embcomp import smallest
from embcomp.smallest import Smallest


@given(
    st.lists(st.integers(0, 20), max_size=60),
    st.integers(1, 8),
    st.integers(1, 7),
    st.sampled_from([np.uint8, np.uint16, np.float32]),
)
def test_keeps_the_k_smallest_and_their_equals(costs: list[int], k: int, block: int, dtype: type) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(smallest, "FIRST_ROWS", 4)
        nearest = Smallest(k)
        for first in range(0, len(costs), block):
            part = np.array(costs[first : first + block], dtype=dtype)
            nearest.offer(part, first)
            part[:] = 0  # the collector must have copied
        kept, ranks = nearest.kept()
    limit = sorted(costs)[k - 1] if len(costs) >= k else max(costs, default=0)
    wanted = [rank for rank, cost in enumerate(costs) if cost <= limit]
    assert ranks.tolist() == wanted
    assert kept.tolist() == [costs[rank] for rank in wanted]


@pytest.mark.parametrize("k", [1, 100, 3000])
def test_a_first_block_that_is_longer_than_what_the_first_bound_is_made_of(k: int) -> None:
    costs = np.random.default_rng(0).permutation(5000).astype(np.float32)
    nearest = Smallest(k)
    nearest.offer(costs[:4000], 7)
    nearest.offer(costs[4000:], 4007)
    kept, ranks = nearest.kept()
    assert ranks.tolist() == (np.flatnonzero(costs < k) + 7).tolist()
    assert kept.tolist() == costs[costs < k].tolist()


def test_nothing_offered() -> None:
    costs, ranks = Smallest(3).kept()
    assert (costs.tolist(), ranks.tolist()) == ([], [])
