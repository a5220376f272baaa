from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from embcomp.search import smallest
from embcomp.search.smallest import Smallest


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


def test_nothing_offered() -> None:
    costs, ranks = Smallest(3).kept()
    assert (costs.tolist(), ranks.tolist()) == ([], [])
