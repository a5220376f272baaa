"""``docs/frontier.md`` and its picture from what ``frontier.py`` recorded."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from embcomp.comparison import svg
from embcomp.comparison.svg import Chart, Scale

DOCS = Path(__file__).resolve().parents[1] / "docs"
PAGE = DOCS / "frontier.md"
PICTURE = DOCS / "frontier.svg"

OURS = ("transform", "transform, isotropic", "additive", "additive, source", "iiq, graded", "itq, graded")
CONTROL = ("first words, 200 bits", "first words, 100 bits")
PEERS = {"pq", "opq", "rq", "lsq", "faiss-itq", "rabitq", "int8, raw", "int4, raw"}
FLOAT, ISOTROPIC = "float, raw", "float, isotropic"
DRAWN = ("transform", "transform, isotropic", "additive", "iiq, graded", "iiq", "opq", "rq", "first words, 200 bits")
SETS = ("MEN", "MTurk-287", "RG-65", "RW", "SimLex-999", "WS-353")
PURITY = ("AP", "BLESS", "Battig", "ESSLLI-2c")
VALUE, SKIPPING, ASYMMETRIC = 3, 6, 7
"""Places in a recorded score."""

Record = dict[str, Any]


@dataclass(frozen=True)
class Side:
    """The runs of one side at one width."""

    name: str
    width: int
    runs: Sequence[Record]

    @property
    def n_bytes(self) -> float:
        """Mean bytes of the file."""
        return statistics.fmean(run["bytes"] for run in self.runs)

    def values(self, suite: str, tasks: Iterable[str], metric: str, place: int = VALUE) -> list[float]:
        """The mean over tasks in each run that has them all."""
        found = []
        for run in self.runs:
            scores = {tuple(score[:3]): score[place] for score in run["scores"]}
            own = [scores.get((suite, task, metric)) for task in tasks]
            if own and None not in own:
                found.append(statistics.fmean(own))
        return found

    def six(self, place: int = VALUE) -> list[float]:
        """Mean of the six similarity sets, by seed."""
        return self.values("similarity", SETS, "spearman", place)


@dataclass(frozen=True)
class Measure:
    """One number of a side, and what it is called."""

    name: str
    of: Callable[[Side], list[float]]


def _recall(bands: dict[str, float], suite: str = "fidelity") -> Callable[[Side], list[float]]:
    """Recall@10 over bands, weighted by their words, in each run that has it."""

    def of(side: Side) -> list[float]:
        found = [side.values(suite, [band], "recall@10") for band in bands]
        return [
            sum(share * value for share, value in zip(bands.values(), values, strict=True))
            for values in zip(*found, strict=True)
        ]

    return of


SIMILARITY = Measure("six sets", Side.six)
RARE = Measure("RW", lambda side: side.values("similarity", ["RW"], "spearman"))
MEASURES = (
    Measure("Google", lambda side: side.values("analogy", ["Google"], "3cosadd")),
    Measure("MSR", lambda side: side.values("analogy", ["MSR"], "3cosadd")),
    Measure("purity", lambda side: side.values("categorization", PURITY, "purity")),
)
BANDS: dict[str, tuple[dict[str, float], str]] = {
    "< 10k": ({"top 1k": 0.1, "1k-10k": 0.9}, "< 10k"),
    "10k–30k": ({"10k-30k": 1.0}, "10k-30k"),
    "30k–100k": ({"30k-100k": 1.0}, "30k-100k"),
    "> 100k": ({"rest": 1.0}, "rest"),
}
"""By name: bands among all words, and that among some."""
AMONG_ALL = tuple(Measure(f"recall {name}", _recall(bands)) for name, (bands, _) in BANDS.items())
AMONG_SOME = tuple(
    Measure(f"recall {name} of 40,000", _recall({band: 1.0}, "fidelity of some")) for name, (_, band) in BANDS.items()
)


def write_page(records: Sequence[Record], page: Path) -> None:
    """Write the page and the picture beside it."""
    about, *runs = records
    sides = grouped(runs)
    page.write_text(text(about, sides), encoding="utf-8")
    PICTURE.write_text(picture(sides), encoding="utf-8")


def grouped(runs: Sequence[Record]) -> list[Side]:
    """Runs by side and width, widest first."""
    keys = sorted({(run["width"], run["side"]) for run in runs}, key=lambda key: (-key[0], key[1]))
    found = {key: [run for run in runs if (run["width"], run["side"]) == key] for key in keys}
    return [Side(name, width, own) for (width, name), own in found.items()]


def text(about: Record, sides: Sequence[Side]) -> str:
    """The page."""
    floats = {side.name: side for side in sides if side.width == 3200}
    widths = [width for width in dict.fromkeys(side.width for side in sides) if width != 3200]
    commits = sorted({run["commit"] for side in sides for run in side.runs})
    parts = [HEAD.format(commits=", ".join(commits), **_about(about), **_bars(floats)), _not_run(sides)]
    for width in widths:
        own = [side for side in sides if side.width == width]
        parts.append(f"\n## {width} bits\n\n{_sentence(own)}\n\n" + similarity_table(own, floats))
        full = [side for side in own if any(measure.of(side) for measure in (*MEASURES, *AMONG_ALL))]
        if full:
            parts.append("\n" + full_table([*full, floats[FLOAT], floats[ISOTROPIC]]))
    parts.append("\n## Where something else is ahead\n\n" + ahead(sides, widths))
    return "".join(parts)


def _not_run(sides: Sequence[Side]) -> str:
    """What a full run has and this one lacks."""
    found = {(side.name, side.width) for side in sides}
    widths = sorted({width for name, width in found if name == OURS[2]}, reverse=True)
    compact = sorted(name for name in PEERS if not name.startswith("int"))
    missing = [f"{name} at {width} bits" for name in compact for width in widths[1:] if (name, width) not in found]
    return f"\nNot run yet: {', '.join(missing)}.\n" if missing else ""


def _about(about: Record) -> dict[str, str]:
    versions = ", ".join(f"{name} {number}" for name, number in about["versions"].items())
    return {
        "versions": versions,
        "machine": about["machine"],
        "rows": f"{about['source']['rows']:,}",
        "sha256": about["source"]["sha256"],
    }


def _bars(floats: dict[str, Side]) -> dict[str, str]:
    return {
        "float_mean": shown(floats[FLOAT].six()),
        "isotropic_mean": shown(floats[ISOTROPIC].six()),
    }


HEAD = """# Quality against size

