"""ALONE as a compressor: what it stores, what it refuses, what it reports."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from embcomp import bits
from embcomp.compressors import alone_training, narrow
from embcomp.compressors.alone import EPOCHS, ERROR_ROWS, STEPS, AloneCompressor
from embcomp.compressors.alone_training import learning_rate
from embcomp.compressors.base import CodeLayout
from embcomp.compressors.feed_forward import Network
from embcomp.compressors.registry import make_compressor
from embcomp.container.description import describe
from embcomp.container.reader import open_container, verify
from embcomp.container.writer import save
from embcomp.embedding import Embedding
from embcomp.encoded import EncodedEmbedding
from embcomp.errors import CorruptError, ParameterError


def some_vectors(n_rows: int = 120, dim: int = 32) -> np.ndarray:
    rng = np.random.default_rng(5)
    return (rng.standard_normal((n_rows, dim)) * 0.3 + rng.standard_normal(dim)).astype(np.float32)


def new(**config: Any) -> AloneCompressor:
    compressor = make_compressor("alone", **({"inter": 40, "epochs": 30, "weights": "float32"} | config))
    assert isinstance(compressor, AloneCompressor)
    return compressor


def volatile(n_rows: int) -> np.ndarray:
    return np.empty((n_rows, 0), np.uint8)


def relative_error(vectors: np.ndarray, decoded: np.ndarray) -> float:
    vectors, decoded = vectors.astype(np.float64), decoded.astype(np.float64)
    return float(((vectors - decoded) ** 2).sum() / ((vectors - vectors.mean(axis=0)) ** 2).sum())


def state_of(compressor: AloneCompressor, **changed: Any) -> dict[str, np.ndarray]:
    return {**compressor.get_state(), **changed}


# Learning


@pytest.mark.parametrize("filter", ["binary", "real"])
def test_a_network_with_enough_units_learns_every_vector(filter: str) -> None:
    vectors = some_vectors()
    compressor = new(filter=filter, inter=240, epochs=1000)
    compressor.fit(vectors)
    assert relative_error(vectors, compressor.decode(volatile(120))) < 1e-3
    assert compressor.report["relative_error"]["stored"] == pytest.approx(
        relative_error(vectors, compressor.decode(volatile(120))), abs=2e-6
    )


def test_more_units_lose_less() -> None:
    errors = []
    for inter in (5, 20, 80):
        compressor = new(inter=inter, epochs=200)
        compressor.fit(some_vectors())
        errors.append(compressor.report["relative_error"]["trained"])
    assert errors[0] > 1.2 * errors[1] > 1.2**2 * errors[2]


def test_the_losses_fall_and_there_is_one_for_each_epoch() -> None:
    compressor = new(epochs=40)
    compressor.fit(some_vectors())
    losses = compressor.report["losses"]
    assert len(losses) == 40
    assert losses[0] == pytest.approx(1, abs=0.02)  # it starts from the mean
    assert losses[-1] < losses[0]


@pytest.mark.parametrize("factor", [1e-6, 1.0, 1e6])
def test_the_scale_of_the_vectors_does_not_matter(factor: float) -> None:
    vectors = some_vectors()
    compressor = new(epochs=100)
    compressor.fit((vectors * factor).astype(np.float32))
    plain = new(epochs=100)
    plain.fit(vectors)
    assert compressor.report["relative_error"]["trained"] == pytest.approx(
        plain.report["relative_error"]["trained"], rel=0.02
    )


def test_fix_base_keeps_o() -> None:
    fixed, free = new(fix_base=True), new()
    fixed.fit(some_vectors())
    free.fit(some_vectors())
    assert (fixed.network_.base == 1).all()
    assert (free.network_.base != 1).any()


@pytest.mark.parametrize("inter", [40, 400], ids=["one slice", "four slices"])
def test_training_that_diverges_is_refused(inter: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(AloneCompressor, "check_config", lambda self: None)
    unchecked = AloneCompressor(learning_rate=1e30, inter=inter, epochs=5)  # to be sure that it does
    with pytest.raises(ParameterError) as caught:
        unchecked.fit(some_vectors())
    assert str(caught.value) == "alone: training diverged; `learning_rate` must be below 1e+30"


def test_the_largest_rate_allowed_gives_numbers() -> None:
    compressor = new(learning_rate=0.999, epochs=300)
    compressor.fit(some_vectors())
    assert np.isfinite(compressor.decode(volatile(120))).all()


def test_the_automatic_rate_follows_from_the_width() -> None:
    assert [round(learning_rate(n_units), 4) for n_units in (1, 400, 600, 2400, 9600)] == [
        0.01,
        0.01,
        0.0082,
        0.0041,
        0.002,
    ]


def test_a_time_budget_ends_training_and_is_reported() -> None:
    compressor = new(time_budget=0.2, epochs=10**6)
    compressor.fit(some_vectors())
    report = compressor.report
    assert 1 <= report["epochs"] < 10**6
    assert not report["deterministic"]
    assert report["warnings"][-1] == "training was given 0.2 seconds: another run gives other bytes"
    assert new().fit(some_vectors()).report["deterministic"]


def test_progress_tells_epoch_loss_and_seconds_left() -> None:
    heard: list[tuple[str, int, int, str]] = []
    new(epochs=7).fit(some_vectors(), lambda stage, done, total, note="": heard.append((stage, done, total, note)))
    assert heard[-1][:3] == ("epoch", 7, 7)
    loss, left = heard[-1][3].split(", ")
    assert loss.startswith("loss 0.")
    assert left == "0 s left"


def test_the_error_of_many_rows_is_measured_on_some() -> None:
    vectors = some_vectors(3 * ERROR_ROWS, 4)
    compressor = new(epochs=1, filter="real")
    compressor.fit(vectors)
    assert compressor.report["error_rows"] == ERROR_ROWS
    exact = relative_error(vectors, compressor.decode(volatile(len(vectors))))
    assert compressor.report["relative_error"]["stored"] == pytest.approx(exact, rel=0.02)


def test_automatic_epochs_are_fewer_for_many_rows() -> None:
    compressor = new(epochs="auto", batch_size=256)
    assert compressor._n_epochs(0) == EPOCHS
    assert compressor._n_epochs(5000) == EPOCHS
    assert compressor._n_epochs(341_479) == STEPS * 256 // 341_479
    assert compressor._n_epochs(10**9) == 1


# Rows and codes


def test_a_code_belongs_to_its_row() -> None:
    vectors = some_vectors()
    rows = np.random.default_rng(1).permutation(120).astype(np.int64)
    compressor = new(inter=240, epochs=600)
    codes = compressor.fit_encode(vectors)
    assert codes.shape == (120, 0)
    assert compressor.layout == CodeLayout("none", 0)
    assert relative_error(vectors, compressor.decode(codes)) < 0.01
    assert relative_error(vectors[rows], compressor.decode(codes, rows)) < 0.01
    assert relative_error(vectors, compressor.decode(codes, rows)) > 1
    np.testing.assert_allclose(compressor.decode(volatile(1), rows[5:6])[0], vectors[rows[5]], atol=0.1)


def test_encode_refuses_with_a_reason() -> None:
    compressor = new()
    compressor.fit(some_vectors())
    with pytest.raises(ParameterError) as caught:
        compressor.encode(some_vectors())
    assert str(caught.value) == (
        "alone: new vectors cannot be encoded, because a code belongs to its row and not to its vector"
    )
    assert not AloneCompressor.encodes_vectors


@pytest.mark.parametrize("filter", ["binary", "real"])
@pytest.mark.parametrize("sizes", [{}, {"columns": 5, "matrices": 4}, {"columns": 6, "matrices": 3}])
def test_stored_filters_decode_as_volatile_ones(filter: str, sizes: dict[str, int]) -> None:
    vectors = some_vectors(100)
    rows = np.random.default_rng(1).permutation(100).astype(np.int64)
    seeded, stored = new(filter=filter, **sizes), new(filter=filter, store_filters=True, **sizes)
    nothing, codes = seeded.fit_encode(vectors), stored.fit_encode(vectors)
    expected = seeded.decode(nothing)
    np.testing.assert_allclose(seeded.decode(nothing, rows), expected[rows], rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(stored.decode(codes, rows), expected, rtol=1e-4, atol=1e-5)
    reopened = new(filter=filter, store_filters=True, **sizes)
    reopened.set_state(stored.get_state())
    # the rows' numbers are not needed
    np.testing.assert_allclose(reopened.decode(codes), expected, rtol=1e-4, atol=1e-5)


def test_stored_columns_take_as_few_bits_as_they_can() -> None:
    for columns, symbol_bits in ((64, 6), (65, 7), (2, 1), (5, 3)):
        compressor = new(columns=columns, store_filters=True, epochs=1)
        codes = compressor.fit_encode(some_vectors(20))
        assert compressor.layout == CodeLayout("indexed", 8, symbol_bits)
        assert codes.shape == (20, bits.row_bytes(8 * symbol_bits))


def test_a_stored_column_that_does_not_exist_is_refused() -> None:
    compressor = new(columns=5, matrices=4, store_filters=True, epochs=1)
    codes = compressor.fit_encode(some_vectors())
    codes[7] = 0xFF
    with pytest.raises(CorruptError, match=r"^a code names column 7, the source matrices have 5$"):
        compressor.decode(codes)


def test_no_two_words_share_all_columns() -> None:
    """6³ combinations for 100 rows: without drawing again, some words would be one."""
    compressor = new(columns=6, matrices=3, filter="real", epochs=1)
    compressor.fit(some_vectors(100))
    assert compressor.report["redrawn"] == len(compressor.redrawn_rows_) > 0
    again = new(columns=6, matrices=3, filter="real", epochs=1)
    again.set_state(compressor.get_state())
    decoded = again.decode(volatile(100))
    assert len(np.unique(decoded, axis=0)) == 100
    assert decoded.tobytes() == compressor.decode(volatile(100)).tobytes()


def test_too_few_combinations_are_refused() -> None:
    with pytest.raises(ParameterError) as caught:
        new(columns=2, matrices=3).fit(some_vectors(5))
    assert str(caught.value) == (
        "alone: `columns` to the power of `matrices` must be at least 10, twice the number of rows, got 2^3 = 8"
    )
    new(columns=2, matrices=3, epochs=1).fit(some_vectors(4))
    new(columns=1, matrices=1, epochs=1).fit(some_vectors(1))


def test_masks_that_coincide_are_counted() -> None:
    """Two numbers a mask: four masks at most."""
    compressor = new(epochs=1)
    compressor.fit(some_vectors(50, dim=2))
    assert compressor.report["shared_filters"] >= 46
    assert any("have the filter of another word" in warning for warning in compressor.report["warnings"])


# Size


@pytest.mark.parametrize("weights", narrow.STORED)
@pytest.mark.parametrize("store_filters", [False, True])
@pytest.mark.parametrize("ratio", [1.5, 4, 10])
def test_the_ratio_asked_for_is_the_ratio_got(weights: str, store_filters: bool, ratio: float) -> None:
    vectors = some_vectors(2500, 40)
    compressor = new(inter="auto", ratio=ratio, weights=weights, store_filters=store_filters, epochs=1, matrices=4)
    codes = compressor.fit_encode(vectors)
    state = compressor.get_state()
    needed = sum(state[name].nbytes for name in compressor.decode_state)
    stored = needed + bits.stream_bytes(len(vectors), compressor.layout.row_bits)
    assert codes.shape[0] == 2500
    assert compressor.report["ratio"] == pytest.approx(vectors.nbytes / stored, abs=1e-3)
    assert ratio <= vectors.nbytes / stored < 1.1 * ratio


def test_nothing_saved_is_said() -> None:
    compressor = new(inter=240)
    compressor.fit(some_vectors())
    n_bytes = 4 * (240 * 64 + 32 + 32 + 1)
    assert compressor.report["warnings"][0] == (
        f"nothing is saved: the network takes {n_bytes} bytes, the float32 vectors 15360; "
        "give a lower `inter` or a higher `ratio`"
    )
    assert compressor.report["numbers"] == {"vectors": 3840, "network": 240 * 64 + 32}
    assert new(inter=2400, weights="int8").fit(some_vectors()).report["ratio"] < 1


def test_the_size_of_the_paper() -> None:
    """Top 5,000 words of 100 dimensions at D_inter 2400: 0.96 numbers for each of the original's."""
    compressor = new(inter=2400, epochs=1)
    compressor.fit(some_vectors(5000, 100))
    numbers = compressor.report["numbers"]
    assert numbers["network"] == 480_100
    assert numbers["network"] / numbers["vectors"] == pytest.approx(0.96, abs=0.001)


