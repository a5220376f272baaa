"""Bars are drawn on a terminal, and nowhere else."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from types import SimpleNamespace

import pytest

from embcomp.cli import progress as shown
from embcomp.cli.progress import overall_bar, progress_bars
from embcomp.compressors.alone import AloneCompressor
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


def test_a_stage_that_comes_back_goes_on_where_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", terminal := Terminal())
    with progress_bars(quiet=False) as progress:
        progress("read", 160, 1000)
        progress("fit", 0, 0)
        progress("read", 200, 1000)
    drawn = terminal.getvalue()
    assert drawn.index("read:  16%") < drawn.index("fit: 00:00") < drawn.index("read:  20%")
    assert drawn.endswith("\r")  # nothing is left


def test_bytes_are_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", terminal := Terminal())
    with progress_bars(quiet=False) as progress:
        progress("read", 5_000_000, 20_000_000)
    assert "5.00M/20.0M" in terminal.getvalue()
    assert "B/s" in terminal.getvalue()
    assert "it/s" not in terminal.getvalue()


def test_a_log_has_a_line_a_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([0.0, 10.0, 59.0, 61.0, 100.0, 122.0])
    monkeypatch.setattr(shown, "time", SimpleNamespace(monotonic=lambda: next(clock)))
    monkeypatch.setattr(sys, "stderr", log := io.StringIO())
    with progress_bars(quiet=False) as progress:
        for done in range(1, 6):
            progress("epoch", done, 10, "loss 0.5")
    assert log.getvalue().splitlines() == [
        "embcomp: epoch, 30 %, loss 0.5, after 1 min",
        "embcomp: epoch, 50 %, loss 0.5, after 2 min",
    ]


def test_a_log_of_steps_of_a_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([0.0, 90.0])
    monkeypatch.setattr(shown, "time", SimpleNamespace(monotonic=lambda: next(clock)))
    monkeypatch.setattr(sys, "stderr", log := io.StringIO())
    with overall_bar(quiet=False) as progress:
        progress("kd: codebooks 40 %", 13, 20)
    assert log.getvalue() == "embcomp: kd: codebooks 40 %, 65 % of all, after 2 min\n"


@pytest.mark.parametrize(
    ("seconds", "arguments", "code", "message"),
    [
        (30, (), 0, ""),
        (1320, (), 0, "embcomp: alone: fitting will take about 22 minutes\n"),
        (
            7200,
            (),
            2,
            "embcomp: alone: fitting will take about 2.0 hours; --yes starts it, fewer --epochs take less\n",
        ),
        (7200, ("--yes",), 0, "embcomp: alone: fitting will take about 2.0 hours\n"),
    ],
)
def test_long_work_is_announced_and_hours_are_asked_for(
    cli: Cli,
    glove: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    seconds: float,
    arguments: tuple[str, ...],
    code: int,
    message: str,
) -> None:
    monkeypatch.setattr(AloneCompressor, "seconds_to_fit", lambda self, n_rows, dim: seconds)
    target = tmp_path / "x.embc"
    outcome = cli("compress", glove, "-o", target, "--method", "alone", "--epochs", "1", "--inter", "4", *arguments)
    assert outcome.code == code
    assert outcome.err.startswith(message)
    assert target.exists() == (code == 0)


def test_compressing_on_a_terminal(cli: Cli, glove: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", terminal := Terminal())
    assert cli("compress", glove, "-o", tmp_path / "x.embc").code == 0
    assert "read: 100%" in terminal.getvalue()
    assert "x.embc: 10 words" in terminal.getvalue()
