"""The pictures of a comparison's report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from embcomp.checks import size_text
from embcomp.comparison import svg
from embcomp.comparison.details import ROTATION, unpacked
from embcomp.comparison.svg import Chart, Markup, Point, Scale, tag
from embcomp.comparison.tables import Aspect, Line, aspects
from embcomp.eval.score import Score

VANISHED = 1e-4  # of the root sum of squares: a singular value that is only rounding
MOST_CURVES = svg.N_SERIES
SERIES = {"iiq": 0, "itq": 1, "sign": 2, "transform": 3, "kd": 4, "prune": 5, "alone": 6, "additive": 7}
LEAVE_OUT = {"additive", "iiq", "transform"}  # methods that remove or flatten dominant directions
ROW_HEIGHT, LABEL_EVERY = 1.6, 10  # [Liao 2020, Fig. 3]: "the y axis lists every 10 words"


@dataclass(frozen=True)
class Figure:
    """A picture with its caption."""

    slug: str
    title: str
    caption: str
    picture: Markup


@dataclass(frozen=True)
class Material:
    """What pictures are drawn from.

    Attributes:
        lines: all configurations, the uncompressed source first.
        details: by label of a line, as :func:`embcomp.comparison.details.details_of` gives them.
        source_values: the source's own singular values.
    """

    lines: Sequence[Line]
    details: dict[str, dict[str, Any]]
    source_values: Sequence[float]

    @cached_property
    def series(self) -> dict[str, int]:
        """A colour and shape for each method: its own in every report, or else one that is free in this one."""
        methods = list(dict.fromkeys(line.method for line in self.lines if not line.is_baseline))
        found = {method: SERIES[method] for method in methods if method in SERIES}
        free = [number for number in range(2 * svg.N_SERIES) if number not in found.values()]
        others = [method for method in methods if method not in found]
        return found | {method: free[number % len(free)] for number, method in enumerate(others)}

    def look(self, line: Line) -> tuple[int, int]:
        """The series of a line's method, and a dash for each of its configurations."""
        own = [each.label for each in self.lines if each.method == line.method]
        return self.series[line.method], own.index(line.label)

    def curves(self, key: str) -> list[tuple[Line, Any]]:
        """Lines that have something under ``key``; one for each method if they are too many to tell apart."""
        found = [(line, self.details[line.label][key]) for line in self.lines if line.label in self.details]
        found = [(line, values) for line, values in found if values]
        if len(found) > MOST_CURVES:
            found = list({line.method: (line, values) for line, values in reversed(found)}.values())[::-1]
        return found[:MOST_CURVES]

    def left_out(self, curves: Sequence[tuple[Line, Any]]) -> str:
        """A sentence on what is not among the curves of a picture, if there is something."""
        if len(self.details) <= MOST_CURVES:
            return ""
        shown = {line.method for line, _ in curves}
        missing = [method for method in self.series if method not in shown]
        none = f", none of {', '.join(missing)}" if missing else ""
        return f" Not all are drawn, to keep lines apart: one a method{none}."


def all_figures(material: Material) -> list[Figure]:
    """All pictures that can be drawn from the material."""
    drawn = [pareto(material, aspect) for aspect in aspects(material.lines)]
    drawn += [errors(material), *losses(material), values(material), pattern(material)]
    return [figure for figure in drawn if figure is not None]


