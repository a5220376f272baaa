"""Compression, standard input, hashes, and streams that mean harm."""

from __future__ import annotations

import bz2
import gzip
import hashlib
import io
import lzma
import os
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from embcomp.errors import InputError, ParameterError
from embcomp.formats import ReadOptions, open_blocks, read_embedding, stream
from embcomp.formats.compression import kind_of
from embcomp.formats.stream import open_stream
from tests.formats.helpers import read, refusal

zstandard = pytest.importorskip("zstandard")

COMPRESSORS = {"gz": gzip.compress, "bz2": bz2.compress, "xz": lzma.compress, "zst": zstandard.compress}
DATA = b"".join(b"word%d %d %d\n" % (i, i, i * i) for i in range(3000))


class FakeStdin:
    def __init__(self, data: bytes) -> None:
        self.buffer = io.BytesIO(data)


@pytest.mark.parametrize("kind", COMPRESSORS)
def test_compressed_sources_are_read_whatever_their_name(tmp_path: Path, kind: str) -> None:
    data = COMPRESSORS[kind](DATA)
    embedding = read(tmp_path / "vectors.txt", data)
    assert embedding.words == [f"word{i}" for i in range(3000)]
    assert embedding.source.sha256 == hashlib.sha256(data).hexdigest()
    assert embedding.source.name == "vectors.txt"


@pytest.mark.parametrize("kind", COMPRESSORS)
def test_streams_in_a_row_and_padding_are_one(tmp_path: Path, kind: str) -> None:
    compress = COMPRESSORS[kind]
    data = compress(DATA[:1000]) + compress(b"") + compress(DATA[1000:]) + b"\x00" * 8
    assert len(read(tmp_path / "vectors", data)) == 3000


@pytest.mark.parametrize("kind", COMPRESSORS)
def test_a_truncated_or_damaged_stream_is_refused(tmp_path: Path, kind: str) -> None:
    data = COMPRESSORS[kind](DATA)
    assert refusal(tmp_path / "v", data[:-9]) == f"v: the {kind} data end too early"
    middle = len(data) // 2
    damaged = data[:middle] + bytes(byte ^ 0x55 for byte in data[middle : middle + 9]) + data[middle + 9 :]
    assert refusal(tmp_path / "v", damaged).startswith("v: the " + kind + " data are damaged: ")
    assert refusal(tmp_path / "v", data + b"garbage").startswith("v: the " + kind + " data are damaged: ")


def test_xz_may_not_ask_for_any_amount_of_memory(tmp_path: Path) -> None:
    filters = [{"id": lzma.FILTER_LZMA2, "preset": 0, "dict_size": 256 << 20}]
    data = bytearray(lzma.compress(DATA, filters=filters))
    assert refusal(tmp_path / "v", bytes(data)) == "v: the xz data are damaged: Memory usage limit exceeded"


def test_zstd_needs_its_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if sys.version_info >= (3, 14):
        pytest.skip("Python brings it")
    monkeypatch.setitem(sys.modules, "zstandard", None)
    assert refusal(tmp_path / "v", zstandard.compress(DATA)) == (
        "v: zstd needs the package 'zstandard': pip install '.[zstd]'"
    )


@pytest.mark.parametrize("kind", COMPRESSORS)
def test_a_decompression_bomb_is_refused(tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "BOMB_FREE_BYTES", 1 << 20)
    bomb = COMPRESSORS[kind](b"a 1 2\n" + b"\n" * (1 << 24))
    assert refusal(tmp_path / "v", bomb) == "v: expands to more than 1000 times its size, allowed at most that many"


