"""Tables of ``docs/models.md`` from what ``models.py`` recorded."""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from models import AFTER, SIMILARITY, SYSTEMS, TEXTS

Record = dict[str, Any]
GAP = "–"
COMPARED = ("float-tied", "belm-tied", "float", "belm", "bllm")  # [Liu 2018, Table 8]


def tables(records: Sequence[Record]) -> dict[str, str]:
    """All tables, Markdown, by the name between their marks."""
    models = by_name(records, "name")
    return {
        "shipped": shipped(models),
        "models": models_table(models),
        "after": after_table(models),
        "texts": texts_table(records),
        "similarity": similarity_table(records),
        "classifier": classifier(records),
    }


def put(text: str, name: str, table: str) -> str:
    """Replace what stands between the marks of a table."""
    before, start, rest = text.partition(f"<!-- table: {name} -->\n")
    after = rest[rest.index("<!-- end of table -->") :]
    return f"{before}{start}\n{table}\n\n{after}"


def by_name(records: Sequence[Record], field: str) -> dict[str, list[Record]]:
    found: dict[str, list[Record]] = defaultdict(list)
    for each in records:
        if field in each:
            found[each[field]].append(each)
    return found


def models_table(models: dict[str, list[Record]]) -> str:
    head = ("", "test", "valid", "against", "input table", "model", "files", "seconds", "seeds")
    rows = []
    for system in SYSTEMS:
        runs = models.get(system.name, [])
        base = models.get("float-tied" if "--tied" in system.options else "float", [])
        if not runs or system.corpus != "ptb":
            continue
        sizes = [bytes_text(runs[0]["bytes"][part]) for part in ("input", "paper", "files")]
        valid = [run["epochs"][-1]["valid"] for run in runs]
        seconds = f"{statistics.mean(run['cpu_seconds'] for run in runs):.0f}"
        rows.append(
            (system.title, spread(tests(runs)), spread(valid), against(runs, base), *sizes, seconds, len(runs))
        )
    return markdown(head, rows)


def after_table(models: dict[str, list[Record]]) -> str:
    base = models.get("float", [])
    rows = (
        [("none: float32", spread(tests(base)), "1", bytes_text(base[0]["bytes"]["input"]), len(base))]
        if base
        else []
    )
    for name, (title, _) in AFTER.items():
        runs = models.get(name, [])
        if runs:
            rows.append(
                (title, spread(tests(runs)), against(runs, base), bytes_text(runs[0]["bytes"]["input"]), len(runs))
            )
    return markdown(("", "test", "against", "input table", "seeds"), rows)


def texts_table(records: Sequence[Record]) -> str:
    from models_texts import TABLES

    scores: dict[str, dict[int, dict[str, float]]] = defaultdict(lambda: defaultdict(dict))
    for each in records:
        if "set" in each:
            scores[each["table"]][each["seed"]][each["set"]] = 100 * each["test"]
    rows = []
    for table, title in TABLES.items():
        cuts = {seed: cut for seed, cut in scores[table].items() if len(cut) == len(TEXTS)}
        base = [cut for seed, cut in scores["float-trained"].items() if seed in cuts]
        means = [mean(cut[name] for cut in cuts.values()) for name in TEXTS]
        whole, other = mean(means), mean(mean(cut.values()) for cut in base)
        ratio = GAP if whole is None or other is None else f"{whole / other:.3f}"
        rows.append((title, *map(number, means), number(whole), ratio, len(cuts)))
    return markdown(("words' vectors", *TEXTS, "mean", "to float, trained", "cuts"), rows)


def similarity_table(records: Sequence[Record]) -> str:
    found: dict[str, list[Record]] = defaultdict(list)
    for each in records:
        if "similarity" in each:
            found[each["similarity"].rsplit("-", 1)[0]].append(each)
    rows = []
    for system in SYSTEMS:
        runs = found.get(system.name, []) if system.name in COMPARED else []
        for kind, suffix in (("vectors", ""), ("signs", ", signs against the mean")):
            if runs and kind in runs[0]:
                scores = [mean([100 * run[kind][name] for run in runs]) for name in SIMILARITY]
                rows.append((system.title + suffix, *map(number, scores), len(runs)))
    pairs = next((each["pairs"] for each in records if "pairs" in each), dict.fromkeys(SIMILARITY, 0))
    return markdown(("input table", *(f"{name} ({pairs[name]} pairs)" for name in SIMILARITY), "seeds"), rows)


def shipped(models: dict[str, list[Record]]) -> str:
    runs = models.get("belm-tied", [])
    if not runs:
        return ""
    return (
        f"On the Penn Treebank, with the default options, the files have {bytes_text(runs[0]['bytes']['files'])} "
        f"bytes at a test perplexity of {mean(tests(runs)):.1f}."
    )


def classifier(records: Sequence[Record]) -> str:
    sizes = {each["set"]: each for each in records if "set" in each and "bytes" in each}
    if "MR" not in sizes:
        return ""
    table, network = (bytes_text(sizes["MR"]["bytes"][part]) for part in ("table", "network"))
    return (
        f"For the set MR below, {sizes['MR']['words']:,} words with 100 signs each take {table} bytes, and the "
        f"network {network} in a safetensors file."
    )


def tests(runs: Iterable[Record]) -> list[float]:
    return [run["test"] for run in runs]


def against(runs: list[Record], base: list[Record]) -> str:
    """Ratio of the means over the seeds that both have."""
    seeds = {run["seed"] for run in runs} & {run["seed"] for run in base}
    if not seeds:
        return GAP
    ours, theirs = (mean(run["test"] for run in each if run["seed"] in seeds) for each in (runs, base))
    return f"{ours / theirs:.3f}"


def mean(values: Iterable[float | None]) -> float | None:
    """The mean; nothing if one is missing or there are none."""
    known = list(values)
    return None if not known or None in known else statistics.mean(known)


def number(value: float | None) -> str:
    return GAP if value is None else f"{value:.1f}"


def spread(values: Sequence[float]) -> str:
    return f"{mean(values):.2f}" + (f" ± {statistics.stdev(values):.2f}" if len(values) > 1 else "")


def bytes_text(n_bytes: int) -> str:
    return f"{n_bytes:,}"


def markdown(head: Sequence[Any], rows: Iterable[Sequence[Any]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)
