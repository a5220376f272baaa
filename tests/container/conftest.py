from __future__ import annotations

import io
from pathlib import Path

import pytest

from embcomp.container.reader import open_container, verify
from embcomp.container.writer import save, write
from embcomp.errors import ContainerError, NewerVersionError, NotAContainerError
from tests.container.builder import Parts, encoded


@pytest.fixture(scope="session")
def small() -> bytes:
    """A container of six words, five dimensions and three bits."""
    file = io.BytesIO()
    write(encoded(bits=3), file)
    return file.getvalue()


@pytest.fixture
def parts(small: bytes) -> Parts:
    return Parts(small)


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where a test puts its file: in a folder of its own, by a name that messages show."""
    monkeypatch.chdir(tmp_path)
    return Path("x.embc")


@pytest.fixture
def saved(path: Path) -> Path:
    save(encoded(bits=3), path)
    return path


def refusal(path: Path, data: bytes, kind: type[ContainerError]) -> str:
    """Write ``data``, see that opening is refused, and that verify either says the same or is refused too."""
    path.write_bytes(data)
    with pytest.raises(ContainerError) as caught:
        open_container(path)
    assert type(caught.value) is kind
    if kind in (NotAContainerError, NewerVersionError):
        with pytest.raises(kind) as again:
            verify(path)
        assert str(again.value) == str(caught.value)
    else:
        assert verify(path) == [str(caught.value)]
    return str(caught.value)
