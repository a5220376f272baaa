"""Make ``docs/benchmarks.md`` from the newest complete record of each contest: ``python -m benchmarks.report``."""

from __future__ import annotations

import statistics
from pathlib import Path
from typing import Any

from benchmarks.harness import ROOT, Contest, judge, values
from benchmarks.run import RESULTS, all_contests, read_records

TARGET = ROOT / "docs" / "benchmarks.md"
VERDICTS = {True: "met", False: "**missed**", None: "not measured"}

Record = dict[str, Any]

HEAD = """# Benchmarks

Generated from `benchmarks/results/race-*.jsonl` by `python -m benchmarks.report`. `make bench DATA=folder` runs
everything and writes this page again. Without a folder of [evaluation sets](evaluation.md#where-the-data-are), the
contests `suites` and `quality` are left out. One contest: `python -m benchmarks.run --only NAME --again`.

Each side runs in a process of its own, in turns with the others, after one run that is not counted. In that run the
answers are compared, where sides give any; *Agreement* says what was compared. Files are in the page cache. Imports
are not timed, except for start-up. A ratio is one of medians within one contest. OpenMP waits passively
(`OMP_WAIT_POLICY=passive`): with its default, faiss on several threads is many times slower on two cores.

Not measured: pymagnitude-lite. It can be installed, but its converter uses `index2word`, which gensim 4 does not
have, so it cannot make its file beside the other peers. staticvectors takes its place.
"""


def newest(records: list[Record]) -> dict[str, Record]:
    """The last complete record of each contest."""
    return {record["name"]: record for record in records if record.get("complete")}


def page(records: list[Record]) -> str:
    found = newest(records)
    contests = [contest for _, contest in all_contests()]
    parts = [HEAD, commits(contests, found), bars_table(contests, found)]
    parts += [section(contest, found.get(contest.name)) for contest in contests]
    return "\n".join(parts)


def commits(contests: list[Contest], found: dict[str, Record]) -> str:
    """Of which commits the records are: of one, where everything was run in one go."""
    names: dict[str, list[str]] = {}
    for contest in contests:
        if contest.name in found:
            names.setdefault(found[contest.name]["commit"][:10], []).append(contest.name)
    most, *others = sorted(names, key=lambda commit: -len(names[commit])) or [""]
    later = "".join(f" `{commit}`: {', '.join(names[commit])}." for commit in others)
    return f"Records are of commit `{most}`{', except for some.' if others else ', all of them.'}{later}\n"


def bars_table(contests: list[Contest], found: dict[str, Record]) -> str:
    lines = ["## Targets\n", "| | contest | measured | target | |", "| --- | --- | --- | --- | --- |"]
    for contest in contests:
        record = found.get(contest.name)
        for bar in contest.bars:
            entry = judge(record, bar) if record else {"value": None, "met": None}
            sign = "≥" if bar.at_least else "≤"
            measured = "" if entry["value"] is None else f"{telling(entry['value'], bar.limit)} {bar.unit}".strip()
            limit = f"{sign} {bar.limit:g} {bar.unit}".strip()
            lines.append(f"| {bar.title} | {contest.name} | {measured} | {limit} | {VERDICTS[entry['met']]} |")
    return "\n".join(lines) + "\n"


def section(contest: Contest, record: Record | None) -> str:
    lines = [f"## {contest.title}\n"]
    if record is None:
        lines.append(f"Not measured yet. `python -m benchmarks.run --only {contest.name}`\n")
        return "\n".join(lines)
    lines += [
        "| side | median | range | runs | ratio to the first | peak memory | threads |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    first = next(iter(record["sides"]), "")
    lines += [side_row(record, name, first) for name in record["sides"]]
    lines.append("")
    lines += [f"- {name}: left out: {why}" for name, why in record["left_out"].items()]
    lines += [f"- {text}" for text in extras(record)]
    lines += [f"- exponent in the number of rows, {name}: {value:g}" for name, value in record["exponents"].items()]
    lines += [
        f"- {text}" for text in (record["agreement"] and f"Agreement: {record['agreement']}.", contest.note) if text
    ]
    lines.append(f"- {provenance(record)}\n")
    return "\n".join(lines)


def side_row(record: Record, name: str, first: str) -> str:
    times, peaks = values(record, name, "seconds"), values(record, name, "peak_mb")
    if not times:
        return f"| {name} | | | 0 | | | |"
    median = statistics.median(times)
    base = values(record, first, "seconds")
    ratio = f"{number(median / statistics.median(base))}" if base and statistics.median(base) else ""
    return (
        f"| {name} | {duration(median)} | {duration(min(times))}–{duration(max(times))} | {len(times)} | {ratio} "
        f"| {number(statistics.median(peaks))} MB | {record['sides'][name]['threads']} |"
    )


def extras(record: Record) -> list[str]:
    """Medians of what sides measured besides time and memory."""
    common = {"seconds", "process_seconds", "cpu_seconds", "peak_mb"}
    texts = []
    for name, side in record["sides"].items():
        keys = [key for key in (side["runs"][0] if side["runs"] else {}) if key not in common]
        facts = [
            f"{key} {number(statistics.median(values(record, name, key)))}"
            for key in keys
            if isinstance(side["runs"][0][key], int | float)
        ]
        if facts:
            texts.append(f"{name}: {', '.join(facts)}")
    return texts


def provenance(record: Record) -> str:
    machine = record["machine"]
    known = ", ".join(f"{name} {text}" for name, text in record["versions"].items())
    return (
        f"{record['input']} (SHA-256 `{record['sha256'][:16]}…`), seed {record['seed']}, commit "
        f"`{record['commit'][:10]}{'+changes' if '+changes' in record['commit'] else ''}`; {machine['cpu']}, "
        f"{machine['cores']} cores, load {machine['load'][0]:g} at the start; {known}. "
        f"`python -m benchmarks.run --only {record['name']} --again`"
    )


def number(value: float) -> str:
    """Three digits, without an exponent."""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def telling(value: float, limit: float) -> str:
    """As many digits as it takes, three at least, to see on which side of the limit it is."""
    texts = [number(value), *(f"{value:.{digits}g}" for digits in (4, 5, 6))]
    return next((text for text in texts if value == limit or float(text.replace(",", "")) != limit), texts[-1])


def duration(seconds: float) -> str:
    for limit, factor, unit in ((1e-3, 1e6, "µs"), (1, 1e3, "ms")):
        if seconds < limit:
            return f"{number(seconds * factor)} {unit}"
    return f"{number(seconds)} s"


def main(target: Path = TARGET) -> None:
    target.write_text(page(read_records(RESULTS)), encoding="utf-8")
    print(f"{target.name}: written")


if __name__ == "__main__":
    main()
