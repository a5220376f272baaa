"""The report in a real browser, where there is one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from embcomp.comparison import tables
from embcomp.comparison.cache import Cache
from embcomp.comparison.page import build_report, html_page
from embcomp.comparison.plan import Job
from embcomp.comparison.workbench import Workbench
from embcomp.compressors.registry import make_compressor
from embcomp.embedding import Embedding
from tests.browser import Chromium, chromium

from .conftest import evaluation

COLUMN = """
    return [...document.querySelector("table.sortable").tBodies[0].rows].map(row => row.cells[%d].textContent)
"""


@pytest.fixture(scope="module")
def report(embedding: Embedding, data_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("report")
    bench = Workbench(embedding, evaluation(("similarity",), data_dir), Cache(folder / "cache"))
    jobs = [Job("itq", make_compressor("itq", bits=width).get_config()) for width in (4, 12, 9)]
    lines = tables.summarise(bench.compare([*jobs, Job("sign", None, "sign cannot reach it")]))
    path = folder / "report.html"
    path.write_text(html_page(build_report(bench, lines, None, ["a note"])), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def page() -> Iterator[Chromium]:
    with chromium() as started:
        yield started


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_it_shows_at_any_width_without_a_complaint(page: Chromium, report: Path, width: int, scheme: str) -> None:
    page.open(report, width, scheme=scheme)
    assert page.console() == []
    assert page.run("return document.documentElement.scrollWidth") == width  # nothing sticks out
    boxes = page.run(
        "return [...document.querySelectorAll('figure svg')].map(each => each.getBoundingClientRect().toJSON())"
    )
    assert len(boxes) == 4
    assert all(250 < box["width"] <= width and box["height"] > 150 for box in boxes)
    paper = page.run("return getComputedStyle(document.body).backgroundColor")
    assert paper == {"light": "rgb(255, 255, 255)", "dark": "rgb(21, 23, 28)"}[scheme]


def test_marks_are_drawn_in_colours(page: Chromium, report: Path) -> None:
    page.open(report)
    colours = page.run(
        "return [...document.querySelectorAll('svg path.f1')].map(each => getComputedStyle(each).fill)"
    )
    assert set(colours) == {"rgb(184, 67, 10)"}


def test_a_click_on_a_heading_sorts_and_another_turns_it_round(page: Chromium, report: Path) -> None:
    page.open(report)
    click = 'document.querySelectorAll("table.sortable th button")[%d].click()'
    names = page.run(COLUMN % 0)
    assert names == ["uncompressed", "itq bits=4", "itq bits=12", "itq bits=9", "sign"]
    page.run(click % 1)  # bytes; a gap stays at the end either way
    assert page.run(COLUMN % 0) == ["uncompressed", "itq bits=12", "itq bits=9", "itq bits=4", "sign"]
    page.run(click % 1)
    assert page.run(COLUMN % 0) == ["itq bits=4", "itq bits=9", "itq bits=12", "uncompressed", "sign"]
    states = "return [...document.querySelectorAll('table.sortable th')].map(each => each.ariaSort).filter(Boolean)"
    assert page.run(states) == ["ascending"]
    page.run(click % 0)  # names, with numbers in them as numbers
    assert page.run(COLUMN % 0) == ["itq bits=4", "itq bits=9", "itq bits=12", "sign", "uncompressed"]
    assert page.console() == []


@pytest.mark.parametrize(("width", "shown"), [(390, True), (1280, False)])
def test_a_table_that_is_wider_than_the_screen_says_so(page: Chromium, report: Path, width: int, shown: bool) -> None:
    page.open(report, width)
    assert page.run("return document.querySelector('.hint').checkVisibility()") == shown
    edge = page.run("return document.querySelector('table.sortable tbody td').getBoundingClientRect().right")
    assert edge < width  # the size of the file


@pytest.mark.parametrize("width", [390, 1280])
def test_texts_of_a_picture_do_not_collide(page: Chromium, report: Path, width: int) -> None:
    page.open(report, width)
    collisions = page.run("""
        const found = [];
        for (const svg of document.querySelectorAll("figure svg")) {
          const paper = svg.getBoundingClientRect();
          const texts = [...svg.querySelectorAll("text")];
          const boxes = texts.map(each => each.getBoundingClientRect());
          if (svg.querySelector(".bits")) continue;
          boxes.forEach((a, i) => {
            const text = texts[i].textContent;
            if (a.left < paper.left - 1 || a.right > paper.right + 1) found.push(text + " sticks out");
            boxes.slice(0, i).forEach((b, j) => {
              const apart = a.right < b.left || b.right < a.left || a.bottom < b.top || b.bottom < a.top;
              if (!apart) found.push(text + " on " + texts[j].textContent);
            });
          });
        }
        return found;
    """)
    assert collisions == []


def test_what_is_folded_opens(page: Chromium, report: Path) -> None:
    page.open(report)
    assert page.run("return [...document.querySelectorAll('details')].map(each => each.open)") == [False, False]
    page.run("document.querySelector('summary').click()")
    assert page.run("return document.querySelector('details').open")
    page.run("dispatchEvent(new Event('beforeprint'))")
    assert page.run("return [...document.querySelectorAll('details')].every(each => each.open)")
