"""The page around a file: what is in it, and what a browser shows."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

import embcomp
from embcomp.cli.main import group
from embcomp.cli.sample import SAMPLE
from embcomp.webpage import ALPHABET, base85, page_of
from tests.browser import BROWSERS, Chromium, chromium


def decoded(text: str, size: int) -> bytes:
    """What :func:`base85` encoded, by Python's own integers."""
    digits = [ALPHABET.index(character) for character in text.encode()]
    groups = [digits[at : at + 5] for at in range(0, len(digits), 5)]
    numbers = [sum(digit * 85 ** (4 - place) for place, digit in enumerate(group)) for group in groups]
    return b"".join(number.to_bytes(4, "big") for number in numbers)[:size]


@pytest.mark.parametrize("content", [b"", b"\0", b"\xff" * 8, bytes(range(256)), b"</script>"])
def test_base85_gives_the_bytes_back(content: bytes) -> None:
    assert len(ALPHABET) == 85
    assert decoded(base85(content).decode(), len(content)) == content


def test_the_page_holds_the_file_and_loads_nothing() -> None:
    content = bytes(range(256)) * 3
    page = page_of(content, "<b> & %CONTENT%")
    (held,) = re.findall(r'data-bytes="768">([^<]*)<', page)
    assert decoded(held, 768) == content
    assert "<title>&lt;b&gt; &amp; %CONTENT%</title>" in page
    assert not re.search(r'(src|href)="(?!#)', page)
    assert "default-src 'none'" in page


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("page") / "sample.embc"
    words, vectors = embcomp.read(Path(embcomp.__file__).parent / "data" / SAMPLE)
    embcomp.compress(words, vectors, "transform", bits=50).save(path)
    return path


def test_the_command(sample: Path, tmp_path: Path) -> None:
    target = tmp_path / "page.html"
    done = CliRunner().invoke(group, ["page", str(sample), "-o", str(target), "--title", "Sample"])
    assert done.exit_code == 0
    assert target.read_text(encoding="utf-8") == page_of(sample.read_bytes(), "Sample")
    again = CliRunner().invoke(group, ["page", str(sample), "-o", str(target)])
    assert again.exit_code != 0
    assert "page.html" in str(again.exception)


def test_a_page_of_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.embc").write_text("no container")
    done = CliRunner().invoke(group, ["page", str(tmp_path / "a.embc"), "-o", str(tmp_path / "a.html")])
    assert done.exit_code != 0
    assert not (tmp_path / "a.html").exists()


ITEMS = """
    return [...document.querySelectorAll('#nearest li')].map(each => [...each.children].map(part => part.textContent))
"""


@pytest.mark.parametrize("name", BROWSERS)
def test_a_browser_shows_the_neighbours(name: str, sample: Path, tmp_path: Path) -> None:
    expected = embcomp.open(sample).most_similar("paris", topn=20)
    page = tmp_path / "page.html"
    page.write_text(page_of(sample.read_bytes(), "Sample"), encoding="utf-8")
    with BROWSERS[name]() as browser:
        browser.go(f"{page.as_uri()}#paris")
        browser.wait("return document.documentElement.dataset.ready")
        items = browser.run(ITEMS)
        dots = browser.run("return document.querySelectorAll('#map circle').length")
    assert [word for word, _ in items] == [word for word, _ in expected]
    assert [float(score) for _, score in items] == pytest.approx([score for _, score in expected], abs=6e-4)
    assert dots >= 11


TAB, ENTER = "\ue004", "\ue007"


@pytest.fixture(scope="module")
def shown(sample: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Chromium, Path]]:
    path = tmp_path_factory.mktemp("shown") / "page.html"
    path.write_text(page_of(sample.read_bytes(), "Sample"), encoding="utf-8")
    with chromium() as browser:
        yield browser, path


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_it_fits_any_screen(shown: tuple[Chromium, Path], width: int, scheme: str) -> None:
    browser, path = shown
    browser.open(path, width, scheme=scheme)
    browser.wait("return document.documentElement.dataset.ready")
    assert browser.console() == []
    assert browser.run("return document.documentElement.scrollWidth") == width
    outside = browser.run("""
        const { left, right, top, bottom } = document.getElementById("map").getBoundingClientRect();
        return [...document.querySelectorAll("#map text, #map circle")].map(each => each.getBoundingClientRect())
          .filter(each => each.left < left || each.right > right || each.top < top || each.bottom > bottom).length""")
    assert outside == 0


def test_it_is_used_with_the_keyboard(shown: tuple[Chromium, Path]) -> None:
    """From the word to its first neighbour by Tab and Enter; the focus stays in the list; Back goes back."""
    browser, path = shown
    browser.open(path)
    browser.go(f"{path.as_uri()}?#paris")
    browser.wait("return document.querySelector('#nearest button')")
    browser.run("document.getElementById('word').focus()")
    first = browser.run("return document.querySelector('#nearest button').textContent")
    browser.press(TAB * 3 + ENTER)
    browser.wait(f"return document.getElementById('nearest-title').textContent.includes({json.dumps(first)})")
    assert browser.run("return document.activeElement === document.querySelector('#nearest button')")
    assert browser.run("return document.getElementById('word').value") == first
    browser.run("history.back()")
    browser.wait("return document.getElementById('nearest-title').textContent.includes('paris')")