@pytest.mark.parametrize("config", [{"inter": 5, "ratio": 4.0}, {"filter": "real", "zeros": 0.4}])
def test_options_without_effect_are_refused(config: dict[str, Any]) -> None:
    with pytest.raises(ParameterError) as caught:
        make_compressor("alone", **config)
    assert str(caught.value) in (
        "alone: `ratio` must be 'auto' when `inter` is given, got 4.0 and 5",
        "alone: `zeros` must be 0.5 with `filter` 'real', got 0.4",
    )


# Weights


def test_int8_by_hand() -> None:
    inner = np.array([[127, -63.4], [0, 0]], np.float32)
    outer = np.array([[2.54, 0.02, -2.54], [1, 1, 1]], np.float32)
    state = narrow.narrow(inner, outer, "int8")
    assert state["inner"].tolist() == [[127, -63], [0, 0]]
    assert state["outer"].tolist() == [[127, 1, -127], [127, 127, 127]]
    np.testing.assert_allclose(state["unit_scale"], [1 * 0.02, 1 * 1 / 127], rtol=1e-6)
    back_inner, back_outer = narrow.widen(**state)
    np.testing.assert_allclose(back_inner, [[127, -63], [0, 0]])
    np.testing.assert_allclose(back_outer, outer, rtol=1e-6)


