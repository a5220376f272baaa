from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from embcomp import kernels

FOLDER = Path(kernels.__file__).parent


def loaded(**environment: str) -> str:
    code = "from embcomp import kernels; print(kernels.native is not None)"
    root = str(FOLDER.parents[1])
    environment["PYTHONPATH"] = root
    return subprocess.check_output([sys.executable, "-P", "-c", code], env=environment, text=True).strip()


def test_the_environment_switches_the_extension_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("EMBCOMP_NO_EXTENSION", raising=False)
    assert loaded(EMBCOMP_NO_EXTENSION="1") == "False"
    assert loaded(EMBCOMP_NO_EXTENSION="") == str(kernels._load() is not None)


def test_an_extension_of_other_sources_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernels, "REVISION", kernels.REVISION + 1)
    monkeypatch.delenv("EMBCOMP_NO_EXTENSION", raising=False)
    assert kernels._load() is None


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.c")), ids=lambda path: path.name)
def test_a_kernel_is_short(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) < 100
