from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from embcomp import kernels
from embcomp.arrays import DoubleArray, FloatArray
from embcomp.kernels import best as module
from embcomp.kernels.best import BLOCK, SCORE_UNIT, Part, Rows, Tables, all_scores, best_rows, rounded


def part(
    rng: np.random.Generator, n_queries: int, n_rows: int, n_wide: int, n_split: int, size: float, steps: int
) -> Part:
    """Random codes and tables; entries are whole multiples of a step if there are ``steps``, which makes ties."""
    codes = rng.integers(0, 256, (n_rows, n_wide + n_split)).astype(np.uint8)
    codes[::7] = codes[:1]
    gains: float | FloatArray = float(rng.uniform()) / size
    if rng.random() < 0.7:
        gains = (rng.uniform(0, 2, n_rows) / size).astype(np.float32)
        gains[::11] = 0
    shifts = rng.uniform(0, 1, n_rows).astype(np.float32) if rng.random() < 0.3 else None
    wide, halves = rng.normal(size=(n_queries, n_wide, 256)), rng.normal(size=(n_queries, n_split, 2, 16))
    if steps:
        wide, halves = np.rint(steps * wide) / steps, np.rint(steps * halves) / steps
    numbers = rng.normal(size=(n_queries, 2)) * [size, 1]
    return Rows.laid_out(codes, gains, shifts), Tables(size * wide, size * halves, numbers)


