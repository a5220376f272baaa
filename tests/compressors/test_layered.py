"""Graded codes of signs, against the sums that they stand for; and lengths of rows."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from embcomp import bits
from embcomp.compressors import lengths
from embcomp.compressors.registry import make_compressor
from embcomp.container.description import describe
from embcomp.container.reader import verify
from embcomp.container.writer import save
from embcomp.embedding import Embedding
from embcomp.encoded import EncodedEmbedding
from embcomp.errors import CorruptError, ParameterError
from embcomp.eval.statistics import cosines
from tests.compressors.test_transform import ordered_rows

CASES: list[tuple[str, dict[str, Any]]] = [
    ("sign", {"grade": 2.0}),
    ("sign", {"grade": "auto", "threshold": "zero", "lengths": 6}),
    ("itq", {"grade": 3.0, "bits": 6}),
    ("iiq", {"grade": 2.5, "bits": 12, "remove_top": 1, "lengths": 4}),
]
each_case = pytest.mark.parametrize(("method", "config"), CASES, ids=[method for method, _ in CASES])


def words(n_rows: int) -> list[str]:
    return [f"w{number}" for number in range(n_rows)]


def encoded(method: str, rows: np.ndarray, **config: Any) -> EncodedEmbedding:
    return EncodedEmbedding.encode(Embedding(words(len(rows)), rows), make_compressor(method, **config))


def signs_by_definition(compressor: Any, rows: np.ndarray, band: int) -> np.ndarray:
    """The signs of graded codes, as docs/format.md has it, row by row."""
    state = compressor.get_state()
    origin = state["thresholds" if "thresholds" in state else "mean"].astype(np.float64)
    removed = state.get("removed", np.zeros((0, rows.shape[1]))).astype(np.float64)
    directions = np.eye(rows.shape[1])[state["axes"]] if "axes" in state else state["directions"].astype(np.float64)
    out = []
    for row in rows.astype(np.float32) - origin.astype(np.float32):
        x = row.astype(np.float64) - removed.T @ (removed @ row)
        length = np.linalg.norm(x)
        x = np.rint(2**15 * x / length if length else x)
        x -= np.rint(2**15 * state["centres"][band].astype(np.float64))
        found: list[bool] = []
        for end in state["layers"].tolist():
            layer = slice(len(found), end)
            if end > state["widths"][band]:
                break
            above = directions[layer] @ x > 0
            x -= np.rint(
                2**15 * (np.where(above, 1, -1) * state["steps"][layer].astype(np.float64)) @ directions[layer]
            )
            found += above.tolist()
        out.append(found)
    return np.array(out)


@each_case
def test_signs_are_those_of_the_definition(method: str, config: dict[str, Any]) -> None:
    rows = ordered_rows(3000)
    compressor = make_compressor(method, **config).fit(rows)
    for band in (0, len(compressor.layouts) - 1):
        width = int(compressor.get_state()["widths"][band])
        found = bits.unpack(compressor.encode(rows[:40], grade=band), width)
        expected = signs_by_definition(compressor, rows[:40], band)
        assert (found == expected).mean() > 0.99  # rounding to whole numbers may decide


@each_case
def test_codes_have_the_mean_width_and_frequent_words_lose_less(method: str, config: dict[str, Any]) -> None:
    rows = ordered_rows()
    embedding = encoded(method, rows, **config)
    layouts = embedding.compressor.layouts
    widths = [layout.symbols for layout in layouts]
    assert len(layouts) > 3
    assert widths == sorted(widths, reverse=True)
    average = config.get("bits", rows.shape[1])
    assert average - 1 <= embedding.codes.row_bits - layouts[0].length_bits <= average
    wanted = embedding.compressor.align(rows[:600])
    as_rare = embedding.compressor.decode(
        embedding.compressor.encode(rows[:600], grade=len(layouts) - 1), grade=len(layouts) - 1
    )
    assert cosines(wanted, embedding.decode_rows(np.arange(600))).mean() > cosines(wanted, as_rare).mean() + 0.01


@each_case
def test_a_grade_of_one_width_is_as_wide_as_no_grade(method: str, config: dict[str, Any]) -> None:
    """And as good: the same signs, but for the mean of all rows."""
    rows = np.random.default_rng(4).permutation(ordered_rows())
    common = {name: value for name, value in config.items() if name in ("threshold", "remove_top")}
    plain = encoded(method, rows, **common)
    graded = encoded(method, rows, **common, grade="auto")
    assert len(graded.compressor.layouts) == 1
    assert graded.codes.row_bits == plain.codes.row_bits == 8
    errors = [float(np.square(each.decode_all() - each.compressor.align(rows)).sum()) for each in (graded, plain)]
    assert errors[0] < 1.1 * errors[1]


def test_more_layers_than_dimensions_leave_less_than_a_frame() -> None:
    rows = np.random.default_rng(0).standard_normal((4000, 8)).astype(np.float32)
    errors = {}
    for grade in (0.0, "auto"):
        compressor = make_compressor("itq", bits=24, grade=grade)
        vectors = compressor.decode(compressor.fit_encode(rows))
        wanted = compressor.align(rows)
        cosines = np.einsum("nd,nd->n", wanted, vectors) / np.linalg.norm(wanted, axis=1)
        errors[grade] = 1 - float((cosines / np.linalg.norm(vectors, axis=1)).mean())
    assert errors["auto"] < 0.6 * errors[0.0]


@each_case
def test_the_second_reader_reads_bands(method: str, config: dict[str, Any], tmp_path: Path) -> None:
    specification = importlib.util.spec_from_file_location("reader", Path(__file__).parents[2] / "docs" / "reader.py")
    assert specification is not None
    assert specification.loader is not None
    reader = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(reader)
    before = encoded(method, ordered_rows(3000), **config)
    save(before, tmp_path / "x.embc")
    assert verify(tmp_path / "x.embc") == []
    found, vectors = reader.read_embedding(tmp_path / "x.embc")
    assert found == words(3000)
    np.testing.assert_allclose(vectors, before.decode_all(), rtol=1e-4, atol=1e-4)
    document = describe(tmp_path / "x.embc")
    sizes = document["bytes"]
    assert sum(band["bytes"] for band in document["bands"]) == sizes["codes"]
    assert sum(size for name, size in document["sections"].items() if name.startswith("state.")) == sizes["state"]
    assert [band["length_bits"] for band in document["bands"]] == [config.get("lengths", 0)] * len(document["bands"])


@each_case
def test_rows_after_all_others_are_coded_as_the_last_band(method: str, config: dict[str, Any]) -> None:
    rows = ordered_rows(3000)
    grown, known = encoded(method, rows, **config).extended(Embedding(["new", "w3"], rows[:2]))
    assert (known, len(grown)) == (1, 3001)
    last = len(grown.compressor.layouts) - 1
    alone = grown.compressor.decode(grown.compressor.encode(rows[:1], grade=last), grade=last)
    np.testing.assert_allclose(grown.decode_rows(np.array([3000])), alone, atol=1e-5)


def test_only_the_sample_is_learned_from(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("embcomp.compressors.grades.TAIL_ROWS", 500)
    rows = ordered_rows(3000)
    compressor = make_compressor("iiq", grade=2.0, bits=6, fit_rows=1000).fit(rows)
    ranks = compressor.sample_ranks(np.arange(3000))
    assert len(ranks) == 1500
    assert ranks[:1000].tolist() == list(range(1000))
    changed = rows.copy()
    changed[np.setdiff1d(np.arange(3000), ranks)] = 7
    again = make_compressor("iiq", grade=2.0, bits=6, fit_rows=1000).fit(changed)
    assert {k: v.tobytes() for k, v in again.get_state().items()} == {
        k: v.tobytes() for k, v in compressor.get_state().items()
    }


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("ends", lambda ends: ends[::-1], "state 'ends' must ascend and have at least one number"),
        ("layers", lambda layers: layers[::-1], "state 'layers' must ascend to "),
        ("widths", lambda widths: widths[::-1], "state 'widths' must not ascend and be ends of layers"),
        ("widths", lambda widths: widths + np.uint32(100), "state 'widths' must not ascend and be ends of layers"),
        ("length_levels", lambda _: np.ones(0, np.float32), "state 'length_levels' must have at least one number"),
        (
            "length_levels",
            lambda _: np.ones(3, np.float32),
            "state 'length_levels' must have 0 or 2^b numbers, got 3",
        ),
        ("length_levels", lambda levels: -levels, "state 'length_levels' must be up to 2^8 numbers of at least 0"),
        ("axes", lambda axes: axes + np.uint32(8), "state 'axes' must be below 8, got 14"),
    ],
)
def test_states_that_are_refused(name: str, change: Callable[[np.ndarray], np.ndarray], message: str) -> None:
    compressor = make_compressor("sign", grade=3.0).fit(ordered_rows(3000))
    state = compressor.get_state()
    with pytest.raises(CorruptError) as caught:
        compressor.set_state(state | {name: change(state[name])})
    assert str(caught.value).startswith(message)


# Lengths


def long_and_short(n_rows: int = 2000, dim: int = 24) -> np.ndarray:
    rows = np.random.default_rng(6).standard_normal((n_rows, dim))
    return (rows * np.geomspace(1, 40, n_rows)[:, None]).astype(np.float32)


@pytest.mark.parametrize("method", ["sign", "itq", "iiq", "nlb"])
def test_lengths_that_vary_come_back(method: str) -> None:
    rows = long_and_short()
    config = {"bounds": "scale", "learning_rate": 1e-4} if method == "nlb" else {}
    embedding = encoded(method, rows, **config)
    assert embedding.compressor.layout.length_bits == 5
    assert embedding.compressor.report["length_bits"] == 5
    wanted = np.linalg.norm(rows if method == "nlb" else embedding.compressor.align(rows), axis=1)
    ratios = np.linalg.norm(embedding.decode_all(), axis=1) / wanted
    step = float(embedding.compressor.length_levels_[1] / embedding.compressor.length_levels_[0])
    assert (np.abs(np.log(ratios)) <= np.log(step) / 2 + 1e-3).all()
    without = encoded(method, rows, lengths=0, **config)
    assert without.codes.row_bits == embedding.codes.row_bits - 5
    one, other = embedding.decode_rows(np.arange(5)), without.decode_rows(np.arange(5))
    np.testing.assert_allclose(
        one / np.linalg.norm(one, axis=1)[:, None], other / np.linalg.norm(other, axis=1)[:, None], atol=1e-5
    )


def test_lengths_that_do_not_vary_are_not_kept() -> None:
    assert encoded("sign", ordered_rows()).compressor.layout.length_bits == 0


def test_directions_that_carry_lengths() -> None:
    """One number of each row decides how long it is: `auto` leaves it, an explicit number draws a warning."""
    rows = np.random.default_rng(7).standard_normal((3000, 40)).astype(np.float32)
    rows[:, 0] = np.random.default_rng(8).permutation(np.geomspace(1, 400, 3000)) * np.sign(rows[:, 0])
    automatic, asked = (make_compressor("iiq", remove_top=top).fit(rows) for top in ("auto", 1))
    assert automatic.report["removed"] == 0
    assert "warnings" not in automatic.report
    assert asked.report["warnings"] == ["`remove_top` 1 takes out the directions that carry the lengths of rows"]
    assert make_compressor("iiq", lengths=0).fit(rows).report["removed"] == 1


def test_related_lengths() -> None:
    one = np.geomspace(1, 9, 100)
    assert lengths.related(one, 3 * one + 1)
    assert not lengths.related(one, np.random.default_rng(0).permutation(one))
    assert not lengths.related(one, one[::-1].copy())


def test_lengths_must_be_few_bits() -> None:
    with pytest.raises(ParameterError, match=r"^sign: `lengths` must be an integer from 0 to 8 or 'auto', got 9$"):
        make_compressor("sign", lengths=9)
