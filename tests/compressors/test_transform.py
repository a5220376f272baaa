"""Graded codes: levels, shared-out bits, bands of rank, lengths, and the methods made of them."""

from __future__ import annotations

import numpy as np
import pytest

from embcomp.compressors import grades, lengths, principal, scalar
from embcomp.compressors.registry import make_compressor
from embcomp.encoded import EncodedEmbedding
from embcomp.inputs import as_embedding


def ordered_rows(n_rows: int = 8192, dim: int = 8) -> np.ndarray:
    """Rows whose mean moves with the rank, and whose length falls, as in trained embeddings."""
    rng = np.random.default_rng(0)
    spread = rng.standard_normal((n_rows, dim)) * np.linspace(2, 0.5, dim)
    return (spread + (15 - np.log2(np.arange(n_rows) + 2))[:, None] * np.eye(dim)[0]).astype(np.float32)


@pytest.mark.parametrize("n_bits", range(1, 8))
def test_levels_are_symmetric_and_where_lloyd_and_max_leave_them(n_bits: int) -> None:
    levels = scalar.levels(n_bits).astype(np.float64)
    assert len(levels) == 2**n_bits
    assert (np.diff(levels) > 0).all()
    np.testing.assert_array_equal(levels, -levels[::-1])


def test_one_bit_of_a_normal_number_leaves_what_theory_says() -> None:
    """The error of ± a about √(2/π) is 1 − 2/π, but for the heavier tails that levels are made for."""
    assert abs(scalar.distortion(0) - 1) < 1e-9
    assert abs(scalar.distortion(1) - (1 - 2 / np.pi)) < 0.01
    assert all(scalar.distortion(n + 1) < scalar.distortion(n) for n in range(scalar.MOST_BITS))


def test_nearest_levels_are_nearest() -> None:
    values = np.random.default_rng(1).standard_normal((500, 3)).astype(np.float32)
    for n_bits in (1, 3, 4, 6):
        levels = scalar.levels(n_bits)
        found = levels[scalar.nearest_levels(values, n_bits)]
        best = np.abs(values[..., None] - levels).min(axis=-1)
        np.testing.assert_allclose(np.abs(values - found), best, atol=1e-6)


def test_bits_go_where_they_save_most() -> None:
    assert scalar.allot(np.array([16.0, 1.0, 0.0]), 0).tolist() == [0, 0, 0]
    assert scalar.allot(np.array([16.0, 1.0, 0.0]), 1).tolist() == [1, 0, 0]
    assert scalar.allot(np.array([1.0, 1.0]), 3).tolist() == [2, 1]  # the first of equals
    assert scalar.allot(np.array([16.0, 1.0]), 8).sum() == 8


@pytest.mark.parametrize("slope", [0, 8, 30])
@pytest.mark.parametrize("average", [0.5, 12.5, 100.0])
def test_widths_fall_and_have_the_average(slope: int, average: float) -> None:
    ends = grades.band_ends(341_479)
    found = grades.widths(ends, average, slope)
    assert found == sorted(found, reverse=True)
    mean = np.diff([0, *ends]) @ np.array(found) / ends[-1]
    assert average - 1 <= mean <= average


def test_bands_cover_all_ranks() -> None:
    for n_rows in (0, 1, 511, 1024, 10_000, 341_479):
        ends = grades.band_ends(n_rows)
        assert ends[-1] == n_rows
        assert ends == sorted(set(ends))


def test_lengths_come_back_within_half_a_step() -> None:
    long = np.random.default_rng(2).lognormal(0, 1, 1000)
    levels = lengths.length_levels(long, 5)
    assert len(levels) == 32
    ratios = levels[lengths.nearest_lengths(long, levels)] / long
    half_a_step = (levels[1] / levels[0]) ** 0.5 * 1.001
    assert (ratios <= half_a_step).all()
    assert (ratios >= 1 / half_a_step).all()


def test_lengths_are_kept_where_they_vary() -> None:
    assert not lengths.vary(np.linspace(1, 2, 1000), 100)
    assert lengths.vary(np.geomspace(1, 100, 1000), 100)


@pytest.mark.parametrize("dim", [1, 2, 8, 100])
def test_lengths_that_vary_by_chance_are_not_kept(dim: int) -> None:
    rows = np.random.default_rng(5).standard_normal((5000, dim))
    long = np.linalg.norm(rows, axis=1)
    assert not lengths.vary(long, dim)
    assert dim < 8 or lengths.vary(long * np.geomspace(1, 20, 5000), dim)