def plainly(parts: Sequence[Part], query: int) -> DoubleArray:
    """Scores, one row and one column after the other, not rounded."""
    out = []
    for rows, tables in parts:
        n_wide, (base, shift) = tables.wide.shape[1], tables.numbers[query].tolist()
        for row in range(rows.n_rows):
            total = base
            for column, code in enumerate(rows.codes[row // BLOCK, :, row % BLOCK].tolist()):
                if column < n_wide:
                    total += tables.wide[query, column, code]
                else:
                    high, low = tables.halves[query, column - n_wide]
                    total += high[code >> 4] + low[code & 15]
            total *= rows.gains if isinstance(rows.gains, float) else float(rows.gains[row])
            out.append(total + (0 if rows.shifts is None else shift * float(rows.shifts[row])))
    return np.array(out)


def of_query(parts: Sequence[Part], query: int) -> list[Part]:
    """The tables of one query only."""
    one = slice(query, query + 1)
    return [(rows, Tables(each.wide[one], each.halves[one], each.numbers[one])) for rows, each in parts]


@settings(max_examples=150)
@given(
    st.integers(0, 10**6),
    st.integers(0, 3),
    st.lists(st.tuples(st.integers(0, 150), st.integers(0, 3), st.integers(0, 5)), min_size=1, max_size=3),
    st.integers(1, 40),
    st.sampled_from([1.0, 1e-3, 1e30, 1e-30]),
    st.sampled_from([0, 1, 4]),
)
@example(0, 1, [(300, 0, 200)], 10, 1.0, 0)  # more than 257 tables: fewer steps, so that sums fit 16 bits
@example(0, 2, [(100, 150, 0)], 10, 1.0, 1)
@example(1, 1, [(64, 1, 1), (128, 0, 0), (0, 2, 2)], 200, 1.0, 0)
def test_the_best_are_those_of_all_scores(
    seed: int, n_queries: int, shapes: list[tuple[int, int, int]], k: int, size: float, steps: int
) -> None:
    rng = np.random.default_rng(seed)
    parts = [part(rng, n_queries, *shape, size, steps) for shape in shapes]
    all_found = best_rows(parts, k)
    assert len(all_found) == n_queries
    for query, (ranks, found) in enumerate(all_found):
        scores = all_scores(of_query(parts, query))
        np.testing.assert_allclose(scores, plainly(parts, query), rtol=1e-12, atol=0.5 * SCORE_UNIT + 1e-12)
        order = np.lexsort((np.arange(len(scores)), -scores))[:k]
        assert ranks.tolist() == order.tolist()
        assert found.tobytes() == scores[order].tobytes()
        assert ranks.dtype == np.int64


@pytest.mark.parametrize("n_rows", [0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK + 5])
def test_rows_are_laid_out_in_blocks(n_rows: int) -> None:
    codes = np.random.default_rng(n_rows).integers(0, 256, (n_rows, 3)).astype(np.uint8)
    rows = Rows.laid_out(codes)
    assert rows.codes.shape == (-(-n_rows // BLOCK), 3, BLOCK)
    assert np.array_equal(rows.codes.transpose(0, 2, 1).reshape(-1, 3)[:n_rows], codes)
    assert not rows.codes.transpose(0, 2, 1).reshape(-1, 3)[n_rows:].any()


@pytest.mark.parametrize("last", [-1, 0, 1, BLOCK, 2 * BLOCK + 1, 149, 150, 1000])
def test_the_first_rows(last: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "STEP_BLOCKS", 1)
    rng = np.random.default_rng(0)
    for _ in range(4):
        rows, tables = part(rng, 1, 150, 1, 2, 1.0, 0)
        scores = all_scores([(rows, tables)])[: max(0, last)]
        assert np.array_equal(all_scores([(rows.first(last), tables)]), scores)
        ((found, _),) = best_rows([(rows.first(last), tables)], 5)
        assert found.tolist() == np.argsort(-scores, kind="stable")[:5].tolist()


def test_codes_of_more_than_a_byte_are_compared_without_the_extension() -> None:
    rng = np.random.default_rng(0)
    codes = rng.integers(0, 1000, (200, 2)).astype(np.uint16)
    tables = Tables(rng.normal(size=(1, 2, 1000)), np.empty((1, 0, 2, 16)), np.zeros((1, 2)))
    slow = rounded(tables.wide[0, 0, codes[:, 0]] + tables.wide[0, 1, codes[:, 1]])
    ((ranks, _),) = best_rows([(Rows.laid_out(codes), tables)], 7)
    assert ranks.tolist() == np.argsort(-slow, kind="stable")[:7].tolist()


def test_more_columns_than_the_extension_takes() -> None:
    codes = np.random.default_rng(0).integers(0, 256, (3, module.MOST_COLUMNS + 1)).astype(np.uint8)
    halves = np.zeros((1, codes.shape[1], 2, 16))
    halves[0, -1, 1, 1:] = 1
    codes[:, -1] = [16, 0, 3]
    tables = Tables(np.empty((1, 0, 256)), halves, np.zeros((1, 2)))
    ((ranks, _),) = best_rows([(Rows.laid_out(codes), tables)], 2)
    assert ranks.tolist() == [2, 0]


def test_the_extension_refuses_what_does_not_fit() -> None:
    if kernels.native is None:
        return
    good = (2, 65, 2, 1, 3, 0, 65)
    for n_rows in (0, 65):
        arrays = (
            np.zeros((2, 2, BLOCK), np.uint8),
            np.zeros((2, 256 + 32)),
            np.zeros((2, 2)),
            np.zeros(n_rows, np.float32),
            np.zeros(n_rows, np.float32),
            np.zeros(144 + 512, np.uint16),
            np.zeros((2, 3)),
            np.zeros((2, 3), np.int64),
        )
        kernels.native.best(*arrays, good, 1.0)
        wrong = [(0, 1), (0, -1), (0, 2**20), (1, 129), (1, -1), (2, 3), (2, 0), (2, 2**20), (3, 0), (3, 3), (3, -1)]
        for at, value in [*wrong, (4, 0), (4, 4), (4, 2**61)]:
            with pytest.raises(ValueError, match=r"^a size must be from|bytes, expected \d+ items of \d$"):
                kernels.native.best(*arrays, (*good[:at], value, *good[at + 1 :]), 1.0)


def test_numbers_that_are_none_harm_nothing() -> None:
    """They are refused before; the kernel must not write where it should not."""
    rows, tables = part(np.random.default_rng(0), 1, 100, 1, 1, 1.0, 0)
    for number in (np.nan, np.inf, -np.inf):
        wide = tables.wide.copy()
        wide[0, 0, 3] = number
        with np.errstate(invalid="ignore"):
            ((ranks, _),) = best_rows([(rows, replace(tables, wide=wide))], 3)
        assert len(ranks) == 3


def test_rounding() -> None:
    assert rounded(np.array([0.5, -1e-9])).tolist() == [0.5, 0.0]
    assert np.copysign(1, rounded(np.array([-1e-9]))[0]) == 1
