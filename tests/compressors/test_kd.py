"""The compressor ``kd`` with every composition and solver; what all compressors do is in test_laws_*.py."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from embcomp import bits
from embcomp.compressors import kd as kd_module
from embcomp.compressors.base import symbol_bits
from embcomp.compressors.kd import KdCompressor
from embcomp.compressors.kd_facts import collisions, group, utilisation
from embcomp.errors import CorruptError, ParameterError

SMALL: dict[str, Any] = {"ways": 6, "dims": 3, "beam": 4}
KINDS = [(compose, solver) for compose in ("linear", "lstm") for solver in ("alternate", "ste", "random")]
each_kind = pytest.mark.parametrize(("compose", "solver"), KINDS)


def vectors(n: int = 200, dim: int = 8, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    centres = 3 * rng.standard_normal((12, dim))
    return (centres[np.arange(n) % 12] + 0.3 * rng.standard_normal((n, dim)) + 1).astype(np.float32)


def small(compose: str, solver: str, **options: Any) -> KdCompressor:
    quick: dict[str, Any] = {"epochs": 4} if solver == "ste" or compose == "lstm" else {}
    return KdCompressor.from_config(SMALL | {"compose": compose, "solver": solver} | quick | options)


def relative_error(kd: KdCompressor, x: np.ndarray, codes: np.ndarray) -> float:
    return float(((x - kd.decode(codes) - kd.offset) ** 2).sum() / ((x - x.mean(axis=0)) ** 2).sum())


@each_kind
def test_every_kind_works_from_end_to_end(compose: str, solver: str) -> None:
    x, kd = vectors(), small(compose, solver)
    codes = kd.fit_encode(x)
    assert codes.shape == (200, 2)  # 3 symbols of 3 bits
    assert kd.symbols(codes).max() < 6
    other = KdCompressor.from_config(json.loads(json.dumps(kd.get_config())))
    other.set_state(kd.get_state())
    assert np.array_equal(other.decode(codes), kd.decode(codes))
    assert np.array_equal(other.encode(x), kd.encode(x))
    again = small(compose, solver)
    assert np.array_equal(again.fit_encode(x), codes)
    assert all(np.array_equal(again.get_state()[name], array) for name, array in kd.get_state().items())


@each_kind
@pytest.mark.parametrize("n_rows", [0, 1, 4])
def test_every_kind_takes_few_rows(compose: str, solver: str, n_rows: int) -> None:
    x, kd = vectors(n_rows), small(compose, solver)
    codes = kd.fit_encode(x)
    assert kd.decode(codes).shape == (n_rows, 8)
    assert np.isfinite(kd.decode(codes)).all()
    json.dumps(kd.report, allow_nan=False)


@each_kind
def test_every_kind_takes_another_code_dimension(compose: str, solver: str) -> None:
    kd = small(compose, solver, code_dim=5)
    codes = kd.fit_encode(vectors())
    assert kd.get_state()["codebooks"].shape == (3, 6, 5)
    assert kd.get_state()["transform"].shape == (5, 8)
    assert kd.decode(codes).shape == (200, 8)


def test_alternate_beats_ste_beats_random() -> None:
    x = vectors(600)
    errors = {}
    for solver in ("alternate", "ste", "random"):
        kd = small("linear", solver, remove_top=0, **({"epochs": 60} if solver == "ste" else {}))
        errors[solver] = relative_error(kd, x, kd.fit_encode(x))
    assert errors["alternate"] < errors["ste"] < errors["random"] < 1


def test_the_code_of_a_row_is_the_sum_of_its_codewords() -> None:
    x, kd = vectors(), small("linear", "alternate")
    codes = kd.fit_encode(x)
    books = kd.get_state()["codebooks"] * kd.get_state()["codebook_scales"][:, None, None]
    expected = [sum(books[j, symbol] for j, symbol in enumerate(row)) for row in kd.symbols(codes).tolist()]
    np.testing.assert_allclose(kd.decode(codes), np.array(expected), atol=1e-5)
    np.testing.assert_array_equal(kd.codewords, books)


def test_as_many_codewords_as_rows_keep_them() -> None:
    """To half a unit of int8, and half of one that rows are rounded to."""
    x = vectors(5)
    kd = KdCompressor(ways=8, dims=1, remove_top=0)
    half = np.abs(x - x.mean(axis=0)).max() / 127 / 2 + np.linalg.norm(x - x.mean(axis=0), axis=1).max() / 2**10
    np.testing.assert_allclose(kd.decode(kd.fit_encode(x)) + kd.offset, x, atol=half)


def test_an_lstm_is_no_sum_of_codewords() -> None:
    assert small("lstm", "random").fit(vectors()).codewords is None


def test_one_bit_a_dimension_is_the_default() -> None:
    kd = KdCompressor(ways=16).fit(vectors(dim=10))
    assert (kd.layout.kind, kd.layout.symbols, kd.layout.symbol_bits) == ("indexed", 2, 4)


def test_removed_directions_are_not_coded() -> None:
    x, kd = vectors(), small("linear", "alternate", remove_top=2)
    decoded = kd.decode(kd.fit_encode(x))
    assert kd.get_state()["removed"].shape == (2, 8)
    assert np.abs(decoded @ kd.get_state()["removed"].T).max() < 0.01 * np.abs(decoded).max()
    assert kd.report["removed"] == 2
    assert kd.report["relative_squared_error"]["source"] > kd.report["relative_squared_error"]["coded"]
    np.testing.assert_allclose(kd.align(x) @ kd.get_state()["removed"].T, 0, atol=1e-4)


def test_only_the_fit_rows_are_learnt_from() -> None:
    x = vectors(300)
    one, other = small("linear", "alternate", fit_rows=100), small("linear", "alternate", fit_rows="all")
    one.fit(x)
    other.fit(x[:100])
    assert all(np.array_equal(one.get_state()[name], array) for name, array in other.get_state().items())
    assert one.head_rows == 100
    assert other.head_rows is None
    assert small("linear", "ste", fit_rows=100).head_rows is None


@pytest.mark.parametrize("solver", ["ste", "random"])
def test_rows_beyond_the_fit_rows_get_codes_too(solver: str) -> None:
    x, kd = vectors(300), small("linear", solver, fit_rows=100)
    codes = kd.fit_encode(x)
    assert len(codes) == 300
    assert np.array_equal(codes[100:], kd.encode(x)[100:]) == (solver == "ste")


def test_the_report_says_what_was_lost() -> None:
    x, kd = vectors(), small("linear", "random", remove_top=0)
    codes = kd.fit_encode(x)
    report, symbols = kd.report, kd.symbols(codes)
    assert report["fit_rows"] == 200
    assert report["relative_squared_error"]["source"] == pytest.approx(relative_error(kd, x, codes), abs=1e-4)
    assert report["collisions"] == collisions(symbols)
    assert (report["symbols_used"], report["perplexity"]) == utilisation(symbols, 6)
    assert report["symbols"] == 18


def test_facts_about_codes() -> None:
    symbols = np.array([[0, 5], [1, 5], [0, 5], [3, 5]], np.uint16)
    used, perplexity = utilisation(symbols, 6)
    assert used == 4
    assert perplexity == [round(2**1.5, 2), 1.0]  # entropy of (1/2, 1/4, 1/4) is 1.5 bits
    assert [rows.tolist() for rows in group(symbols)] == [[0, 2], [1], [3]]
    assert collisions(symbols) == {"distinct_codes": 3, "words_sharing_a_code": 2}
    assert collisions(symbols[:0]) == {"distinct_codes": 0, "words_sharing_a_code": 0}


def test_symbols_no_encoder_writes_become_the_last() -> None:
    kd = small("linear", "alternate").fit(vectors())
    wrong, last = (bits.pack_symbols(np.array([[0, symbol, 1]]), 3) for symbol in (7, 5))
    assert np.array_equal(kd.decode(wrong), kd.decode(last))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"epochs": 3},
            "kd: `epochs` must be 'auto' with `solver` 'alternate' and `compose` 'linear', got 3",
        ),
        (
            {"decay": 0.5},
            "kd: `decay` must be 'auto' with `solver` 'alternate' and `compose` 'linear', got 0.5",
        ),
        (
            {"temperature": 2.0, "compose": "lstm"},
            "kd: `temperature` must be 'auto' with `solver` 'alternate' and `compose` 'lstm', got 2.0",
        ),
        (
            {"iterations": 3, "solver": "ste"},
            "kd: `iterations` must be 'auto' with `solver` 'ste' and `compose` 'linear', got 3",
        ),
        (
            {"batch_size": 9, "solver": "random"},
            "kd: `batch_size` must be 'auto' with `solver` 'random' and `compose` 'linear', got 9",
        ),
    ],
)
def test_options_without_effect_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ParameterError) as caught:
        KdCompressor.from_config(options)
    assert str(caught.value) == message


def test_a_code_dimension_above_the_vectors_is_refused_where_it_cannot_help() -> None:
    with pytest.raises(ParameterError) as caught:
        small("linear", "alternate", code_dim=9).fit(vectors())
    assert str(caught.value) == (
        "kd: `code_dim` must be at most the number of dimensions (8) with `compose` 'linear', got 9"
    )
    assert small("lstm", "random", code_dim=9).fit(vectors()).dim == 8


def test_too_many_logits_are_refused_with_the_figure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kd_module, "LOGITS_LIMIT", 40_000)
    with pytest.raises(ParameterError) as caught:
        small("linear", "ste").fit(vectors())
    assert str(caught.value) == (
        "kd: `solver` 'ste' needs 0.00 GB for the logits of 200 words (200 × 3 × 6 × 12 bytes), more than 0.00 GB; "
        "learn from fewer with `fit_rows`, the codes of the others are searched for"
    )


@pytest.mark.parametrize(
    ("name", "shape", "message"),
    [
        ("codebooks", (3, 5, 8), "'codebooks' must be |i1 of shape (3, 6, 8), got |i1 of (3, 5, 8)"),
        ("codebooks", (0, 6, 8), "'codebooks' must be |i1 of shape (3, 6, 8), got |i1 of (0, 6, 8)"),
        ("transform", (2, 8), "'codebooks' must be |i1 of shape (3, 6, 2), got |i1 of (3, 6, 8)"),
        ("removed", (1, 7), "'removed' must be <f4 of shape (removed, 8), got <f4 of (1, 7)"),
    ],
)
def test_state_that_does_not_fit_is_refused(name: str, shape: tuple[int, ...], message: str) -> None:
    kd = small("linear", "alternate").fit(vectors())
    with pytest.raises(CorruptError) as caught:
        small("linear", "alternate").set_state(kd.get_state() | {name: np.zeros(shape, kd.get_state()[name].dtype)})
    assert str(caught.value) == f"state {message}"


def test_a_state_without_codebooks_is_refused() -> None:
    kd = KdCompressor(ways=6).fit(vectors())
    empty = {"codebooks": np.zeros((0, 6, 8), np.int8), "codebook_scales": np.zeros(0, np.float32)}
    with pytest.raises(CorruptError, match=r"^state 'codebooks' must hold at least one codebook, got none$"):
        KdCompressor(ways=6).set_state(kd.get_state() | empty)


def test_bits_are_spent_on_symbols() -> None:
    assert KdCompressor.options_for_bits(100, 100, {}) == {"dims": 100 // symbol_bits(KdCompressor().ways)}
    assert KdCompressor.options_for_bits(100, 100, {"ways": 50}) == {"dims": 16}
    assert KdCompressor.options_for_bits(3, 100, {"ways": 50}) == {"dims": 1, "ways": 8}
    assert KdCompressor.options_for_bits(3, 100, {"dims": 2}) is None