@pytest.mark.parametrize(("weights", "most"), [("float32", 0.0), ("float16", 1e-6), ("int8", 1e-3)])
def test_rounded_weights_compute_nearly_the_same(weights: str, most: float) -> None:
    rng = np.random.default_rng(0)
    network = Network(
        np.ones(30, np.float32),
        rng.standard_normal((50, 30)).astype(np.float32),
        rng.standard_normal((50, 20)).astype(np.float32),
    )
    state = narrow.narrow(network.inner, network.outer, weights)
    filters = rng.standard_normal((100, 30)).astype(np.float32)
    expected = network(filters)
    got = Network(network.base, *narrow.widen(**state))(filters)
    assert float(((got - expected) ** 2).sum() / (expected**2).sum()) <= most
    n_bytes = sum(array.nbytes for array in state.values())
    assert n_bytes == 50 * narrow.unit_bytes(weights, 30, 20)


@pytest.mark.parametrize("weights", ["float16", "int8"])
def test_the_report_says_what_rounding_costs(weights: str) -> None:
    vectors = some_vectors()
    compressor = new(inter=240, epochs=600, weights=weights)
    compressor.fit(vectors)
    errors = compressor.report["relative_error"]
    assert errors["trained"] <= errors["stored"] < errors["trained"] + 0.01
    assert errors["stored"] == pytest.approx(relative_error(vectors, compressor.decode(volatile(120))), abs=2e-6)


