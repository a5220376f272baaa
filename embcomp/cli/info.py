"""``embcomp info``: what is inside a container."""

from __future__ import annotations

import json
from typing import Any

import click

from embcomp.checks import size_text
from embcomp.cli.command import Command
from embcomp.cli.common import containers_argument, described
from embcomp.cli.keeping import kept_lines
from embcomp.cli.recipe import recipe_text
from embcomp.cli.results import form_option, print_all
from embcomp.cli.text import escaped

LISTED = 8  # values of a list in the report that are shown in full


@click.command("info", cls=Command)
@containers_argument
@click.option("-v", "--verbose", is_flag=True, help="The bytes of each part, the bits by rank, and the report too.")
@click.option("--recipe", is_flag=True, help="Print a recipe for embcomp compress that makes the file again.")
@form_option
def command(files: tuple[str, ...], verbose: bool, recipe: bool, form: str | None) -> None:
    """Say what is inside each FILE (- for stdin): method, options, size, both ratios, source; in JSON everything."""
    if verbose and (recipe or form):
        raise click.UsageError(f"--verbose is for text and excludes --{form or 'recipe'}")
    if recipe and (form or len(files) > 1):
        raise click.UsageError(f"--recipe is for one FILE and excludes --{form or 'json'}")
    documents = [described(file) for file in files]
    if recipe:
        click.echo(recipe_text(documents[0]), nl=False)
        return
    if form is not None:
        named = [{"file": file} | document for file, document in zip(files, documents, strict=True)]
        print_all(form, map(_row, named) if form == "tsv" else named)
        return
    for number, (file, document) in enumerate(zip(files, documents, strict=True)):
        if len(files) > 1:
            click.echo(f"{'' if number == 0 else chr(10)}{escaped(file)}")
        for line in [*_lines(document), *(_details(document) if verbose else [])]:
            click.echo(line)


def _row(document: dict[str, Any]) -> dict[str, Any]:
    """What a table has of a file."""
    names = ("file", "method", "config", "rows", "dim", "bits_per_vector")
    return (
        {name: document[name] for name in names}
        | {f"{part}_bytes": size for part, size in document["bytes"].items()}
        | {f"{what}_ratio": ratio for what, ratio in document["ratio"].items()}
        | {f"source_{name}": document["source"][name] for name in ("name", "format", "sha256")}
    )


def _lines(document: dict[str, Any]) -> list[str]:
    sizes, ratio, source, report = (document[name] for name in ("bytes", "ratio", "source", "report"))
    per_word = sizes["file"] / max(1, document["rows"])
    return [
        f"method       {document['method']}",
        *_collection(document.get("collection")),
        f"words        {document['rows']}" if document["rows"] or "parts" not in report else _model(report["parts"]),
        f"dimensions   {document['dim']}",
        f"bits         {document['bits_per_vector']} per word",
        f"file         {sizes['file']} bytes ({size_text(sizes['file'])}), {per_word:.2f} per word",
        f"ratio        {ratio['vectors']:.2f} vectors only, {ratio['file']:.2f} whole file",
        f"source       {escaped(source['name']) or 'unknown'} ({escaped(source['format']) or 'unknown'})",
        *_kept(report.get("kept")),
    ]


def _collection(facts: dict[str, int] | None) -> list[str]:
    if facts is None:
        return []
    return [f"collection   generation {facts['generation']}, shards: {facts['shards']}, files: {facts['files']}"]


def _model(parts: Any) -> str:
    """What a model of `embcomp fit` has in place of words."""
    n_parts = len(parts["names"]) if isinstance(parts, dict) and isinstance(parts.get("names"), list) else 0
    return f"words        none: a model to encode the parts of a source with; parts: {n_parts}"


def _details(document: dict[str, Any]) -> list[str]:
    sizes, source = document["bytes"], document["source"]
    config = ", ".join(f"{name}={value}" for name, value in document["config"].items())
    parts = ("codes", "vocabulary", "order", "state", "text", "header")
    return [
        f"options      {config}",
        "bytes",
        *(f"  {part:<11}{sizes[part]}" for part in parts if part != "text" or sizes[part]),
        *_state(document["sections"]),
        *_bands(document["bands"]),
        f"sha256       {escaped(source['sha256']) or 'unknown'}, of the source",
        f"dropped      {source['duplicates_dropped']} duplicates, {source['bad_rows_dropped']} bad rows",
        *(
            f"report       {escaped(name)}: {_short(value)}"
            for name, value in document["report"].items()
            if name != "kept"
        ),
        f"format       version {document['format_version']}, written by embcomp "
        f"{escaped(document['producer']['version'])}",
    ]


def _kept(evidence: dict[str, Any] | None) -> list[str]:
    """What `compress --keep` measured, if that made the file."""
    if evidence is None:
        return []
    tried = "; ".join(_tried(each) for each in evidence["tried"])
    wanted = f"kept         {evidence['share']:g} of the source's scores were to be kept"
    return [wanted, *(f"  {line}" for line in kept_lines(evidence)), f"  tried      {tried}"]


def _tried(trial: dict[str, Any]) -> str:
    options = dict(trial)
    method, n_bytes, low = (options.pop(name) for name in ("method", "bytes", "low"))
    bits = [f"{options.pop('bits')} bits"] if "bits" in options else []
    given = [f"{name}={value}" for name, value in options.items()]
    return " ".join([method, *given, *bits, size_text(n_bytes), f"{low:.3f}"])


def _state(sections: dict[str, int]) -> list[str]:
    """What the bytes of the state are."""
    return [f"    {escaped(name):<23} {n_bytes}" for name, n_bytes in sections.items() if name.startswith("state.")]


def _short(value: Any) -> str:
    """A value of the report; of a long list, its first and last."""
    if isinstance(value, list) and len(value) > LISTED:
        return f"{json.dumps(value[0])} … {json.dumps(value[-1])} ({len(value)} values)"
    return json.dumps(value)


def _bands(bands: list[dict[str, int]]) -> list[str]:
    """The codes of each band of rows, if they differ in width or have lengths."""
    starts = [0, *(band["end"] for band in bands)]
    lines = [
        f"  rows {start} to {band['end'] - 1}: {band['bits']} bits per word, {band['bytes']} bytes" + _length(band)
        for start, band in zip(starts, bands, strict=False)
    ]
    return lines if len(bands) > 1 or bands[0]["length_bits"] else []


def _length(band: dict[str, int]) -> str:
    return f", {band['length_bits']} bits of a length in each code" if band["length_bits"] else ""
