from __future__ import annotations

import csv
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import pytest

from embcomp.compressors.alone import AloneCompressor
from embcomp.compressors.registry import BUILT_IN, METHODS

from .conftest import Cli

RUN = ("--methods", "sign,iiq:iterations=5", "--bits", "10,5", "--suite", "similarity")


def test_one_table_with_a_row_for_each_run(cli: Cli, source_file: Path, data_dir: Path) -> None:
    outcome = cli("compare", source_file, *RUN, "--data", data_dir)
    assert outcome.code == 0
    assert [line.split("  ")[0] for line in outcome.out.splitlines()] == [
        "method",
        "uncompressed",
        "sign",
        "iiq bits=10 iterations=5",
        "iiq bits=5 iterations=5",
    ]
    assert outcome.err == "embcomp: compare: bits do not apply to sign: run once, with the options they have\n"


def test_json_is_a_list_with_the_documented_names(cli: Cli, source_file: Path, data_dir: Path) -> None:
    outcome = cli("compare", source_file, *RUN, "--data", data_dir, "--json", "-q")
    documents = json.loads(outcome.out)["results"]
    assert [document["method"] for document in documents] == ["none", "sign", "iiq", "iiq"]
    for document in documents:
        assert set(document) >= {"method", "config", "bytes", "ratio", "seconds", "scores"}
    assert documents[2]["config"]["bits"] == 10
    assert outcome.err == ""


def test_a_second_run_says_the_same_with_the_seconds_of_the_first(
    cli: Cli, source_file: Path, data_dir: Path, tmp_path: Path
) -> None:
    arguments = ("compare", source_file, *RUN, "--data", data_dir, "--json", "--cache", tmp_path / "kept")
    first = cli(*arguments)
    assert cli(*arguments).out == first.out
    assert len(list((tmp_path / "kept").glob("*.embc"))) == 3


def test_no_cache_leaves_nothing_behind(cli: Cli, source_file: Path, data_dir: Path, tmp_path: Path) -> None:
    outcome = cli("compare", source_file, *RUN, "--data", data_dir, "--no-cache")
    assert outcome.code == 0
    assert not (tmp_path / "xdg").exists()


def test_seeds_are_gathered_in_tables_and_apart_in_json(cli: Cli, source_file: Path, data_dir: Path) -> None:
    arguments = ("compare", source_file, *RUN, "--data", data_dir, "--seed", "3", "--seeds", "2")
    assert " ± " in cli(*arguments).out
    documents = json.loads(cli(*arguments, "--json").out)["results"]
    assert [document["config"].get("random_state") for document in documents] == [None, None, 3, 4, 3, 4]


def test_a_target_size_is_kept(cli: Cli, source_file: Path, data_dir: Path) -> None:
    arguments = ("compare", source_file, "--methods", "sign,itq", "--suite", "similarity", "--data", data_dir)
    outcome = cli(*arguments, "--target-size", "7.5kB", "--json")
    _, sign, itq = json.loads(outcome.out)["results"]
    assert sign["bytes"]["file"] <= 7500
    assert itq["bytes"]["file"] <= 7500
    assert outcome.err == "embcomp: compare: sign has no option for its size: it is taken as it is\n"


def test_a_target_out_of_reach_is_a_row_and_a_note(cli: Cli, source_file: Path, data_dir: Path) -> None:
    arguments = ("compare", source_file, "--methods", "sign", "--suite", "similarity", "--data", data_dir)
    outcome = cli(*arguments, "--target-ratio", "1000")
    assert outcome.code == 1
    assert outcome.out.splitlines()[-1].split() == ["sign", *"–––––––"]
    assert outcome.err.startswith(
        "embcomp: compare: sign cannot reach 1000 × (vectors only): it has no option for its"
    )


def test_what_takes_minutes_waits_to_be_asked_for(
    cli: Cli, source_file: Path, data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(METHODS, "_built_in", {name: BUILT_IN[name] for name in ("sign", "alone")})
    monkeypatch.setattr(AloneCompressor, "_n_epochs", lambda self, n_rows: 1)
    arguments = ("compare", source_file, "--suite", "similarity", "--data", data_dir, "--json")
    outcome = cli(*arguments)
    assert [row["method"] for row in json.loads(outcome.out)["results"]] == ["none", "sign"]
    assert outcome.err == "embcomp: compare: alone takes minutes: name it in --methods, or give --methods all\n"
    named = cli(*arguments, "--methods", "all", "--bits", "4")
    assert [row["method"] for row in json.loads(named.out)["results"]] == ["none", "sign", "alone"]


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("--methods", ","), 2, "--methods must name at least one of "),
        (("--methods", "nope"), 2, "there is no method 'nope', expected one of sign, "),
        (("--bits", "5,x"), 2, "--bits must be whole numbers from 1 on with commas between them, got '5,x'"),
        (("--bits", "5,0"), 2, "--bits must be whole numbers from 1 on with commas between them, got '5,0'"),
        (("--bits", "5", "--target-size", "1MB"), 2, "--bits and a target size or ratio exclude each other"),
        (("--target-size", "1MB", "--target-ratio", "2"), 2, "give one of --target-size and --target-ratio"),
        (("--target-size", "big"), 2, "--target-size must be a size"),
        (("--cache", "x", "--no-cache"), 2, "--cache and --no-cache exclude each other"),
        (("--word", "cook"), 2, "--word is for a report: give --html or --plots as well"),
        (("--suite", "categorization"), 2, "suite 'categorization' has no data set"),
        (("--html", "/nowhere/x.html"), 3, "/nowhere/x.html: there is no folder '/nowhere'"),
    ],
)
def test_what_is_wrong_is_said_before_the_source_is_read(
    cli: Cli, arguments: tuple[str, ...], code: int, message: str
) -> None:
    outcome = cli("compare", "no-such-file", *arguments)
    assert (outcome.code, outcome.out) == (code, "")
    assert message in outcome.err