def pareto(material: Material, aspect: Aspect) -> Figure | None:
    """Quality against bytes: the points of each method joined by a line, with their intervals."""
    suite, metric = aspect
    base = next(
        (score.value for line in material.lines if line.is_baseline and (score := line.means.get(aspect))), None
    )
    known = [
        (line, size, score.value, score)
        for line in material.lines
        if not line.is_baseline and (size := line.mean("bytes", "file")) is not None
        if (score := line.means.get(aspect)) is not None and score.value is not None
    ]
    if not known:
        return None
    heights = [height for *_, score in known for height in (score.value, score.low, score.high)]
    x = Scale.around([size for _, size, *_ in known], log=True)
    y = Scale.around([height for height in [*heights, base] if height is not None])
    ticks = [(tick, size_text(tick)) for tick in x.ticks()]
    chart = Chart(x, y, "← smaller · bytes of the file, logarithmic", f"{metric} ×100 · better →", ticks)
    for line, size, _, score in known:
        if score.low is not None and score.high is not None:
            chart.interval(size, score.low, score.high, material.series[line.method])
    for method, number in material.series.items():
        points = sorted((size, value) for line, size, value, _ in known if line.method == method)
        if points:
            chart.line(points, number)
            chart.name(method, number)
    for line, size, value, _ in known:
        title = f"{line.label}: {value:.1f}, {size_text(size)}"
        chart.marker(size, value, material.series[line.method], title)
    if base is not None:
        chart.line([(x.low, base), (x.high, base)], svg.PLAIN, 1)
        chart.name(f"uncompressed {base:.1f}", svg.PLAIN, 1, shaped=False)
    text = _pareto_text(known[0][-1], {line.method for line, *_ in known}, base)
    return _figure(chart, f"pareto-{suite}", f"{suite.capitalize()} against size", text)


def _pareto_text(first: Score, methods: set[str], base: float | None) -> str:
    suite = first.suite
    parts = "" if not first.is_mean else " frequency bands" if suite == "fidelity" else " data sets"
    text = (
        f"{first.task.capitalize()}{parts}. A line joins the sizes of one method; bars are 95 % bootstrap intervals."
    )
    if base is not None:
        text += " The dashed line is the uncompressed source."
    if suite == "fidelity" and methods & LEAVE_OUT:
        names = " and ".join(sorted(methods & LEAVE_OUT))
        text += (
            f" {names} leave out or flatten what dominates the source on purpose: similarity gains, and cosines "
            "differ from the source's, which is what fidelity measures."
        )
    return text


def losses(material: Material) -> list[Figure]:
    """The loss of each round of fitting [Liao 2020, Fig. 1], a picture for each kind of loss."""
    kinds: dict[str, list[tuple[Line, list[Point]]]] = {}
    for line, each in material.curves("losses"):
        if len(each) < 2:  # no line
            continue
        kind = material.details[line.label]["loss_kind"]
        kinds.setdefault(kind, []).append((line, list(enumerate(each, start=1))))
    return [_losses(material, kind, curves) for kind, curves in kinds.items()]


def _losses(material: Material, kind: str, curves: Sequence[tuple[Line, list[Point]]]) -> Figure:
    points = [point for _, each in curves for point in each]
    rounds = Scale(0, max(number for number, _ in points))
    chart = Chart(rounds, Scale.around([loss for _, loss in points]), "round", "loss")
    _draw(material, chart, curves)
    text = (
        "The quantization loss a bit, between 0 and 2, before each round."
        if kind == ROTATION
        else "What the method minimises, as it records it. It does not compare with the losses of other methods."
    )
    return _figure(chart, f"loss-{kind}", f"Loss while fitting: {kind}", text)


def values(material: Material) -> Figure | None:
    """Singular values of the source and of the decoded vectors of each method."""
    if not material.source_values:
        return None
    curves = material.curves("singular_values")
    top = max(value for each in [material.source_values, *(each for _, each in curves)] for value in each)
    ranks = Scale(1, max(2, len(material.source_values)))
    chart = Chart(ranks, Scale(0, top * 1.05), "rank of the singular value", "singular value")
    _draw(material, chart, [(line, _by_rank(each)) for line, each in curves])
    chart.line(_by_rank(material.source_values), svg.PLAIN)
    chart.name("uncompressed", svg.PLAIN, 0, shaped=False)
    text = (
        "Of the centred vectors of the most frequent words, divided by their root sum of squares. A flat line is "
        "isotropic; a line that ends early uses fewer dimensions."
    ) + material.left_out(curves)
    return _figure(chart, "singular-values", "Singular values before and after", text)


