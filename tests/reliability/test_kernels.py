"""The same files with other kernels: the short form of `make kernels`."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.reliability.checksums import golden, made
from tests.reliability.faults import COMMAND
from tests.reliability.surroundings import Surrounding, kernels, of_kernels, of_threads, plain_numpy

SURROUNDINGS = [Surrounding("as it is"), *of_kernels(kernels()[:4:3]), plain_numpy(), *of_threads()[2:]]


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sample") / "sample.txt"
    subprocess.run([*COMMAND, "sample", "--output", str(path)], check=True)
    return path


@pytest.mark.parametrize("surrounding", SURROUNDINGS, ids=lambda surrounding: surrounding.name)
def test_the_sample_is_compressed_to_the_same_files(sample: Path, surrounding: Surrounding) -> None:
    expected = golden("sample")
    blas, files = made(sample, expected, surrounding)
    assert files == expected, blas
