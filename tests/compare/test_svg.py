from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest

from embcomp.comparison import svg
from embcomp.comparison.svg import Chart, Scale, tag


def test_tags_escape_all_but_markup() -> None:
    assert tag("a", class_="x", data_y='1"<', z=None, w=1.25) == '<a class="x" data-y="1&quot;&lt;" w="1.2"/>'
    assert tag("b", "one < two", tag("i")) == "<b>one &lt; two<i/></b>"


def test_scales_map_ends_to_ends() -> None:
    plain = Scale(10, 20).onto(100, 0)
    assert (plain(10), plain(15), plain(20)) == (100, 50, 0)
    log = Scale(10, 1000, log=True).onto(0, 2)
    assert [log(value) for value in (10, 100, 1000)] == pytest.approx([0, 1, 2])


@pytest.mark.parametrize("values", [[1.0], [0.0], [-5.0, -5.0], [1e-9, 1e9], [], [0.3, 0.4], [40, 45.5]])
def test_scales_hold_their_values_and_have_ticks(values: list[float]) -> None:
    scale = Scale.around(values)
    assert scale.low < scale.high
    assert all(scale.low <= value <= scale.high for value in values)
    ticks = scale.ticks()
    assert ticks
    assert len(ticks) <= 11
    assert all(scale.low <= tick <= scale.high + 1e-9 for tick in ticks)


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (9e4, 2e5, [1e5, 1.5e5, 2e5]),
        (5e4, 1e6, [1e5, 3e5, 1e6]),
        (3e3, 4e6, [1e4, 1e5, 1e6]),
        (2e5, 2e5, [2e5]),
    ],
)
def test_logarithmic_scales_have_few_round_ticks(low: float, high: float, expected: list[float]) -> None:
    assert Scale.around([low, high], log=True).ticks() == pytest.approx(expected)


def chart() -> Chart:
    return Chart(Scale(0, 10), Scale(0, 10), "x <units>", "y")


def test_a_picture_is_well_formed_and_named() -> None:
    drawn = chart()
    drawn.line([(1, 1), (2, 3)], 1, 2)
    drawn.interval(2, 1, 4, 0)
    drawn.marker(2, 3, 9, "a & b")
    drawn.name("<8>", 0)
    drawn.name("two", svg.PLAIN, 0, shaped=False)
    root = ElementTree.fromstring(drawn.render("fig", "A title", "What it shows"))
    assert root.get("role") == "img"
    names = {child.get("id"): child.text for child in root if child.get("id")}
    assert [names[name] for name in root.get("aria-labelledby", "").split()] == ["A title", "What it shows"]
    texts = {element.text for element in root.iter("text")}
    assert {"x <units>", "y", "two", "<8>"} <= texts


def test_ticks_that_collide_or_stick_out_have_no_text() -> None:
    ticks = [(1, "100 kB"), (1.2, "120 kB"), (5, "500 kB"), (10, "a very long text")]
    drawn = Chart(Scale(0, 10), Scale(0, 10), "", "", ticks)
    texts = re.findall(r">([^<>]+)</text>", drawn.render("fig", "Title", "Text"))
    assert [text for text in texts if text in dict(ticks).values() or "kB" in text] == ["100 kB", "500 kB"]


def test_a_picture_of_its_own_has_its_colours_with_it() -> None:
    text = svg.standalone(chart().render("fig", "Title", "Text"))
    root = ElementTree.fromstring(text.encode())
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert "prefers-color-scheme: dark" in text
    assert "--s0:" in text


def luminance(colour: str) -> float:
    """Relative luminance of WCAG 2."""
    digits = colour[1:] if len(colour) == 7 else "".join(2 * digit for digit in colour[1:])
    parts = [int(digits[start : start + 2], 16) / 255 for start in (0, 2, 4)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("which", [0, 1], ids=["light", "dark"])
def test_colours_stand_out_from_their_paper(which: int) -> None:
    pairs = re.findall(r"--(paper|soft|s\d): (#\w+);", svg.asset("picture.css"))
    half = len(pairs) // 2
    colours = dict(pairs[which * half :][:half])
    paper = colours.pop("paper")
    assert len(colours) == svg.N_SERIES + 1
    for name, colour in colours.items():
        light, dark = sorted((luminance(colour), luminance(paper)), reverse=True)
        assert (light + 0.05) / (dark + 0.05) >= 4.5, name


def test_every_series_has_a_colour() -> None:
    style = svg.asset("picture.css")
    for series in range(-1, svg.N_SERIES):
        assert f".f{series} {{ fill:" in style
        assert f".l{series} {{ stroke:" in style


def test_no_two_series_look_alike() -> None:
    assert len({svg.shape((0.0, 0.0), series) for series in range(2 * svg.N_SERIES)}) == 2 * svg.N_SERIES
