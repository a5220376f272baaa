"""Additive quantization against slow, obvious versions of the same."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from embcomp.compressors import additive, kmeans
from embcomp.compressors.additive import Search, fit_additive, least_squares, squared_error, sum_of_codewords
from embcomp.kernels.codewords import sums_by_symbol


def rows(n: int, dim: int, seed: int = 0) -> np.ndarray:
    """Whole numbers."""
    return np.rint(300 * np.random.default_rng(seed).standard_normal((n, dim))).astype(np.float32)


def random_codes(n: int, dims: int, ways: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, ways, (n, dims)).astype(np.uint16)


def codebooks(dims: int, ways: int, dim: int, seed: int = 1) -> np.ndarray:
    return rows(dims * ways, dim, seed).reshape(dims, ways, dim)


def composed(books: np.ndarray, code: tuple[int, ...]) -> np.ndarray:
    return sum(books[j, symbol] for j, symbol in enumerate(code))


def all_errors(target: np.ndarray, books: np.ndarray) -> dict[tuple[int, ...], float]:
    dims, ways, _ = books.shape
    return {code: float(((target - composed(books, code)) ** 2).sum()) for code in product(range(ways), repeat=dims)}


@pytest.mark.parametrize("scale", [1, 2**12])
def test_sums_of_whole_numbers_are_exact(scale: int) -> None:
    """However large, and in whatever order rows are added."""
    vectors = scale * rows(5000, 3)
    codes, order = random_codes(5000, 1, 4)[:, 0], np.random.default_rng(1).permutation(5000)
    expected = [vectors[codes == symbol].astype(np.int64).sum(axis=0) for symbol in range(4)]
    assert np.array_equal(sums_by_symbol(vectors[order], codes[order], 4), expected)


def test_kmeans_finds_what_structure_there_is() -> None:
    centres = 50 * rows(8, 6, seed=5)
    vectors = np.repeat(centres, 40, axis=0) + rows(320, 6)
    found = kmeans.progressive_kmeans(vectors, 16, np.random.default_rng(0), 10, 4, 1000)
    distances = ((centres[:, None] - found) ** 2).sum(axis=2)
    assert distances.min(axis=1).max() < 3 * 300**2
    assert np.array_equal(found, kmeans.progressive_kmeans(vectors, 16, np.random.default_rng(0), 10, 4, 1000))


def test_seeded_kmeans_finds_separate_clusters() -> None:
    centres = 50 * rows(8, 6, seed=5)
    vectors = np.repeat(centres, 40, axis=0) + rows(320, 6)
    found = kmeans.seeded_kmeans(vectors, 8, np.random.default_rng(0), 5, 100)
    distances = ((centres[:, None] - found) ** 2).sum(axis=2)
    assert sorted(distances.argmin(axis=1)) == list(range(8))
    assert distances.min(axis=1).max() < 300**2


def test_an_empty_centroid_splits_the_largest_cluster() -> None:
    vectors = np.array([[0], [10], [20], [100]], np.float32)
    start = np.array([[0], [990], [100]], np.float32)
    assert sorted(kmeans.lloyd(vectors, start, 6)[:, 0].tolist()) in ([0, 15, 100], [5, 20, 100])
    assert start.tolist() == [[0], [990], [100]]


@pytest.mark.parametrize("lookup_flops", [0, 10**9])
def test_a_wide_beam_finds_the_best_code(monkeypatch: pytest.MonkeyPatch, lookup_flops: int) -> None:
    """With tables, and with sums."""
    monkeypatch.setattr(additive, "LOOKUP_FLOPS", lookup_flops)
    books, targets = codebooks(3, 4, 5), rows(20, 5)
    codes = Search(books, 1.0).encode(targets, width=16, sweeps=0)
    for target, code in zip(targets, codes, strict=True):
        errors = all_errors(target, books)
        assert tuple(code.tolist()) == min(errors, key=errors.__getitem__)


def test_a_beam_of_one_is_greedy() -> None:
    books, targets = codebooks(3, 4, 5), rows(20, 5)
    codes = Search(books, 1.0).encode(targets, width=1, sweeps=0)
    for target, code in zip(targets, codes, strict=True):
        left = target.copy()
        for j, symbol in enumerate(code):
            assert symbol == ((left - books[j]) ** 2).sum(axis=1).argmin()
            left -= books[j, symbol]


def test_too_many_codewords_for_tables_give_the_same_codes(monkeypatch: pytest.MonkeyPatch) -> None:
    books, targets = codebooks(4, 5, 3), rows(30, 3)
    expected = Search(books, 1.0).encode(targets, width=3)
    monkeypatch.setattr(additive, "TABLE_WORDS", 0)
    assert np.array_equal(Search(books, 1.0).encode(targets, width=3), expected)


def test_local_search_ends_where_no_single_change_helps() -> None:
    books, targets = codebooks(3, 5, 4), rows(25, 4)
    codes = random_codes(25, 3, 5)
    before = squared_error(targets, books, codes)
    Search(books, 1.0).improve_all(targets, codes, sweeps=100)
    assert squared_error(targets, books, codes) < before
    for target, code in zip(targets, codes.tolist(), strict=True):
        error = ((target - composed(books, tuple(code))) ** 2).sum()
        for j, symbol in product(range(3), range(5)):
            changed = [*code[:j], symbol, *code[j + 1 :]]
            assert ((target - composed(books, tuple(changed))) ** 2).sum() >= error


def test_least_squares_is_that_of_the_one_hot_matrix() -> None:
    targets, codes = rows(60, 4), random_codes(60, 3, 5)
    one_hot = np.zeros((60, 15))
    for row, code in enumerate(codes.tolist()):
        for j, symbol in enumerate(code):
            one_hot[row, 5 * j + symbol] = 1
    best, *_ = np.linalg.lstsq(one_hot, targets.astype(np.float64), rcond=None)
    found = least_squares(targets, codes, codebooks(3, 5, 4))
    np.testing.assert_allclose(sum_of_codewords(found, codes), one_hot @ best, atol=2)  # of 300


def test_least_squares_leaves_unused_codewords_where_they_are() -> None:
    books = codebooks(2, 4, 3)
    found = least_squares(rows(20, 3), random_codes(20, 2, 3), books)
    assert np.array_equal(found[:, 3], books[:, 3])


def test_codewords_move_to_the_mean_of_what_the_others_leave() -> None:
    """Two codebooks, of which the first row uses one and the others both."""
    books = np.array([[[10], [20]], [[1], [2]]], np.float32)
    targets = np.array([[30], [13], [18]], np.float32)
    codes = np.array([[0, 1], [0, 0], [1, 0]], np.uint16)
    additive.move(books, targets, codes, [3, 1], sweeps=1)
    # of the first codebook: rest 30 − 10 − 2, 13 − 10, 18 − 20; then of the second, from the first row only
    assert books[0].tolist() == [[10 + 10], [20 - 2]]  # (18 + 3) / 2 = 10.5, to the even
    assert books[1].tolist() == [[1], [2 + 8]]


def test_the_error_falls_with_every_iteration() -> None:
    targets = rows(400, 6)
    books, codes, errors = fit_additive(targets, 3, 8, 4, 5, np.random.default_rng(0))
    assert errors == sorted(errors, reverse=True)
    assert len(errors) > 1
    assert squared_error(targets, books, codes) == errors[-1]
    assert errors[-1] < 0.5 * float((targets**2).sum())


def test_sums_of_codewords_are_recovered() -> None:
    """Rows that are such sums, of codebooks on different scales."""
    scales = np.array([9, 3, 1], np.float32)[:, None, None]
    books = codebooks(3, 4, 8) * scales
    targets = sum_of_codewords(books, random_codes(500, 3, 4))
    _, _, errors = fit_additive(targets, 3, 4, 16, 10, np.random.default_rng(0))
    assert errors[-1] < 1e-3 * float((targets**2).sum())
