"""SVG: elements, scales, and a chart with axes, marks and a legend. Nothing here depends on embeddings.

Colours come from CSS variables, so that one picture serves light and dark screens and paper: inside a page with
``picture.css``, or as a file of its own (:func:`standalone`). Marks are not distinguished by colour alone: series
have shapes and dashes too.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from html import escape
from importlib.resources import files

Point = tuple[float, float]

N_SERIES = 8  # that picture.css has colours for
FEW_TICKS = 3
PLAIN = -1
"""The series of what is compared with: in the colour of text."""

SAME = 4.0  # pixels between points of lines that look like one
HALF = "8 8"
DASHES = ("", "7 3", "2 3", "9 3 2 3", "12 4", "4 2 1 2", "1 2", "14 3 4 3")


class Markup(str):
    """Text that is markup already; any other is escaped by :func:`tag`."""

    __slots__ = ()


def tag(name: str, *children: str, **attributes: object) -> Markup:
    """One element. ``class_`` is ``class``, other ``_`` are ``-``; without children, nothing is between its ends."""
    shown = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(_text(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    inner = "".join(child if isinstance(child, Markup) else escape(child) for child in children)
    return Markup(f"<{name}{shown}>{inner}</{name}>" if children else f"<{name}{shown}/>")


def asset(name: str) -> Markup:
    """The text of a file beside this module: style, script or page."""
    return Markup(files("embcomp.comparison").joinpath(name).read_text(encoding="utf-8"))


def standalone(picture: str) -> str:
    """A picture as a file of its own."""
    start = picture.index(">") + 1
    head = picture[: start - 1] + ' xmlns="http://www.w3.org/2000/svg">'
    style, paper = tag("style", asset("picture.css")), tag("rect", width="100%", height="100%", class_="paper")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{head}{style}{paper}{picture[start:]}\n'


@dataclass(frozen=True)
class Scale:
    """From values to pixels, evenly or by logarithm."""

    low: float
    high: float
    start: float = 0.0
    stop: float = 1.0
    log: bool = False

    @classmethod
    def around(cls, values: Iterable[float], *, log: bool = False, zero: bool = False) -> Scale:
        """A scale with some room beside the lowest and highest of ``values``; ``zero`` starts it at 0."""
        known = list(values) or [1.0]
        low, high = min(known), max(known)
        if log:
            room = max((high / low) ** 0.08, 1.15)
            return cls(low / room, high * room, log=True)
        room = max((high - low) * 0.08, abs(high) * 0.02, 1e-6)
        return cls(0.0 if zero else low - room, high + room)

    def onto(self, start: float, stop: float) -> Scale:
        """The same over other pixels."""
        return Scale(self.low, self.high, start, stop, self.log)

    def __call__(self, value: float) -> float:
        """The pixel of a value."""
        if self.log:
            share = math.log(value / self.low) / math.log(self.high / self.low)
        else:
            share = (value - self.low) / (self.high - self.low)
        return self.start + share * (self.stop - self.start)

    def ticks(self) -> list[float]:
        """Round numbers within the scale: about five; three or more on a logarithmic one, if there are any."""
        if self.log:
            powers = range(math.floor(math.log10(self.low)), math.ceil(math.log10(self.high)) + 1)
            for factors in ((1,), (1, 3), (1, 2, 5), (1, 1.5, 2, 3, 4, 5, 7)):
                steps = [factor * 10.0**power for power in powers for factor in factors]
                inside = [step for step in steps if self.low <= step <= self.high]
                if len(inside) >= FEW_TICKS:
                    break
            return inside
        rough = (self.high - self.low) / 5
        unit = 10.0 ** math.floor(math.log10(rough))
        step = next(unit * factor for factor in (1, 2, 5, 10) if unit * factor >= rough)
        first = math.ceil(self.low / step)
        return [step * number for number in range(first, math.floor(self.high / step) + 1)]


@dataclass
class Chart:
    """Axes and what is drawn between them.

    Attributes:
        x, y: scales, in values.
        x_label, y_label: what the axes are, with the unit.
        x_ticks: values and their texts; the scale's own, plainly formatted, if empty.
    """

    x: Scale
    y: Scale
    x_label: str
    y_label: str
    x_ticks: Sequence[tuple[float, str]] = ()
    width: float = 430.0
    height: float = 310.0
    margins: tuple[float, float, float, float] = (14.0, 26.0, 48.0, 58.0)
    """Top, right, bottom, left."""
    marks: list[Markup] = field(default_factory=list)
    legend: list[tuple[str, list[Markup]]] = field(default_factory=list)
    drawn: list[list[Point]] = field(default_factory=list)

    def __post_init__(self) -> None:
        top, right, bottom, left = self.margins
        self.x = self.x.onto(left, self.width - right)
        self.y = self.y.onto(self.height - bottom, top)

    def line(self, points: Sequence[Point], series: int, dash: int = 0) -> None:
        """A line through points, in the series' colour; with gaps, where it would hide one that is drawn already."""
        if points:
            pixels = [(self.x(x), self.y(y)) for x, y in points]
            path = "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in pixels)
            gaps = HALF if any(coincide(pixels, other) for other in self.drawn) else _dash(dash)
            self.drawn.append(pixels)
            self.marks.append(tag("path", d=path, class_=f"line l{_colour(series)}", stroke_dasharray=gaps))

    def interval(self, x: float, low: float, high: float, series: int) -> None:
        """A vertical bar from ``low`` to ``high``."""
        middle, ends = self.x(x), (self.y(low), self.y(high))
        bar = f"M{middle:.1f} {ends[0]:.1f}V{ends[1]:.1f}"
        self.marks.append(tag("path", d=bar, class_=f"bar l{_colour(series)}"))

    def marker(self, x: float, y: float, series: int, title: str) -> None:
        """A point in the series' shape; ``title`` shows on pointing at it."""
        self.marks.append(shape((self.x(x), self.y(y)), series, tag("title", title)))

    def name(self, text: str, series: int, dash: int | None = None, *, shaped: bool = True) -> None:
        """An entry of the legend: the series' shape, its line, or both."""
        line = {"class_": f"line l{_colour(series)}", "stroke_dasharray": _dash(dash)}
        look = [] if dash is None else [tag("path", d="M-12 0h24", **line)]
        self.legend.append((text, [*look, shape((0.0, 0.0), series)] if shaped else look))

    def render(self, slug: str, title: str, description: str) -> Markup:
        """The picture; ``slug`` makes the ids of title and description unique on a page."""
        entries, bottom = _legend(self.legend, self.x.start, self.width, self.height)
        return picture(slug, title, description, (self.width, bottom), [*self._frame(), *self.marks, *entries])

    def _frame(self) -> list[Markup]:
        left, right, floor, top = self.x.start, self.x.stop, self.y.start, self.y.stop
        parts = []
        for value in self.y.ticks():
            height = self.y(value)
            parts.append(tag("line", x1=left, x2=right, y1=height, y2=height, class_="grid"))
            parts.append(tag("text", f"{value:g}", x=left - 7, y=height + 4, text_anchor="end", class_="soft"))
        free = 0.0  # where the text of the tick before ends
        for value, text in self.x_ticks or [(value, f"{value:g}") for value in self.x.ticks()]:
            across, half = self.x(value), 7.2 * len(text) / 2
            parts.append(tag("line", x1=across, x2=across, y1=floor, y2=floor + 5, class_="axis"))
            if across - half >= free and across + half <= self.width:
                parts.append(tag("text", text, x=across, y=floor + 19, text_anchor="middle", class_="soft"))
                free = across + half + 8
        parts.append(tag("line", x1=left, x2=right, y1=floor, y2=floor, class_="axis"))
        parts.append(tag("text", self.x_label, x=(left + right) / 2, y=floor + 38, text_anchor="middle"))
        turn = f"translate(15 {(floor + top) / 2:.1f}) rotate(-90)"
        parts.append(tag("text", self.y_label, transform=turn, text_anchor="middle"))
        return parts


