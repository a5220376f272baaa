"""Formats of other packages: recognised after the built-in ones, read under the same policy, written by suffix."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from embcomp.errors import InputError, ParameterError, PluginError, PluginWarning
from embcomp.formats import readable_formats, writable_formats, write_embedding
from tests.formats.helpers import float32, read, refusal, rows

MODULE = """
import struct
import numpy as np
from embcomp.formats import Format, Rows, matrix_blocks

MAGIC = b"PAIRS"

def read(stream, options):
    (n_rows,) = struct.unpack("<I", stream.read(9)[5:])
    words = [stream.read(1).decode() for _ in range(n_rows)]
    matrix = np.frombuffer(stream.read(16 * n_rows)).reshape(n_rows, 2)
    return Rows(2, matrix_blocks(words, matrix), stream.row)

def write(out, table):
    words, vectors = zip(*table.blocks())
    out.write(MAGIC + struct.pack("<I", table.n_rows) + b"".join(sum(words, [])))
    out.write(np.concatenate(vectors).astype("<f8").tobytes())

PAIRS = Format("pairs", (".pairs",), lambda stream: stream.peek(5) == MAGIC, read, write)
SOMETHING_ELSE = 42
"""


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[dict[str, str]], None]]:
    """Put a package with a module ``pairs_plugin`` and some entry points on the path."""

    def call(points: dict[str, str]) -> None:
        site = tmp_path / "site"
        info = site / "pairs-1.0.dist-info"
        info.mkdir(parents=True)
        (site / "pairs_plugin.py").write_text(MODULE)
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: pairs\nVersion: 1.0\n")
        lines = [f"{name} = {target}\n" for name, target in points.items()]
        (info / "entry_points.txt").write_text("[embcomp.formats]\n" + "".join(lines))
        monkeypatch.syspath_prepend(site)

    yield call
    sys.modules.pop("pairs_plugin", None)


def pairs(words: bytes, *numbers: float) -> bytes:
    return b"PAIRS" + len(words).to_bytes(4, "little") + words + np.array(numbers, dtype="<f8").tobytes()


def test_a_source_is_read_under_the_same_policy(install: Callable[[dict[str, str]], None], tmp_path: Path) -> None:
    install({"pairs": "pairs_plugin:PAIRS"})
    path = tmp_path / "v"
    embedding = read(path, pairs(b"aba", 1, 0.1, 3, 4, 5, 6))
    assert rows(embedding) == {"a": float32(1, 0.1), "b": float32(3, 4)}
    source = embedding.source
    assert (source.format, source.rows, source.dim, source.duplicates_dropped) == ("pairs", 2, 2, 1)
    assert read(path, limit=1).words == ["a"]
    assert read(path, format="pairs").words == ["a", "b"]
    assert refusal(path, duplicates="error").startswith("v: row 3: the word 'a' occurs twice")
    too_large = pairs(b"ab", 1, 1e39, 2, 3)
    assert refusal(path, too_large) == "v: row 1: number 2 is inf, expected a finite float32"
    kept = read(path, too_large, bad_rows="skip")
    assert (kept.words, kept.source.bad_rows_dropped) == (["b"], 1)


def test_it_is_written_and_listed(install: Callable[[dict[str, str]], None], tmp_path: Path) -> None:
    install({"pairs": "pairs_plugin:PAIRS"})
    assert readable_formats()[-1] == "pairs"
    assert writable_formats()["pairs"] == (".pairs",)
    path = tmp_path / "v.pairs"
    blocks = [(["a"], np.ones((1, 2), np.float32)), (["b"], np.zeros((1, 2), np.float32))]
    write_embedding(path, "pairs", blocks, 2, 2)
    assert rows(read(path)) == {"a": [1, 1], "b": [0, 0]}
    with pytest.raises(
        ParameterError, match=r"^the format pairs needs a plain file, got standard output or a compressed one$"
    ):
        write_embedding("-", "pairs", blocks, 2, 2)


def test_what_is_known_is_read_without_it(install: Callable[[dict[str, str]], None], tmp_path: Path) -> None:
    install({"pairs": "pairs_plugin:PAIRS"})
    assert read(tmp_path / "v", b"a 1 2\n").source.format == "glove-text"
    assert "pairs_plugin" not in sys.modules


def test_a_broken_one_is_named_and_hurts_no_other(install: Callable[[dict[str, str]], None], tmp_path: Path) -> None:
    broken = {
        "absent": ("no_such_module:X", "ModuleNotFoundError: No module named 'no_such_module'"),
        "npy": ("pairs_plugin:PAIRS", "TypeError: 'npy' is a format of embcomp itself, expected another name"),
        "number": ("pairs_plugin:SOMETHING_ELSE", "TypeError: 42 is not an embcomp.formats.Format"),
        "other": ("pairs_plugin:PAIRS", "TypeError: its name must be 'other', as its entry point, got 'pairs'"),
    }
    install({name: target for name, (target, _) in broken.items()} | {"pairs": "pairs_plugin:PAIRS"})
    with pytest.warns(PluginWarning) as caught:
        assert read(tmp_path / "v", pairs(b"a", 1, 2)).source.format == "pairs"
    assert [str(warning.message) for warning in caught] == [
        f"plugin {name!r} (embcomp.formats, from pairs) cannot be used: {reason}"
        for name, (_, reason) in broken.items()
    ]
    with pytest.raises(PluginError, match=r"^plugin 'absent' "):
        read(tmp_path / "v", format="absent")


def test_what_nobody_knows_is_refused(install: Callable[[dict[str, str]], None], tmp_path: Path) -> None:
    install({"pairs": "pairs_plugin:PAIRS"})
    with pytest.raises(InputError, match=r"v: is no embedding in a known format, .* got 'PAIR'$"):
        read(tmp_path / "v", b"PAIR\n")
