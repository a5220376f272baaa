"""Files with right checksums that ask for far more than they hold: refused by name, in little time and memory."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from embcomp.compressors.registry import make_compressor
from embcomp.container.reader import Container, open_container, verify
from embcomp.errors import CorruptError, MemoryLimitError, ParameterError
from embcomp.keyed import open_vectors
from embcomp.memory import set_max_memory
from embcomp.search import SearchIndex
from tests.cli.conftest import Cli, cli  # noqa: F401  a fixture
from tests.container.builder import Parts
from tests.container.crafted import large_sources, parts_of, similar_words, wide_pruned, wide_signs

MB = 2**20


@pytest.fixture
def bounded() -> Iterator[Callable[[int | None], None]]:
    yield set_max_memory
    set_max_memory(None)


@contextmanager
def at_most(n_bytes: int) -> Iterator[None]:
    """Fail if so many bytes were allocated at any time."""
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < n_bytes
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("dim", [0, -1, 2**16 + 1, 2**31 - 1])
def test_dimensions_that_pruned_columns_cannot_count(path: Path, dim: int) -> None:
    parts = parts_of("prune", fraction=0.5)
    parts.document["dim"] = max(dim, 1)
    parts.set_bytes("state.dim", np.array([dim], dtype="<i4").tobytes())
    if dim > 256:
        parts.set_bytes("state.columns", bytes(2 * len(parts.bytes["state.columns"])))
        parts.section("state.columns")["dtype"] = "<u2"
    path.write_bytes(parts.build())
    with at_most(8 * MB):
        (problem,) = verify(path)
    beyond = "x.embc: header field 'dim' must be an integer from 1 to 1048576, got 2147483647"
    assert problem == (beyond if dim > 2**20 else f"x.embc: state 'dim' must be from 1 to 65536, got {dim}")


def test_vectors_that_are_more_than_allowed(path: Path, bounded: Callable[[int | None], None]) -> None:
    wide_pruned(path, 2**16)
    embedding = open_container(path)
    bounded(MB)
    for decode in (embedding.decode_all, embedding.mean_vector, lambda: embedding.decode_rows(np.arange(6))):
        with at_most(MB), pytest.raises(MemoryLimitError) as caught:
            decode()
        assert str(caught.value) == (
            "6 vectors of 65536 dimensions take 1572864 bytes of memory, `max_memory` allows 1048576"
        )
    assert embedding.vector("queen").shape == (2**16,)
    bounded(2 * MB)
    assert embedding.decode_all().shape == (6, 2**16)


def test_more_than_there_is(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("embcomp.memory.free_memory", lambda: 10 * MB)
    monkeypatch.setattr("embcomp.memory.UNCHECKED_BYTES", MB)
    wide_pruned(path, 2**16)
    rows = np.zeros(100, dtype=np.int64)
    with pytest.raises(MemoryLimitError, match=r"^100 vectors of .* take 26214400 bytes of memory, available "):
        open_container(path).decode_rows(rows)


@pytest.mark.parametrize("command", ["decompress", "eval", "similar", "analogy", "verify", "add"])
def test_commands_refuse_by_name(cli: Cli, path: Path, tmp_path: Path, command: str) -> None:  # noqa: F811
    wide_pruned(path, 2**16)
    more = tmp_path / "more.txt"
    more.write_text("word 1 2 3\n")
    arguments = {
        "decompress": [path, "-o", tmp_path / "out.npy"],
        "eval": [path, "--suite", "similarity"],
        "similar": [path, "queen"],
        "analogy": [path, "queen", "the", "of"],
        "verify": [path],
        "add": [path, more, "-o", tmp_path / "out.embc"],
    }[command]
    outcome = cli(command, *arguments, "--max-memory", "1MB")
    if command == "add":
        assert outcome.code == 2
        return
    assert outcome.code == 3
    assert "vectors of 65536 dimensions take" in outcome.err
    assert "--max-memory allows 1000000" in outcome.err
    assert outcome.err.count("\n") == 1


def test_memory_that_ends_is_an_error_of_one_line(
    cli: Cli,  # noqa: F811
    saved: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def broken(*arguments: object) -> None:
        raise MemoryError("Unable to allocate 24.0 GiB")

    monkeypatch.setattr("embcomp.encoded.EncodedEmbedding.rows", broken)
    outcome = cli("vector", saved, "queen")
    assert (outcome.code, outcome.err) == (3, "embcomp: there is not enough memory: Unable to allocate 24.0 GiB\n")


def test_signs_of_many_dimensions_are_searched_in_little_memory(path: Path) -> None:
    """Memory that grows with dimensions and not with their square: 30,000² × 4 bytes would be 3.6 GB."""
    wide_signs(path, 30_000)
    with at_most(200 * MB):
        for similarity in ("decoded", "asymmetric", "hamming"):
            assert len(open_vectors(path, similarity=similarity).most_similar("w0", topn=3)) == 3  # type: ignore[arg-type]
        assert verify(path) == []


def test_vectors_of_too_many_dimensions_are_not_compressed() -> None:
    with pytest.raises(ParameterError, match=r"vectors must be float32 of shape \(rows, 1 to 1048576\), got "):
        make_compressor("sign").fit(np.zeros((1, 2**20 + 1), dtype=np.float32))


@pytest.mark.parametrize("ordered", [False, True])
def test_words_that_are_far_longer_than_the_file(path: Path, ordered: bool) -> None:
    """Words of 24 MB in a file of 0.4 MB."""
    text_bytes = similar_words(path, 400, ordered=ordered)
    assert text_bytes > 50 * path.stat().st_size
    with at_most(40 * MB):
        assert verify(path) == []
    if not ordered:
        with at_most(16 * MB):
            assert sum(len(words) for words, _ in open_container(path).blocks()) == 40_000


def test_words_that_are_more_than_allowed(path: Path, bounded: Callable[[int | None], None]) -> None:
    text_bytes = similar_words(path, 100, ordered=True)
    embedding = open_container(path)
    bounded(2 * MB)
    for read in (lambda: embedding.words, lambda: list(embedding.blocks())):
        with at_most(4 * MB), pytest.raises(MemoryLimitError) as caught:
            read()
        assert str(caught.value).startswith(f"10000 words of {text_bytes} bytes take ")
    assert embedding.first_words(1) == [embedding.vocabulary.word(0)]


@pytest.mark.parametrize(
    ("method", "similarity", "allowed", "what"),
    [
        ("sign", "hamming", 20, "6 codes of 5 bits take 54 bytes"),
        ("kd", "decoded", 20, "4 codewords of 5 dimensions take 80 bytes"),
    ],
)
def test_searching_more_than_allowed(
    path: Path, bounded: Callable[[int | None], None], method: str, similarity: Any, allowed: int, what: str
) -> None:
    path.write_bytes(parts_of(method, **STATES.get(method, ("", {}))[1]).build())
    index = SearchIndex(open_container(path))
    query = np.ones((1, 5), dtype=np.float32)
    bounded(allowed)
    with pytest.raises(MemoryLimitError) as caught:
        index.search(query, 1, similarity=similarity)
    assert str(caught.value) == f"{what} of memory, `max_memory` allows {allowed}"


@pytest.mark.parametrize("kind", ["real", "binary"])
def test_source_matrices_of_alone(path: Path, bounded: Callable[[int | None], None], kind: str) -> None:
    """2,600,000 numbers from a file of 3 kB, without much more than they take."""
    assert large_sources(path, kind, 8) == 2_621_440
    embedding = open_container(path)
    with at_most(20 * MB):
        assert embedding.vector("queen").shape == (5,)
    bounded(MB)
    with pytest.raises(MemoryLimitError, match=r"^source matrices of 2621440 numbers take "):
        open_container(path).vector("queen")


STATES: dict[str, tuple[str, dict[str, object]]] = {
    "itq": ("rotation", {"bits": 3}),
    "kd": ("codebook_scales", {"dims": 2, "ways": 2}),
    "dccl": ("codebooks", {"codebooks": 2, "ways": 2, "epochs": 1}),
}


@pytest.mark.parametrize("method", STATES)
def test_finite_states_that_decode_to_infinity_are_found(path: Path, method: str) -> None:
    name, config = STATES[method]
    parts = parts_of(method, **config)
    section = f"state.{name}"
    numbers = np.full(len(parts.bytes[section]) // 4, 3e38, dtype="<f4")
    parts.set_bytes(section, numbers.tobytes())
    if "state.scale" in parts.bytes:
        parts.set_bytes("state.scale", np.array([3e38], dtype="<f4").tobytes())
    path.write_bytes(parts.build())
    (problem,) = verify(path)
    assert problem.startswith("x.embc: row ")
    assert problem.endswith(" decodes to numbers that are not finite")


def test_an_offset_that_makes_vectors_infinite_is_found(path: Path) -> None:
    parts = parts_of("sign")
    parts.set_bytes("state.scale", np.array([3e38], dtype="<f4").tobytes())
    parts.set_bytes("state.thresholds", np.full(5, 3e38, dtype="<f4").tobytes())
    path.write_bytes(parts.build())
    assert verify(path) == ["x.embc: row 0 decodes to numbers that are not finite"]


def test_rows_beyond_all_bounds(path: Path, parts: Parts) -> None:
    parts.document["rows"] = 10**300
    path.write_bytes(parts.build())
    with pytest.raises(CorruptError, match=r"'rows' must be an integer from 0 to 1099511627776, got 1000"):
        Container(path)
    assert all(len(problem) < 200 for problem in verify(path))


def numbers(parts: Parts, name: str) -> np.ndarray:
    section = parts.section(f"state.{name}")
    return np.frombuffer(parts.bytes[f"state.{name}"], section["dtype"]).reshape(section["shape"])


def put(parts: Parts, name: str, array: np.ndarray) -> None:
    parts.section(f"state.{name}")["dtype"] = array.dtype.str
    parts.set_bytes(f"state.{name}", array.tobytes(), list(array.shape))


@pytest.mark.parametrize(
    ("name", "change", "problem"),
    [
        ("shares", lambda shares: shares + 13, "state 'shares' must be at most 12, got "),
        (
            "length_levels",
            lambda levels: np.tile(levels[:1], 3),
            "state 'length_levels' must have 1, 2, 4, … 256, got 3",
        ),
        ("length_levels", lambda levels: levels[:0], "state 'length_levels' must have 1, 2, 4, … 256, got 0"),
        ("depths", lambda depths: depths + 1, "state 'depths' must be at most 0, got 1"),
    ],
)
def test_states_of_graded_codes_that_are_refused(
    path: Path, name: str, change: Callable[[np.ndarray], np.ndarray], problem: str
) -> None:
    parts = parts_of("additive", bits=10, codebooks=1)
    put(parts, name, change(numbers(parts, name)).astype(numbers(parts, name).dtype))
    if name == "shares":
        put(parts, "levels", np.ones(2 ** int(numbers(parts, "shares").max()) - 1, dtype="<f4"))
    path.write_bytes(parts.build())
    (found,) = verify(path)
    assert found.startswith(f"x.embc: {problem}")


@pytest.mark.parametrize("ends", [[], [0, 6], [3, 3], [6, 3]])
def test_bands_that_are_refused(path: Path, ends: list[int]) -> None:
    parts = parts_of("transform", bits=8)
    put(parts, "ends", np.array(ends, dtype="<u4"))
    for name in ("centres", "shares", "spreads"):
        put(parts, name, np.repeat(numbers(parts, name), len(ends), axis=0))
    if not ends:
        put(parts, "levels", numbers(parts, "levels")[:0])
    path.write_bytes(parts.build())
    assert verify(path) == [f"x.embc: state 'ends' must ascend from above 0, got {ends}"]


def test_wide_codewords_of_kd(path: Path, bounded: Callable[[int | None], None]) -> None:
    """4 kB each of codewords and transform; their product would be 16 MB, and with bits of 1 GB each 4 TB."""
    parts = parts_of("kd", dims=2, ways=2, code_dim=1)
    parts.document["config"] |= {"ways": 2048, "dims": 2}
    parts.document["bands"][0] |= {"symbol_bits": 11}
    parts.document["dim"] = 1024
    put(parts, "codebooks", np.ones((2, 2048, 1), dtype="|i1"))
    put(parts, "codebook_scales", np.ones(2, dtype="<f4"))
    put(parts, "transform", np.ones((1, 1024), dtype="<f4"))
    put(parts, "mean", np.ones(1024, dtype="<f4"))
    put(parts, "removed", np.ones((0, 1024), dtype="<f4"))
    parts.set_bytes("codes.0", bytes(17), [17])
    path.write_bytes(parts.build())
    bounded(MB)
    embedding = open_container(path)
    with at_most(MB), pytest.raises(MemoryLimitError) as caught:
        embedding.vector("queen")
    text = "4096 codewords of 1024 dimensions take 50331648 bytes of memory, `max_memory` allows 1048576"
    assert str(caught.value) == text
    bounded(60 * MB)
    assert embedding.vector("queen").tolist() == [2.0] * 1024
    bounded(20 * MB)
    with pytest.raises(MemoryLimitError, match=r"^products of 4096 codewords take 33554432 bytes of memory"):
        embedding.compressor.encode(np.ones((1, 1024), dtype=np.float32))


def test_an_lstm_much_wider_than_its_vectors(path: Path) -> None:
    """Rows of 1,000 numbers in between, for vectors of five: fewer rows at once."""
    parts = parts_of("kd", dims=2, ways=2, compose="lstm", code_dim=2, epochs=1)
    wide = 1000
    put(parts, "codebooks", np.zeros((2, 2, wide), dtype="|i1"))
    put(parts, "transform", np.zeros((wide, 5), dtype="<f4"))
    put(parts, "recurrent", np.zeros((wide, 4 * wide), dtype="<f4"))
    put(parts, "bias", np.zeros(4 * wide, dtype="<f4"))
    parts.document["config"]["code_dim"] = wide
    path.write_bytes(parts.build())
    embedding = open_container(path)
    assert embedding.compressor.block_rows == 2**22 // (16 * wide)
    with at_most(100 * MB):
        assert embedding.decode_rows(np.zeros(2000, dtype=np.int64)).shape == (2000, 5)


def test_vectors_that_cannot_be_compared(path: Path) -> None:
    parts = parts_of("prune", fraction=0.5)
    put(parts, "values", np.full_like(numbers(parts, "values"), 3e38))
    path.write_bytes(parts.build())
    with pytest.raises(CorruptError, match=r"^row \d decodes to numbers that are too large to be compared$"):
        SearchIndex(open_container(path)).search(np.ones((2, 5), dtype=np.float32), 6)


def test_lengths_that_cannot_be_compared(path: Path) -> None:
    """Of graded codes that come back around the mean of the source."""
    parts = parts_of("transform", bits=12, lengths=2, space="source")
    put(parts, "length_levels", np.full_like(numbers(parts, "length_levels"), 3e38))
    put(parts, "scales", np.full_like(numbers(parts, "scales"), 3.0))
    path.write_bytes(parts.build())
    index = SearchIndex(open_container(path))
    with pytest.raises(CorruptError, match=r"^row \d decodes to numbers that are too large to be compared$"):
        index.search(np.ones((2, 5), dtype=np.float32), 3)


def test_codewords_that_are_only_just_compared(path: Path) -> None:
    """Two that are large, and whose sum is small."""
    parts = parts_of("kd", dims=2, ways=2)
    books = np.full((2, 128, 5), 100, dtype="|i1")
    books[1] *= -1
    parts.document["config"]["ways"] = 128
    parts.document["bands"][0]["symbol_bits"] = 7
    parts.set_bytes("codes.0", bytes(11), [11])
    put(parts, "codebooks", books)
    put(parts, "codebook_scales", np.full(2, 3e36, dtype="<f4"))
    put(parts, "transform", np.zeros((0, 5), dtype="<f4"))
    parts.document["config"]["code_dim"] = "dim"
    path.write_bytes(parts.build())
    assert verify(path) == []
    found = SearchIndex(open_container(path)).search(np.ones((2, 5), dtype=np.float32), 6)
    assert found.scores.tolist() == [[0.0] * 6] * 2
