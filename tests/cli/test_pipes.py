"""Containers and originals from standard input, from other pipes, and several at once."""

from __future__ import annotations

import io
import json
import os
import threading
from pathlib import Path

import pytest

from .conftest import Cli


def feed(monkeypatch: pytest.MonkeyPatch, data: bytes) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BufferedReader(io.BytesIO(data))))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "arguments", [("info",), ("vector", "queen", "king"), ("similar", "queen"), ("analogy", "man", "king", "woman")]
)
def test_a_container_comes_from_stdin(
    cli: Cli, embc: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]
) -> None:
    command, *words = arguments
    expected = cli(command, embc, *words)
    feed(monkeypatch, embc.read_bytes())
    found = cli(command, "-", *words)
    assert found.code == 0
    assert (found.out, found.err) == (expected.out, "")


def test_verify_reads_stdin(cli: Cli, embc: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    feed(monkeypatch, embc.read_bytes())
    assert cli("verify", "-").out == "-: ok\n"
    feed(monkeypatch, embc.read_bytes()[:-3])
    cut = cli("verify", "-")
    assert cut.code == 1
    assert cut.out.startswith("-: ")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the system has no named pipes")
@pytest.mark.parametrize("arguments", [("verify",), ("similar", "queen"), ("eval", "--suite", "similarity", "-q")])
def test_a_named_pipe(cli: Cli, embc: Path, tmp_path: Path, arguments: tuple[str, ...]) -> None:
    pipe = tmp_path / embc.name
    os.mkfifo(pipe)
    writer = threading.Thread(target=lambda: pipe.write_bytes(embc.read_bytes()))
    writer.start()
    found = cli(arguments[0], pipe, *arguments[1:])
    writer.join()
    expected = cli(arguments[0], embc, *arguments[1:])
    assert found.code == 0
    assert found.out.replace(str(pipe), str(embc)) == expected.out


def test_a_compressed_container_can_be_scored(cli: Cli, embc: Path, tmp_path: Path) -> None:
    import gzip

    packed = tmp_path / embc.name
    packed.write_bytes(gzip.compress(embc.read_bytes()))
    arguments = ("--suite", "similarity", "-q")
    assert cli("eval", packed, *arguments).out == cli("eval", embc, *arguments).out


@pytest.mark.parametrize("command", ["vector", "similar", "analogy"])
def test_stdin_is_read_once(cli: Cli, command: str) -> None:
    outcome = cli(command, "-", "-")
    assert (outcome.code, outcome.err) == (
        2,
        f"embcomp: {command}: FILE - and words - both want standard input\n",
    )


def test_a_line_of_stdin_is_bounded(cli: Cli, embc: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("embcomp.formats.rows.MAX_LINE_BYTES", 20)
    feed(monkeypatch, b"queen\n" + b"x" * 30)
    outcome = cli("similar", embc, "-", "-k", "1")
    assert outcome.code == 3
    assert outcome.err == "embcomp: standard input: a line is longer than 20 bytes, allowed at most that\n"


def test_verify_goes_through_all_files(cli: Cli, embc: Path, glove: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken.embc"
    broken.write_bytes(embc.read_bytes()[:-1] + b"!")
    outcome = cli("verify", broken, embc, glove, tmp_path / "none.embc")
    assert outcome.code == 4
    assert outcome.out.splitlines() == [
        f"{broken}: the checksum of section 'codes.0' does not match",
        f"{embc}: ok",
    ]
    assert outcome.err.splitlines() == [
        f"embcomp: {glove}: is not an embcomp container (it does not start with its magic bytes), "
        "expected an .embc file",
        f"embcomp: {tmp_path / 'none.embc'}: cannot be read: No such file or directory",
    ]
    document = json.loads(cli("verify", broken, embc, "--json").out)["results"]
    assert [each["ok"] for each in document] == [False, True]


def test_info_of_several_files(cli: Cli, embc: Path) -> None:
    text = cli("info", embc).out
    assert cli("info", embc, embc).out == f"{embc}\n{text}\n{embc}\n{text}"
    documents = json.loads(cli("info", embc, embc, "--json").out)["results"]
    assert documents == [json.loads(cli("info", embc, "--json").out)["results"][0]] * 2