# State and container


@pytest.mark.parametrize(
    "config",
    [
        {},
        {"filter": "real"},
        {"weights": "float16"},
        {"filter": "real", "weights": "int8", "columns": 6, "matrices": 3},
        {"filter": "real", "store_filters": True, "columns": 7},
        {"store_filters": True, "weights": "int8"},
    ],
)
def test_a_file_gives_the_same_vectors(config: dict[str, Any], tmp_path: Path) -> None:
    vectors = some_vectors(100)
    words = [f"w{(37 * rank) % 100}" for rank in range(100)]  # not in ascending order
    compressor = new(inter=200, epochs=400, **config)
    encoded = EncodedEmbedding.encode(Embedding(words, vectors), compressor)
    path = tmp_path / "x.embc"
    save(encoded, path)
    opened = open_container(path)
    assert verify(path) == []
    assert opened.decode_all().tobytes() == encoded.decode_all().tobytes()
    assert relative_error(vectors, opened.decode_all()) < 0.05
    np.testing.assert_allclose(opened.vector("w37"), opened.decode_all()[1], rtol=1e-4, atol=1e-5)
    ratio = describe(path)["ratio"]["vectors"]
    assert math.isclose(ratio, compressor.report["ratio"], abs_tol=2e-3)


def test_the_same_seed_gives_the_same_file_and_another_another() -> None:
    def state(seed: int) -> list[bytes]:
        compressor = new(random_state=seed)
        compressor.fit(some_vectors())
        return [array.tobytes() for array in compressor.get_state().values()]

    assert state(1) == state(1)
    assert state(1) != state(2)


