"""The n-th call of a function of Python fails, for every n: what any system can try, without a compiler.

:mod:`tests.reliability.injected` does the same to the C library.
"""

from __future__ import annotations

import builtins
import errno
import io
import mmap
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from embcomp import files
from tests.cli.conftest import Cli, cli  # noqa: F401  a fixture

OLD = b"the old file"
FUNCTIONS = {
    "builtins.open": builtins,
    "io.open": io,
    "io.FileIO": io,
    "mmap.mmap": mmap,
    "os.chmod": os,
    "os.fstat": os,
    "os.fsync": os,
    "os.link": os,
    "os.open": os,
    "os.replace": os,
    "os.unlink": os,
}
COMMANDS = {
    "compress": ["compress", "source.txt", "-o", "out/target", "--method", "sign", "-q"],
    "replace": ["compress", "source.txt", "-o", "out/target", "--force", "--method", "sign", "-q"],
    "add": ["add", "old.embc", "more.txt", "-o", "out/target", "-q"],
    "npy": ["decompress", "old.embc", "-o", "out/target", "--to", "npy", "--force", "-q"],
    "finalfusion": ["decompress", "old.embc", "-o", "out/target", "--to", "finalfusion", "-q"],
    "vector": ["vector", "old.embc", "w7"],
}


class Failing:
    """A function whose n-th call raises."""

    def __init__(self, function: Callable[..., Any], n: int, error: BaseException) -> None:
        self.function, self.n, self.error, self.n_calls = function, n, error, 0

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        self.n_calls += 1
        if self.n_calls == self.n:
            raise self.error
        return self.function(*arguments, **options)


class FailingFile:
    """A file whose writes can fail."""

    def __init__(self, file: Any, write: Failing) -> None:
        self._file, self.write = file, write
        write.function = file.write

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)

    def __enter__(self) -> FailingFile:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()


@pytest.fixture
def here(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:  # noqa: F811
    """A folder with a source, more words, a container, and a folder for the target."""
    monkeypatch.chdir(tmp_path)
    rows = [f"w{row} {row % 7}.5 -{row % 5}.25 {row % 3}\n" for row in range(30)]
    Path("source.txt").write_text("".join(rows))
    Path("more.txt").write_text("".join(row.replace("w", "v", 1) for row in rows))
    assert cli("compress", "source.txt", "-o", "old.embc", "--method", "sign", "-q").code == 0
    Path("out").mkdir()
    return tmp_path


def start_again(*, forced: bool) -> None:
    target = Path("out/target")
    target.unlink(missing_ok=True)
    if forced:
        target.write_bytes(OLD)


def content() -> bytes | None:
    """What the target holds; nothing else may be there."""
    assert set(os.listdir("out")) <= {"target"}  # noqa: PTH208  io.open may be replaced
    return Path("out/target").read_bytes() if Path("out/target").exists() else None


@pytest.mark.parametrize("error", [OSError(errno.EIO, "Input/output error"), MemoryError()], ids=["system", "memory"])
@pytest.mark.parametrize("command", COMMANDS)
def test_every_call_that_fails(here: Path, cli: Cli, command: str, error: BaseException) -> None:  # noqa: F811
    arguments, n_refused = COMMANDS[command], 0
    forced = "--force" in arguments
    start_again(forced=forced)
    assert cli(*arguments).code == 0
    allowed = (content(), OLD if forced else None)
    for name in [*FUNCTIONS, "write"]:
        n = 0
        while True:
            n += 1
            start_again(forced=forced)
            failing, outcome = run(cli, arguments, name, n, error)
            found = content()
            assert found in allowed, f"{name} {n}: a target of {len(found or b'')} bytes that nobody wrote"
            if failing.n_calls < n:
                assert outcome.code == 0
                break
            if outcome.code:
                n_refused += 1
                assert outcome.code in (3, 4), f"{name} {n}: {outcome.err}"
                assert outcome.err.startswith("embcomp: "), f"{name} {n}: {outcome.err}"
                assert outcome.err.count("\n") == 1, f"{name} {n}: {outcome.err}"
            else:
                assert found == allowed[0], f"{name} {n}: done, and nothing written"
    assert n_refused >= 1


def run(cli: Cli, arguments: list[str], name: str, n: int, error: BaseException) -> tuple[Failing, Any]:  # noqa: F811
    """Run a command with a fault."""
    with pytest.MonkeyPatch.context() as patch:
        if name == "write":
            failing, created = Failing(print, n, error), files._created
            patch.setattr(files, "_created", lambda path: FailingFile(created(path), failing))
        else:
            attribute = name.split(".")[1]
            failing = Failing(getattr(FUNCTIONS[name], attribute), n, error)
            patch.setattr(FUNCTIONS[name], attribute, failing)
        return failing, cli(*arguments)