Generated by `make frontier` (`benchmarks/frontier.py`) from `benchmarks/results/frontier.jsonl`: do not edit.

![Mean similarity of six sets against bytes per word](frontier.svg)

The methods of embcomp, quantizers of faiss and a control, all with files of about the same size: words, their order
and everything that decoding needs included. A *width* stands for the bytes of the file that `transform` writes at so
many bits per word. The other methods of embcomp have as many bits, and files that are up to 4 % larger by what they
learn. *Graded* is `grade=auto`, which `iiq` and `itq` do not have by default. Similarity is the mean over seeds; the
other suites have the first seed only, but for `additive` at 100 and 50 bits.

GloVe 6B 100d, {rows} words, SHA-256 `{sha256}`. Commits {commits}; {versions}; {machine}.

- **six sets**: mean of MEN, MTurk-287, RG-65, RW, SimLex-999 and WS-353, Spearman's ρ ×100, missing words as the
  mean vector; ± is the standard deviation over seeds. *skipped*: pairs with a missing word left out. *asymmetric*:
  original vectors against decoded ones. The two lines of the picture are the uncompressed vectors, {float_mean}, and
  the same without mean and dominant directions, {isotropic_mean}.
- **Google, MSR**: 3CosAdd. **purity**: mean of AP, BLESS, Battig and ESSLLI-2c.
- **recall**: share of the ten nearest words before that are among the ten nearest after, by rank of the word. The
  first number: all words are candidates; 200 words of each band, and 400 of that up to 10,000. The second: candidates
  are the first 20,000 words and 20,000 drawn from the others; 400 of them in each band.
- **Peers** see rows without mean and dominant directions, scaled to length 1, on which they are best (int8 and int4:
  raw rows too), learn from the first 50,000, and are given the vocabulary of an `.embc` file. What they learn counts
  two bytes a number, where faiss writes four. A file may be 1 % larger than that of `transform`, or as large as that
  of `additive`; of codes that take at least 85 % of this, each has those of the widest symbols. `lsq` learns from
  20,000 rows, since its fit is slow. `rabitq` codes principal coordinates, as many as there is room for at one bit,
  without its factors of a row; of more bits, which faiss does not decode, it is computed by its definition. faiss
  cannot decode its ITQ; signs stand for the vectors.
- **first words** is the control: a file of the most frequent words only, at 200 or 100 bits each (`transform` with
  `grade=0` and `space=isotropic`), as many as fit. The others are missing, and their neighbours count as lost.

From 2 bits per dimension on, `transform` and `additive` give vectors back as they were, with mean and dominant
directions, which neighbours and analogies want; *isotropic* leaves them out, which similarity wants. Below that it is
the other way round here, where some directions stand out, and *source* has them (`space`).

Rows of `additive` were recorded before its search had tables of 16 bits, with which some codes are others.

