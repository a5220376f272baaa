"""ALONE on the command line: it needs no code, says when nothing is saved, and leaves nothing behind when stopped."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from embcomp.compressors.alone import AloneCompressor

from .conftest import Cli


def test_a_file_without_codes(cli: Cli, glove: Path, tmp_path: Path) -> None:
    target = tmp_path / "out.embc"
    outcome = cli("compress", glove, "-o", target, "--method", "alone", "--inter", "30", "--filter", "real")
    assert outcome.code == 0
    assert f"{target}: 10 words of 8 dimensions, alone at 0 bits per word, " in outcome.err
    document = json.loads(cli("info", target, "--json").out)["results"][0]
    assert document["bits_per_vector"] == 0
    assert document["bytes"]["codes"] == 0
    assert document["report"]["units"] == 30
    assert cli("verify", target).code == 0
    source = dict(line.split(" ", 1) for line in glove.read_text(encoding="utf-8").splitlines())
    word, *numbers = cli("vector", target, "Paris").out.split()
    assert word == "Paris"
    assert [float(number) for number in numbers] == pytest.approx(
        [float(x) for x in source["Paris"].split()], abs=0.1
    )


def test_saving_nothing_is_said_on_stderr(cli: Cli, glove: Path, tmp_path: Path) -> None:
    target = tmp_path / "out.embc"
    outcome = cli("compress", glove, "-o", target, "--method", "alone", "--inter", "30", "--weights", "float32", "-q")
    assert (outcome.code, outcome.out) == (0, "")
    assert "warning: nothing is saved: the network takes 1988 bytes, the float32 vectors 320; " in outcome.err


def test_ratio_and_inter_exclude_each_other(cli: Cli, glove: Path, tmp_path: Path) -> None:
    target = tmp_path / "out.embc"
    outcome = cli("compress", glove, "-o", target, "--method", "alone", "--inter", "30", "--ratio", "4")
    assert outcome.code == 2
    assert "--ratio must be 'auto' when --inter is given, got 4.0 and 30" in outcome.err
    assert not target.exists()


def test_an_interrupt_while_training_leaves_no_file(
    cli: Cli, glove: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(self: AloneCompressor, *_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(AloneCompressor, "_train", interrupted)
    outcome = cli("compress", glove, "-o", tmp_path / "out.embc", "--method", "alone")
    assert outcome.code == 130
    assert list(tmp_path.iterdir()) == []
