"""Two ways from a source to codes, and that they agree."""

from __future__ import annotations

import io
import os
import re
from pathlib import Path

import numpy as np
import pytest

from embcomp import pipeline
from embcomp.arrays import RowIds
from embcomp.compressors import grades
from embcomp.compressors.base import Compressor
from embcomp.compressors.registry import compressor_class, make_compressor, method_names
from embcomp.embedding import Embedding
from embcomp.encoded import EncodedEmbedding
from embcomp.errors import InputError, ParameterError
from embcomp.formats import ReadOptions, open_blocks, read_chunks, read_embedding, text, write_embedding
from embcomp.memory import free_memory
from embcomp.pipeline import encode_source
from embcomp.vocabulary import Part, VocabularyBuilder

from .text import models

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
        and len(one.codes.streams) == len(other.codes.streams)
        and all(map(np.array_equal, one.codes.streams, other.codes.streams))
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


SAMPLING: list[tuple[str, dict[str, object]]] = [
    ("transform", {}),
    ("additive", {"codebooks": 1}),
    ("iiq", {"grade": 3.0}),
    ("sign", {"grade": "auto"}),
]


@pytest.mark.parametrize(("name", "options"), SAMPLING, ids=[name for name, _ in SAMPLING])
@pytest.mark.parametrize("max_memory", [None, 200_000, 60_000])
def test_fitting_on_a_sample_in_two_passes_is_fitting_in_memory(
    source: Path, name: str, options: dict[str, object], max_memory: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(grades, "TAIL_ROWS", 300)
    opened: list[str] = []
    monkeypatch.setattr(pipeline, "open_blocks", lambda *arguments: (opened.append(""), open_blocks(*arguments))[1])
    streamed = encode_source(source, quick(name, fit_rows=400, **options), ReadOptions(), max_memory=max_memory)
    in_memory = EncodedEmbedding.encode(read_embedding(source), quick(name, fit_rows=400, **options))
    assert same(streamed, in_memory)
    assert streamed.source == in_memory.source
    assert len(opened) == (1 if max_memory is None else 2)


def test_a_sample_beyond_the_allowance_is_refused(source: Path) -> None:
    with pytest.raises(ParameterError) as refused:
        encode_source(source, quick("transform", fit_rows=5000), ReadOptions(), max_memory=12_000)
    assert re.fullmatch(
        "transform: [0-9]+ rows to learn from take up to [0-9]+ bytes while they are fitted, `max_memory` allows "
        "12000; raise it, or learn from fewer rows with `fit_rows`",
        str(refused.value),
    )


@pytest.mark.parametrize("name", ["transform", "iiq"])
def test_the_least_that_works_is_named(source: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(grades, "TAIL_ROWS", 300)
    with pytest.raises(ParameterError) as refused:
        encode_source(source, quick(name, fit_rows=1000), ReadOptions(), max_memory=3 * 4 * DIM * 900)
    least = int(re.findall("up to ([0-9]+) bytes", str(refused.value))[0])
    assert len(encode_source(source, quick(name, fit_rows=1000), ReadOptions(), max_memory=least)) == N_ROWS
    with pytest.raises(ParameterError):
        encode_source(source, quick(name, fit_rows=1000), ReadOptions(), max_memory=least - 1)


def test_several_files_are_read_twice_too(source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(grades, "TAIL_ROWS", 300)
    embedding = read_embedding(source)
    for number, own in enumerate((slice(0, 100), slice(100, 8000), slice(8000, N_ROWS))):
        words, vectors = embedding.words[own], embedding.vectors[own]
        write_embedding(tmp_path / f"{number}.npy", "npy", [(words, vectors)], len(words), DIM)
    several = encode_source(
        str(tmp_path / "*.npy"), quick("transform", fit_rows=400), ReadOptions(), max_memory=60_000
    )
    assert same(several, encode_source(source, quick("transform", fit_rows=400), ReadOptions()))


def test_how_much_of_several_files_is_read(tmp_path: Path) -> None:
    for number in range(3):
        (tmp_path / f"{number}.txt").write_text("".join(f"w{number}.{row} 1 2\n" for row in range(10 + number)))
    seen: list[tuple[int, int]] = []
    with open_blocks(tmp_path / "*.txt", progress=lambda stage, done, total: seen.append((done, total))) as reader:
        shares = [reader.share_read for _ in reader]
    sizes = [path.stat().st_size for path in sorted(tmp_path.iterdir())]
    assert seen == [(sum(sizes[: number + 1]), sum(sizes)) for number in range(3)]
    assert shares == [done / total for done, total in seen]


def test_a_source_that_changes_between_two_readings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "x.txt"
    path.write_text("".join(f"w{row} {row} 1\n" for row in range(3000)))
    original = VocabularyBuilder.finish

    def finish(builder: VocabularyBuilder) -> tuple[list[Part], RowIds]:
        path.write_text("".join(f"w{row} {row} 2\n" for row in range(3000)))
        return original(builder)

    monkeypatch.setattr(grades, "TAIL_ROWS", 10)
    monkeypatch.setattr(VocabularyBuilder, "finish", finish)
    with pytest.raises(InputError, match=r"^x\.txt: changed while it was read$"):
        encode_source(path, quick("transform", fit_rows=20), ReadOptions(), max_memory=2000)


def test_standard_input_is_read_once(source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with source.open("rb") as file:
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(file))
        made = encode_source("-", quick("transform"), ReadOptions())
    assert np.array_equal(
        made.codes.streams[0], encode_source(source, quick("transform"), ReadOptions()).codes.streams[0]
    )


def test_methods_that_need_everything_say_so(source: Path) -> None:
    with pytest.raises(ParameterError) as refused:
        encode_source(source, quick("prune"), ReadOptions(), max_memory=1000)
    assert re.fullmatch(
        "prune: needs all rows in memory at once, about [0-9]+ bytes, `max_memory` allows 1000; raise it",
        str(refused.value),
    )
    with pytest.raises(ParameterError, match=r"raise it, or learn from fewer rows with `fit_rows`$"):
        encode_source(source, quick("nlb"), ReadOptions(), max_memory=1000)


def test_a_refusal_comes_early_and_knows_the_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text, "BLOCK_BYTES", 2_000)
    source = tmp_path / "even.txt"
    source.write_text("".join(f"w{row:04}" + " 0.125" * DIM + "\n" for row in range(30_000)))
    taken: list[int] = []

    def count(stage: str, done: int, total: int, note: str = "") -> None:
        taken.append(done)

    needed = 4 * DIM * 30_000 + pipeline.word_bytes(30_000)
    with pytest.raises(ParameterError) as refused:
        encode_source(source, quick("prune"), ReadOptions(), count, max_memory=needed * 3 // 4)
    said = int(re.findall("about ([0-9]+) bytes", str(refused.value))[0])
    assert said == pytest.approx(needed, rel=0.2)
    assert max(taken) < source.stat().st_size / 2


def test_a_head_beyond_the_allowance_is_refused(source: Path) -> None:
    with pytest.raises(ParameterError) as refused:
        encode_source(source, quick("iiq", fit_rows=5000), ReadOptions(), max_memory=12_000)
    assert str(refused.value) == (
        f"iiq: the first 5000 rows take up to {12 * 5000 * DIM + 40 * DIM**2} bytes while they are fitted, "
        "`max_memory` allows 12000; raise it, or learn from fewer rows with `fit_rows`"
    )
    few = encode_source(source, quick("iiq", fit_rows=5000), ReadOptions(limit=100), max_memory=12_000)
    assert len(few) == 100  # what counts are the rows that there are


def test_dimensions_beyond_the_allowance_are_refused(tmp_path: Path) -> None:
    """A few rows of many dimensions would need little, but for the covariance."""
    path = tmp_path / "wide.txt"
    path.write_text("".join(f"w{row}" + " 0" * 20_000 + "\n" for row in range(2)))
    with pytest.raises(ParameterError, match=r"rows take up to [12][0-9]{10} bytes while they are fitted"):
        encode_source(path, quick("iiq", fit_rows=2), ReadOptions(), max_memory=100_000)


def test_chunks_have_the_size_asked_for(source: Path) -> None:
    words: list[str] = []
    checked: list[int] = []
    with open_blocks(source) as reader:
        chunks = [chunk.copy() for chunk in read_chunks(reader, words, 4000, checked.append)]
    assert [len(chunk) for chunk in chunks] == [4000, 4000, 1000]
    assert np.array_equal(np.concatenate(chunks), read_embedding(source).vectors)
    assert words == [f"w{i}" for i in range(N_ROWS)]
    assert checked == sorted(set(checked))
    assert checked[-1] == N_ROWS


def test_memory_where_the_system_does_not_say(monkeypatch: pytest.MonkeyPatch) -> None:
    assert 2**20 < free_memory() < 2**62
    monkeypatch.setattr(Path, "read_text", absent)
    assert 2**20 < free_memory() < 2**62
    monkeypatch.delattr(os, "sysconf")
    assert free_memory() == 2**62


def absent(*arguments: object, **options: object) -> str:
    raise FileNotFoundError


def test_one_word_is_an_embedding(tmp_path: Path) -> None:
    path = tmp_path / "one.txt"
    path.write_text("word 1 2 3\n")
    encoded = encode_source(path, quick("iiq"), ReadOptions())
    assert encoded.words == ["word"]
    assert Embedding(["word"], encoded.decode_all()).dim == 3


@pytest.mark.parametrize("method", ["iiq", "transform"])
def test_a_sentence_model_that_is_named_by_its_table_keeps_its_tokenizer(tmp_path: Path, method: str) -> None:
    folder = models.model2vec(tmp_path)
    encoded = encode_source(folder / "model.safetensors", quick(method), ReadOptions())
    assert encoded.text is not None
    assert encoded.text.tokenizer == models.tokenizer()
