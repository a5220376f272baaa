"""Bars are drawn on a terminal, and nowhere else."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from embcomp.cli.common import overall_bar, progress_bars
from embcomp.progress import Progress
from tests.cli.conftest import Cli


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_one_bar_for_each_stage(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", terminal := Terminal())
    with progress_bars(quiet=False) as progress:
        progress("read", 1, 2)
        progress("read", 2, 2)
        progress("fit", 1, 50, "loss 0.5")
    drawn = terminal.getvalue()
    assert "read: 100%" in drawn
    assert "fit:   2%" in drawn
    assert "loss 0.5" in drawn


def test_one_bar_for_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", terminal := Terminal())
    with overall_bar(quiet=False) as progress:
        progress("itq bits=8", 0, 4)
        progress("iiq bits=8", 3, 4)
    assert "iiq bits=8:  75%" in terminal.getvalue()


@pytest.mark.parametrize("bars", [progress_bars, overall_bar])
@pytest.mark.parametrize(("stream", "quiet"), [(Terminal, True), (io.StringIO, False)])
def test_no_bar_where_nobody_looks(
    bars: Callable[..., AbstractContextManager[Progress]],
    stream: type[io.StringIO],
    quiet: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "stderr", written := stream())
    with bars(quiet=quiet) as progress:
        progress("read", 1, 2)
    assert written.getvalue() == ""


def test_compressing_on_a_terminal(cli: Cli, glove: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", terminal := Terminal())
    assert cli("compress", glove, "-o", tmp_path / "x.embc").code == 0
    assert "read: 100%" in terminal.getvalue()
    assert "x.embc: 10 words" in terminal.getvalue()
