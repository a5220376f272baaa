"""Imports go one way only."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import embcomp

PACKAGE = Path(embcomp.__file__).parent

LAYERS = [
    ["__init__"],
    ["errors", "checks", "progress", "arrays", "memory"],
    ["documents", "threads", "files", "bits", "draws", "exact", "kernels", "linear", "plugins", "shortlist"],
    ["spool"],
    ["wordlist"],
    ["text"],
    ["vocabulary", "embedding"],
    ["inputs"],
    ["formats"],
    ["compressors"],
    ["codes"],
    ["encoded"],
    ["container", "pipeline", "databases"],
    ["search", "keyed"],
    ["collection"],
    ["sklearn"],
    ["eval"],
    ["comparison", "keep", "webpage"],
    ["api"],
    ["cli"],
    ["torch"],
    ["__main__"],
]
RANK = {name: rank for rank, layer in enumerate(LAYERS) for name in layer}


def part_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported_parts(path: Path, *, anywhere: bool = False) -> set[str]:
    """Parts of embcomp that a module imports when it is imported, or ``anywhere``: inside functions too."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    found = set()
    for node in ast.walk(tree) if anywhere else tree.body:
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "embcomp":
            parts = node.module.split(".")
            found |= {parts[1]} if len(parts) > 1 else {alias.name for alias in node.names}
        elif isinstance(node, ast.Import):
            found |= {alias.name.split(".")[1] for alias in node.names if alias.name.startswith("embcomp.")}
    return {name for name in found if name in RANK}


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_module_imports_only_from_layers_below(path: Path) -> None:
    own = part_of(path)
    assert own in RANK, f"{own} has no place in the order of imports"
    for other in imported_parts(path) - {own}:
        assert RANK[other] <= RANK[own], f"{own} imports {other}"


@pytest.mark.parametrize("path", sorted((PACKAGE / "eval").glob("*.py")), ids=lambda path: path.name)
def test_evaluation_knows_vectors_and_words_and_not_how_they_are_made_or_stored(path: Path) -> None:
    unwanted = {
        "formats",
        "compressors",
        "encoded",
        "container",
        "pipeline",
        "search",
        "keyed",
        "comparison",
        "api",
        "cli",
    }
    assert imported_parts(path, anywhere=True).isdisjoint(unwanted)


def test_the_architecture_page_names_every_part() -> None:
    page = (PACKAGE.parent / "docs" / "architecture.md").read_text(encoding="utf-8")
    for part in RANK:
        assert part.startswith("__") or f"`{part}`" in page, f"{part} is not on the page"
