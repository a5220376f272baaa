"""The generator behind ALONE's filters: literal numbers that no release may change, and plain versions."""

from __future__ import annotations

import math

import numpy as np
import pytest

from embcomp.compressors import filters
from embcomp.compressors.filters import Redrawn, assign, binary_sources, combine, real_sources, redraw

MASK = 2**64 - 1
GAMMA = 0x9E3779B97F4A7C15


def mix(value: int) -> int:
    """The same, on Python's integers."""
    value = ((value ^ (value >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    value = ((value ^ (value >> 27)) * 0x94D049BB133111EB) & MASK
    return value ^ (value >> 31)


def word(seed: int, stream: int, index: int) -> int:
    key = mix(mix((seed + GAMMA) & MASK) ^ stream)
    return mix((key + (index + 1) * GAMMA) & MASK)


def words(seed: int, stream: int, index: list[int]) -> list[int]:
    return filters.random_words(seed, np.array([stream], np.uint64), np.array(index, np.uint64)).tolist()


def first_assignments(rows: list[int], seed: int = 0, n_matrices: int = 8, n_columns: int = 64) -> np.ndarray:
    ids = np.array(rows, np.int64)
    return assign(seed, ids, np.zeros(len(ids), np.int64), n_matrices, n_columns)


def test_mix_is_that_of_splitmix64() -> None:
    # the first number that SplitMix64's published C code gives for seed 0
    assert filters.mix(np.array([GAMMA], np.uint64)).tolist() == [0xE220A8397B1DCDAF]


def test_words_are_these() -> None:
    assert words(0, 0, [0, 1, 2]) == [0x568A9B0B1A2C05EC, 0x44E5B8B147EF718B, 0x458563AB55521133]
    assert words(7, 1, [10**12]) == [0x9941331EBA0838BC]


@pytest.mark.parametrize("seed", [0, 1, 2**32 - 1])
@pytest.mark.parametrize("stream", [0, 1, 300])
def test_words_are_those_of_the_plain_version(seed: int, stream: int) -> None:
    index = [0, 1, 5, 2**33, 2**62]
    assert words(seed, stream, index) == [word(seed, stream, i) for i in index]


def test_columns_of_a_row_are_these() -> None:
    assert first_assignments([0, 1, 341_478]).tolist() == [
        [33, 18, 60, 11, 23, 15, 9, 13],
        [61, 2, 32, 15, 60, 63, 7, 58],
        [57, 33, 29, 45, 58, 57, 32, 6],
    ]


@pytest.mark.parametrize("n_columns", [1, 3, 64, 65536])
def test_columns_are_those_of_the_plain_version(n_columns: int) -> None:
    got = assign(5, np.array([3, 4000]), np.array([2, 0]), 3, n_columns)
    expected = [
        [((word(5, 3, 3 * 3 + m) >> 32) * n_columns) >> 32 for m in range(3)],
        [((word(5, 1, 3 * 4000 + m) >> 32) * n_columns) >> 32 for m in range(3)],
    ]
    assert got.tolist() == expected


def test_a_row_keeps_its_columns_whatever_rows_are_asked_for() -> None:
    many = first_assignments(list(range(5000)))
    assert first_assignments([4999, 7]).tolist() == many[[4999, 7]].tolist()


def test_every_column_is_taken_equally_often() -> None:
    counts = np.bincount(first_assignments(list(range(20_000))).reshape(-1), minlength=64)
    chi_squared = float(((counts - 2500) ** 2 / 2500).sum())
    assert 33 < chi_squared < 103  # 63 degrees of freedom: 0.1 % on each side


def test_the_threshold_is_this() -> None:
    assert filters.one_threshold(0.5, 8) == 356_464_920


def test_binary_sources_are_those_of_the_plain_version() -> None:
    threshold = filters.one_threshold(0.25, 2)
    expected = [int(word(9, 0, i) >> 32 < threshold) for i in range(2 * 3 * 5)]
    got = binary_sources(9, 2, 3, 5, 0.25)
    assert got.dtype == np.uint8
    assert got.shape == (2, 3, 5)
    assert got.reshape(-1).tolist() == expected


@pytest.mark.parametrize("dim", [4, 5])  # an odd number of numbers too
def test_real_sources_are_those_of_the_plain_version(dim: int) -> None:
    expected = []
    for i in range(3 * 1 * dim):
        even = i - i % 2
        u = ((word(9, 0, even) >> 11) + 1) / 2**53
        v = (word(9, 0, even + 1) >> 11) / 2**53
        turn = math.sin if i % 2 else math.cos
        expected.append(math.sqrt(-2 * math.log(u)) * turn(2 * math.pi * v))
    got = real_sources(9, 3, 1, dim)
    assert got.dtype == np.float32
    assert got.shape == (3, 1, dim)
    np.testing.assert_array_max_ulp(got.reshape(-1), np.array(expected, np.float32), maxulp=1)


def test_real_sources_start_with_these_numbers() -> None:
    got = real_sources(0, 8, 64, 100).reshape(-1)[:4]
    expected = np.array([-0.17660189, 1.4621629, -1.602133, 0.20066267], np.float32)
    np.testing.assert_array_max_ulp(got, expected, maxulp=1)


def test_real_sources_are_standard_normal() -> None:
    numbers = np.sort(real_sources(3, 8, 64, 100).reshape(-1).astype(np.float64))
    normal = np.array([0.5 * (1 + math.erf(x / math.sqrt(2))) for x in numbers[::64]])
    uniform = np.arange(0, len(numbers), 64) / len(numbers)
    assert np.abs(normal - uniform).max() < 1.95 / math.sqrt(len(numbers))  # Kolmogorov-Smirnov, 0.1 %


@pytest.mark.parametrize("zeros", [0.2, 0.5, 0.9])
def test_a_mask_has_the_share_of_zeros_asked_for(zeros: float) -> None:
    masks = combine(binary_sources(1, 8, 64, 100, zeros), first_assignments(list(range(2000)), seed=1))
    assert set(np.unique(masks)) == {0.0, 1.0}
    assert abs(float((masks == 0).mean()) - zeros) < 0.02


def test_filters_by_hand() -> None:
    bits = np.array([[[1, 0, 0], [0, 0, 0]], [[1, 1, 0], [0, 0, 0]]], np.uint8)  # M = c = 2
    picked = np.array([[0, 0], [1, 0], [1, 1]], np.uint16)
    assert combine(bits, picked).tolist() == [[1, 1, 0], [1, 1, 0], [0, 0, 0]]
    numbers = np.array([[[1], [2]], [[10], [20]], [[100], [200]], [[1000], [2000]]], np.float32)  # M = 4, √M = 2
    assert combine(numbers, np.array([[0, 1, 0, 1]], np.uint16)).tolist() == [[2121 / 2]]


def test_combining_leaves_the_sources_alone() -> None:
    sources = binary_sources(1, 2, 2, 4, 0.5)
    before = sources.copy()
    combine(sources, np.zeros((3, 2), np.uint16))
    assert (sources == before).all()


def final_assignments(redrawn: Redrawn, rows: np.ndarray, n_matrices: int, n_columns: int, seed: int) -> np.ndarray:
    return assign(seed, rows, redrawn.attempts_of(rows), n_matrices, n_columns)


@pytest.mark.parametrize(("n_rows", "n_matrices", "n_columns"), [(2, 1, 4), (100, 3, 6), (500, 2, 32), (4, 3, 2)])
def test_collisions_are_drawn_again_until_there_are_none(n_rows: int, n_matrices: int, n_columns: int) -> None:
    found = 0
    for seed in range(10):
        rows = np.random.default_rng(seed).permutation(3 * n_rows)[:n_rows].astype(np.int64)
        redrawn = redraw(seed, rows, n_matrices, n_columns)
        drawn = final_assignments(redrawn, rows, n_matrices, n_columns, seed)
        assert len({tuple(columns) for columns in drawn.tolist()}) == n_rows
        found += len(redrawn.rows)
        assert set(redrawn.rows.tolist()) <= set(rows.tolist())
        assert (np.diff(redrawn.rows) > 0).all()
        assert (redrawn.attempts >= 1).all()
    assert found > 0


def test_redrawing_does_not_depend_on_the_order_of_the_rows() -> None:
    rows = np.arange(100, dtype=np.int64)
    forward, backward = redraw(0, rows, 3, 6), redraw(0, rows[::-1], 3, 6)
    assert forward.rows.tolist() == backward.rows.tolist()
    assert forward.attempts.tolist() == backward.attempts.tolist()


def test_the_first_of_two_rows_keeps_its_draw() -> None:
    rows = np.arange(100, dtype=np.int64)
    first = [tuple(columns) for columns in assign(0, rows, np.zeros(100, np.int64), 3, 6).tolist()]
    repeats = {row for row, columns in enumerate(first) if columns in first[:row]}
    unique = {row for row, columns in enumerate(first) if first.count(columns) == 1}
    redrawn = set(redraw(0, rows, 3, 6).rows.tolist())
    assert repeats
    assert repeats <= redrawn
    assert 0 not in redrawn
    assert len(redrawn & unique) <= 5  # only those whose columns another row drew at its second attempt


def test_no_rows_no_collisions() -> None:
    assert len(redraw(0, np.empty(0, np.int64), 8, 64).rows) == 0


def test_attempts_of_rows_that_are_and_are_not_redrawn() -> None:
    redrawn = Redrawn(np.array([3, 8]), np.array([1, 2]))
    assert redrawn.attempts_of(np.array([8, 0, 3, 9, 8])).tolist() == [2, 0, 1, 0, 2]


def test_repeated_rows_by_hand() -> None:
    rows = np.array([[1, 2], [3, 4], [1, 2], [1, 2], [3, 5]], np.uint16)
    assert filters.repeated(rows).tolist() == [2, 3]
