from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from embcomp.bits import pack_fields
from embcomp.compressors.lookup import Levels, Lookup, Words
from embcomp.kernels.sums import byte_tables, exact_sums
from embcomp.search import tables as module
from embcomp.search.tables import Band, joints


def test_exact_sums_by_hand() -> None:
    tables = np.array([[1.0, 2.0], [10.0, 20.0]])
    assert exact_sums(tables, np.array([[0, 1], [1, 1]], dtype=np.uint8)).tolist() == [21.0, 22.0]


def widths(lookup: Lookup, most_bits: int) -> list[tuple[int, int]]:
    return [(joint.symbols.stop - joint.symbols.start, joint.n_bits) for joint in joints(lookup, most_bits)]


def levels(n_symbols: int, n_bits: int, seed: int = 0) -> Levels:
    rng = np.random.default_rng(seed)
    return Levels(np.sort(rng.normal(size=2**n_bits)).astype(np.float32), rng.normal(size=(n_symbols, 3)))


def words(n_symbols: int, n_bits: int) -> Words:
    return Words(np.random.default_rng(1).normal(size=(n_symbols, 2**n_bits, 3)).astype(np.float32))


def test_as_many_symbols_are_joined_as_fit() -> None:
    base = np.zeros(3)
    assert widths(Lookup(base, ()), 12) == []
    assert widths(Lookup(base, (levels(30, 1),)), 12) == [(12, 12), (12, 12), (6, 6)]
    assert widths(Lookup(base, (levels(2, 5), levels(3, 2))), 12) == [(3, 12), (2, 4)]
    assert widths(Lookup(base, (words(3, 6),)), 12) == [(2, 12), (1, 6)]
    assert widths(Lookup(base, (words(2, 8), levels(2, 3))), 12) == [(1, 8), (1, 8), (2, 6)]
    assert widths(Lookup(base, (words(1, 14), levels(1, 13))), 12) == [(1, 14), (1, 13)]


def test_what_joined_symbols_stand_for() -> None:
    one, other = levels(1, 1), levels(1, 2)
    (joint,) = joints(Lookup(np.zeros(3), (one, other)), 12)
    expected = [[a, b] for a in one.levels for b in other.levels]
    assert joint.values.tolist() == expected


LOOKUPS = {
    "signs": Lookup(np.arange(3.0), (Levels(np.array([-1, 1], np.float32), np.eye(3)[[0, 1, 2, 0, 1, 2, 2]]),)),
    "levels": Lookup(np.ones(3), (levels(3, 4), levels(5, 3, 2), levels(9, 1, 3))),
    "words": Lookup(np.zeros(3), (words(5, 5),)),
    "both": Lookup(np.zeros(3), (words(2, 8), levels(2, 3))),
    "nothing": Lookup(np.ones(3), ()),
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


@pytest.mark.parametrize("name", LOOKUPS)
@pytest.mark.parametrize("origin", [None, np.array([1, -2, 0.5], np.float32)])
def test_products_and_cosines(name: str, origin: np.ndarray | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FEW_ROWS", 30)
    monkeypatch.setattr("embcomp.kernels.lookup.STEP_ROWS", 16)
    lookup = replace(LOOKUPS[name], origin=origin)
    rng = np.random.default_rng(7)
    bits_of = [
        bits
        for part in lookup.parts
        for bits in (
            [len(part.levels).bit_length() - 1] * len(part.directions)
            if isinstance(part, Levels)
            else [part.words.shape[1].bit_length() - 1] * len(part.words)
        )
    ]
    for n_rows in (0, 1, 29, 50):
        symbols = [[int(rng.integers(0, 2**n_bits)) for n_bits in bits_of] for _ in range(n_rows)]
        fields = [(np.array([row[i] for row in symbols], np.uint16).reshape(-1, 1), n) for i, n in enumerate(bits_of)]
        lengths = np.exp(rng.normal(size=n_rows))[:, None]
        sums = plainly(lookup, symbols)
        vectors = lengths * sums + (0 if origin is None else origin)
        band = Band(lookup, pack_fields(fields, n_rows), iter([vectors.astype(np.float32)]))
        query = rng.normal(size=3)
        products = band.products(query, {})
        np.testing.assert_allclose(products.exactly(band.columns), sums @ query, atol=1e-6)
        nearly = np.empty(n_rows, np.float32)
        band.cosines(products, nearly)
        expected = vectors @ query / np.linalg.norm(vectors, axis=1)
        np.testing.assert_allclose(nearly, expected, atol=1e-5)
        assert (np.abs(nearly - expected) <= products.error + 1e-6).all()
        assert products.error < 1e-3


def test_byte_tables_are_sums_of_signed_weights() -> None:
    rng = np.random.default_rng(0)
    weights = rng.normal(size=13)
    codes = rng.integers(0, 2, (20, 13), dtype=np.uint8)
    sums = exact_sums(byte_tables(weights), np.packbits(codes, axis=1))
    np.testing.assert_allclose(sums, (2.0 * codes - 1) @ weights, atol=1e-12)
