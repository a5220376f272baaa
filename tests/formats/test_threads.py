"""Text that is read, hashed and parsed on several threads: the same as on one."""

from __future__ import annotations

import gzip
import hashlib
from collections import deque
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from embcomp.formats import open_blocks, read_embedding, stacked, stream, text
from embcomp.formats.lines import parse_lines, parse_pieces
from embcomp.threads import set_threads
from tests.formats.helpers import read, refusal

N_ROWS = 60_000
DATA = b"".join(b"word%05d %d %d\n" % (row, row, row % 7) for row in range(N_ROWS))


@pytest.fixture(autouse=True)
def _threads_and_small_blocks(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(text, "BLOCK_BYTES", 10_000)
    yield
    set_threads(None)


@pytest.mark.parametrize("kind", ["plain", "gz"])
def test_any_number_of_threads_reads_the_same(tmp_path: Path, kind: str) -> None:
    data = DATA + b"bad\n" + DATA[:3000] + b"last 1 2"
    data = gzip.compress(data, 1) if kind == "gz" else data
    found = []
    for n_threads in (1, 2, 5):
        set_threads(n_threads)
        made = read(tmp_path / "v", data, bad_rows="skip")
        found.append((made.words, made.vectors.tobytes(), made.source))
    assert found[0] == found[1] == found[2]
    assert found[0][2].sha256 == hashlib.sha256(data).hexdigest()
    assert found[0][2].duplicates_dropped > 0


@pytest.mark.parametrize("n_threads", [1, 4])
def test_the_first_of_several_errors_is_reported(tmp_path: Path, n_threads: int) -> None:
    set_threads(n_threads)
    first, later = DATA.index(b"word01097"), DATA.index(b"word05000")
    data = DATA[:first] + b"first x 1\n" + DATA[first:later] + b"\xff 1 2\nlater 1\n" + DATA[later:]
    assert refusal(tmp_path / "v", data) == "v:1098: number 1 is 'x', expected a decimal number"


@pytest.mark.parametrize("n_threads", [1, 4])
@pytest.mark.parametrize("change", ["overwritten", "longer", "shorter"])
def test_the_hash_is_of_the_rows_that_were_read_even_if_the_file_changes(
    tmp_path: Path, change: str, n_threads: int
) -> None:
    set_threads(n_threads)
    path = tmp_path / "v"
    path.write_bytes(DATA)
    words, vectors = list[str](), []
    with open_blocks(path) as reader:
        for block_words, block in reader:
            if not words:
                with path.open("r+b") as file:
                    if change == "shorter":
                        file.truncate(DATA.index(b"word40000"))
                    else:
                        file.seek(0, 2 if change == "longer" else 0)
                        file.write(DATA.replace(b"word", b"Word"))
            words += block_words
            vectors.append(block.astype(int))
        rows = zip(words, np.concatenate(vectors).tolist(), strict=True)
        read_text = "".join(f"{word} {first} {second}\n" for word, (first, second) in rows)
        assert reader.source.sha256 == hashlib.sha256(read_text.encode()).hexdigest()
    assert (read_text.encode() == DATA) is False
    assert len(words) == {"overwritten": N_ROWS, "longer": 2 * N_ROWS, "shorter": 40_000}[change]


def test_a_reader_that_is_left_early_can_be_followed_by_another(tmp_path: Path) -> None:
    set_threads(3)
    path = tmp_path / "v"
    path.write_bytes(DATA)
    for _ in range(3):
        with open_blocks(path) as reader:
            next(iter(reader))
    assert len(read_embedding(path)) == N_ROWS


def test_small_reads_are_hashed_in_their_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "MAX_WAITING", 1)
    set_threads(2)
    path = tmp_path / "v"
    path.write_bytes(DATA)
    with stream.open_stream(path) as opened:
        for size in (3, 200_000, 5, 70_000, 300_000):
            opened.read(size)
        assert opened.drain() == hashlib.sha256(DATA).hexdigest()


@pytest.mark.parametrize("n_blank", [63, 64, 65, 1000])
def test_too_many_lines_for_their_bytes_are_parsed_in_pieces(n_blank: int) -> None:
    lines = b"\n" * n_blank + b"a" + b" 1" * 100 + b"\n\nb" + b" 2" * 100 + b"\n"
    whole = parse_lines(lines, 100)
    parts = list(parse_pieces((lines[:9], memoryview(lines)[9:]), 100))
    assert (len(parts) > 1) == (n_blank + 3 > 64)
    assert sum(part.n_lines for part in parts) == whole.n_lines == n_blank + 3
    assert [word for part in parts if len(part.vectors) for word in part.words.split(b"\n") if word] == [b"a", b"b"]
    assert [part.n_lines for part in parse_pieces((), 100)] == [0]


@pytest.mark.parametrize("lengths", [[], [3], [1, 4, 2], [0, 2]])
def test_chunks_are_put_together_and_let_go(lengths: list[int]) -> None:
    chunks = [np.full((length, 2), number, dtype=np.float32) for number, length in enumerate(lengths)]
    queue = deque(chunks)
    rows = stacked(queue, 2)
    assert rows.shape == (sum(lengths), 2)
    assert rows.flags.c_contiguous
    assert rows.flags.owndata
    assert rows[:, 0].tolist() == [number for number, length in enumerate(lengths) for _ in range(length)]
    assert not queue
