"""info, verify, vector, decompress: what is done with a finished file."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from embcomp.container.reader import open_container
from embcomp.formats import open_stream, read_embedding
from embcomp.formats.compression import SUFFIXES

from .conftest import WORDS, Cli


def test_info_names_every_part(cli: Cli, embc: Path) -> None:
    short = cli("info", embc).out.splitlines()
    assert [line.split()[0] for line in short] == ["method", "words", "dimensions", "bits", "file", "ratio", "source"]
    whole = cli("info", embc, "-v").out.splitlines()
    assert whole[: len(short)] == short
    names = [line.split()[0] for line in whole[len(short) :]]
    assert names[:7] == ["options", "bytes", "codes", "vocabulary", "order", "state", "header"]
    assert {"state.mean", "sha256", "dropped", "report", "format"} <= set(names)


@pytest.mark.parametrize("other", ["--json", "--tsv", "--recipe"])
def test_info_in_full_is_text(cli: Cli, embc: Path, other: str) -> None:
    message = f"embcomp: info: --verbose is for text and excludes {other}\n"
    assert cli("info", embc, "-v", other).err == message


def test_verify_says_yes(cli: Cli, embc: Path) -> None:
    assert cli("verify", embc).out == f"{embc}: ok\n"
    each = {"file": str(embc), "ok": True, "problems": []}
    assert json.loads(cli("verify", embc, "--json").out)["results"] == [each]


def test_verify_says_no(cli: Cli, embc: Path, tmp_path: Path) -> None:
    data = bytearray(embc.read_bytes())
    data[-1] ^= 1
    broken = tmp_path / "broken.embc"
    broken.write_bytes(data)
    outcome = cli("verify", broken)
    assert (outcome.code, outcome.err) == (1, "")
    assert outcome.out.startswith(f"{broken}: the checksum of section 'codes.0' ")
    assert json.loads(cli("verify", broken, "--json").out)["results"][0]["ok"] is False


def other_file(data: bytes) -> bytes:
    return b"word 1 2 3\n"


def newer(data: bytes) -> bytes:
    return data[:8] + b"\x02" + data[9:]


def truncated(data: bytes) -> bytes:
    return data[:-10]


def corrupt(data: bytes) -> bytes:
    return data[:40] + b"!" + data[41:]


DAMAGES = [
    (other_file, "x.embc: is not an embcomp container (it does not start with its magic bytes)"),
    (newer, "x.embc: format version 2, this release reads up to 1; update embcomp"),
    (truncated, "x.embc: "),
    (corrupt, "x.embc: the header's checksum does not match"),
]
READERS = [["info"], ["vector", "queen"], ["decompress", "-o", "out.txt"], ["eval"]]
READ_AS_ORIGINALS = ["vector", "eval"]  # what is no container


@pytest.mark.parametrize(
    ("damage", "message", "command"),
    [
        (damage, message, command)
        for damage, message in DAMAGES
        for command in READERS
        if not (damage is other_file and command[0] in READ_AS_ORIGINALS)
    ],
)
def test_a_damaged_container_is_refused_in_one_line(
    cli: Cli,
    embc: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    damage: Callable[[bytes], bytes],
    message: str,
    command: list[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    broken = Path("x.embc")
    broken.write_bytes(damage(embc.read_bytes()))
    outcome = cli(command[0], broken, *command[1:])
    assert (outcome.code, outcome.out) == (4, "")
    assert outcome.err.startswith(f"embcomp: {message}")
    assert outcome.err.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["x.embc"]


def test_vector_prints_numbers_that_read_back(cli: Cli, embc: Path) -> None:
    outcome = cli("vector", embc, "queen", "été")
    assert outcome.code == 0
    encoded = open_container(embc)
    for line, word in zip(outcome.out.splitlines(), ["queen", "été"], strict=True):
        fields = line.split(" ")
        assert fields[0] == word
        assert np.allclose(np.array(fields[1:], dtype=np.float32), encoded.vector(word), atol=1e-6)
    document = json.loads(cli("vector", embc, "queen", "--json").out)["results"]
    assert document[0]["word"] == "queen"
    assert np.allclose(document[0]["vector"], encoded.vector("queen"), rtol=1e-6)


def test_vector_takes_words_from_stdin(cli: Cli, embc: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO("king\r\nété\n".encode())))
    outcome = cli("vector", embc, "-")
    assert outcome.code == 0
    assert [line.split(" ")[0] for line in outcome.out.splitlines()] == ["king", "été"]


def test_a_missing_word_is_reported_and_the_others_printed(cli: Cli, embc: Path) -> None:
    outcome = cli("vector", embc, "kong", "king")
    assert outcome.code == 1
    assert [line.split(" ")[0] for line in outcome.out.splitlines()] == ["king"]
    assert outcome.err.startswith("embcomp: 'kong' is not in the vocabulary")


def test_missing_words_may_be_skipped_or_replaced(cli: Cli, embc: Path) -> None:
    assert cli("vector", embc, "kong", "--missing", "skip").out == ""
    zero = cli("vector", embc, "kong", "--missing", "zero")
    assert (zero.code, zero.out) == (0, "kong" + " 0.0" * 8 + "\n")
    mean = cli("vector", embc, "kong", "--missing", "mean")
    numbers = np.array(mean.out.split()[1:], dtype=np.float32)
    assert np.array_equal(numbers, open_container(embc).mean_vector())


@pytest.mark.parametrize("name", ["out.txt", "out.vec", "out.bin", "out.npy"])
def test_decompressed_files_read_back_as_what_is_decoded(cli: Cli, embc: Path, tmp_path: Path, name: str) -> None:
    target = tmp_path / name
    outcome = cli("decompress", embc, "-o", target)
    assert (outcome.code, outcome.out) == (0, "")
    embedding = read_embedding(target)
    assert list(embedding.words) == WORDS
    assert np.array_equal(embedding.vectors, open_container(embc).decode_all())


def test_restoring_the_mean_moves_every_vector(cli: Cli, glove: Path, tmp_path: Path) -> None:
    embc = tmp_path / "centred.embc"
    assert cli("compress", glove, "-o", embc, "--method", "iiq", "-q").code == 0
    assert cli("decompress", embc, "-o", tmp_path / "out.npy", "--restore-mean").code == 0
    encoded = open_container(embc)
    offset = encoded.compressor.offset
    assert offset is not None
    restored = read_embedding(tmp_path / "out.npy").vectors
    assert np.allclose(restored, encoded.decode_all() + offset)


def test_decompress_refuses_a_format_it_does_not_write(cli: Cli, embc: Path, tmp_path: Path) -> None:
    outcome = cli("decompress", embc, "-o", tmp_path / "out.txt", "--to", "json")
    assert outcome.code == 2
    assert outcome.err.startswith("embcomp: --to must be one of glove-text, ")
    assert outcome.err.endswith("got 'json'\n")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "arguments",
    [
        ["compress", "s.txt", "-o", "s.txt"],
        ["compress", "s.txt", "-o", "link"],
        ["compress", "s.txt", "-o", "hard"],
        ["compress", "link", "-o", "s.txt"],
        ["compress", "s.txt", "--words", "w.txt", "-o", "w.txt"],
        ["compress", "s.txt", "--word-list", "w.txt", "-o", "w.txt"],
        ["decompress", "c.embc", "--to", "npy", "-o", "c.embc"],
        ["decompress", "c.embc", "--to", "npy", "-o", "clink"],
        ["add", "c.embc", "s.txt", "-o", "s.txt"],
        ["compare", "s.txt", "--html", "s.txt"],
        ["compare", "s.txt", "--html", "link"],
    ],
)
def test_the_only_copy_is_not_replaced(
    cli: Cli, embc: Path, glove: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for name, data in {"s.txt": glove.read_bytes(), "w.txt": b"a\n", "c.embc": embc.read_bytes()}.items():
        Path(name).write_bytes(data)
    Path("link").symlink_to("s.txt")
    Path("clink").symlink_to("c.embc")
    Path("hard").hardlink_to("s.txt")
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    outcome = cli(*arguments, "--force")
    assert outcome.code == 3
    assert f"{arguments[-1]}: is the source '" in outcome.err
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_more_words_may_go_into_the_same_file(cli: Cli, embc: Path, glove: Path, tmp_path: Path) -> None:
    grown, more = tmp_path / "c.embc", tmp_path / "more.txt"
    grown.write_bytes(embc.read_bytes())
    more.write_text(f"new {' '.join(['0.5'] * 8)}\n")
    assert cli("add", grown, more, "-o", grown, "--force").code == 0
    assert open_container(grown).words == [*WORDS, "new"]


@pytest.mark.parametrize(
    ("name", "same_as"),
    [
        ("out.TXT", "out.txt"),
        ("out.txt.gz", "out.txt"),
        ("out.vec.bz2", "out.vec"),
        ("out.Bin.XZ", "out.bin"),
        ("out.npy.zst", "out.npy"),
    ],
)
def test_a_suffix_says_format_and_compression(cli: Cli, embc: Path, tmp_path: Path, name: str, same_as: str) -> None:
    if name.endswith("zst"):
        pytest.importorskip("zstandard")
    for each in (name, same_as):
        assert cli("decompress", embc, "-o", tmp_path / each).code == 0
    with open_stream(tmp_path / name) as stream:
        assert stream.compression == SUFFIXES.get(Path(name.lower()).suffix)
        assert stream.read(10**6) == (tmp_path / same_as).read_bytes()


@pytest.mark.parametrize("name", ["o.orc", "o.npz", "o.csv", "o.model", "o.100d", "o.kv.gz", "o"])
def test_an_unknown_suffix_is_refused(cli: Cli, embc: Path, tmp_path: Path, name: str) -> None:
    outcome = cli("decompress", embc, "-o", tmp_path / name)
    assert (outcome.code, list(tmp_path.iterdir())) == (2, [])
    if name == "o":
        assert outcome.err == (
            f"embcomp: {tmp_path / 'o'}: has no suffix, expected one of .txt, .vec, .bin, .kv, .npy, .safetensors, "
            ".parquet, .arrow, .feather, .h5, .hdf5, .fifu (and .gz, .bz2, .xz, .zst), or --to\n"
        )
    if name != "o.kv.gz":
        assert cli("decompress", embc, "-o", tmp_path / name, "--to", "glove-text").code == 0
