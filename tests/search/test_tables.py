from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from embcomp.bits import pack_fields
from embcomp.compressors.lookup import Levels, Lookup, Words
from embcomp.errors import CorruptError, MemoryLimitError
from embcomp.kernels.best import SCORE_UNIT, Rows, all_scores
from embcomp.search.tables import Bands, Columns, rows_of, sign_tables


def levels(n_symbols: int, n_bits: int, seed: int = 0) -> Levels:
    rng = np.random.default_rng(seed)
    return Levels(np.sort(rng.normal(size=2**n_bits)).astype(np.float32), rng.normal(size=(n_symbols, 3)))


def words(n_symbols: int, n_bits: int) -> Words:
    return Words(np.random.default_rng(1).normal(size=(n_symbols, 2**n_bits, 3)).astype(np.float32))


def placed(lookup: Lookup) -> tuple[list[int], list[list[int]]]:
    columns = Columns(lookup)
    return columns.wide, columns.halves


def test_as_many_symbols_share_a_half_as_fit() -> None:
    base = np.zeros(3)
    assert placed(Lookup(base, ())) == ([], [])
    assert placed(Lookup(base, (levels(9, 1),))) == ([], [[0, 1, 2, 3], [4, 5, 6, 7], [8], []])
    assert placed(Lookup(base, (levels(2, 3), levels(3, 2)))) == ([], [[0], [1], [2, 3], [4]])
    assert placed(Lookup(base, (levels(1, 3), levels(2, 1), levels(1, 4)))) == ([], [[0, 1], [2], [3], []])
    assert placed(Lookup(base, (words(2, 8), levels(1, 5), levels(2, 2)))) == ([0, 1, 2], [[3, 4], []])


def coded(digits: str) -> np.ndarray:
    """One loose row."""
    return np.packbits(np.array([list(digits.replace(" ", ""))], np.uint8), axis=1)


def test_columns_of_codes_by_hand() -> None:
    """Three bits and one in a half, five in a column of its own."""
    lookup = Lookup(np.zeros(3), (levels(2, 3), words(1, 5), levels(1, 1)))
    code = coded("101 011 10001 1")
    assert Columns(lookup).of(code).tolist() == [[0b10001, 0b0101_0111]]


def test_columns_of_symbols_of_more_than_a_byte() -> None:
    lookup = Lookup(np.zeros(3), (words(1, 9), levels(2, 3), levels(1, 4)))
    code = coded("100000010 101 011 1001")
    columns = Columns(lookup).of(code)
    assert columns.dtype == np.uint16
    assert columns.tolist() == [[0b1_0000_0010, 0b0101_0011, 0b1001_0000]]


LOOKUPS = {
    "signs": Lookup(np.arange(3.0), (Levels(np.array([-1, 1], np.float32), np.eye(3)[[0, 1, 2, 0, 1, 2, 2]]),)),
    "levels": Lookup(np.ones(3), (levels(3, 4), levels(5, 3, 2), levels(9, 1, 3))),
    "words": Lookup(np.zeros(3), (words(5, 5),)),
    "both": Lookup(np.zeros(3), (words(2, 8), levels(2, 3))),
    "many words": Lookup(np.zeros(3), (words(2, 9), levels(2, 2))),
    "nothing": Lookup(np.ones(3), ()),
    "no symbols": Lookup(np.ones(3), (levels(0, 2), levels(1, 1), words(0, 3))),
}


def plainly(lookup: Lookup, symbols: list[list[int]]) -> np.ndarray:
    """Sums of what symbols stand for, one after the other."""
    out = []
    for row in symbols:
        total, left = lookup.base.copy(), list(row)
        for part in lookup.parts:
            if isinstance(part, Levels):
                for direction in part.directions:
                    total += part.levels[left.pop(0)].astype(np.float64) * direction
            else:
                for each in part.words:
                    total += each[left.pop(0)]
        out.append(total)
    return np.array(out).reshape(len(symbols), 3)


