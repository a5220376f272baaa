"""``embcomp codes``: the symbols of words, and the words that share them."""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING, Any

import click

from embcomp.cli.command import Command
from embcomp.cli.common import container_argument, count_option, max_memory_option, open_compressed
from embcomp.cli.results import Results, form_option
from embcomp.cli.text import escaped
from embcomp.cli.words import report_missing
from embcomp.errors import ParameterError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from embcomp.encoded import EncodedEmbedding


@click.command("codes", cls=Command)
@container_argument
@click.argument("words", nargs=-1, metavar="[WORD…]")
@count_option("-n", "limit", default=20, help="Words per code at most.")
@count_option("-g", "--groups", default=20, help="Without WORDs: codes at most, those of most words first.")
@max_memory_option
@form_option
def command(file: str, words: tuple[str, ...], limit: int, groups: int, form: str | None) -> None:
    """Print the code of each WORD in FILE and the words that have the same code, the most frequent first.

    Without WORDs: how the symbols are used, and the codes that most words share. For files of indexed codes (kd,
    dccl).
    """
    from embcomp import bits

    encoded = open_compressed(file)
    if encoded.compressor.layout.kind != "indexed":
        raise ParameterError(
            f"codes: {file} must have symbols, as of kd or dccl, got method {encoded.compressor.name}"
        )
    layout = encoded.compressor.layout
    symbols = bits.unpack_symbols(encoded.codes.all_of_one_width, layout.symbols, layout.symbol_bits)
    if words:
        found, missing = _of_words(encoded, symbols, words)
        about: dict[str, Any] = {"missing": missing}
    else:
        found, about = _of_all(encoded, symbols, groups)
    if form is None and not words:
        sharing = f"{about['words_sharing_a_code']} words share theirs"
        click.echo(f"{about['words']} words, {about['distinct_codes']} distinct codes, {sharing}")
        places = " ".join(f"{each:.2f}" for each in about["perplexity"])
        click.echo(f"{about['symbols_used']} symbols used, perplexity by place {places}")
    results = Results(form, _print)
    for group in found:
        results.add(group | {"words": group["words"][:limit]})
    results.finish(**about)
    if about.get("missing"):
        report_missing(encoded, about["missing"])
        raise click.exceptions.Exit(1)


def _of_words(
    encoded: EncodedEmbedding, symbols: NDArray[np.uint32], words: tuple[str, ...]
) -> tuple[list[dict[str, Any]], list[str]]:
    """The groups of the given words, one for each code, in the order of the words; and words that are not there."""
    import numpy as np

    rows = encoded.rows(words)
    groups: dict[tuple[int, ...], dict[str, Any]] = {}
    for rank in rows[rows >= 0]:
        code = symbols[rank].tolist()
        if tuple(code) not in groups:
            alike = np.flatnonzero((symbols == symbols[rank]).all(axis=1))
            groups[tuple(code)] = _group(encoded, code, alike)
    return list(groups.values()), [words[i] for i in np.flatnonzero(rows < 0)]


def _group(encoded: EncodedEmbedding, code: list[int], ranks: NDArray[np.intp]) -> dict[str, Any]:
    return {"code": code, "words": encoded.vocabulary.words(ranks), "size": len(ranks)}


def _of_all(
    encoded: EncodedEmbedding, symbols: NDArray[np.uint32], n_groups: int
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """The largest groups, equally large ones by their most frequent word; utilisation and collisions."""
    from embcomp.compressors.kd_facts import group, utilisation

    n_symbols = 1 << encoded.compressor.layout.symbol_bits
    used, perplexity = utilisation(symbols, n_symbols)
    members = group(symbols)
    chosen = heapq.nsmallest(n_groups, members, key=lambda ranks: (-len(ranks), int(ranks[0])))
    groups = [_group(encoded, symbols[ranks[0]].tolist(), ranks) for ranks in chosen]
    return groups, {
        "words": len(symbols),
        "distinct_codes": len(members),
        "words_sharing_a_code": sum(len(ranks) for ranks in members if len(ranks) > 1),
        "symbols_used": used,
        "perplexity": perplexity,
    }


def _print(group: dict[str, Any]) -> None:
    more = group["size"] - len(group["words"])
    words = " ".join(map(escaped, group["words"]))
    click.echo(f"{'-'.join(map(str, group['code']))}  {words}{f' (+{more})' if more else ''}")