def test_unit_rows_are_those_of_the_principal_coordinates() -> None:
    rows = ordered_rows(64)
    mean = rows.mean(axis=0)
    directions = np.linalg.qr(np.random.default_rng(3).standard_normal((8, 8)))[0][:5]
    whole, scales = principal.stored_directions(directions, "<i2")
    weights = np.array([1, 2, 1, 1, 0.5], dtype=np.float32)
    units, long = principal.unit_rows(rows, mean, whole, scales, weights)
    plain = (rows - mean).astype(np.float64) @ directions.T
    np.testing.assert_allclose(long, np.linalg.norm(plain, axis=1), rtol=1e-3)
    np.testing.assert_allclose(units, plain / np.linalg.norm(plain, axis=1, keepdims=True) * weights, atol=1e-3)


def test_whitened_coordinates_spread_alike_and_as_far_as_before() -> None:
    spreads = np.array([8.0, 4.0, 2.0])
    np.testing.assert_allclose(principal.whitening(spreads, 0), 1, rtol=1e-6)
    whitened = spreads * principal.whitening(spreads, 1)
    np.testing.assert_allclose(whitened, np.sqrt(28), rtol=1e-6)
    assert np.isfinite(principal.whitening(np.zeros(3), 0.75)).all()


def test_directions_of_rows_have_length_one() -> None:
    rows = ordered_rows(64)
    rows[5] = 0
    found = principal.directions_of(rows, np.zeros(8, dtype=np.float32))
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), [0 if row == 5 else 1 for row in range(64)], atol=1e-5)
    np.testing.assert_allclose(found[0], rows[0] / np.linalg.norm(rows[0]), atol=1e-5)


def test_frequent_words_have_wider_codes() -> None:
    fitted = make_compressor("transform", bits=8, grade=2).fit(ordered_rows())
    widths = [layout.row_bits for layout in fitted.layouts]
    assert widths == sorted(widths, reverse=True)
    assert widths[0] >= widths[-1] + 4


def test_words_in_no_order_of_frequency_have_one_width() -> None:
    rows = ordered_rows()
    lengths_alike = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    for ordered in (rows, lengths_alike, rows[:1024]):
        fitted = make_compressor("transform", bits=8).fit(ordered)
        assert fitted.report["ordered"]
        assert len(fitted.layouts) == len(grades.band_ends(len(ordered)))
        shuffled = np.random.default_rng(4).permutation(ordered)
        for other in (shuffled, ordered[::-1].copy()):
            fitted = make_compressor("transform", bits=8).fit(other)
            assert not fitted.report["ordered"]
            assert len(fitted.layouts) == 1


@pytest.mark.parametrize("method", ["transform", "itq"])
def test_rare_words_keep_bits_however_short_they_are(method: str) -> None:
    rng = np.random.default_rng(5)
    rows = rng.standard_normal((8192, 16)) + np.log2(np.arange(8192) + 2)[:, None] / 8
    short = (rows / (np.arange(8192) + 1)[:, None] ** 0.5).astype(np.float32)
    widths = [
        make_compressor(method, bits=16, grade="auto", lengths=n_bits).fit(short).layouts[-1].row_bits - n_bits
        for n_bits in (0, 5)
    ]
    assert min(widths) >= 8


def test_a_slope_that_is_given_needs_no_order() -> None:
    rows = np.random.default_rng(4).permutation(ordered_rows())
    assert len(make_compressor("transform", bits=8, grade=1).fit(rows).layouts) > 1
    assert len(make_compressor("transform", bits=8, grade=0).fit(ordered_rows()).layouts) == 1


def test_octaves_are_logarithms_within_a_tenth() -> None:
    ranks = np.arange(5000)
    np.testing.assert_allclose(grades._octave_of(ranks) * grades.OCTAVE_UNIT, np.log2(ranks + 1), atol=0.09)


def test_correlation_of_ranks_is_that_of_spearman() -> None:
    from scipy.stats import spearmanr

    long = np.random.default_rng(6).random(100) - np.arange(100) / 100
    assert abs(grades._rank_correlation(long) - spearmanr(long, np.arange(100))[0]) < 1e-12
    assert grades._rank_correlation(np.ones(100)) == 1


def test_the_slope_gives_back_half_of_what_bands_gain() -> None:
    """Two bands that differ in their means only: with equal widths, the error is lower by what the means explain."""
    variance = np.ones(32)
    apart = [grades.BandStatistics(1000, np.full(32, far), variance) for far in (1.0, -1.0)]
    errors, without_bands = grades.least_errors(variance, 64), 2 * grades.least_errors(variance + 1, 64)[32]

    def error(slope: int) -> float:
        return float(sum(errors[width] for width in grades.widths([1000, 2000], 32, slope)))

    slope = grades.steepest_slope(apart, 32)
    assert error(0) < error(slope) <= (error(0) + without_bands) / 2 < error(slope + 1)
    assert grades.steepest_slope(apart[:1], 32) == 0


