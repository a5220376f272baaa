"""What a release consists of: versions, manual pages, files for other services. Archives: ``make package``."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import click
import pytest

import embcomp
from embcomp.cli.main import COMMANDS, group
from embcomp.compressors.registry import BUILT_IN, compressor_class

from .test_docs import ROOT, script

manual = script("manual")
MACROS = {".TH", ".SH", ".B", ".BR", ".TP", ".PP", ".nf", ".fi"}


def test_versions_agree() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    cited = re.findall(r"^version: (.+)$", (ROOT / "CITATION.cff").read_text(encoding="utf-8"), re.MULTILINE)
    package = json.loads((ROOT / "js" / "package.json").read_text(encoding="utf-8"))
    assert {project["version"], *cited, package["version"]} == {embcomp.__version__}
    assert len(cited) == 1


@pytest.mark.parametrize(
    ("schema", "path"),
    [("github-workflows", ".github/workflows/release.yml"), ("citation-file-format", "CITATION.cff")],
)
def test_files_for_other_services_are_as_they_expect(schema: str, path: str) -> None:
    pytest.importorskip("check_jsonschema", reason="check-jsonschema is not installed")
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", f"vendor.{schema}", str(ROOT / path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_every_command_and_option_is_in_the_manual() -> None:
    pages = manual.pages()
    assert pages.keys() == {"embcomp.1", *(f"embcomp-{name}.1" for name in COMMANDS)}
    context = click.Context(group)
    for name in COMMANDS:
        command = group.get_command(context, name)
        assert command is not None
        for option in (each for each in command.params if isinstance(each, click.Option) and not each.hidden):
            assert max(option.opts, key=len).replace("-", r"\-") in pages[f"embcomp-{name}.1"]
    for method in BUILT_IN:
        assert f".SH OPTIONS OF {method.upper()}\n" in pages["embcomp-compress.1"]
        for option in compressor_class(method).options:
            assert option.role == "seed" or option.flag.replace("-", r"\-") in pages["embcomp-compress.1"]


@pytest.mark.parametrize("name", sorted(manual.pages()))
def test_manual_pages_are_well_formed(name: str, tmp_path: Path) -> None:
    text = manual.pages()[name]
    assert {line.split()[0] for line in text.splitlines() if line.startswith((".", "'"))} <= MACROS
    assert "\n\n" not in text
    if shutil.which("mandoc") is None:
        pytest.skip("mandoc is not installed")
    (tmp_path / name).write_text(text, encoding="utf-8")
    done = subprocess.run(
        ["mandoc", "-T", "lint", "-W", "warning", tmp_path / name], capture_output=True, text=True, check=False
    )
    assert done.stdout + done.stderr == ""


def test_text_cannot_become_a_macro() -> None:
    assert manual.roff(".so /etc/passwd") == r"\&.so /etc/passwd"
    assert manual.roff("'a\\b -c `d`") == r"\&'a\eb \-c \(gad\(ga"
