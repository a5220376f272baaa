"""What commands print as JSON is what the schemas in ``embcomp/schemas`` say, and nothing else."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest

from embcomp.cli.main import COMMANDS, group
from tests.schemas import problems, registry

from .conftest import Cli

ANY = "--suite", "similarity"
SHARDS = "--method", "sign", "--shards", "2", "--on", "serial", "-q"
RUNS = [
    ("compress", "glove", "-o", "out.embc", "-q"),
    ("compress", "glove", "--estimate"),
    ("info", "embc", "embc"),
    ("verify", "embc", "glove", "absent"),
    ("vector", "embc", "queen", "king"),
    ("embed", "embc", "the queen", "nothing known"),
    ("similar", "embc", "queen", "king"),
    ("analogy", "embc", "man", "king", "woman"),
    ("codes", "codes_file"),
    ("codes", "codes_file", "red", "absent"),
    ("add", "embc", "more", "-o", "more.embc", "-q"),
    ("compress", "glove", "-o", "out.embcs", *SHARDS),
    ("add", "x.embcs", "more", "-q"),
    ("eval", "embc", "--baseline", "glove", *ANY),
    ("diff", "glove", "embc", "-k", "2", *ANY),
    ("diff", "glove", "embc", "--sample", "0", *ANY),
    ("compare", "glove", "--methods", "sign,kd", "--target-size", "1kB", "--no-cache", "-q", *ANY),
    ("methods",),
]
STREAMED = [run for run in RUNS if run[0] not in ("compress", "add")]


@pytest.fixture
def run(
    cli: Cli,
    glove: Path,
    embc: Path,
    codes_file: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Any:
    monkeypatch.chdir(tmp_path)
    more = tmp_path / "more.txt"
    more.write_text("new 8 7 6 5 4 3 2 1\n", encoding="utf-8")
    files = {"glove": glove, "embc": embc, "codes_file": codes_file, "more": more}

    def called(arguments: tuple[str, ...], *form: str) -> str:
        if "x.embcs" in arguments:
            assert cli("compress", glove, "-o", "x.embcs", *SHARDS, "--force").code == 0
        return cli(*(files.get(each, each) for each in arguments), *form).out

    return called


@pytest.mark.parametrize("arguments", RUNS, ids=" ".join)
def test_documents_are_as_their_schemas_say(run: Any, arguments: tuple[str, ...]) -> None:
    document = json.loads(run(arguments, "--json"))
    assert problems(document) == []
    assert isinstance(document["results"], list)


def changed(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The document with one key less, one more, or a value of another type: in it, and in its first result."""
    for place in ("document", "result") if document["results"] else ("document",):
        part = document if place == "document" else document["results"][0]
        less = [
            {name: value for name, value in part.items() if name != gone} for gone in part if gone != "collection"
        ]
        other = [part | {name: [{}]} for name in [*part, "surplus"]]
        for each in [*less, *other]:
            if place == "result":
                yield document | {"results": [each]}
            elif "schema" in each:
                yield each | {"schema": document["schema"]}


@pytest.mark.parametrize("arguments", RUNS, ids=" ".join)
def test_changed_documents_are_not(run: Any, arguments: tuple[str, ...]) -> None:
    document = json.loads(run(arguments, "--json"))
    for copy in changed(document):
        assert copy == document or problems(copy), copy


@pytest.mark.parametrize("arguments", STREAMED, ids=" ".join)
def test_lines_are_the_results_and_tables_have_a_header(run: Any, arguments: tuple[str, ...]) -> None:
    lines = [json.loads(line) for line in run(arguments, "--jsonl").splitlines()]
    assert lines == json.loads(run(arguments, "--json"))["results"]
    header, *rows = run(arguments, "--tsv").splitlines() or [""]
    assert len(rows) >= len(lines)
    assert {row.count("\t") for row in rows} <= {header.count("\t")}


@pytest.mark.parametrize("forms", [("--json", "--tsv"), ("--tsv", "--jsonl"), ("--jsonl", "--json")])
@pytest.mark.parametrize("arguments", STREAMED, ids=" ".join)
def test_one_form_excludes_the_others(cli: Cli, arguments: tuple[str, ...], forms: tuple[str, str]) -> None:
    outcome = cli(*arguments, *forms)
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err == f"embcomp: {arguments[0]}: {forms[0]} and {forms[1]} exclude each other\n"


def test_every_command_with_json_and_every_schema_has_been_tried(run: Any) -> None:
    context = click.Context(group)
    with_json = {
        name
        for name in COMMANDS
        if any("--json" in each.opts for each in group.get_command(context, name).params)  # type: ignore[union-attr]
    }
    assert with_json == {arguments[0] for arguments in RUNS}
    used = {json.loads(run(arguments, "--json"))["schema"] for arguments in RUNS}
    assert used == {name for name in registry() if not name.startswith("urn:embcomp:lm-")}  # these are of tests/torch