def code_of(lookup: Lookup, n_rows: int, rng: np.random.Generator) -> tuple[list[list[int]], np.ndarray]:
    """Random symbols, and the loose rows of code that they make."""
    widths = Columns(lookup).widths
    symbols = [[int(rng.integers(0, 2**n_bits)) for n_bits in widths] for _ in range(n_rows)]
    fields = [(np.array([row[i] for row in symbols], np.uint16).reshape(-1, 1), n) for i, n in enumerate(widths)]
    return symbols, pack_fields(fields, n_rows)


@pytest.mark.parametrize("n_rows", [0, 1, 29, 150])
@pytest.mark.parametrize("origin", [None, np.array([1, -2, 0.5], np.float32)])
def test_scores_are_cosines(n_rows: int, origin: np.ndarray | None) -> None:
    """Of bands of all kinds, one after the other; two share their words."""
    rng, shared = np.random.default_rng(7), words(2, 6)
    lookups = [replace(lookup, origin=origin) for lookup in LOOKUPS.values()]
    lookups += [Lookup(np.ones(3), (shared,)), Lookup(np.zeros(3), (shared, levels(1, 1)))]
    bands, vectors = [], [np.empty((0, 3))]
    for lookup in lookups:
        symbols, code = code_of(lookup, n_rows, rng)
        own = np.exp(rng.normal(size=n_rows))[:, None] * plainly(lookup, symbols)
        own += 0 if lookup.origin is None else lookup.origin
        bands.append(rows_of(lookup, code, own.astype(np.float32).__getitem__))
        vectors.append(own)
    together, query, last = np.concatenate(vectors), rng.normal(size=3), 3 * n_rows // 2
    exact = together @ query / np.linalg.norm(together, axis=1)
    for n_first in (len(exact), last):
        found = all_scores(Bands(lookups, bands).parts(query[None, :], n_first))
        np.testing.assert_allclose(found, exact[:n_first], atol=SCORE_UNIT + 1e-5)


@pytest.mark.parametrize("n_bits", [1, 4, 13, 16])
def test_scores_of_signs_are_sums_of_signed_weights(n_bits: int) -> None:
    rng = np.random.default_rng(0)
    weights, codes = rng.normal(size=n_bits), rng.integers(0, 2, (20, n_bits), dtype=np.uint8)
    found = all_scores([(Rows.laid_out(np.packbits(codes, axis=1)), sign_tables(weights[None, :]))])
    np.testing.assert_allclose(found, (2.0 * codes - 1) @ weights, atol=SCORE_UNIT)


def test_codewords_that_cannot_be_compared() -> None:
    """One, which no row uses, is infinite."""
    lookup = Lookup(np.zeros(3), (words(2, 5),))
    rows = rows_of(lookup, np.zeros((4, 2), np.uint8), lambda _: np.empty((0, 3), np.float32))
    lookup.parts[0].words[1, 31] = np.inf  # type: ignore[union-attr]
    with pytest.raises(CorruptError, match=r"^codewords are too large to be compared$"):
        Bands([lookup], [rows]).parts(np.ones((1, 3)), 4)


def test_memory_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    def bounded(n_bytes: int) -> None:
        monkeypatch.setattr("embcomp.memory._chosen", [n_bytes])

    lookup, code = Lookup(np.zeros(3), (words(2, 8), levels(2, 1))), np.zeros((4000, 3), np.uint8)
    bounded(79_999)
    with pytest.raises(MemoryLimitError, match=r"^columns of 4000 codes take 80000 bytes"):
        rows_of(lookup, code, lambda _: np.empty((0, 3), np.float32))
    bounded(80_000)
    rows = rows_of(lookup, code, lambda _: np.empty((0, 3), np.float32))
    bounded(12_000)
    with pytest.raises(MemoryLimitError, match=r"^1536 numbers of codewords, to be compared, take 12288 bytes"):
        Bands([lookup], [rows])
    bounded(20_000)
    bands = Bands([lookup], [rows])
    bands.parts(np.ones((1, 3)), 4000)
    with pytest.raises(MemoryLimitError, match=r"^tables of 9 queries take "):
        bands.parts(np.ones((9, 3)), 4000)
