"""The pictures of a comparison's report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from embcomp.comparison import svg
from embcomp.comparison.details import ROTATION, unpacked
from embcomp.comparison.svg import Chart, Scale, tag
from embcomp.comparison.tables import Aspect, Line, aspects, size_text

VANISHED = 1e-4  # of the root sum of squares: a singular value that is only rounding
MOST_CURVES = svg.N_SERIES
ROW_HEIGHT, LABEL_EVERY = 1.6, 10  # iiq.txt Fig. 3: "the y axis lists every 10 words"


@dataclass(frozen=True)
class Figure:
    """A picture with what to say under it."""

    slug: str
    title: str
    caption: str
    picture: str


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

    @property
    def series(self) -> dict[str, int]:
        """A colour and shape for each method."""
        methods = dict.fromkeys(line.method for line in self.lines if not line.is_baseline)
        return {method: number for number, method in enumerate(methods)}

    def dash(self, line: Line) -> int:
        """A dash for each configuration of a method."""
        return [each.label for each in self.lines if each.method == line.method].index(line.label)

    def curves(self, key: str) -> list[tuple[Line, Any]]:
        """Lines that have something under ``key``; one for each method if they are too many to tell apart."""
        found = [(line, self.details[line.label][key]) for line in self.lines if line.label in self.details]
        found = [(line, values) for line, values in found if values]
        if len(found) > MOST_CURVES:
            found = list({line.method: (line, values) for line, values in reversed(found)}.values())[::-1]
        return found[:MOST_CURVES]


def all_figures(material: Material) -> list[Figure]:
    """Every picture that the material is enough for."""
    drawn = [pareto(material, aspect) for aspect in aspects(material.lines)]
    drawn += [errors(material), *losses(material), values(material), pattern(material)]
    return [figure for figure in drawn if figure is not None]


def pareto(material: Material, aspect: Aspect) -> Figure | None:
    """Quality against bytes, with intervals; the front joins what nothing smaller beats."""
    suite, metric = aspect
    points = [
        (line, size, line.qualities[aspect])
        for line in material.lines
        if (size := line.bytes()) is not None and aspect in line.qualities and not line.is_baseline
    ]
    known = [(line, size, quality, quality.value) for line, size, quality in points if quality.value is not None]
    if not known:
        return None
    bases = [line.qualities[aspect].value for line in material.lines if line.is_baseline and aspect in line.qualities]
    base = bases[0] if bases else None
    heights = [value for _, _, quality, _ in known for value in (quality.value, quality.low, quality.high)]
    x = Scale.around([size for _, size, _, _ in known], log=True)
    chart = Chart(
        x,
        Scale.around([height for height in [*heights, base] if height is not None]),
        "bytes of the file",
        f"{metric} ×100",
        x_ticks=[(tick, size_text(tick)) for tick in x.ticks()],
    )
    if base is not None:
        chart.level(base, "base")
    chart.steps(_front([(size, value) for _, size, _, value in known]), "front")
    for line, size, quality, _ in known:
        if quality.low is not None and quality.high is not None:
            chart.interval(size, quality.low, quality.high, material.series[line.method])
    for line, size, _, value in known:
        chart.marker(size, value, material.series[line.method], f"{line.label}: {value:.1f}, {size_text(size)}")
    if base is not None:
        chart.level_label(base, f"uncompressed {base:.1f}")
    for line, size, _, value in known:
        chart.label(size, value, str(line.first.bits))
    for method, number in material.series.items():
        if any(line.method == method for line, *_ in known):
            chart.name(method, number)
    task = known[0][2].task
    parts = "frequency bands" if suite == "fidelity" else "data sets"
    over = f" ({task} {parts})" if task.startswith("mean of") else f" ({task})"
    title = f"{suite.capitalize()} against size"
    text = (
        f"{suite.capitalize()}{over}: higher is better, further left is smaller. Bars are 95 % bootstrap intervals; "
        "numbers are bits a word; the pale line is the Pareto front"
        + ("." if base is None else "; the dashed line is the uncompressed source.")
    )
    return Figure(f"pareto-{suite}", title, text, chart.render(f"pareto-{suite}", title, text))


def losses(material: Material) -> list[Figure]:
    """The loss of each round of fitting [iiq.txt Fig. 1], a picture for each kind of loss."""
    kinds: dict[str, list[tuple[Line, list[float]]]] = {}
    for line, each in material.curves("losses"):
        kinds.setdefault(material.details[line.label]["loss_kind"], []).append((line, each))
    return [_losses(material, kind, curves) for kind, curves in kinds.items()]


def _losses(material: Material, kind: str, curves: Sequence[tuple[Line, list[float]]]) -> Figure:
    rounds = max(len(each) for _, each in curves)
    scales = Scale(0, max(1, rounds)), Scale.around([loss for _, each in curves for loss in each])
    chart = Chart(*scales, "round", "loss")
    for line, each in curves:
        look = material.series[line.method], material.dash(line)
        chart.line([(position + 1, loss) for position, loss in enumerate(each)], *look)
        chart.name(line.label, *look, shaped=False)
    title = f"Loss while fitting: {kind}"
    text = (
        "The quantization loss a bit, between 0 and 2, before each round."
        if kind == ROTATION
        else "What the method minimises, as it records it. It does not compare with the losses of other methods."
    )
    return Figure(f"loss-{kind}", title, text, chart.render(f"loss-{kind}", title, text))


def values(material: Material) -> Figure | None:
    """Singular values of the source and of what comes back from each method."""
    if not material.source_values:
        return None
    curves = material.curves("singular_values")
    top = max(value for each in [material.source_values, *(each for _, each in curves)] for value in each)
    chart = Chart(
        Scale(1, max(2, len(material.source_values))),
        Scale(0, top * 1.05),
        "rank of the singular value",
        "singular value",
    )
    for line, each in curves:
        look = material.series[line.method], material.dash(line)
        chart.line(_by_rank(each), *look)
        chart.name(line.label, *look, shaped=False)
    chart.line(_by_rank(material.source_values), svg.PLAIN)
    chart.name("uncompressed", svg.PLAIN, 0, shaped=False)
    title = "Singular values before and after"
    text = (
        "Of the centred vectors of the most frequent words, divided by their root sum of squares. A flat line is "
        "isotropic; a line that ends early uses fewer dimensions."
    )
    return Figure("singular-values", title, text, chart.render("singular-values", title, text))


def errors(material: Material) -> Figure | None:
    """Error of decoded vectors by frequency of the word."""
    curves = material.curves("errors")
    if not curves:
        return None
    names = [band["band"] for band in curves[0][1]]
    heights = [band["error"] for _, each in curves for band in each]
    chart = Chart(
        Scale(-0.4, len(names) - 0.6),
        Scale.around(heights, zero=min(heights) >= 0),
        "words by rank in the file",
        "1 − cosine",
        x_ticks=list(enumerate(names)),
    )
    for line, each in curves:
        look = material.series[line.method], material.dash(line)
        chart.line([(position, band["error"]) for position, band in enumerate(each)], *look)
        for position, band in enumerate(each):
            chart.marker(position, band["error"], look[0], f"{line.label}, {band['band']}: {band['error']:.3f}")
        chart.name(line.label, *look)
    title = "Error by frequency"
    text = (
        "One minus the cosine of each vector, centred as the method does it, and what comes back; means by rank in "
        "the file, which is by frequency in most. Lower is better."
    )
    return Figure("errors", title, text, chart.render("errors", title, text))


def pattern(material: Material) -> Figure | None:
    """Bits of the words nearest to one and furthest from it [iiq.txt Fig. 3]."""
    found = {line.method: (line, each) for line, each in reversed(material.curves("pattern"))}
    if not found:
        return None
    line, bits = found.get("iiq") or next(iter(found.values()))
    title = f"Bits of the words nearest to “{bits['word']}” and furthest from it"
    text = (
        f"{line.label}: one row a word, one column a bit, filled where it is 1. Related words share columns; "
        "words far away have most of them the other way round."
    )
    left, width = 122.0, 460.0
    parts = [tag("title", escape(title), id="pattern-title"), tag("desc", escape(text), id="pattern-desc")]
    top = 22.0
    for name in ("nearest", "furthest"):
        rows = bits[name]
        parts.append(tag("text", f"{name} {len(rows)}", x=left, y=top - 7))
        parts += _bit_rows(rows, bits["bits"], left, top, width - left - 8)
        top += len(rows) * ROW_HEIGHT + 38
    parts.append(tag("text", f"bit 1 to {bits['bits']}", x=left, y=top - 20, class_="soft"))
    return Figure("pattern", title, text, svg.picture("pattern", width, top - 10, parts))


def _by_rank(values: Sequence[float]) -> list[tuple[float, float]]:
    return [(rank, value) for rank, value in enumerate(values, start=1) if value > VANISHED]


def _bit_rows(rows: list[list[str]], n_bits: int, left: float, top: float, width: float) -> list[str]:
    table = unpacked(rows, n_bits).tolist()
    strokes = "".join(
        f"M{first} {number + 0.5:g}h{length}" for number, row in enumerate(table) for first, length in svg.runs(row)
    )
    move = f"translate({left:.1f} {top:.1f}) scale({width / n_bits:.4f} {ROW_HEIGHT})"
    labels = [
        tag("text", escape(_clipped(word)), x=left - 7, y=top + number * ROW_HEIGHT + 10, text_anchor="end")
        for number, (word, _) in enumerate(rows)
        if number % LABEL_EVERY == 0
    ]
    return [tag("path", d=strokes or "M0 0", transform=move, class_="bits"), *labels]


def _clipped(word: str) -> str:
    return word if len(word) <= 15 else word[:14] + "…"


def _front(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Points that no other beats in both, by size."""
    front: list[tuple[float, float]] = []
    for size, value in sorted(points, key=lambda point: (point[0], -point[1])):
        if not front or value > front[-1][1]:
            front.append((size, value))
    return front