Nothing was chosen for this page: all methods have their defaults, at the widths given. Gaps (–) were not run.
"""


def similarity_table(own: Sequence[Side], floats: dict[str, Side]) -> str:
    """Similarity of all sides of a width, best first."""
    rows = [
        ["", "bytes a word", "seeds", "six sets", "× float", "× isotropic", "skipped", "asymmetric", "RW", "× float"]
    ]
    base, isotropic = (statistics.fmean(floats[name].six()) for name in (FLOAT, ISOTROPIC))
    rare = statistics.fmean(RARE.of(floats[FLOAT]))
    for side in sorted(own, key=lambda side: -statistics.fmean(side.six())):
        six, rw = side.six(), RARE.of(side)
        rows.append(
            [
                side.name,
                f"{side.n_bytes / _words(floats):.2f}",
                str(len(six)),
                shown(six),
                f"{statistics.fmean(six) / base:.3f}",
                f"{statistics.fmean(six) / isotropic:.3f}",
                shown(side.six(SKIPPING)),
                shown(side.six(ASYMMETRIC)),
                shown(rw),
                f"{statistics.fmean(rw) / rare:.3f}",
            ]
        )
    return markdown(rows)


def full_table(own: Sequence[Side]) -> str:
    """The other measures, of the sides that have them."""
    rows = [["", *(measure.name for measure in (*MEASURES, *AMONG_ALL))]]
    for side in own:
        recalls = [
            (means(one.of(side)), means(other.of(side))) for one, other in zip(AMONG_ALL, AMONG_SOME, strict=True)
        ]
        both = [" / ".join(pair) if pair != ("–", "–") else "–" for pair in recalls]
        rows.append([side.name, *(shown(measure.of(side)) for measure in MEASURES), *both])
    return markdown(rows)


def _sentence(own: Sequence[Side]) -> str:
    reference = next((side for side in own if side.name == OURS[0]), None)
    words = [f"{side.runs[0]['words']:,} at {side.name.split()[-2]} bits" for side in own if side.name in CONTROL]
    control = f" The control has the first {' or '.join(words)}." if words else ""
    return "" if reference is None else f"Files of about {reference.n_bytes:,.0f} bytes.{control}"


def ahead(sides: Sequence[Side], widths: Sequence[int]) -> str:
    """What is above the better of our two, at equal file bytes, in any measure."""
    lines = []
    for width in widths:
        own = [side for side in sides if side.width == width]
        for measure in (SIMILARITY, RARE, *MEASURES, *AMONG_ALL, *AMONG_SOME):
            ours = [statistics.fmean(found) for side in own if side.name in OURS and (found := measure.of(side))]
            if not ours:
                continue
            better = [
                f"{side.name} {statistics.fmean(found):.1f}"
                for side in own
                if side.name not in OURS and (found := measure.of(side)) and statistics.fmean(found) > max(ours)
            ]
            if better:
                lines.append(f"- {width} bits, {measure.name} ({max(ours):.1f}): {', '.join(better)}\n")
    return "".join(lines) or "Nothing is.\n"


def picture(sides: Sequence[Side]) -> str:
    """Six sets against bytes per word."""
    floats = {side.name: statistics.fmean(side.six()) for side in sides if side.width == 3200}
    n_words = _words({side.name: side for side in sides})
    curves = {
        name: sorted((side.n_bytes / n_words, statistics.fmean(side.six())) for side in sides if side.name == name)
        for name in DRAWN
    }
    points = [point for curve in curves.values() for point in curve]
    x = Scale.around([size for size, _ in points], log=True)
    y = Scale.around([*(value for _, value in points), *floats.values()])
    ticks = [(tick, f"{tick:g}") for tick in x.ticks()]
    chart = Chart(x, y, "bytes of the file per word", "mean of six sets, ρ ×100", ticks, width=760, height=480)
    for number, (name, curve) in enumerate(curves.items()):
        if not curve:
            continue
        chart.line(curve, number, number)
        for size, value in curve:
            chart.marker(size, value, number, f"{name}: {value:.1f}, {size:.1f} bytes per word")
        chart.name(name, number, number)
    for name, value in floats.items():
        chart.line([(x.low, value), (x.high, value)], svg.PLAIN, 1)
        chart.name(f"{name} {value:.1f}", svg.PLAIN, 1, shaped=False)
    title = "Mean similarity of six sets against bytes per word"
    return svg.standalone(chart.render("frontier", title, "Higher is better, further left is smaller."))


def _words(sides: dict[str, Side]) -> float:
    return sides[FLOAT].n_bytes / 400


def means(values: Sequence[float]) -> str:
    """Mean."""
    return f"{statistics.fmean(values):.1f}" if values else "–"


def shown(values: Sequence[float]) -> str:
    """Mean, and standard deviation if there are several."""
    if not values:
        return "–"
    spread = f" ± {statistics.stdev(values):.1f}" if len(values) > 1 else ""
    return f"{statistics.fmean(values):.1f}{spread}"


def markdown(rows: Sequence[Sequence[str]]) -> str:
    rule = ["---", *("---:" for _ in rows[0][1:])]
    return "".join("| " + " | ".join(row) + " |\n" for row in [rows[0], rule, *rows[1:]])
