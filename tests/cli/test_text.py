"""What is shown: control characters are escaped so that it can be undone, whatever the streams are."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from embcomp.api import compress
from embcomp.cli.text import escaped, visible
from tests.container.builder import Parts

from .conftest import Cli

HOSTILE = ["a\tb", "x\n\x1b[2Jforged\t1.0", "\x07\x9b31m", "back\\slash", "\u202eabc", "\u2028", "\x7f", "été"]
HOSTILE += ["\U000e0041"]
RAW = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff\U000e0000-\U000e007f]")
LONG = re.compile(r"\\(?:x(..)|u(....)|U(........)|(.))", re.DOTALL)
RUN = [sys.executable, "-c", "from embcomp.cli.main import run; run()"]


def undone(text: str) -> str:
    """Undo the escapes, as the documentation says."""
    short = {"\\": "\\", "t": "\t", "n": "\n", "r": "\r"}
    return LONG.sub(
        lambda found: short[found[4]] if found[4] else chr(int(found[1] or found[2] or found[3], 16)), text
    )


@given(st.text(st.characters(exclude_categories=())))
def test_escapes_can_be_undone(text: str) -> None:
    shown = escaped(text)
    assert undone(shown) == text
    assert not RAW.search(shown)
    assert not set("\t\n\r") & set(shown)


def test_escapes_one_by_one() -> None:
    assert escaped("a\\b\t\n\r\x1b\x85\u202e\U000e0041\udcff é") == (
        "a\\\\b\\t\\n\\r\\x1b\\x85\\u202e\\U000e0041\\udcff é"
    )
    assert visible("a\\b\x1b") == "a\\b\\x1b"


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Words that would move the cursor or forge lines."""
    vectors = np.random.default_rng(0).standard_normal((len(HOSTILE), 4)).astype(np.float32)
    path = tmp_path_factory.mktemp("hostile") / "hostile.embc"
    compress(HOSTILE, vectors, "kd", dims=2, ways=2, random_state=0).save(path)
    return path


def test_neighbours_are_three_fields_a_line(cli: Cli, hostile: Path) -> None:
    lines = cli("similar", hostile, "été", "-k", len(HOSTILE) - 1).out.split("\n")[:-1]
    assert sorted(undone(line.split("\t")[1]) for line in lines) == sorted(set(HOSTILE) - {"été"})
    assert all(len(line.split("\t")) == 3 and not RAW.search(line) for line in lines)


@pytest.mark.parametrize(
    "arguments",
    [["vector", *HOSTILE], ["codes"], ["codes", *HOSTILE], ["analogy", *HOSTILE[:3]], ["vector", "\x1b[1m"]],
)
def test_nothing_is_printed_raw(cli: Cli, hostile: Path, arguments: list[str]) -> None:
    command, *words = arguments
    outcome = cli(command, hostile, *words)
    assert outcome.out or outcome.code == 1
    assert not RAW.search(outcome.out + outcome.err)


def test_a_vector_is_one_line(cli: Cli, hostile: Path) -> None:
    lines = cli("vector", hostile, *HOSTILE).out.split("\n")[:-1]
    assert [undone(line.split(" ")[0]) for line in lines] == HOSTILE


@pytest.mark.parametrize("command", ["similar", "vector"])
def test_json_has_no_control_characters(cli: Cli, hostile: Path, command: str) -> None:
    out = cli(command, hostile, *HOSTILE, "--json").out
    assert not RAW.search(out)
    assert [each.get("query") or each["word"] for each in json.loads(out)["results"]] == HOSTILE
    assert "été" in out


def test_info_cannot_be_made_to_forge_a_line(cli: Cli, embc: Path, tmp_path: Path) -> None:
    parts = Parts(embc.read_bytes())
    parts.document["report"] = {"x\nsha256     forged\x1b[1m": 1, "format       version 9": 2}
    parts.document["source"]["name"] = "a\nmethod       forged\x9b"
    path = tmp_path / "x.embc"
    path.write_bytes(parts.build())
    outcome = cli("info", path, "-v")
    assert not RAW.search(outcome.out)
    names = [line.split()[0] for line in outcome.out.splitlines()]
    assert [names.count(name) for name in ("method", "sha256", "format", "report")] == [1, 1, 1, 2]
    assert not RAW.search(cli("info", path, "--json").out)


def test_messages_are_one_line(cli: Cli, tmp_path: Path) -> None:
    outcome = cli("info", tmp_path / "a\x1b[2J\n\x9bb")
    assert outcome.code == 3
    assert outcome.err.count("\n") == 1
    assert not RAW.search(outcome.err)


