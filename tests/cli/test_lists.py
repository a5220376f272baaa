"""methods, sample, help: what there is."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from embcomp.cli.main import COMMANDS
from embcomp.compressors.registry import compressor_class, method_names
from embcomp.formats import read_embedding

from .conftest import Cli


def test_methods_lists_every_option(cli: Cli) -> None:
    documents = json.loads(cli("methods", "--json").out)["results"]
    assert [document["method"] for document in documents] == method_names()
    for document in documents:
        flags = [option["option"] for option in document["options"]]
        declared = [option.flag for option in compressor_class(document["method"]).options]
        assert flags == ["--seed" if flag == "--random-state" else flag for flag in declared]
    text = cli("methods").out
    assert all(f"{name}: " in text for name in method_names())


@pytest.mark.parametrize("command", list(COMMANDS))
def test_every_command_explains_itself(cli: Cli, command: str) -> None:
    outcome = cli(command, "--help")
    assert outcome.code == 0
    assert outcome.out.startswith(f"Usage: embcomp {command} ")


def test_the_sample_is_real_glove(cli: Cli, tmp_path: Path) -> None:
    target = tmp_path / "sample.txt"
    assert cli("sample", "-o", target).code == 0
    embedding = read_embedding(target)
    assert len(embedding) == 8005
    assert list(embedding.words[:5]) == ["the", ",", ".", "of", "to"]
    assert embedding.vectors[0, :3].tolist() == pytest.approx([-0.038194, -0.24487, 0.72812])
    assert cli("sample", "-o", target).code == 3
