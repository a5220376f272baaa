"""``embcomp codes``: the symbols of words, and the words that share them."""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING, Any

import click

from embcomp.cli.command import Command
from embcomp.cli.common import container_argument, json_option, max_memory_option, open_compressed
from embcomp.cli.text import escaped, print_json
from embcomp.cli.words import report_missing
from embcomp.errors import ParameterError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from embcomp.encoded import EncodedEmbedding


@click.command("codes", cls=Command)
@container_argument
@click.argument("words", nargs=-1, metavar="[WORD…]")
@click.option(
    "-n",
    "limit",
    type=click.IntRange(min=1),
    default=20,
    show_default=True,
    metavar="N",
    help="Words per code at most.",
)
@click.option(
    "-g",
    "--groups",
    type=click.IntRange(min=1),
    default=20,
    show_default=True,
    metavar="N",
    help="Without WORDs: codes at most, those of most words first.",
)
@max_memory_option
@json_option
def command(file: str, words: tuple[str, ...], limit: int, groups: int, as_json: bool) -> None:
    """Print the code of each WORD in FILE and the words that have the same code, the most frequent first.

    Without WORDs: how the symbols are used, and the codes that most words share. For files of indexed codes (kd,
    dccl).
    """

    encoded = open_compressed(file)
    if encoded.compressor.layout.kind != "indexed":
        raise ParameterError(
            f"codes: {file} holds {encoded.compressor.layout.kind} codes of method {encoded.compressor.name}; "
            "only indexed codes have symbols"
        )
    symbols = _symbols(encoded)
    document = _of_words(encoded, symbols, words) if words else _of_all(encoded, symbols, groups)
    for each in document["codes"]:
        each["words"] = each["words"][:limit]
    if as_json:
        print_json(document)
    else:
        _print(document)
    if document.get("missing"):
        report_missing(encoded, document["missing"])
        raise click.exceptions.Exit(1)


def _symbols(encoded: EncodedEmbedding) -> NDArray[np.uint32]:
    """Symbols of all words in source order, uint32 (n, D)."""
    from embcomp import bits

    layout = encoded.compressor.layout
    return bits.unpack_symbols(encoded.codes.all_of_one_width, layout.symbols, layout.symbol_bits)


def _of_words(encoded: EncodedEmbedding, symbols: NDArray[np.uint32], words: tuple[str, ...]) -> dict[str, Any]:
    """The groups of the given words, one for each code, in the order of the words."""
    import numpy as np

    rows = encoded.rows(words)
    groups: dict[tuple[int, ...], dict[str, Any]] = {}
    for rank in rows[rows >= 0]:
        code = symbols[rank].tolist()
        if tuple(code) not in groups:
            alike = np.flatnonzero((symbols == symbols[rank]).all(axis=1))
            groups[tuple(code)] = _group(encoded, code, alike)
    return {"codes": list(groups.values()), "missing": [words[i] for i in np.flatnonzero(rows < 0)]}


def _group(encoded: EncodedEmbedding, code: list[int], ranks: NDArray[np.intp]) -> dict[str, Any]:
    return {"code": code, "words": encoded.vocabulary.words(ranks), "size": len(ranks)}


def _of_all(encoded: EncodedEmbedding, symbols: NDArray[np.uint32], n_groups: int) -> dict[str, Any]:
    """Utilisation, collisions, and the largest groups; equally large ones by their most frequent word."""
    from embcomp.compressors.kd_facts import group, utilisation

    n_symbols = 1 << encoded.compressor.layout.symbol_bits
    used, perplexity = utilisation(symbols, n_symbols)
    members = group(symbols)
    chosen = heapq.nsmallest(n_groups, members, key=lambda ranks: (-len(ranks), int(ranks[0])))
    return {
        "words": len(symbols),
        "distinct_codes": len(members),
        "words_sharing_a_code": sum(len(ranks) for ranks in members if len(ranks) > 1),
        "symbols_used": used,
        "perplexity": perplexity,
        "codes": [_group(encoded, symbols[ranks[0]].tolist(), ranks) for ranks in chosen],
    }


def _print(document: dict[str, Any]) -> None:
    if "distinct_codes" in document:
        click.echo(
            f"{document['words']} words, {document['distinct_codes']} distinct codes, "
            f"{document['words_sharing_a_code']} words share theirs"
        )
        click.echo(
            f"{document['symbols_used']} symbols used, perplexity by place "
            f"{' '.join(f'{each:.2f}' for each in document['perplexity'])}"
        )
    for each in document["codes"]:
        more = each["size"] - len(each["words"])
        words = " ".join(map(escaped, each["words"]))
        click.echo(f"{'-'.join(map(str, each['code']))}  {words}{f' (+{more})' if more else ''}")
