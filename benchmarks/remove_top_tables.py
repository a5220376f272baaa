"""Tables of ``docs/remove-top.md`` from what ``remove_top.py`` recorded.

    python benchmarks/remove_top_tables.py                            print them
    python benchmarks/remove_top_tables.py --into docs/remove-top.md  also put each between its two marks there

Also compares rules for D: each is a function of the singular values, so that nothing has to be run again for it.
"""

from __future__ import annotations

import argparse
import re
from collections import defaultdict
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from remove_top import FIXED, RECORDS, Record, confirmation_score, development_score, identity, read_records

from embcomp.compressors.iiq import DOMINANCE, dominant_directions

MIN_REMOVALS = 3  # numbers of D measured that make a sweep
Values = NDArray[np.float64]
Sweep = tuple[str, int | str]
Key = tuple[str, int | str, int, int]
Judge = Callable[[dict[str, float]], float]
JUDGES: tuple[Judge, ...] = (development_score, confirmation_score)


def largest_gap(values: Values) -> int:
    """D at the largest ratio of neighbours among the first fifth."""
    return int(np.argmax((values[:-1] / values[1:])[: max(2, len(values) // 5)])) + 1


def knee(values: Values) -> int:
    """D at the point farthest below the chord from the first value to the last."""
    chord = np.linspace(1, 0, len(values))
    return int(np.argmax(chord - (values - values[-1]) / (values[0] - values[-1])))


def two_groups(values: Values) -> int:
    """D of the most likely split into two groups of equal variance [Zhu 2006]."""
    half = range(1, len(values) // 2)
    return min(half, key=lambda d: sum(float(((part - part.mean()) ** 2).sum()) for part in np.split(values, [d])))


def most_isotropic(values: Values) -> int:
    """D that maximizes [Liao 2020, eq. 5] over the values that are left: it grows with D to the end."""
    return int(np.argmin(values))


def count_above(values: Values) -> int:
    return int((values > DOMINANCE * np.median(values)).sum())


def gated_count(values: Values) -> int:
    """The count, or 0 where ``auto`` takes 0."""
    return count_above(values) if dominant_directions(values.astype(np.float32)) else 0


RULES: dict[str, Callable[[Values], int]] = {
    "gate, count, at most d/20 (`auto`)": lambda values: dominant_directions(values.astype(np.float32)),
    "gate, count, at most d/50": lambda values: min(gated_count(values), round(len(values) / 50)),
    "gate, count, at most d/100": lambda values: min(gated_count(values), round(len(values) / 100)),
    "count, at most d/20, no gate": lambda values: min(count_above(values), round(len(values) / 20)),
    "count above 1.5 m": count_above,
    "0": lambda values: 0,
    "d/100 [Mu 2017]": lambda values: round(len(values) / 100),
    "14 of 300 (paper, GloVe)": lambda values: round(len(values) * 14 / 300),
    "largest gap": largest_gap,
    "knee": knee,
    "two groups [Zhu 2006]": two_groups,
    "maximum of eq. (5)": most_isotropic,
}


class Results:
    """Records by what they are about; of equal ones the last counts.

    Runs of all seeds by (source, fit rows, bits, D); in :attr:`others` also by options not as in :data:`FIXED`.
    """

    def __init__(self, records: Iterable[Record]) -> None:
        self.floats: dict[str, Record] = {}
        self.spectra: dict[tuple[str, int | str], Record] = {}
        self.runs: dict[Key, list[Record]] = defaultdict(list)
        self.others: dict[tuple[Key, str], list[Record]] = defaultdict(list)
        latest = {(record["source"]["name"], identity(record | {"commit": ""})): record for record in records}
        for (source, _), record in latest.items():
            if record["kind"] == "source":
                self.floats[source] = record
            elif record["kind"] == "spectrum":
                self.spectra[source, record["fit_rows"]] = record
            else:
                config = record["config"]
                key = (source, config["fit_rows"], config["bits"], config["remove_top"])
                changed = [f"{name}={config[name]}" for name, value in FIXED.items() if config[name] != value]
                (self.others[key, " ".join(changed)] if changed else self.runs[key]).append(record)

    def removals(self, source: str, fit_rows: int | str, bits: int | None = None) -> list[int]:
        """The D that were measured, at some number of bits or any."""
        found = [key for key in self.runs if key[:2] == (source, fit_rows)]
        return sorted({key[3] for key in found if bits in {None, key[2]}})

    def sweeps(self) -> dict[Sweep, list[int]]:
        """Sources and fit rows for which several D were measured, with the numbers of bits."""
        found = {}
        for sweep in sorted(self.spectra, key=_in_order):
            bits = sorted({key[2] for key in self.runs if key[:2] == sweep}, reverse=True)
            found[sweep] = [width for width in bits if len(self.removals(*sweep, width)) >= MIN_REMOVALS]
        return {sweep: widths for sweep, widths in found.items() if widths}


def over_seeds(runs: list[Record], judge: Judge) -> tuple[float, float | None]:
    """Mean and standard deviation; of one run, its score alone."""
    values = [judge(record["scores"]) for record in runs]
    return float(np.mean(values)), float(np.std(values, ddof=1)) if len(values) > 1 else None


def spectra_table(results: Results) -> list[list[str]]:
    head = ["input", "rows × d", "N", "σ₁/m", "σ₂/m", "σ₅/m", "σ at d/10, /m", "above 1.5 m", "d/20", "D"]
    rows = [head]
    for (source, fit_rows), record in sorted(results.spectra.items(), key=lambda item: _in_order(item[0])):
        values, dim = record["relative"], record["source"]["dim"]
        shown = [f"{values[index]:.2f}" for index in (0, 1, 4, dim // 10)]
        counts = [str(count_above(np.array(values))), str(round(dim / 20)), str(record["auto"])]
        rows.append([_short(source), f"{record['source']['rows']:,} × {dim}", _number(fit_rows), *shown, *counts])
    return rows


def removal_table(results: Results, judge: Judge) -> list[list[str]]:
    """Scores by D; what ``auto`` takes is bold."""
    sweeps = results.sweeps()
    removals = sorted({each for sweep in sweeps for each in results.removals(*sweep)})
    rows = [["input", "N", "bits", "float32", *(f"D = {removed}" for removed in removals)]]
    for (source, fit_rows), widths in sweeps.items():
        for bits in widths:
            cells = []
            for removed in removals:
                key = (source, fit_rows, bits, removed)
                text = _spread(over_seeds(results.runs[key], judge)) if key in results.runs else ""
                cells.append(f"**{text}**" if text and removed == results.spectra[source, fit_rows]["auto"] else text)
            base = f"{judge(results.floats[source]['scores']):.1f}"
            rows.append([_short(source), _number(fit_rows), str(bits), base, *cells])
    return rows


def rows_table(results: Results) -> list[list[str]]:
    """Scores by the number of rows that are fitted, each with the D that ``auto`` takes there."""
    rows = [["input", "bits", "N", "D", "development", "confirmation", "ratio to float32"]]
    tried = sorted(results.spectra, key=_in_order)
    several = [key for key in tried if sum(source == key[0] for source, _ in tried) > 1]
    for bits in sorted({key[2] for key in results.runs}, reverse=True):
        for source, fit_rows in several:
            key = (source, fit_rows, bits, results.spectra[source, fit_rows]["auto"])
            if key not in results.runs:
                continue
            development, confirmation = (over_seeds(results.runs[key], judge) for judge in JUDGES)
            ratio = confirmation[0] / confirmation_score(results.floats[source]["scores"])
            cells = [_spread(development), _spread(confirmation), f"{ratio:.3f}"]
            rows.append([_short(source), str(bits), _number(fit_rows), str(key[3]), *cells])
    return rows


def options_table(results: Results) -> list[list[str]]:
    rows = [["input", "bits", "options", "seeds", "development", "confirmation"]]
    for key in dict.fromkeys(key for key, _ in results.others):
        variants = {"as above": results.runs[key]}
        variants |= {changed: runs for (of, changed), runs in results.others.items() if of == key}
        for changed, runs in variants.items():
            cells = [_spread(over_seeds(runs, judge)) for judge in JUDGES]
            rows.append([_short(key[0]), str(key[2]), changed, str(len(runs)), *cells])
    return rows


def rules_table(results: Results) -> list[list[str]]:
    """D of each rule, and points lost to the best D measured: of development, at the end also of confirmation."""
    sweeps = list(results.sweeps())
    names = [f"{_short(source)}, {_number(fit_rows)}" for source, fit_rows in sweeps]
    rows = [["rule", *names, "mean", "worst", "mean, confirmation", "worst, confirmation"]]
    for name, rule in RULES.items():
        chosen = [rule(np.array(results.spectra[sweep]["relative"])) for sweep in sweeps]
        lost = [regret(results, *pair, development_score) for pair in zip(sweeps, chosen, strict=True)]
        confirmed = [regret(results, *pair, confirmation_score) for pair in zip(sweeps, chosen, strict=True)]
        beyond = ["≥ " if d > results.removals(*sweep)[-1] else "" for sweep, d in zip(sweeps, chosen, strict=True)]
        cells = [f"{d}: {mark}{points:.1f}" for d, mark, points in zip(chosen, beyond, lost, strict=True)]
        ends = [f"{value:.1f}" for each in (lost, confirmed) for value in (np.mean(each), max(each))]
        rows.append([name, *cells, *ends])
    return rows


def regret(results: Results, sweep: Sweep, removed: int, judge: Judge) -> float:
    """Best score over the D measured minus that at ``removed``, mean over bits.

    Between two D that were measured, the score is interpolated; beyond the largest, that one's is taken.
    """
    losses = []
    for bits in results.sweeps()[sweep]:
        tried = results.removals(*sweep, bits)
        scores = [over_seeds(results.runs[(*sweep, bits, each)], judge)[0] for each in tried]
        losses.append(max(scores) - float(np.interp(removed, tried, scores)))
    return float(np.mean(losses))


def origin_table(results: Results, records: list[Record]) -> list[list[str]]:
    """Inputs by SHA-256, commits, versions."""
    rows = [["input", "SHA-256", "runs"]]
    for source, record in results.floats.items():
        n_runs = sum(each["kind"] == "run" and each["source"]["name"] == source for each in records)
        rows.append([_short(source), f"`{record['source']['sha256'][:16]}…`", str(n_runs)])
    commits = ", ".join(sorted({f"`{record['commit'][:10]}`" for record in records}))
    machines = "; ".join(sorted({record["machine"] for record in records}))
    versions = sorted(
        {", ".join(f"{name} {number}" for name, number in each["versions"].items()) for each in records}
    )
    rows.append([f"commit {commits}", f"{'; '.join(versions)}", machines])
    return rows


def markdown(rows: list[list[str]]) -> str:
    """A table, numbers to the right of the first column."""
    lines = [f"| {' | '.join(row)} |" for row in rows]
    lines.insert(1, f"|{' --- |' * len(rows[0])}")
    return "\n".join(lines)


def put(text: str, name: str, table: str) -> str:
    """Replace what stands between the marks of a table."""
    marks = re.compile(rf"(<!-- table: {name} -->\n).*?(<!-- end of table -->)", re.DOTALL)
    replaced, count = marks.subn(lambda match: f"{match[1]}\n{table}\n\n{match[2]}", text)
    if count != 1:
        raise SystemExit(f"expected one table marked {name!r}, got {count}")
    return replaced


def _spread(value: tuple[float, float | None]) -> str:
    mean, deviation = value
    return f"{mean:.1f}" if deviation is None else f"{mean:.1f} ± {deviation:.1f}"


def _in_order(sweep: Sweep) -> tuple[str, bool, int | str]:
    """By input, then by the number of fit rows, "all" last."""
    return sweep[0], isinstance(sweep[1], str), sweep[1]


def _short(source: str) -> str:
    return source.removesuffix(".npy").removesuffix(".txt")


def _number(fit_rows: int | str) -> str:
    return fit_rows if isinstance(fit_rows, str) else f"{fit_rows:,}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--records", type=Path, default=RECORDS, metavar="FILE")
    parser.add_argument("--into", type=Path, metavar="DOCUMENT")
    arguments = parser.parse_args()
    records = read_records(arguments.records)
    results = Results(records)
    tables = {
        "spectra": spectra_table(results),
        "development": removal_table(results, development_score),
        "confirmation": removal_table(results, confirmation_score),
        "rules": rules_table(results),
        "fit rows": rows_table(results),
        "options": options_table(results),
        "origin": origin_table(results, records),
    }
    text = arguments.into.read_text(encoding="utf-8") if arguments.into else ""
    for name, rows in tables.items():
        print(f"{name}\n\n{markdown(rows)}\n")
        if arguments.into:
            text = put(text, name, markdown(rows))
    if arguments.into:
        arguments.into.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
