"""The public functions, from words and vectors to a file and its scores."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gensim.models import KeyedVectors

import embcomp
from embcomp.errors import InputError, MissingWordError, OutputError, ParameterError
from tests.cli.conftest import Cli, cli

__all__ = ["cli"]

N_WORDS, DIM = 120, 8
WORDS = [f"b{i // 10}w{i % 10}" for i in range(N_WORDS)]


@pytest.fixture(scope="module")
def vectors() -> Any:
    rng = np.random.default_rng(3)
    centres = rng.normal(size=(N_WORDS // 10, DIM))
    return (np.repeat(centres, 10, axis=0) + 0.4 * rng.normal(size=(N_WORDS, DIM))).astype(np.float32)


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One similarity set: words of one bunch are alike, of two are not."""
    folder = tmp_path_factory.mktemp("data") / "similarity"
    folder.mkdir()
    pairs = [(i, (i + 1) if i % 3 else (7 * i + 35) % N_WORDS) for i in range(0, N_WORDS - 1, 2)]
    rows = [f"{WORDS[a]}\t{WORDS[b]}\t{9 if a // 10 == b // 10 else 1}" for a, b in pairs]
    (folder / "bunches.tsv").write_text("\n".join(rows) + "\n")
    return folder.parent


@pytest.fixture(scope="module")
def glove(vectors: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("glove") / "small.txt"
    rows = [f"{word} {' '.join(map(str, row))}\n" for word, row in zip(WORDS, vectors.tolist(), strict=True)]
    path.write_text("".join(rows))
    return path


def test_what_compress_gives_is_what_open_gives(vectors: Any, tmp_path: Path) -> None:
    made = embcomp.compress(WORDS, vectors)
    made.save(tmp_path / "out.embc")
    opened = embcomp.open(tmp_path / "out.embc")
    assert type(made) is type(opened)
    assert made.index_to_key == opened.index_to_key == WORDS
    assert np.array_equal(made[WORDS], opened[WORDS])
    assert made.most_similar("b3w4") == opened.most_similar("b3w4")


def test_options_go_to_the_method(vectors: Any) -> None:
    made = embcomp.compress(WORDS, vectors, "itq", bits=5, random_state=3)
    assert made.encoded.compressor.get_config() == embcomp.make_compressor("itq", bits=5, random_state=3).get_config()
    assert made.encoded.compressor.layout.row_bits == 5


def test_a_compressor_of_ones_own(vectors: Any) -> None:
    compressor = embcomp.make_compressor("sign", threshold="zero")
    assert embcomp.compress(WORDS, vectors, compressor).encoded.compressor is compressor
    with pytest.raises(ParameterError, match=r"^options belong to a method's name, got a compressor and bits$"):
        embcomp.compress(WORDS, vectors, compressor, bits=3)


def test_progress_is_told(vectors: Any) -> None:
    stages = []
    embcomp.compress(WORDS, vectors, "itq", progress=lambda stage, *rest: stages.append(stage))
    assert stages


def test_it_is_the_file_that_the_command_line_makes(glove: Path, tmp_path: Path, cli: Cli) -> None:
    embcomp.compress(*embcomp.read(glove), bits=6).save(tmp_path / "ours.embc")
    assert cli("compress", glove, "-o", tmp_path / "theirs.embc", "--bits", "6", "-q").code == 0
    ours, theirs = (embcomp.open(tmp_path / name).encoded for name in ("ours.embc", "theirs.embc"))
    assert np.array_equal(ours.codes.streams[0], theirs.codes.streams[0])
    assert np.array_equal(ours.decode_all(), theirs.decode_all())


def test_what_cannot_be_compressed(vectors: Any) -> None:
    with pytest.raises(ParameterError, match=r"^there is no method 'foo', expected one of sign, itq, iiq, "):
        embcomp.compress(WORDS, vectors, "foo")
    with pytest.raises(ParameterError, match=r"must be a number between 0.125 and 65536 or 'dim', got -3$"):
        embcomp.compress(WORDS, vectors, bits=-3)
    with pytest.raises(InputError, match=r"^words must be distinct, got 'b0w0' in rows 0 and 1$"):
        embcomp.compress([WORDS[0], *WORDS[:-1]], vectors)


def test_save_does_not_replace_a_file_unasked(vectors: Any, tmp_path: Path) -> None:
    path = tmp_path / "out.embc"
    made = embcomp.compress(WORDS, vectors, "sign")
    made.save(path)
    before = path.read_bytes()
    with pytest.raises(OutputError, match="exists already"):
        made.save(path)
    made.save(path, force=True)
    assert path.read_bytes() == before


def test_an_opened_file_is_saved_to_the_same_bytes(vectors: Any, tmp_path: Path) -> None:
    embcomp.compress(WORDS, vectors).save(tmp_path / "one.embc")
    opened = embcomp.open(tmp_path / "one.embc")
    opened.save(tmp_path / "two.embc")
    assert (tmp_path / "two.embc").read_bytes() == (tmp_path / "one.embc").read_bytes()
    opened.save(tmp_path / "one.embc", force=True)
    assert (tmp_path / "two.embc").read_bytes() == (tmp_path / "one.embc").read_bytes()


def test_the_order_of_words_can_be_left_out(vectors: Any, tmp_path: Path) -> None:
    embcomp.compress(WORDS, vectors).save(tmp_path / "without.embc", drop_order=True)
    without = embcomp.open(tmp_path / "without.embc")
    assert sorted(without.index_to_key) == sorted(WORDS)
    without.save(tmp_path / "again.embc")
    assert (tmp_path / "again.embc").read_bytes() == (tmp_path / "without.embc").read_bytes()


def test_read_gives_words_and_vectors(glove: Path, vectors: Any) -> None:
    words, read = embcomp.read(glove)
    assert words == WORDS
    assert read.dtype == np.float32
    assert np.array_equal(read, vectors)


def test_read_takes_the_options_of_the_command_line(tmp_path: Path) -> None:
    path = tmp_path / "messy.txt"
    path.write_bytes(b"a 1 2\nb 3 4\na 5 6\nc 1 x\n\xff 0 1\n")
    words, _ = embcomp.read(path, bad_rows="skip", encoding_errors="replace", format="glove-text")
    assert words == ["a", "b", "\ufffd"]
    assert embcomp.read(path, limit=2)[0] == ["a", "b"]
    with pytest.raises(InputError, match="occurs twice"):
        embcomp.read(path, duplicates="error", limit=3)
    with pytest.raises(ParameterError, match="must be"):
        embcomp.read(path, limit=0)


def test_read_takes_an_array_and_its_words(vectors: Any, tmp_path: Path) -> None:
    np.save(tmp_path / "v.npy", vectors)
    (tmp_path / "w.txt").write_text("\n".join(WORDS) + "\n")
    words, read = embcomp.read(tmp_path / "v.npy", word_list=tmp_path / "w.txt")
    assert words == WORDS
    assert np.array_equal(read, vectors)


def test_evaluate_takes_targets_of_every_kind(vectors: Any, glove: Path, data_dir: Path, tmp_path: Path) -> None:
    keyed = KeyedVectors(DIM)
    keyed.add_vectors(WORDS, vectors)
    how: dict[str, Any] = {"suites": ["similarity"], "data_dir": data_dir}

    def values(target: Any) -> list[float | None]:
        return [score.value for score in embcomp.evaluate(target, **how) if score.task == "bunches"]

    expected = values((WORDS, vectors))
    assert expected[0] is not None
    assert expected[0] > 50
    assert values(keyed) == values(glove) == values(str(glove)) == expected
    made = embcomp.compress(WORDS, vectors)
    made.save(tmp_path / "out.embc")
    assert values(made) == values(tmp_path / "out.embc") == values(embcomp.open(tmp_path / "out.embc"))
    assert values(made) != expected


def test_scores_are_named_after_the_file(vectors: Any, glove: Path, data_dir: Path) -> None:
    how: dict[str, Any] = {"suites": ["similarity"], "data_dir": data_dir}
    assert {score.target for score in embcomp.evaluate(glove, **how)} == {"small.txt"}
    assert {score.target for score in embcomp.evaluate((WORDS, vectors), **how)} == {"vectors"}


def test_evaluate_compares_with_a_baseline(vectors: Any) -> None:
    scores = embcomp.evaluate(embcomp.compress(WORDS, vectors), suites=["fidelity"], baseline=(WORDS, vectors))
    assert {score.suite for score in scores} == {"fidelity"}


def test_what_cannot_be_evaluated(vectors: Any, tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match=r"^the target must be a file, .* got ndarray$"):
        embcomp.evaluate(vectors)
    with pytest.raises(InputError, match=r"none\.embc: cannot be read"):
        embcomp.evaluate(tmp_path / "none.embc")
    with pytest.raises(ParameterError, match="foo"):
        embcomp.evaluate((WORDS, vectors), suites=["foo"])


def test_compare_puts_methods_side_by_side(vectors: Any, data_dir: Path, tmp_path: Path) -> None:
    how: dict[str, Any] = {"suites": ["similarity"], "data_dir": data_dir}
    results = embcomp.compare((WORDS, vectors), ["sign", "itq:iterations=3"], bits=[4, 8], n_seeds=2, **how)
    assert [result.method for result in results] == ["none", "sign", "itq", "itq", "itq", "itq"]
    assert [result.bits_per_vector for result in results] == [32 * DIM, DIM, 4, 4, 8, 8]
    kept = embcomp.compare((WORDS, vectors), ["sign"], cache_dir=tmp_path, **how)
    assert list(tmp_path.iterdir())
    assert embcomp.compare((WORDS, vectors), ["sign"], cache_dir=tmp_path, **how) == kept


def test_compare_looks_for_options_that_fit(vectors: Any, data_dir: Path) -> None:
    how: dict[str, Any] = {"suites": ["similarity"], "data_dir": data_dir}
    _, small = embcomp.compare((WORDS, vectors), ["prune"], target_ratio=2.0, **how)
    assert small.ratio is not None
    assert small.ratio["vectors"] >= 2.0
    _, tiny = embcomp.compare((WORDS, vectors), ["sign"], target_size=10, **how)
    assert (tiny.config, "10 bytes" in tiny.note) == (None, True)
    with pytest.raises(ParameterError, match=r"^`bits`, `target_size` and `target_ratio` exclude each other$"):
        embcomp.compare((WORDS, vectors), ["sign"], bits=[3], target_size=10, **how)


def test_compare_runs_the_fast_methods_if_none_is_named(vectors: Any, data_dir: Path) -> None:
    results = embcomp.compare((WORDS, vectors), suites=["similarity"], data_dir=data_dir)
    fast = [name for name, kind in embcomp.methods().items() if not kind.slow]
    assert [result.method for result in results] == ["none", *fast]


def test_methods_are_classes_by_name() -> None:
    kinds = embcomp.methods()
    assert list(kinds)[:3] == ["sign", "itq", "iiq"]
    for name, kind in kinds.items():
        assert issubclass(kind, embcomp.Compressor)
        assert kind.name == name
        assert isinstance(embcomp.make_compressor(name), kind)


def test_a_missing_word_is_a_key_error(vectors: Any) -> None:
    made = embcomp.compress(WORDS, vectors)
    with pytest.raises(MissingWordError):
        made["nobody"]
