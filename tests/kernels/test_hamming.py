from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from embcomp import bits, kernels
from embcomp.kernels import hamming
from embcomp.kernels.hamming import as_lanes, hamming_nearest

WIDTHS = [1, 7, 8, 63, 64, 65, 128, 192, 200, 255, 256, 300, 384, 400, 512, 600]


@pytest.fixture(autouse=True, scope="module")
def small_steps() -> object:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(hamming, "STEP_ROWS", 16)
        yield


def random_bits(seed: int, n_rows: int, n_bits: int) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 2, (n_rows, n_bits), dtype=np.uint8)


def nearest(rows: NDArray[np.uint8], query: NDArray[np.uint8], k: int) -> list[tuple[int, int]]:
    distances, ranks = hamming_nearest(as_lanes(bits.pack(rows)), as_lanes(bits.pack(query[None, :])), k)
    assert distances.shape == ranks.shape == (1, min(k, len(rows)))
    return list(zip(distances[0].tolist(), ranks[0].tolist(), strict=True))


def test_by_hand() -> None:
    rows = np.array([[1, 1, 0], [0, 0, 0], [1, 0, 0], [0, 1, 0]], dtype=np.uint8)
    assert nearest(rows, rows[0], 3) == [(0, 0), (1, 2), (1, 3)]  # 110 from 110, 100 and 010: these in order of rank


@settings(max_examples=100)
@given(st.integers(0, 9999), st.integers(0, 70), st.sampled_from(WIDTHS), st.integers(1, 80))
@example(0, 20, 256, 3)
def test_hamming_is_sorting_all_distances(seed: int, n_rows: int, n_bits: int, k: int) -> None:
    rows = random_bits(seed, n_rows, n_bits)
    query = random_bits(seed + 1, 1, n_bits)[0] if seed % 3 else np.ones(n_bits, dtype=np.uint8)
    if n_rows and seed % 2:
        rows[-1] = 1 - query  # the farthest there is
        rows[0] = query
    slow = sorted((int((row != query).sum()), rank) for rank, row in enumerate(rows))[:k]
    assert nearest(rows, query, k) == slow


@pytest.mark.parametrize("n_rows", [255, 256, 257, 1000])
@pytest.mark.parametrize("k", [1, 10, 300])
def test_more_rows_than_a_step(n_rows: int, k: int) -> None:
    rows, queries = random_bits(1, n_rows, 100), random_bits(2, 5, 100)
    distances, ranks = hamming_nearest(as_lanes(bits.pack(rows)), as_lanes(bits.pack(queries)), k)
    for query, own_distances, own_ranks in zip(queries, distances.tolist(), ranks.tolist(), strict=True):
        slow = sorted((int((row != query).sum()), rank) for rank, row in enumerate(rows))[:k]
        assert list(zip(own_distances, own_ranks, strict=True)) == slow


def test_rows_of_more_words_than_the_extension_takes() -> None:
    rows = random_bits(0, 5, 64 * hamming.MOST_LANES + 1)
    slow = sorted((int((row != rows[2]).sum()), rank) for rank, row in enumerate(rows))
    assert nearest(rows, rows[2], 5) == slow


def test_all_rows_far_and_alike() -> None:
    assert nearest(np.zeros((40, 256), np.uint8), np.ones(256, np.uint8), 3) == [(256, 0), (256, 1), (256, 2)]


@pytest.mark.parametrize("n_queries", [0, 2])
@pytest.mark.parametrize("n_bits", [0, 8])
@pytest.mark.parametrize("n_rows", [0, 3])
def test_nothing_to_find(n_rows: int, n_bits: int, n_queries: int) -> None:
    rows, queries = np.zeros((n_rows, n_bits), np.uint8), np.zeros((n_queries, n_bits), np.uint8)
    distances, ranks = hamming_nearest(as_lanes(bits.pack(rows)), as_lanes(bits.pack(queries)), 2)
    assert distances.tolist() == [[0, 0][:n_rows]] * n_queries
    assert ranks.tolist() == [[0, 1][:n_rows]] * n_queries


def test_lanes_are_the_codes_own_bytes_where_they_are_whole_words() -> None:
    loose = np.arange(32, dtype=np.uint8).reshape(2, 16)
    assert np.shares_memory(as_lanes(loose), loose)
    unaligned = np.arange(33, dtype=np.uint8)[1:].reshape(2, 16)
    lanes = as_lanes(unaligned)
    assert lanes.flags.aligned
    assert np.array_equal(lanes.view(np.uint8), unaligned)
    assert np.array_equal(as_lanes(loose[:, 3:11]).view(np.uint8), loose[:, 3:11])
    assert as_lanes(loose[:, :3]).view(np.uint8)[:, 3:].tolist() == [[0] * 5] * 2


def test_the_extension_refuses_what_does_not_fit(kernel: str) -> None:
    if kernels.native is None:
        return  # NumPy checks shapes itself
    rows, query, scores, ranks = (
        np.zeros((4, 2), np.uint64),
        np.zeros(2, np.uint64),
        np.zeros(3),
        np.zeros(3, np.int64),
    )
    kernels.native.hamming(rows, query, scores, ranks, (4, 1, 2, 3))
    for sizes in [(5, 1, 2, 3), (4, 2, 2, 3), (4, 1, 1, 3), (4, 1, 2, 2)]:
        with pytest.raises(ValueError, match=r"^(rows|queries|scores) has \d+ bytes, expected \d+ items of 8$"):
            kernels.native.hamming(rows, query, scores, ranks, sizes)
    for sizes in [(-1, 1, 2, 3), (4, -1, 2, 3), (4, 1, 0, 3), (4, 1, 2, 0), (4, 1, 2, 5), (2**62, 1, 2, 3)]:
        with pytest.raises(ValueError, match=r"^a size must be from -?\d+ to \d+, got -?\d+$"):
            kernels.native.hamming(rows, query, scores, ranks, sizes)
    with pytest.raises(ValueError, match=r"^rows is not aligned to 8 bytes$"):
        kernels.native.hamming(np.zeros(65, np.uint8)[1:], query, scores, ranks, (4, 1, 2, 3))
    scores.flags.writeable = False
    with pytest.raises((TypeError, ValueError, BufferError)):
        kernels.native.hamming(rows, query, scores, ranks, (4, 1, 2, 3))
