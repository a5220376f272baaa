"""The Dockerfile without an engine: its form, and its commands in an empty environment. Pages run in test_docs.py."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
INSTRUCTION = re.compile(r"^(FROM|RUN|COPY|WORKDIR|ENTRYPOINT) (.+)$")


def instructions() -> list[tuple[str, str]]:
    """Names and arguments of the instructions of the Dockerfile, all of which are one line."""
    lines = (ROOT / "Dockerfile").read_text(encoding="utf-8").splitlines()
    found = [INSTRUCTION.match(line) for line in lines if line]
    assert all(found), "an instruction that this test does not know"
    return [(each[1], each[2]) for each in found if each]


def admitted(target: Path) -> Path:
    """Copy what ``.dockerignore`` lets into the build: what is named after ``!``, without what is left out again."""
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert lines[0] == "*"
    left_out = shutil.ignore_patterns(*(line.removeprefix("**/") for line in lines if line.startswith("**/")))
    for name in (line[1:] for line in lines if line.startswith("!")):
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, target / name, ignore=left_out)
        else:
            shutil.copy(ROOT / name, target / name)
    return target


def test_the_last_stage_runs_the_command_and_has_no_compiler() -> None:
    found = instructions()
    stages = [number for number, (name, _) in enumerate(found) if name == "FROM"]
    assert len(stages) == 2
    assert found[stages[0]][1].endswith(" AS build")
    assert "gcc" not in " ".join(text for _, text in found[stages[1] :])
    assert json.loads(found[-1][1]) == ["embcomp"]


def test_the_commands_of_the_dockerfile_install_a_package_that_works(tmp_path: Path) -> None:
    if not os.environ.get("EMBCOMP_TEST_INSTALL"):
        pytest.skip("set EMBCOMP_TEST_INSTALL to build and install the package with pip, from its index")
    (tmp_path / "source").mkdir()
    places = {"/source": str(admitted(tmp_path / "source")), "/wheels": str(tmp_path / "wheels")}
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "venv"], check=True)
    outside = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    environment = outside | {"PATH": f"{tmp_path / 'venv' / 'bin'}{os.pathsep}{os.environ['PATH']}"}

    def run(command: str) -> str:
        done = subprocess.run(
            ["sh", "-c", command], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    commands = [text for name, text in instructions() if name == "RUN" and "pip" in text]
    assert len(commands) == 2
    for text in commands:
        plain = re.sub(r"--mount=\S+ ", "", text)
        run(re.sub("|".join(places), lambda found: places[found[0]], plain))
    assert "_native" in run("python -c 'import embcomp.kernels._native as m; print(m.__file__)'")
    run("embcomp sample -o glove.txt && embcomp compress glove.txt -o glove.embc --quiet")
    assert run("embcomp verify glove.embc") == "glove.embc: ok\n"
