"""Help shows the options of the chosen method, in that method's words; errors name options as they are typed."""

from __future__ import annotations

import json
import platform
import shlex
from importlib.metadata import version
from pathlib import Path

import click
import numpy as np
import pytest

import embcomp
from embcomp.cli.command import typed
from embcomp.cli.examples import EXAMPLES
from embcomp.cli.main import COMMANDS, group
from embcomp.compressors.registry import compressor_class, method_names
from embcomp.kernels import native

from .conftest import Cli


def words(text: str) -> str:
    """Without line breaks and columns."""
    return " ".join(text.split())


def flag_of(name: str) -> str:
    return "--seed" if name == "random_state" else "--" + name.replace("_", "-")


def test_help_of_compress_shows_what_methods_share_and_names_them(cli: Cli) -> None:
    text = cli("compress", "--help").out.partition("\nExamples:")[0]
    assert "--seed N" in text
    assert "Reading a source:" in text
    assert "--ways" not in text
    assert "--bits" not in text
    for name in method_names():
        assert f"\n  {name} " in text
        assert words(compressor_class(name).summary) in words(text)
    assert text.endswith("A method's own options: embcomp compress --method NAME --help\n")


@pytest.mark.parametrize("method", method_names())
def test_help_with_a_method_shows_its_options_in_its_words(cli: Cli, method: str) -> None:
    text = cli("compress", "--help", "--method", method).out.partition("\nExamples:")[0]
    own = words(text[text.index(f"Options of {method}:") :])
    for option in compressor_class(method).options:
        if option.name != "random_state":
            assert flag_of(option.name) in own
            assert words(option.check.describe()) in own
    others = {option.name for name in method_names() for option in compressor_class(name).options}
    for name in others - compressor_class(method).defaults().keys():
        assert f"{flag_of(name)} " not in text
    assert "Methods:" not in text


def test_help_of_fit_lists_the_methods_that_are_fitted_apart(cli: Cli) -> None:
    listed = cli("fit", "--help").out.partition("\nMethods:\n")[2].partition("\n\n")[0]
    names = [line.split()[0] for line in listed.splitlines() if line.startswith("  ") and line[2] != " "]
    assert names == [name for name in method_names() if name not in ("alone", "prune")]


def test_a_method_without_randomness_has_no_seed(cli: Cli) -> None:
    assert "--seed" not in cli("compress", "--method", "sign", "--help").out


@pytest.mark.parametrize("method", method_names())
def test_methods_shows_one_method(cli: Cli, method: str) -> None:
    text = cli("methods", method).out
    assert text.startswith(f"{method}: {compressor_class(method).summary}\n")
    flags = [line.split()[0] for line in text.splitlines() if line.startswith("  --")]
    assert flags == [flag_of(option.name) for option in compressor_class(method).options]
    (document,) = json.loads(cli("methods", method, "--json").out)["results"]
    assert [option["option"] for option in document["options"]] == flags
    assert [option["name"] for option in document["options"]] == [o.name for o in compressor_class(method).options]


def test_asking_for_methods_leaves_the_help_of_compress_as_it_is(cli: Cli) -> None:
    before = cli("compress", "--help").out
    cli("methods", "kd")
    assert cli("compress", "--help").out == before


def test_methods_shows_several_in_the_order_asked_for(cli: Cli) -> None:
    documents = json.loads(cli("methods", "kd", "sign", "--json").out)["results"]
    assert [document["method"] for document in documents] == ["kd", "sign"]


@pytest.mark.parametrize("arguments", [("methods", "foo"), ("compress", "--method", "foo", "--help")])
def test_help_on_a_method_that_is_not_there(cli: Cli, arguments: tuple[str, ...]) -> None:
    outcome = cli(*arguments)
    listed = ", ".join(method_names())
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err == f"embcomp: there is no method 'foo', expected one of {listed}\n"


def test_no_option_has_the_words_of_another_method(cli: Cli) -> None:
    assert "step size of SGD" in words(cli("compress", "--method", "nlb", "--help").out)
    assert "step size of SGD" not in words(cli("compress", "--method", "kd", "--help").out)


def test_options_may_stand_before_the_method(cli: Cli, glove: Path, tmp_path: Path) -> None:
    target = tmp_path / "out.embc"
    arguments = (
        "compress",
        "--bounds",
        "scale",
        glove,
        "--epochs=1",
        "-o",
        target,
        "--method",
        "nlb",
        "--json",
        "-q",
    )
    document = json.loads(cli(*arguments).out)["results"][0]
    assert (document["method"], document["config"]["bounds"], document["config"]["epochs"]) == ("nlb", "scale", 1)


def test_versions(cli: Cli) -> None:
    short = cli("--version").out
    assert short == f"embcomp, version {embcomp.__version__}\n"
    first, *lines = cli("--version", "--verbose").out.splitlines()
    assert f"{first}\n" == short
    about = {line.split()[0]: line for line in lines}
    assert list(about)[:5] == ["python", "system", "processor", "numpy", "extension"]
    assert platform.python_version() in about["python"]
    assert np.__version__ in about["numpy"]
    in_use = "in use" in about["extension"]
    assert in_use == (native is not None)
    assert cli("--verbose", "info").err == "embcomp: --verbose is for --version, or comes after a command\n"


def test_versions_of_packages(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    needed = ["click>=8.1", 'zstd-x>=0.22; python_version < "3.14" and extra == "zstd"', "ruff==1; extra == 'dev'"]
    monkeypatch.setattr("embcomp.cli.versions.requires", lambda name: needed)
    *_, last = cli("--version", "--verbose").out.splitlines()
    assert last == f"packages    click {version('click')}, ruff {version('ruff')}"


def test_without_a_command_the_commands_are_listed(cli: Cli) -> None:
    outcome = cli()
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err == cli("--help").out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("compres",), "embcomp: there is no command 'compres'; did you mean compress or compare?\n"),
        (("info", "--jsn", "x"), "embcomp: info: No such option"),
        (
            ("compress", "x", "--metod", "sign"),
            "embcomp: compress: there is no option --metod (did you mean --method?); method additive has --bits, ",
        ),
        (
            ("compress", "x", "--method", "prune", "--per-wrd", "true"),
            "embcomp: compress: there is no option --per-wrd (did you mean --per-word?); "
            "method prune has --fraction, --per-word\n",
        ),
    ],
)
def test_a_slip_of_the_finger_is_met_with_a_guess(cli: Cli, arguments: tuple[str, ...], message: str) -> None:
    outcome = cli(*arguments)
    assert (outcome.code, outcome.out, outcome.err.count("\n")) == (2, "", 1)
    assert outcome.err.startswith(message)


def test_options_of_the_library_are_shown_as_they_are_typed() -> None:
    flags = {"fit_rows": "--fit-rows", "random_state": "--seed"}
    assert (
        typed("kd: `fit_rows` and `random_state`, got 'fit_rows'", flags)
        == "kd: --fit-rows and --seed, got 'fit_rows'"
    )
    assert typed("`absent` and '`fit_rows`', a word, stay", flags) == "`absent` and '`fit_rows`', a word, stay"


def test_every_command_names_its_options_in_errors() -> None:
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert hasattr(command, "flags"), f"{name} is a plain click command"


def test_every_command_has_examples_that_run(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert set(EXAMPLES) == set(COMMANDS)
    for name, lines in EXAMPLES.items():
        help_text = cli(name, "--help").out
        for line in lines:
            assert f"\n  {line}\n" in help_text
            outcome = cli(*shlex.split(line)[1:])
            assert outcome.code == 0, f"{line}: {outcome.err}"