def errors(material: Material) -> Figure | None:
    """Error of decoded vectors by frequency of the word."""
    found = material.curves("errors")
    if not found or len(found[0][1]) < 2:
        return None
    names = [band["band"] for band in found[0][1]]
    curves = [(line, [(place, band["error"]) for place, band in enumerate(each)]) for line, each in found]
    heights = [error for _, each in curves for _, error in each]
    across, up = Scale(-0.4, len(names) - 0.6), Scale.around(heights, zero=min(heights) >= 0)
    chart = Chart(across, up, "words by rank in the file", "1 − cosine · ← better", list(enumerate(names)))
    _draw(material, chart, curves, names)
    text = (
        "One minus the cosine of each vector, centred as the method does it, and what comes back; means by rank in "
        "the file, which is by frequency in most. Lower is better."
    ) + material.left_out(found)
    return _figure(chart, "errors", "Error by frequency", text)


def pattern(material: Material) -> Figure | None:
    """Bits of the words nearest to one and furthest from it [Liao 2020, Fig. 3]."""
    found = {line.method: (line, each) for line, each in reversed(material.curves("pattern"))}
    if not found:
        return None
    line, bits = found.get("iiq") or next(iter(found.values()))
    title = f"Bits of the words nearest to “{bits['word']}” and furthest from it"
    text = (
        f"{line.label}: one row a word, one column a bit, filled where it is 1. Related words share columns; "
        "words far away have most of them the other way round."
    )
    left, width, top = 122.0, 460.0, 22.0
    parts = []
    for name in ("nearest", "furthest"):
        rows = bits[name]
        parts.append(tag("text", f"{name} {len(rows)}", x=left, y=top - 7))
        parts += _bit_rows(rows, bits["bits"], left, top, width - left - 8)
        top += len(rows) * ROW_HEIGHT + 38
    parts.append(tag("text", f"bit 1 to {bits['bits']}", x=left, y=top - 20, class_="soft"))
    return Figure("pattern", title, text, svg.picture("pattern", title, text, (width, top - 10), parts))


def _draw(
    material: Material, chart: Chart, curves: Sequence[tuple[Line, Sequence[Point]]], names: Sequence[str] = ()
) -> None:
    """A line for each curve; with ``names`` of its points, also a marker at each."""
    for line, points in curves:
        look = material.look(line)
        chart.line(points, *look)
        for name, (x, y) in zip(names, points, strict=False):
            chart.marker(x, y, look[0], f"{line.label}, {name}: {y:.3f}")
        chart.name(line.label, *look, shaped=bool(names))


def _figure(chart: Chart, slug: str, title: str, text: str) -> Figure:
    return Figure(slug, title, text, chart.render(slug, title, text))


def _by_rank(values: Sequence[float]) -> list[Point]:
    return [(rank, value) for rank, value in enumerate(values, start=1) if value > VANISHED]


def _bit_rows(rows: list[list[str]], n_bits: int, left: float, top: float, width: float) -> list[Markup]:
    strokes = "".join(
        f"M{first} {number + 0.5:g}h{end - first}"
        for number, row in enumerate(unpacked(rows, n_bits))
        for first, end in np.flatnonzero(np.diff(row, prepend=False, append=False)).reshape(-1, 2).tolist()
    )
    move = f"translate({left:.1f} {top:.1f}) scale({width / n_bits:.4f} {ROW_HEIGHT})"
    labels = [
        tag("text", _clipped(word), x=left - 7, y=top + number * ROW_HEIGHT + 10, text_anchor="end")
        for number, (word, _) in enumerate(rows)
        if number % LABEL_EVERY == 0
    ]
    return [tag("path", d=strokes or "M0 0", transform=move, class_="bits"), *labels]


def _clipped(word: str) -> str:
    return word if len(word) <= 15 else word[:14] + "…"