SURROUNDINGS = [
    {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"},
    {"PYTHONIOENCODING": "latin-1:strict"},
    {"PYTHONIOENCODING": "ascii:strict"},
    {"PYTHONIOENCODING": "utf-16:strict"},
]


@pytest.mark.parametrize("surroundings", SURROUNDINGS)
@pytest.mark.parametrize("command", [["similar", "queen"], ["vector", "été", "missing-ü"], ["info"], ["verify"]])
@pytest.mark.parametrize("as_json", [False, True])
def test_terminals_that_lack_characters(
    embc: Path, tmp_path: Path, surroundings: dict[str, str], command: list[str], as_json: bool
) -> None:
    name = tmp_path / os.fsdecode(b"n\xff\xe2\x82\xac.embc")
    name.write_bytes(embc.read_bytes())
    given_command = [*RUN, command[0], str(name), *command[1:], *(["--json"] if as_json else [])]
    done = subprocess.run(given_command, capture_output=True, check=False, env=os.environ | surroundings, timeout=60)
    assert done.returncode == (1 if "missing-ü" in command else 0)
    assert b"Traceback" not in done.stderr
    if as_json:
        encoding = surroundings.get("PYTHONIOENCODING", "ascii").split(":")[0]
        json.loads(done.stdout.decode(encoding))


def test_a_name_that_is_not_utf_8(cli: Cli, glove: Path, tmp_path: Path) -> None:
    source = tmp_path / os.fsdecode(b"s\xff.txt")
    source.write_bytes(glove.read_bytes())
    assert cli("compress", source).err.startswith(f"{tmp_path}/s\\udcff.embc: 10 words")
    target = tmp_path / os.fsdecode(b"s\xff.embc")
    assert json.loads(cli("info", target, "--json").out)["results"][0]["source"]["name"] == "s\\xff.txt"
    assert cli("verify", target).out == f"{tmp_path}/s\\udcff.embc: ok\n"


CLOSED = [
    ("vector {embc} queen >&-", 3, b"embcomp: standard output: Bad file descriptor\n"),
    ("similar {embc} queen --json >&-", 3, b"embcomp: standard output: Bad file descriptor\n"),
    ("sample -o - >&-", 3, b"embcomp: standard output: Bad file descriptor\n"),
    ("vector {embc} - <&-", 3, b"embcomp: standard input: cannot be read: Bad file descriptor\n"),
    ("compress - -o {out} <&-", 3, b"embcomp: -: cannot be read: Bad file descriptor\n"),
    ("compress {glove} -o {out} -q <&- >&- 2>&-", 0, b""),
    ("compress {glove} -o - >&-", 3, b"embcomp: standard output: Bad file descriptor\n"),
    ("verify {embc} >&- 2>&-", 3, b""),
]


@pytest.mark.parametrize(("command", "code", "message"), CLOSED)
def test_closed_streams(embc: Path, glove: Path, tmp_path: Path, command: str, code: int, message: bytes) -> None:
    out = tmp_path / "out.embc"
    line = f"'{RUN[0]}' -c '{RUN[2]}' " + command.format(embc=embc, glove=glove, out=out)
    done = subprocess.run(["bash", "-c", line], capture_output=True, check=False, timeout=60)
    assert (done.returncode, done.stderr) == (code, message)
    assert out.exists() == (code == 0)


@pytest.mark.parametrize("arguments", ["verify {broken}", "vector {embc} missing queen"])
def test_a_pipe_closed_before_an_answer_of_no(embc: Path, tmp_path: Path, arguments: str) -> None:
    broken = tmp_path / "broken.embc"
    broken.write_bytes(embc.read_bytes()[:-1] + b"?")
    line = f"'{RUN[0]}' -c '{RUN[2]}' " + arguments.format(embc=embc, broken=broken)
    done = subprocess.run(["bash", "-c", f"{line} | true"], capture_output=True, check=False, timeout=60)
    assert b"Exception ignored" not in done.stderr
    assert b"Traceback" not in done.stderr


AT_EXIT = """
import os, signal, threading, time
from concurrent.futures import ThreadPoolExecutor, thread
signal.signal(signal.SIGINT, signal.default_int_handler)
from embcomp.cli.main import run
pool = ThreadPoolExecutor(1)
pool.submit(time.sleep, 30)
def interrupt():
    while not thread._shutdown:  # set when the interpreter begins to wait for the pool
        time.sleep(0.01)
    os.kill(os.getpid(), signal.SIGINT)
threading.Thread(target=interrupt, daemon=True).start()
run(["methods", "sign"])
"""


def test_an_interrupt_while_the_interpreter_ends() -> None:
    done = subprocess.run([sys.executable, "-c", AT_EXIT], capture_output=True, check=False, timeout=60)
    assert (done.returncode, done.stderr) == (130, b"")
    assert done.stdout.startswith(b"sign: ")
