"""Generated pages are in step with the code, links lead somewhere, examples run and print what the pages say."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest

from embcomp.cli.main import COMMANDS
from embcomp.compressors.registry import BUILT_IN

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
LINK = re.compile(r"\[[^\]]*\]\(([^)#\s]+)(?:#[^)]*)?\)")
CITATION = re.compile(r"\[([A-Z]\w+ \d{4})[,;\]]")


def script(name: str) -> ModuleType:
    """A script of the folder ``docs``."""
    spec = importlib.util.spec_from_file_location(name, ROOT / "docs" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


examples = script("examples")
EXAMPLES = [page for page in PAGES if examples.has_examples(page.read_text(encoding="utf-8"))]


def name_of(page: Path) -> str:
    """A page's path from the root."""
    return page.relative_to(ROOT).as_posix()


def test_the_command_line_page_is_what_help_prints() -> None:
    assert (ROOT / "docs" / "cli.md").read_text(encoding="utf-8") == script("generate").cli_page(), "run: make docs"


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_lead_somewhere(page: Path) -> None:
    for target in LINK.findall(page.read_text(encoding="utf-8")):
        if not target.startswith(("http://", "https://", "mailto:")):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"


@pytest.mark.parametrize("page", EXAMPLES, ids=name_of)
def test_examples_print_what_the_page_says(page: Path, tmp_path: Path) -> None:
    text = page.read_text(encoding="utf-8")
    if absent := examples.missing(text):
        pytest.skip(f"not installed: {', '.join(absent)}")
    assert examples.comparable(examples.refreshed(text, tmp_path)) == examples.comparable(text), "run: make docs"


def test_every_command_and_method_is_in_the_readme() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    for name in COMMANDS:
        assert f"embcomp {name}" in text, f"embcomp {name} is not in the README"
    for name in BUILT_IN:
        assert f"`{name}`" in text, f"method {name} is not in the README"


def test_what_is_cited_is_listed() -> None:
    listed = (ROOT / "docs" / "references.md").read_text(encoding="utf-8")
    for path in [*PAGES, *ROOT.glob("embcomp/**/*.py")]:
        for cited in CITATION.findall(path.read_text(encoding="utf-8")):
            assert f"**{cited}**" in listed, f"{name_of(path)} cites [{cited}], which docs/references.md lacks"


def test_what_varies_is_not_compared_and_all_else_is() -> None:
    page = "<!-- numbers vary -->\n```console\n$ embcomp x 1\nabc  1.5 e\n```\n"
    assert examples.comparable(page) == examples.comparable(page.replace("abc  1.5", "abc 12,345.25"))
    for old, new in [("abc", "abd"), ("x 1", "x 2"), (" e\n", " e\ne\n")]:
        assert examples.comparable(page) != examples.comparable(page.replace(old, new))