def test_a_bomb_of_words_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows pass by, but words are kept. Each of these is distinct and within the limits of one word."""
    monkeypatch.setattr(stream, "BOMB_FREE_BYTES", 1 << 20)
    text = b"".join(b"%d" % row + b"x" * 10_000 + b" 1 2\n" for row in range(300))
    bomb = gzip.compress(text)
    assert 100 < len(text) / len(bomb) < stream.BOMB_RATIO
    assert refusal(tmp_path / "v", bomb) == (
        "v: its words alone expand to more than 10 times its size, allowed at most that many"
    )
    (tmp_path / "plain").write_bytes(text)
    assert len(read(tmp_path / "plain")) == 300


def test_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    data = gzip.compress(DATA)
    monkeypatch.setattr(sys, "stdin", FakeStdin(data))
    embedding = read_embedding("-")
    assert len(embedding) == 3000
    assert embedding.source.name == "-"
    assert embedding.source.sha256 == hashlib.sha256(data).hexdigest()
    monkeypatch.setattr(sys, "stdin", FakeStdin(b"a 1\nb x\n"))
    with pytest.raises(InputError, match=r"^-:2: number 1 is 'x', expected a decimal number$"):
        read_embedding("-")


def test_a_pipe_with_a_name(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    writer = threading.Thread(target=path.write_bytes, args=(DATA,))
    writer.start()
    assert len(read(path)) == 3000
    writer.join()


def test_the_hash_is_of_the_whole_file_even_if_little_is_read(tmp_path: Path) -> None:
    data = DATA * 1000  # 40 MB
    embedding = read(tmp_path / "v", data, limit=5)
    assert len(embedding) == 5
    assert embedding.source.sha256 == hashlib.sha256(data).hexdigest()


def test_sources_that_cannot_be_opened(tmp_path: Path) -> None:
    assert refusal(tmp_path / "absent") == "absent: cannot be read: No such file or directory"
    with pytest.raises(InputError, match=r": is a folder without model.safetensors, expected a file or a static "):
        read_embedding(tmp_path)


def test_blocks_know_their_source_only_at_the_end(tmp_path: Path) -> None:
    path = tmp_path / "v"
    path.write_bytes(DATA)
    with open_blocks(path) as reader:
        assert (reader.dim, reader.format) == (2, "glove-text")
        with pytest.raises(InputError, match=r"v: has not been read to its end$"):
            _ = reader.source
        assert sum(len(words) for words, _ in reader) == 3000
        assert reader.source.rows == 3000


def test_progress_counts_bytes_on_disk(tmp_path: Path) -> None:
    path = tmp_path / "v"
    data = gzip.compress(DATA)
    path.write_bytes(data)
    calls: list[tuple[str, int, int]] = []
    read_embedding(path, progress=lambda *call: calls.append(call))
    assert calls[-1] == ("read", len(data), len(data))


@given(
    st.lists(st.binary(max_size=60), max_size=4),
    st.sampled_from([None, *COMPRESSORS]),
    st.lists(st.tuples(st.booleans(), st.integers(1, 50)), max_size=10),
)
def test_reading_and_peeking_give_the_bytes_in_order(
    tmp_path_factory: pytest.TempPathFactory, parts: list[bytes], kind: str | None, steps: list[tuple[bool, int]]
) -> None:
    path = tmp_path_factory.getbasetemp() / "stream"
    plain = b"".join(parts)
    compress: Any = COMPRESSORS[kind] if kind else bytes
    path.write_bytes(b"".join(compress(part) for part in parts))
    if kind is None and kind_of(plain) is not None:
        return
    done = 0
    with open_stream(path) as source:
        for peek, size in steps:
            expected = plain[done : done + size]
            assert (source.peek(size) if peek else source.read(size)) == expected
            done += 0 if peek else len(expected)
        assert source.read(1000) == plain[done:]
        assert source.drain() == hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize(
    ("head", "message"),
    [
        (
            b"\x89EMBC\r\n\x1a",
            "v: is compressed already (an .embc container), expected an embedding; 'embcomp decompress' reads it",
        ),
        (
            b"\x80\x04\x95",
            "v: is a pickle (native gensim file), and unpickling runs any code that it holds; "
            "`allow_pickle` reads it anyway",
        ),
    ],
)
def test_files_of_another_kind(tmp_path: Path, head: bytes, message: str) -> None:
    assert refusal(tmp_path / "v", head + bytes(20)) == message


def test_options_are_judged() -> None:
    with pytest.raises(ValueError, match=r"^`limit` must be an integer of at least 1, got 0$"):
        ReadOptions(limit=0)
    with pytest.raises(ValueError, match=r"^`bad_rows` must be 'error' or 'skip', got 'drop'$"):
        ReadOptions(bad_rows="drop")


def test_a_format_that_is_not_read(tmp_path: Path) -> None:
    for name in ("text", "finalfusion"):
        with pytest.raises(ParameterError, match=rf"hdf5, got '{name}'$"):
            read(tmp_path / "v", DATA, format=name)