def test_files_are_not_replaced_without_force(cli: Cli, source_file: Path, tmp_path: Path) -> None:
    for option in ("--markdown", "--html"):
        path = tmp_path / "out"
        path.write_text("mine")
        outcome = cli("compare", source_file, *RUN, option, path)
        assert (outcome.code, outcome.err) == (3, f"embcomp: {path}: exists already; --force replaces it\n")
        assert path.read_text() == "mine"


def test_a_word_that_is_missing_ends_it(cli: Cli, source_file: Path, data_dir: Path, tmp_path: Path) -> None:
    outcome = cli("compare", source_file, *RUN, "--data", data_dir, "--html", tmp_path / "r.html", "--word", "absent")
    assert (outcome.code, outcome.err) == (1, "embcomp: 'absent' is not in the vocabulary\n")


class Page(HTMLParser):
    """What a page holds: counts of tags, ids, text, and addresses of anything it would load."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.ids: list[str] = []
        self.loads: list[str] = []
        self.named: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.tags.append(tag)
        self.ids += [given["id"] or ""] if "id" in given else []
        self.loads += [value or "" for name, value in attrs if name in ("src", "href", "srcset", "data", "action")]
        self.named += (given.get("aria-labelledby") or "").split()


def test_a_table_markdown_html_and_pictures_from_one_run(
    cli: Cli, source_file: Path, data_dir: Path, tmp_path: Path
) -> None:
    files = {name: tmp_path / f"out.{name}" for name in ("markdown", "html")}
    options = [part for name, path in files.items() for part in (f"--{name}", path)]
    outcome = cli("compare", source_file, *RUN, "--data", data_dir, *options, "--plots", tmp_path / "plots", "--tsv")
    assert outcome.code == 0
    rows = list(csv.DictReader(outcome.out.splitlines(), delimiter="\t"))
    assert {row["method"] for row in rows} == {"none", "sign", "iiq"}
    assert files["markdown"].read_text().startswith("| method | bits/word | bytes |")
    names = {"pareto-similarity", "loss-rotation", "singular-values", "pattern"}
    assert {path.name for path in (tmp_path / "plots").iterdir()} == {f"{name}.svg" for name in names}
    for path in (tmp_path / "plots").iterdir():
        ElementTree.parse(path)
    page = Page(files["html"].read_text())
    assert page.tags.count("svg") == len(names)
    assert page.tags.count("table") == 3
    assert all(value.startswith("#") for value in page.loads)  # of contents
    assert len(set(page.ids)) == len(page.ids)
    assert set(page.named) <= set(page.ids)


def test_the_page_says_what_was_run_and_escapes_it(
    cli: Cli, source_file: Path, data_dir: Path, tmp_path: Path
) -> None:
    odd = tmp_path / "<b>&'toy.txt"
    odd.write_bytes(source_file.read_bytes())
    path = tmp_path / "r.html"
    documents = json.loads(
        cli("compare", odd, *RUN, "--data", data_dir, "--html", path, "--word", "b1w1", "--json").out
    )["results"]
    text = path.read_text()
    assert "<b>" not in text
    assert "&lt;b&gt;&amp;&#x27;toy.txt" in text
    assert "“b1w1”" in text
    for document in documents:
        assert document["sha256"] in text
    assert not re.search(r"(https?:)?//(?!www\.w3\.org)", text.split("<body>")[1])


def test_the_page_does_not_depend_on_the_folder(cli: Cli, source_file: Path, data_dir: Path, tmp_path: Path) -> None:
    pages = []
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        copy = tmp_path / name / "toy.txt"
        copy.write_bytes(source_file.read_bytes())
        cli("compare", copy, *RUN, "--data", data_dir, "--html", tmp_path / name / "r.html")
        pages.append((tmp_path / name / "r.html").read_text())
    assert pages[0] == pages[1]


def test_a_target_that_nothing_reaches_is_a_no(cli: Cli, source_file: Path, data_dir: Path) -> None:
    arguments = (
        "compare",
        source_file,
        "--data",
        data_dir,
        "--suite",
        "similarity",
        "--no-cache",
        "--methods",
        "sign",
    )
    assert cli(*arguments, "--target-size", "100B").code == 1
    assert cli(*arguments, "--target-size", "1MB").code == 0


def test_markdown_has_suites_of_one_set(cli: Cli, source_file: Path, data_dir: Path, tmp_path: Path) -> None:
    arguments = ("compare", source_file, "--data", data_dir, "--no-cache", "--methods", "sign", "--suite", "fidelity")
    assert cli(*arguments, "--markdown", tmp_path / "t.md").code == 0
    text = (tmp_path / "t.md").read_text(encoding="utf-8")
    assert "\nfidelity (" in text
