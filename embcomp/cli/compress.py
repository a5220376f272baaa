"""``embcomp compress``: read, fit, encode, write."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from embcomp.checks import Option, parse_size
from embcomp.cli.common import (
    force_option,
    json_option,
    note,
    print_json,
    progress_bars,
    quiet_option,
    read_options,
    size_text,
    source_options,
    threads_option,
)
from embcomp.compressors.base import Compressor
from embcomp.compressors.registry import compressor_class, compressor_classes
from embcomp.errors import ParameterError
from embcomp.files import check_target

SEED = "random_state"  # --seed on the command line


def method_options(function: Any) -> Any:
    """Add every option of every method, each named once; which method takes it is in its help."""
    takers: dict[str, list[tuple[str, Option]]] = {}
    for name, kind in compressor_classes().items():
        for option in kind.options:
            if option.name != SEED:
                takers.setdefault(option.name, []).append((name, option))
    for name, owners in reversed(takers.items()):
        option = owners[0][1]
        methods = ", ".join(method for method, _ in owners)
        defaults = {str(each.default) for _, each in owners}
        default = f"; default {defaults.pop()}" if len(defaults) == 1 else ""
        function = click.option(
            option.flag, f"method_{name}", metavar="VALUE", help=f"[{methods}] {option.help}{default}."
        )(function)
    return function


def build_compressor(method: str, texts: dict[str, str | None], seed: int | None) -> Compressor:
    """Build a compressor from command-line texts, refusing those that are not its own."""
    kind = compressor_class(method)
    declared = {option.name: option for option in kind.options}
    config: dict[str, Any] = {}
    for name, text in texts.items():
        if text is None:
            continue
        if name not in declared:
            config[name] = text  # from_config says who takes what
            continue
        option = declared[name]
        try:
            config[name] = option.check.parse(text)
        except ValueError:
            raise ParameterError(f"{method}: {option.flag} must be {option.check.describe()}, got {text!r}") from None
    if seed is not None:
        if SEED not in declared:
            raise ParameterError(f"{method}: --seed is not an option of this method; nothing in it is random")
        config[SEED] = seed
    return kind.from_config(config)


def default_target(source: str) -> Path:
    """The source's name with ``.embc`` for its suffixes, beside the source."""
    if source == "-":
        raise click.UsageError("give the output file with -o when the source is standard input")
    path = Path(source)
    for suffix in (".gz", ".bz2", ".xz", ".zst", ".txt", ".vec", ".bin", ".npy", ".kv", ".model"):
        path = path.with_suffix("") if path.suffix == suffix else path
    return path.with_name(path.name + ".embc")


@click.command("compress")
@click.argument("source", metavar="SOURCE")
@click.option(
    "-o", "--output", metavar="OUT.embc", help="Output file, - for stdout; SOURCE's name with .embc if absent."
)
@click.option("--method", default="iiq", show_default=True, metavar="NAME", help="See: embcomp methods.")
@click.option("--seed", type=click.IntRange(0, 2**32 - 1), metavar="N", help="Seed of all randomness (default 0).")
@threads_option
@click.option(
    "--max-memory",
    metavar="SIZE",
    help="Memory that vectors may take, as in 200MB; default half of what is free. Methods with --fit-rows N need "
    "those rows only; the others stream if they can, or refuse.",
)
@click.option("--drop-order", is_flag=True, help="Leave out the order of the source, 2-3 bytes a word.")
@click.option("-v", "--verbose", is_flag=True, help="Print the loss of every round on stderr.")
@force_option
@quiet_option
@json_option
@method_options
@source_options
def command(
    source: str,
    output: str | None,
    method: str,
    seed: int | None,
    max_memory: str | None,
    drop_order: bool,
    verbose: bool,
    force: bool,
    quiet: bool,
    as_json: bool,
    **given: Any,
) -> None:
    """Compress SOURCE, an embedding file in any known format (- for stdin), into one .embc file."""
    allowance = parse_size("--max-memory", max_memory) if max_memory else None
    texts = {name.removeprefix("method_"): given[name] for name in given if name.startswith("method_")}
    compressor = build_compressor(method, texts, seed)
    target = Path(output) if output else default_target(source)
    if str(target) != "-":
        check_target(target, force=force)
    elif as_json:
        raise click.UsageError("--json and -o - both want stdout; give a file with -o")

    from embcomp.container.reader import describe
    from embcomp.pipeline import compress_source

    if allowance is not None and compressor.needs_all_rows:
        note(f"embcomp: {method}: needs all rows in memory at once, and stops if they take more", quiet=quiet)
    options = read_options(given)
    with progress_bars(quiet=quiet) as progress:
        encoded = compress_source(
            source, target, compressor, options, progress, allowance, force=force, drop_order=drop_order
        )
    if verbose:
        for number, loss in enumerate(compressor.get_state().get("losses", []), start=1):
            note(f"round {number}: loss {loss:.6f}")
    for warning in encoded.report.get("warnings", []):
        note(f"embcomp: {method}: warning: {warning}")
    if str(target) == "-":
        return
    document = describe(target, encoded.vocabulary)
    if as_json:
        print_json(document)
    note(_summary(target, document), quiet=quiet)


def _summary(target: Path, document: dict[str, Any]) -> str:
    source, sizes, ratio = document["source"], document["bytes"], document["ratio"]
    dropped = [
        f"{source[key]} {what}"
        for key, what in (("duplicates_dropped", "duplicate rows"), ("bad_rows_dropped", "bad rows"))
        if source[key]
    ]
    lines = [
        f"{target}: {document['rows']} words of {document['dim']} dimensions, {document['method']} "
        f"at {document['bits_per_vector']} bits a word, {size_text(sizes['file'])}",
        f"smaller by {ratio['vectors']:.1f} × (vectors only), {ratio['file']:.1f} × (whole file)",
    ]
    rounds, most = document["report"].get("rounds"), document["config"].get("iterations")
    if rounds is not None and rounds != most:
        lines.append(f"stopped after {rounds} of {most} rounds: the loss had stopped falling")
    if dropped:
        lines.append(f"dropped from {source['name']}: {', '.join(dropped)}")
    return "\n".join(lines)