def test_more_bits_leave_less_error() -> None:
    rows = ordered_rows()
    words = [f"w{number}" for number in range(len(rows))]
    errors = []
    for bits in (8, 16, 32, 64):
        encoded = EncodedEmbedding.encode(
            as_embedding(words, rows), make_compressor("transform", bits=bits, space="source", lengths=8)
        )
        errors.append(float(np.square(encoded.decode_all() - rows).sum()))
    assert errors == sorted(errors, reverse=True)
    assert errors[-1] < 0.01 * np.square(rows - rows.mean(axis=0)).sum()


def test_rows_after_all_others_are_coded_as_the_last_band() -> None:
    rows = ordered_rows()
    words = [f"w{number}" for number in range(len(rows))]
    encoded = EncodedEmbedding.encode(as_embedding(words, rows), make_compressor("transform", bits=8))
    grown, known = encoded.extended(as_embedding(["new", "w3"], rows[:2]))
    assert known == 1
    assert len(grown) == len(rows) + 1
    np.testing.assert_array_equal(grown.decode_rows(np.arange(len(rows))), encoded.decode_all())
    last = len(encoded.compressor.layouts) - 1
    alone = encoded.compressor.decode(encoded.compressor.encode(rows[:1], grade=last), grade=last)
    np.testing.assert_array_equal(grown.decode_rows(np.array([len(rows)])), alone)


def spread_rows(spreads: np.ndarray, mean: float) -> np.ndarray:
    """Rows that spread so far along each axis, around a mean."""
    rng = np.random.default_rng(7)
    return (rng.standard_normal((4096, len(spreads))) * spreads + mean).astype(np.float32)


@pytest.mark.parametrize("method", ["transform", "additive"])
def test_the_mean_comes_back_where_no_direction_stands_out(method: str) -> None:
    cluster, decay = np.ones(40), np.geomspace(8, 0.5, 40)
    standing_out = np.where(np.arange(40) == 0, 3.0, cluster)
    spaces = {}
    for name, spreads, mean in (("decay", decay, 2), ("top", standing_out, 2), ("centred", decay, 0)):
        rows = spread_rows(spreads, mean)
        fitted = make_compressor(method, bits=20).fit(rows)
        spaces[name] = fitted.report["space"]
        assert (fitted.offset is None) == (spaces[name] == "source")
        moved = fitted.decode(fitted.encode(rows)).mean(axis=0)
        assert (np.abs(moved - rows.mean(axis=0)).max() < 0.2) == (spaces[name] == "source" or not mean)
    assert spaces == {"decay": "source", "top": "isotropic", "centred": "isotropic"}


def test_lengths_take_a_quarter_of_few_bits_at_most() -> None:
    fitted = make_compressor("transform", bits=8).fit(spread_rows(np.geomspace(8, 0.5, 40), 2))
    assert {layout.length_bits for layout in fitted.layouts} == {2}


def test_codewords_leave_less_error_than_scalars_alone() -> None:
    """With few bits a word, and rows enough for codebooks."""
    rows = np.random.default_rng(5).standard_normal((40_000, 16)).astype(np.float32)
    errors = {}
    for method in ("transform", "additive"):
        fitted = make_compressor(method, bits=8, space="isotropic").fit(rows)
        vectors = fitted.decode(fitted.encode(rows[:4096]))
        cosines = np.einsum("nd,nd->n", vectors, rows[:4096])
        cosines /= np.linalg.norm(vectors, axis=1) * np.linalg.norm(rows[:4096], axis=1)
        errors[method] = 1 - cosines.mean()
    assert errors["additive"] < 0.9 * errors["transform"]


def test_codebooks_are_nested() -> None:
    """Rare words have fewer codewords, and the bits beyond codewords go to scalars."""
    fitted = make_compressor("additive", bits=24, grade=4, codebooks=3).fit(ordered_rows())
    depths = fitted.depths_.tolist()
    assert depths == sorted(depths, reverse=True)
    assert (depths[0], len(fitted.codewords_)) == (3, 3)
    assert depths[-1] < 3
    for band, layout in enumerate(fitted.layouts):
        assert layout.symbols == 8 * depths[band] + fitted.shares_[band].sum()