@pytest.mark.parametrize(
    ("config", "changed", "message"),
    [
        (
            {},
            {"inner": np.zeros((40, 31), np.float32)},
            "state 'inner' must be <f4 of shape (units, 32), got ",
        ),
        ({}, {"outer": np.zeros((39, 32), np.float32)}, "state 'outer' must be <f4 of shape (40, 32), got "),
        ({}, {"base": np.full(32, np.nan, np.float32)}, "state 'base' holds values that are not finite"),
        ({"weights": "int8"}, {"inner": np.zeros((40, 32), np.float32)}, "state 'inner' must be |i1 of"),
        (
            {"weights": "int8"},
            {"unit_scale": np.zeros(3, np.float32)},
            "state 'unit_scale' must be <f4 of shape",
        ),
        (
            {},
            {"redrawn_rows": np.array([3, 3]), "redrawn_attempts": np.array([1, 1])},
            "state 'redrawn_rows' must ascend from 0 and 'redrawn_attempts' be at least 1",
        ),
        (
            {},
            {"redrawn_rows": np.array([3]), "redrawn_attempts": np.array([0])},
            "state 'redrawn_rows' must ascend from 0 and 'redrawn_attempts' be at least 1",
        ),
        (
            {"store_filters": True},
            {"sources": np.zeros((8, 64, 1), np.uint8)},
            "state 'sources' must be |u1 of",
        ),
    ],
)
def test_a_state_that_does_not_fit_together_is_refused(
    config: dict[str, Any], changed: dict[str, np.ndarray], message: str
) -> None:
    compressor = new(epochs=1, **config)
    compressor.fit(some_vectors())
    with pytest.raises(CorruptError) as caught:
        new(**config).set_state(state_of(compressor, **changed))
    assert str(caught.value).startswith(message)


def test_the_time_of_a_training_is_that_of_its_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([0.0, 6.0])
    monkeypatch.setattr(alone_training.time, "perf_counter", lambda: next(clock))
    few = AloneCompressor(inter=4, epochs=10, batch_size=100)
    assert few.seconds_to_fit(1000, 8) == 10 * 10 * 6.0 / alone_training.MEASURED_STEPS
    assert AloneCompressor(inter=4, time_budget=90).seconds_to_fit(1000, 8) == 90.0
