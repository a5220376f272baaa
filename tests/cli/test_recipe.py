"""A recipe repeats a file, byte for byte."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from .conftest import Cli


@pytest.mark.parametrize(
    "arguments",
    [
        ("--method", "iiq", "--bits", "5", "--seed", "3", "--unit-rows", "false", "--limit", "7"),
        ("--method", "sign", "--threshold", "zero", "--drop-order"),
        ("--method", "alone", "--inter", "3", "--epochs", "1", "--fix-base", "true", "--bad-rows", "skip"),
    ],
)
def test_a_recipe_repeats_a_file(cli: Cli, glove: Path, tmp_path: Path, arguments: tuple[str, ...]) -> None:
    first, second, recipe = tmp_path / "a.embc", tmp_path / "b.embc", tmp_path / "r.toml"
    assert cli("compress", glove, "-o", first, *arguments).code == 0
    recipe.write_text(cli("info", "--recipe", first).out)
    assert cli("compress", glove, "-o", second, "--recipe", recipe).code == 0
    assert second.read_bytes() == first.read_bytes()


def test_what_is_given_beside_a_recipe_counts(cli: Cli, glove: Path, tmp_path: Path) -> None:
    recipe, target = tmp_path / "r.toml", tmp_path / "x.embc"
    recipe.write_text('method = "itq"\n[options]\nbits = 5\niterations = 2\n[reading]\nlimit = 6\n')
    assert cli("compress", glove, "-o", target, "--recipe", recipe, "--bits", "3").code == 0
    document = json.loads(cli("info", target, "--json").out)["results"][0]
    assert (document["method"], document["config"]["bits"], document["config"]["iterations"]) == ("itq", 3, 2)
    assert document["rows"] == 6
    assert json.loads(document["source"]["reading"]) == {"limit": 6}


def test_what_a_recipe_cannot_hold_is_said_in_it(cli: Cli, glove: Path, tmp_path: Path) -> None:
    (tmp_path / "list").write_text("king\nqueen\n")
    target = tmp_path / "x.embc"
    assert cli("compress", glove, "-o", target, "--words", tmp_path / "list").code == 0
    assert "# made with --words, whose value is not kept\n" in cli("info", "--recipe", target).out


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("foo = 1\n", "has foo, expected method, drop_order, options, reading"),
        ("method = 3\n", "method is 3, expected text"),
        ("options = 3\n", "options is 3, expected a table"),
        (
            'method = "sign"\n[options]\nbits = 3\n',
            "[options] has bits, expected one of threshold, ",
        ),
        ("[reading]\nspeed = 3\n", "[reading] has speed, expected one of format, limit, "),
        ("method: iiq\n", "is no recipe, expected TOML: "),
    ],
)
def test_a_recipe_that_is_refused(cli: Cli, glove: Path, tmp_path: Path, text: str, message: str) -> None:
    recipe = tmp_path / "r.toml"
    recipe.write_text(text)
    outcome = cli("compress", glove, "-o", tmp_path / "x.embc", "--recipe", recipe)
    assert outcome.code == 3
    assert outcome.err.startswith(f"embcomp: {recipe}: {message}")
    assert outcome.err.count("\n") == 1


def test_a_recipe_that_is_not_there(cli: Cli, glove: Path, tmp_path: Path) -> None:
    outcome = cli("compress", glove, "--recipe", tmp_path / "none")
    assert outcome.err == f"embcomp: {tmp_path / 'none'}: cannot be read: No such file or directory\n"


def test_info_prints_one_recipe(cli: Cli, embc: Path) -> None:
    message = "embcomp: info: --recipe is for one FILE and excludes --json\n"
    assert cli("info", "--recipe", embc, embc).err == message
    assert cli("info", "--recipe", embc, "--json").err == message
