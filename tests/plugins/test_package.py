"""A real little package with all three plugs, built and installed by pip into a folder of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

PACKAGE = Path(__file__).with_name("package")
WORDS = ["the", "of", "king", "queen", "man", "woman"]

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder into which pip has installed the package, as it would into an environment."""
    folder = tmp_path_factory.mktemp("site")
    alone = ["--no-index", "--no-deps", "--no-build-isolation", "--disable-pip-version-check", "--no-compile"]
    command = [sys.executable, "-m", "pip", "install", "--quiet", *alone, "--target", folder, PACKAGE]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture
def embcomp(site: Path, tmp_path: Path) -> Run:
    """Run the command line in a process that finds the package."""

    def call(*arguments: str | Path, code: int = 0) -> subprocess.CompletedProcess[str]:
        path = os.pathsep.join([str(site), str(Path(__file__).parents[2])])
        command = [sys.executable, "-m", "embcomp", *map(str, arguments)]
        environment = os.environ | {"PYTHONPATH": path}
        done = subprocess.run(
            command, env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False
        )
        assert done.returncode == code, done.stderr
        return done

    return call


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Six words of four dimensions, as JSON lines."""
    rng = np.random.default_rng(5)
    rows = [{"word": word, "vector": [round(x, 3) for x in rng.normal(size=4)]} for word in WORDS]
    path = tmp_path / "words.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_a_source_is_read_in_the_format_of_the_package(embcomp: Run, source: Path, tmp_path: Path) -> None:
    embcomp("compress", source, "-o", "out.embc", "--limit", "5")
    described = json.loads(embcomp("info", "out.embc", "--json").stdout)
    assert (described["rows"], described["dim"], described["source"]["format"]) == (5, 4, "jsonl")
    assert "jsonl" in embcomp("compress", source, "-o", "x.embc", "--format", "nonsense", code=2).stderr


def test_vectors_are_written_in_the_format_of_the_package(embcomp: Run, source: Path, tmp_path: Path) -> None:
    embcomp("compress", source, "-o", "out.embc")
    embcomp("decompress", "out.embc", "-o", "back.jsonl")
    rows = [json.loads(line) for line in (tmp_path / "back.jsonl").read_text().splitlines()]
    assert [row["word"] for row in rows] == WORDS
    shown = embcomp("vector", "out.embc", "queen").stdout.split()[1:]
    assert list(map(float, shown)) == rows[3]["vector"]
