"""Words, order and codes that wait in files give the same bytes as in memory."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest

from embcomp import pipeline, spool
from embcomp.compressors import grades
from embcomp.container.reader import open_container, verify
from embcomp.container.writer import save
from embcomp.embedding import Embedding
from embcomp.errors import InputError, OutputError
from embcomp.formats import ReadOptions, text
from embcomp.pipeline import encode_source
from embcomp.vocabulary import building, merging, part

from .test_pipeline import quick

N_ROWS, DIM = 30_000, 6
TINY = 600_000  # bytes: fewer than words and codes take; their room and the known words are a quarter of it each
METHODS = ["iiq", "sign", "transform", "additive", "nlb"]


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of every three rows of the second half, one has a word of another, within and across runs."""
    rng = np.random.default_rng(3)
    vectors = (rng.normal(0.1, 1, (N_ROWS, DIM)) * np.linspace(2, 0.5, DIM)).astype(np.float32)
    words = [f"w{row * 7919 % 100_003:x}" for row in range(N_ROWS)]
    for row in range(N_ROWS // 2, N_ROWS, 3):
        words[row] = words[int(rng.integers(row))]
    path = tmp_path_factory.mktemp("spilling") / "vectors.txt"
    path.write_text("".join(f"{w} {' '.join(map(str, v))}\n" for w, v in zip(words, vectors.tolist(), strict=True)))
    return path


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Small runs, few known words, a small sample; returns how many bytes went to files."""
    monkeypatch.setattr(building, "RUN_WORDS", 18_000)  # at least the words of the first part
    monkeypatch.setattr(merging, "MERGED_WORDS", 1000)
    monkeypatch.setattr(merging, "BLOCK_WORDS", 64)
    monkeypatch.setattr(grades, "TAIL_ROWS", 300)
    monkeypatch.setattr(text, "BLOCK_BYTES", 20_000)
    spilled: list[int] = []
    original = tempfile.TemporaryFile

    def opened(*arguments: object, **options: object) -> object:
        spilled.append(1)
        return original(*arguments, **options)  # type: ignore[call-overload]

    monkeypatch.setattr(tempfile, "TemporaryFile", opened)
    return spilled


def saved(source: Path, target: Path, method: str, max_memory: int | None, *, drop_order: bool = False) -> bytes:
    compressor = quick(method, fit_rows=400)
    encoded = encode_source(source, compressor, ReadOptions(), max_memory=max_memory, drop_order=drop_order)
    save(encoded, target)
    return target.read_bytes()


@pytest.mark.parametrize("drop_order", [False, True])
@pytest.mark.parametrize("method", METHODS)
def test_spilling_gives_the_same_bytes(
    source: Path, tmp_path: Path, small: list[int], monkeypatch: pytest.MonkeyPatch, method: str, drop_order: bool
) -> None:
    in_memory = saved(source, tmp_path / "memory.embc", method, None, drop_order=drop_order)
    assert not small
    monkeypatch.setattr(pipeline, "KNOWN_BYTES", TINY)  # no more than the words of the first part are known
    spilled = saved(source, tmp_path / "spilled.embc", method, TINY, drop_order=drop_order)
    assert small
    assert spilled == in_memory
    assert verify(tmp_path / "spilled.embc") == []


def test_repeated_words_that_are_refused(tmp_path: Path, small: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pipeline, "KNOWN_BYTES", TINY)
    path = tmp_path / "x.txt"
    path.write_text("".join(f"w{row} {row % 7} 1\n" for row in range(30_000)) + "w29998 1 2\n")
    with pytest.raises(InputError, match=r"^x\.txt: 1 rows repeat a word, expected distinct words$"):
        encode_source(path, quick("iiq", fit_rows=400), ReadOptions(duplicates="error"), max_memory=TINY)


def test_more_repeated_words_than_others(tmp_path: Path, small: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pipeline, "KNOWN_BYTES", TINY)
    path = tmp_path / "x.txt"
    path.write_text("".join(f"w{row % 17_000} {row % 7} 1\n" for row in range(60_000)))
    with pytest.raises(InputError, match=r"x\.txt: 43000 of 60000 rows repeat the word of an earlier row"):
        encode_source(path, quick("iiq", fit_rows=400), ReadOptions(), max_memory=TINY)


def test_a_disk_that_is_full(source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "none"))
    target = tmp_path / "x.embc"
    with pytest.raises(OutputError, match=r"none: cannot hold what `max_memory` leaves no room for: "):
        saved(source, target, "iiq", TINY)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.name != "posix", reason="a file that is open has a name on this system")
def test_a_killed_process_leaves_nothing(source: Path, tmp_path: Path) -> None:
    code = """
import os, signal, sys
from embcomp import pipeline, spool
from embcomp.compressors.registry import make_compressor
from embcomp.formats import ReadOptions
encoded = pipeline.encode_source(sys.argv[1], make_compressor("sign"), ReadOptions(), max_memory=5_000_000)
os.kill(os.getpid(), signal.SIGKILL)
"""
    command = [sys.executable, "-c", code, str(source)]
    ended = subprocess.run(command, env=os.environ | {"TMPDIR": str(tmp_path)}, check=False)
    assert ended.returncode == -signal.SIGKILL
    assert list(tmp_path.iterdir()) == []


def test_words_are_added_and_read_in_little_memory(
    source: Path, tmp_path: Path, small: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same bytes as with large buckets and runs, which need no file."""
    path = tmp_path / "x.embc"
    saved(source, path, "iiq", None)
    expected = list(open_container(path).vocabulary)
    more = Embedding(["zz", "yy"], np.ones((2, DIM), dtype=np.float32))
    at_once = tmp_path / "at-once.embc"
    save(open_container(path).extended(more)[0], at_once)
    assert not small
    monkeypatch.setattr(spool, "ROOM_BYTES", 10_000)
    monkeypatch.setattr(part, "BUCKET_WORDS", 1000)
    in_parts = tmp_path / "in-parts.embc"
    save(open_container(path).extended(more)[0], in_parts)
    assert in_parts.read_bytes() == at_once.read_bytes()
    assert list(open_container(path).vocabulary) == expected
    assert len(small) > 3
