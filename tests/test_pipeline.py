"""Three ways from a source to codes, and that they agree where they say so."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from embcomp import pipeline
from embcomp.compressors.base import Compressor
from embcomp.compressors.registry import compressor_class, make_compressor, method_names
from embcomp.container.reader import verify
from embcomp.container.writer import save
from embcomp.embedding import Embedding, mean_rows
from embcomp.encoded import EncodedEmbedding
from embcomp.errors import InputError, ParameterError
from embcomp.formats import ReadOptions, open_blocks, read_embedding, text, write_embedding
from embcomp.pipeline import RowQueue, chunks, compress_source, encode_source, summarize

N_ROWS, DIM = 9000, 6
QUICK = {"iterations": 3, "epochs": 1}


def quick(name: str, **options: object) -> Compressor:
    declared = {option.name for option in compressor_class(name).options}
    settings = QUICK | {"epochs": "auto"} if name == "kd" else QUICK  # kd's default solver has no epochs
    config = {key: value for key, value in (settings | options).items() if key in declared}
    return make_compressor(name, **config)


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    rng = np.random.default_rng(5)
    vectors = (rng.normal(0.2, 1, (N_ROWS, DIM)) * np.linspace(2, 0.5, DIM)).astype(np.float32)
    words = [f"w{i}" for i in range(N_ROWS)]
    path = tmp_path_factory.mktemp("pipeline") / "vectors.bin"
    write_embedding(path, "word2vec-binary", iter([(words, vectors)]), N_ROWS, DIM, force=False)
    return path


def same(one: EncodedEmbedding, other: EncodedEmbedding) -> bool:
    state, other_state = one.compressor.get_state(), other.compressor.get_state()
    return (
        one.words == other.words
        and np.array_equal(one.stream, other.stream)
        and state.keys() == other_state.keys()
        and all(np.array_equal(state[name], other_state[name]) for name in state)
    )


@pytest.mark.parametrize("name", [name for name in method_names() if quick(name, fit_rows=1).head_rows is not None])
@pytest.mark.parametrize("fit_rows", [700, 2048, N_ROWS, 10 * N_ROWS])
def test_fitting_on_the_head_while_reading_is_fitting_in_memory(source: Path, name: str, fit_rows: int) -> None:
    streamed = encode_source(source, quick(name, fit_rows=fit_rows), ReadOptions())
    in_memory = EncodedEmbedding.encode(read_embedding(source), quick(name, fit_rows=fit_rows))
    assert same(streamed, in_memory)
    assert streamed.source == in_memory.source


@pytest.mark.parametrize("name", method_names())
def test_a_matrix_that_fits_is_compressed_in_memory(source: Path, name: str) -> None:
    small = ReadOptions(limit=300)
    made = encode_source(source, quick(name, fit_rows="all"), small)
    assert same(made, EncodedEmbedding.encode(read_embedding(source, small), quick(name, fit_rows="all")))


def test_two_passes_give_the_codes_and_thresholds_of_sign(source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pipeline, "SAMPLE_ROWS", 3000)
    streamed = encode_source(source, quick("sign"), ReadOptions(), max_memory=4 * DIM * N_ROWS - 1)
    in_memory = EncodedEmbedding.encode(read_embedding(source), quick("sign"))
    assert np.array_equal(streamed.stream, in_memory.stream)
    ours, theirs = streamed.compressor.get_state(), in_memory.compressor.get_state()
    assert np.array_equal(ours["thresholds"], theirs["thresholds"])
    assert ours["scale"][0] == pytest.approx(theirs["scale"][0], rel=0.05)


@pytest.mark.parametrize("name", ["itq", "iiq"])
def test_two_passes_give_nearly_the_rotation_methods(
    source: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(pipeline, "SAMPLE_ROWS", 3000)
    options = {"fit_rows": "all", "iterations": 0}
    streamed = encode_source(source, quick(name, **options), ReadOptions(), max_memory=4 * DIM * N_ROWS - 1)
    in_memory = EncodedEmbedding.encode(read_embedding(source), quick(name, **options))
    ours, theirs = streamed.compressor.get_state(), in_memory.compressor.get_state()
    assert np.array_equal(ours["mean"], theirs["mean"])
    assert np.allclose(ours["rotation"], theirs["rotation"], atol=1e-4)
    assert np.allclose(ours["singular_values"], theirs["singular_values"], rtol=1e-4)


def test_a_summary_is_exact_but_for_its_sample(source: Path) -> None:
    vectors = read_embedding(source).vectors
    with open_blocks(source) as reader:
        summary = summarize(reader, [], seed=1, sample_rows=500)
    assert summary.n_rows == N_ROWS
    assert np.array_equal(summary.mean, mean_rows(vectors))
    centred = vectors.astype(np.float64) - vectors.mean(axis=0, dtype=np.float64)
    assert np.allclose(summary.covariance, centred.T @ centred, rtol=1e-6, atol=1e-3)
    assert summary.sample.shape == (500, DIM)
    rows = {row.tobytes(): rank for rank, row in enumerate(vectors)}
    ranks = [rows[row.tobytes()] for row in summary.sample]
    assert len(set(ranks)) == len(ranks)
    assert 0.4 * N_ROWS < np.mean(ranks) < 0.6 * N_ROWS


def test_a_sample_of_few_rows_is_all_of_them(source: Path) -> None:
    with open_blocks(source, ReadOptions(limit=20)) as reader:
        summary = summarize(reader, [], seed=1, sample_rows=500)
    assert np.array_equal(summary.sample, read_embedding(source, ReadOptions(limit=20)).vectors)


def test_methods_that_need_everything_say_so(source: Path) -> None:
    with pytest.raises(ParameterError) as refused:
        encode_source(source, quick("prune"), ReadOptions(), max_memory=1000)
    assert re.fullmatch(
        "prune: needs all rows in memory at once, about [0-9]+ bytes, --max-memory allows 1000; raise it",
        str(refused.value),
    )
    with pytest.raises(ParameterError, match=r"raise it, or learn from fewer rows with --fit-rows$"):
        encode_source(source, quick("nlb"), ReadOptions(), max_memory=1000)


def test_a_refusal_comes_early_and_knows_the_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text, "BLOCK_BYTES", 2_000)
    source = tmp_path / "even.txt"
    source.write_text("".join(f"w{row:04}" + " 0.125" * DIM + "\n" for row in range(30_000)))
    taken: list[int] = []

    def count(stage: str, done: int, total: int, note: str = "") -> None:
        taken.append(done)

    with pytest.raises(ParameterError) as refused:
        encode_source(source, quick("prune"), ReadOptions(), count, max_memory=4 * DIM * 30_000 * 3 // 4)
    said = int(re.findall("about ([0-9]+) bytes", str(refused.value))[0])
    assert said == pytest.approx(4 * DIM * 30_000, rel=0.2)
    assert max(taken) < source.stat().st_size / 2


def test_kd_learns_from_a_sample_of_what_does_not_fit(source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pipeline, "SAMPLE_ROWS", 3000)
    streamed = encode_source(source, quick("kd", fit_rows="all"), ReadOptions(), max_memory=4 * DIM * N_ROWS - 1)
    assert streamed.report["fit_rows"] == 3000
    vectors = read_embedding(source).vectors
    rows = streamed.vocabulary.rows_by_rank
    assert np.array_equal(streamed.codes_at(rows), streamed.compressor.encode(vectors))


@pytest.mark.parametrize(
    ("name", "options", "needs"),
    [
        ("sign", {}, False),
        ("iiq", {"fit_rows": "all"}, False),
        ("nlb", {}, True),
        ("nlb", {"fit_rows": 100}, False),
        ("kd", {"fit_rows": "all"}, False),
        ("kd", {"solver": "ste"}, True),
        ("alone", {}, True),
        ("prune", {}, True),
    ],
)
def test_which_methods_need_all_rows(name: str, options: dict[str, object], needs: bool) -> None:
    assert make_compressor(name, **options).needs_all_rows == needs


def test_standard_input_is_not_read_twice(source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with source.open("rb") as file:
        monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=file))
        with pytest.raises(ParameterError) as refused:
            encode_source("-", quick("sign"), ReadOptions(), max_memory=1000)
    assert str(refused.value) == (
        "sign: the rows take more than 1000 bytes, and standard input cannot be read twice; "
        "raise --max-memory, or give a file"
    )


def test_a_head_beyond_the_allowance_is_refused(source: Path) -> None:
    with pytest.raises(ParameterError) as refused:
        encode_source(source, quick("iiq", fit_rows=5000), ReadOptions(), max_memory=1000)
    assert str(refused.value) == (
        f"iiq: the 5000 rows of --fit-rows take {12 * 5000 * DIM + 40 * DIM**2} bytes while they are fitted, "
        "--max-memory allows 1000"
    )


@pytest.mark.parametrize("name", ["iiq", "sign"])
def test_dimensions_beyond_the_allowance_are_refused(tmp_path: Path, name: str) -> None:
    """A few rows of many dimensions would need little, but for the covariance."""
    path = tmp_path / "wide.txt"
    path.write_text("".join(f"w{row}" + " 0" * 20_000 + "\n" for row in range(2)))
    with pytest.raises(ParameterError, match=r"rows.* take [12][0-9]{10} bytes while they are fitted"):
        encode_source(path, quick(name, fit_rows=2), ReadOptions(), max_memory=100_000)


def test_rows_leave_the_queue_as_they_came() -> None:
    queue = RowQueue(2)
    rows = np.arange(40, dtype=np.float32).reshape(20, 2)
    for start, stop in [(0, 3), (3, 3), (3, 11), (11, 20)]:
        queue.push(rows[start:stop])
    taken = [queue.pop(n) for n in (1, 4, 0, 9, 100)]
    assert [len(part) for part in taken] == [1, 4, 0, 9, 6]
    assert np.array_equal(np.concatenate(taken), rows)
    assert queue.n_rows == 0


def test_chunks_have_the_size_asked_for(source: Path) -> None:
    words: list[str] = []
    with open_blocks(source) as reader:
        sizes = [len(chunk) for chunk in chunks(reader, words, size=4000, first=100)]
    assert sizes == [100, 4000, 4000, 900]
    assert words == [f"w{i}" for i in range(N_ROWS)]


def test_one_word_is_an_embedding(tmp_path: Path) -> None:
    path = tmp_path / "one.txt"
    path.write_text("word 1 2 3\n")
    encoded = encode_source(path, quick("iiq"), ReadOptions())
    assert encoded.words == ["word"]
    assert Embedding(["word"], encoded.decode_all()).dim == 3


@pytest.mark.parametrize("drop_order", [False, True])
@pytest.mark.parametrize(("name", "options"), [("sign", {}), ("itq", {"bits": 5, "fit_rows": "all"})])
def test_codes_go_into_the_file_as_they_are_made(
    source: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    options: dict[str, object],
    drop_order: bool,
) -> None:
    monkeypatch.setattr(pipeline, "SAMPLE_ROWS", 3000)
    max_memory = 4 * DIM * N_ROWS - 1
    at_once, gradual = tmp_path / "at-once.embc", tmp_path / "gradual.embc"
    save(
        encode_source(source, quick(name, **options), ReadOptions(), max_memory=max_memory),
        at_once,
        drop_order=drop_order,
    )
    compress_source(
        source, gradual, quick(name, **options), ReadOptions(), max_memory=max_memory, drop_order=drop_order
    )
    assert gradual.read_bytes() == at_once.read_bytes()
    assert verify(gradual) == []


def test_two_passes_to_standard_output(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    monkeypatch.setattr(pipeline, "SAMPLE_ROWS", 3000)
    for target in (tmp_path / "file.embc", "-"):
        compress_source(source, target, quick("sign"), ReadOptions(), max_memory=4 * DIM * N_ROWS - 1)
    assert capfdbinary.readouterr().out == (tmp_path / "file.embc").read_bytes()


def test_a_source_that_changes_between_the_passes_is_refused(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    changing = tmp_path / "changing.bin"
    changing.write_bytes(source.read_bytes())
    monkeypatch.setattr(pipeline, "SAMPLE_ROWS", 3000)
    compressor = quick("sign")
    fit_summary = compressor.fit_summary

    def fit_and_change(*given: object) -> None:
        fit_summary(*given)
        with changing.open("r+b") as file:
            file.seek(-1, 2)
            file.write(b"\x3f")

    monkeypatch.setattr(type(compressor), "fit_summary", lambda self, *given: fit_and_change(*given))
    with pytest.raises(InputError, match=r"changing\.bin: changed while it was being read a second time"):
        compress_source(changing, tmp_path / "out.embc", compressor, ReadOptions(), max_memory=4 * DIM * N_ROWS - 1)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["changing.bin"]