def picture(slug: str, title: str, description: str, size: Point, parts: Sequence[Markup]) -> Markup:
    """An ``svg`` element with its title and description as its accessible name."""
    return tag(
        "svg",
        tag("title", title, id=f"{slug}-title"),
        tag("desc", description, id=f"{slug}-desc"),
        *parts,
        viewBox=f"0 0 {size[0]:.0f} {size[1]:.0f}",
        role="img",
        aria_labelledby=f"{slug}-title {slug}-desc",
    )


def shape(at: Point, series: int, *children: str) -> Markup:
    """The series' marker around a pixel."""
    other = series // N_SERIES * 3  # a colour that is used again has another shape
    return tag(
        "path", *children, d=_SHAPES[(series + other) % len(_SHAPES)].format(*at), class_=f"f{_colour(series)}"
    )


def coincide(one: Sequence[Point], other: Sequence[Point]) -> bool:
    """Whether lines through these pixels look like one."""
    return len(one) == len(other) and all(math.dist(a, b) < SAME for a, b in zip(one, other, strict=True))


_SHAPES = (
    "M{0:.1f} {1:.1f}m-5 0a5 5 0 1 0 10 0a5 5 0 1 0 -10 0z",
    "M{0:.1f} {1:.1f}m-4.5 -4.5h9v9h-9z",
    "M{0:.1f} {1:.1f}m0 -6l5.5 10h-11z",
    "M{0:.1f} {1:.1f}m0 -6.3l6.3 6.3l-6.3 6.3l-6.3 -6.3z",
    "M{0:.1f} {1:.1f}m0 6l5.5 -10h-11z",
    "M{0:.1f} {1:.1f}m-1.8 -6h3.6v4.2h4.2v3.6h-4.2v4.2h-3.6v-4.2h-4.2v-3.6h4.2z",
    "M{0:.1f} {1:.1f}m-6 0l10 -5.5v11z",
    "M{0:.1f} {1:.1f}m6 0l-10 -5.5v11z",
)


def _legend(
    entries: Sequence[tuple[str, list[Markup]]], left: float, width: float, top: float
) -> tuple[list[Markup], float]:
    """Entries in rows below the chart, and where they end."""
    parts: list[Markup] = []
    across, base = left, top + 12
    for text, look in entries:
        needed = 34 + 7.2 * len(text)
        if across > left and across + needed > width:
            across, base = left, base + 20
        parts.append(tag("g", *look, transform=f"translate({across + 8:.1f} {base - 4:.1f})"))
        parts.append(tag("text", text, x=across + 25, y=base))
        across += needed + 10
    return parts, base + 8 if entries else top


def _dash(number: int | None) -> str | None:
    return None if number is None else DASHES[number % len(DASHES)] or None


def _colour(series: int) -> int:
    return series if series == PLAIN else series % N_SERIES


def _text(value: object) -> str:
    return f"{value:.1f}" if isinstance(value, float) else str(value)
