"""Words given to a command, and what to say of those that are not there."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import click

from embcomp.cli.command import note
from embcomp.errors import InputError

if TYPE_CHECKING:
    from embcomp.embedding import Embedding
    from embcomp.encoded import EncodedEmbedding

STDIN = ("-",)
N_SUGGESTED = 3
LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789-'. "
LONGEST_WORD = 40  # characters: beyond it, nobody mistypes one word

words_argument = click.argument("terms", nargs=-1, required=True, metavar="WORD…|-")


def given_words(words: tuple[str, ...], file: str) -> Iterator[str]:
    """Words from the arguments, or with ``-`` from stdin, one per line.

    Raises:
        click.UsageError: the file comes from there too.
    """
    if words == STDIN and file == "-":
        raise click.UsageError("FILE - and words - both want standard input")
    return lines_of_stdin() if words == STDIN else iter(words)


def lines_of_stdin() -> Iterator[str]:
    """Yield lines without their ends; bytes that are no UTF-8 become U+FFFD.

    Raises:
        InputError: standard input cannot be read, or a line is longer than any word can be.
    """
    from embcomp.formats.rows import MAX_LINE_BYTES

    try:
        while line := sys.stdin.buffer.readline(MAX_LINE_BYTES + 1):
            if len(line) > MAX_LINE_BYTES:
                raise InputError(
                    f"standard input: a line is longer than {MAX_LINE_BYTES} bytes, allowed at most that"
                )
            yield line.decode("utf-8", "replace").rstrip("\r\n")
    except OSError as error:
        raise InputError(f"standard input: cannot be read: {error.strerror}") from error


def report_missing(target: EncodedEmbedding | Embedding, words: Iterable[str]) -> None:
    """Name each word on stderr, with words of similar spelling that are there."""
    for word in words:
        near = near_spellings(target, word)
        hint = f"; did you mean {' or '.join(map(repr, near))}?" if near else ""
        note(f"embcomp: {word!r} is not in the vocabulary{hint}")


def near_spellings(target: EncodedEmbedding | Embedding, word: str) -> list[str]:
    """Return at most three words of an embedding that differ in case only, or else by one edit.

    Those of lower rank first: the most frequent, if the order is known.
    """
    for candidates in (_other_cases(word), _one_edit_away(word)):
        others = list(set(candidates) - {word})
        found = {rank: other for other, rank in zip(others, target.rows(others).tolist(), strict=True)}
        if near := sorted(rank for rank in found if rank >= 0):
            return [found[rank] for rank in near[:N_SUGGESTED]]
    return []


def _other_cases(word: str) -> set[str]:
    stripped = word.strip()
    return {stripped, stripped.lower(), stripped.upper(), stripped.capitalize(), stripped.title()}


def _one_edit_away(word: str) -> Iterator[str]:
    """Yield words with a letter left out, put in, changed, or swapped with the next; in lower case too."""
    for base in {word, word.lower()}:
        if len(base) > LONGEST_WORD:
            continue
        for place in range(len(base) + 1):
            left, right = base[:place], base[place:]
            yield left + right[1:]
            yield left + right[1:2] + right[:1] + right[2:]
            for letter in LETTERS:
                yield left + letter + right
                yield left + letter + right[1:]
