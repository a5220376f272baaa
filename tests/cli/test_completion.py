"""What a shell is offered, asked through click's own completion."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

import pytest
from click.shell_completion import ShellComplete, get_completion_class

from embcomp.cli.main import COMMANDS, group
from embcomp.compressors.registry import method_names


def offered(line: str) -> list[str]:
    """What completes a command line; the last word is incomplete, or empty after a space."""
    *arguments, incomplete = line.split(" ")
    complete = ShellComplete(group, {}, "embcomp", "_EMBCOMP_COMPLETE")
    return [item.value for item in complete.get_completions(arguments, incomplete)]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("", list(COMMANDS)),
        ("com", ["compress", "compact", "compare"]),
        ("compress --method ", method_names()),
        ("compress --method k", ["kd"]),
        ("methods ", method_names()),
        ("methods kd s", ["sign"]),
        ("compress x --method kd --sol", ["--solver"]),
        ("compress x --method kd --solver ", ["alternate", "ste", "random"]),
        ("compress x --method kd --dims ", ["auto"]),
        ("compress x --method=prune --per-word ", ["true", "false"]),
        ("compress x --method prune --per-word f", ["false"]),
        ("compress x --bi", ["--bits"]),
        ("compress x --bits ", ["dim"]),
        ("compress x --method sign --se", []),
        ("compress x --method nonsense --li", ["--limit"]),
        ("compare x --methods k", ["kd"]),
        ("compare x --methods iiq,k", ["iiq,kd"]),
        ("compare x --methods a", ["all", "alone", "additive"]),
        ("compress x --duplicates ", ["first", "error"]),
        ("similar x --similarity h", ["hamming"]),
        ("compress x --format w", ["word2vec-text", "word2vec-binary"]),
        ("decompress x --to sa", ["safetensors"]),
        ("eval x --oov ", ["mean", "skip"]),
    ],
)
def test_what_completes_a_line(line: str, expected: list[str]) -> None:
    assert offered(line) == expected


@pytest.mark.parametrize("line", ["compress ", "compress x -o ", "compare ", "info ", "eval ", "decompress x -o "])
def test_files_are_left_to_the_shell(line: str) -> None:
    complete = ShellComplete(group, {}, "embcomp", "_EMBCOMP_COMPLETE")
    *arguments, incomplete = line.split(" ")
    assert [item.type for item in complete.get_completions(arguments, incomplete)] == ["file"]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_gets_a_script(shell: str) -> None:
    kind = get_completion_class(shell)
    assert kind is not None
    if shell == "bash" and shutil.which("bash") is None:
        pytest.skip("bash is asked for its version")
    source = run({"_EMBCOMP_COMPLETE": f"{shell}_source"})
    assert f"_EMBCOMP_COMPLETE={shell}_complete" in source


def test_a_shell_is_answered_by_the_command_itself() -> None:
    environment = {
        "_EMBCOMP_COMPLETE": "bash_complete",
        "COMP_WORDS": "embcomp compress --method pr",
        "COMP_CWORD": "3",
    }
    assert run(environment) == "plain,prune\n"


@pytest.mark.parametrize("line", ["embcomp com", "embcomp methods k", "embcomp decompress --f"])
def test_completing_a_name_imports_nothing_heavy(line: str) -> None:
    watched = ("numpy", "scipy", "gensim", "tqdm")
    code = f"import atexit, sys; atexit.register(lambda: print([n for n in {watched} if n in sys.modules]))"
    assert run(asking(line), code).endswith("[]\n")


def asking(line: str) -> dict[str, str]:
    """What bash says when it wants the last word of a line completed."""
    return {"_EMBCOMP_COMPLETE": "bash_complete", "COMP_WORDS": line, "COMP_CWORD": str(line.count(" "))}


def run(environment: dict[str, str], before: str = "pass") -> str:
    code = f"{before}\nfrom embcomp.cli.main import run; run()"
    given = os.environ | environment
    done = subprocess.run(
        [sys.executable, "-c", code], env=given, capture_output=True, timeout=60, text=True, check=True
    )
    return done.stdout
