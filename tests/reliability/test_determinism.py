"""The same input, options and version give the same bytes, whatever surrounds the run."""

from __future__ import annotations

import hashlib
import os
import subprocess
from pathlib import Path

import numpy as np
import pytest

from tests.reliability.faults import COMMAND

SURROUNDINGS = {
    "another hash seed": {"PYTHONHASHSEED": "12345"},
    "two threads": {"OMP_NUM_THREADS": "2", "OPENBLAS_NUM_THREADS": "2"},
    "one thread": {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
    "the C locale": {"LC_ALL": "C", "LANG": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    "another time zone": {"TZ": "Pacific/Kiritimati", "SOURCE_DATE_EPOCH": "0"},
}


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """More rows than a block of any loop over rows."""
    path = tmp_path_factory.mktemp("determinism") / "source.txt"
    numbers = np.round(np.random.default_rng(0).standard_normal((9000, 8)), 3)
    lines = [f"wörd{row} {' '.join(map(str, line))}\n" for row, line in enumerate(numbers.tolist())]
    path.write_text("".join(lines), encoding="utf-8")
    return path


def digest(source: Path, target: Path, *options: str, surroundings: dict[str, str] | None = None) -> str:
    command = [*COMMAND, "compress", str(source), "-q", "-o", str(target), *options]
    subprocess.run(command, check=True, env=os.environ | (surroundings or {}))
    return hashlib.sha256(target.read_bytes()).hexdigest()


@pytest.fixture(scope="module")
def expected(source: Path) -> str:
    return digest(source, source.parent / "expected.embc")


@pytest.mark.parametrize("name", SURROUNDINGS)
def test_surroundings_do_not_matter(source: Path, tmp_path: Path, expected: str, name: str) -> None:
    assert digest(source, tmp_path / "again.embc", surroundings=SURROUNDINGS[name]) == expected


def test_neither_the_folder_nor_the_name_of_the_target_matters(source: Path, tmp_path: Path, expected: str) -> None:
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    (folder / source.name).write_bytes(source.read_bytes())
    assert digest(folder / source.name, folder / "other.embc") == expected


def test_another_seed_gives_another_file(source: Path, tmp_path: Path, expected: str) -> None:
    assert digest(source, tmp_path / "again.embc", "--seed", "1") != expected
