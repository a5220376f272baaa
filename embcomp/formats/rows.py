"""One row of a text file, parsed slowly and exactly. The fast paths must agree with this module.

A row that consists of a word and ``dim`` numbers with single spaces between them is split as gensim does it: the
word is everything before the first space, even nothing. If that fails, tabs count as spaces too.

Any other row is split at runs of spaces and tabs: the last ``dim`` fields are the numbers, the rest is the word,
with the spaces inside it. If that word ends in something that is a number itself, the row is too long instead.

Numbers are decimal ASCII: ``-1``, ``.5``, ``1.``, ``2e-3``. What else Python's ``float`` takes (``1_000``,
full-width digits, ``nan``, ``inf``) is not one, nor is what does not fit float32. They are rounded to float64 and
then to float32, as gensim does it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence

import numpy as np

from embcomp.arrays import FloatArray
from embcomp.errors import InputError

MAX_WORD_BYTES = 1 << 20
MAX_LINE_BYTES = 1 << 22  # 4,096 numbers of 25 characters are 100 kB
MAX_DIM = 1 << 20
SHOWN_CHARACTERS = 40
COUNTED_COLUMNS = 8  # fewer could be a vector

_NUMBER = re.compile(rb"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_NOT_FINITE = re.compile(rb"[+-]?(?:nan|inf(?:inity)?)", re.IGNORECASE)


class BadRowError(Exception):
    """A row that cannot be used; the text says what was found and what was expected."""


def parse_row(line: bytes, dim: int) -> tuple[bytes, FloatArray]:
    """Return the word and the vector, float32, shape (dim,), of a line without its ``\\n``.

    Raises:
        BadRowError: there is no such reading of the line.
    """
    word, fields = split_row(line, dim)
    if len(word) > MAX_WORD_BYTES:
        raise BadRowError(f"a word of {len(word)} bytes, allowed at most {MAX_WORD_BYTES}")
    return word, _vector(fields)


def split_row(line: bytes, dim: int) -> tuple[bytes, list[bytes]]:
    """Return the word and ``dim`` fields that should be numbers.

    Raises:
        BadRowError: there are more or fewer fields.
    """
    line = line.rstrip()
    flat = line.replace(b"\t", b" ")
    for text in (line, flat):
        parts = text.split(b" ", dim + 1)
        if len(parts) == dim + 1 and all(map(_NUMBER.fullmatch, parts[1:])):
            return line[: len(parts[0])], parts[1:]
    if any(character in line for character in (b"\r", b"\v", b"\f")):
        raise BadRowError(
            "a carriage return, vertical tab or form feed inside the row, expected spaces between numbers"
        )
    pieces = flat.rsplit(None, dim)
    n_leading = flat[:1] == b" "
    if len(pieces) == dim and n_leading:
        return b"", pieces
    if len(pieces) <= dim:
        raise BadRowError(_wrong_length(max(0, len(pieces) - 1 + n_leading), dim))
    rest = pieces[0].split()
    if len(rest) > 1 and _is_number(rest[-1]):
        raise BadRowError(_wrong_length(count_numbers(line), dim))
    return line[: len(pieces[0])].lstrip(b" \t"), pieces[1:]


def count_numbers(line: bytes) -> int:
    """Return how many numbers follow the word of a row, if it is one; what they must be is not known yet."""
    flat = line.replace(b"\t", b" ").rstrip()
    fields = flat.split()
    n_fields = len(fields) - (flat[:1] != b" ")
    n_numbers = 0
    while n_numbers < n_fields and _is_number(fields[-n_numbers - 1]):
        n_numbers += 1
    return n_numbers


def names_of_columns(vector: FloatArray) -> BadRowError | None:
    """Return what is wrong if the first row of a file counts its columns, as the line of names in a table does."""
    start = int(vector[0]) if vector[0] in (0, 1) else None
    if len(vector) < COUNTED_COLUMNS or start is None or (np.diff(vector) != 1).any():
        return None
    return BadRowError(
        f"the numbers {start} to {start + len(vector) - 1} in order are names of columns, expected a vector; "
        "`bad_rows` skip leaves the line out"
    )


def decode_words(
    words: bytes, separator: bytes, errors: str, place: Callable[[int], str], numbers: Sequence[int]
) -> list[str]:
    """Decode words from UTF-8, all at once.

    Args:
        words: joined by the separator.
        separator: a character of ASCII that is in none of them.
        errors: as in :meth:`bytes.decode`.
        place: names the word of a number for a message.
        numbers: of the words; for none, none are returned.

    Raises:
        InputError: one is not valid UTF-8.
    """
    try:
        return words.decode("utf-8", errors).split(separator.decode()) if numbers else []
    except UnicodeDecodeError as error:
        index = words.count(separator, 0, error.start)
        raise InputError(
            f"{place(numbers[index])}: {shown(words.split(separator)[index])} is not valid UTF-8 ({error.reason}); "
            f"`encoding_errors` replace or ignore accepts it"
        ) from None


def decode_each(
    words: Iterable[bytes], errors: str, place: Callable[[int], str], numbers: Iterable[int]
) -> list[str]:
    """Decode words from UTF-8 that may hold any character; otherwise as :func:`decode_words`."""
    return [
        "\0".join(decode_words(word, b"\0", errors, place, [number] * (word.count(b"\0") + 1)))
        for word, number in zip(words, numbers, strict=True)
    ]


def shown(text: bytes | str) -> str:
    """Quote something from a file, shortened, on one line."""
    if isinstance(text, bytes):
        text = text[: 4 * SHOWN_CHARACTERS].decode("utf-8", "backslashreplace")
    return repr(text if len(text) <= SHOWN_CHARACTERS else text[: SHOWN_CHARACTERS - 1] + "…")


def not_finite(position: int, found: str) -> BadRowError:
    """Say that the number at ``position``, counted from 1, cannot be kept."""
    return BadRowError(f"number {position} is {found}, expected a finite float32")


def _vector(fields: list[bytes]) -> FloatArray:
    for position, field in enumerate(fields, 1):
        if not _NUMBER.fullmatch(field):
            if _NOT_FINITE.fullmatch(field):
                raise not_finite(position, shown(field))
            raise BadRowError(f"number {position} is {shown(field)}, expected a decimal number")
    with np.errstate(over="ignore"):
        vector = np.array([float(field) for field in fields], dtype=np.float64).astype(np.float32)
    too_large = np.flatnonzero(~np.isfinite(vector)).tolist()
    if too_large:
        raise not_finite(too_large[0] + 1, shown(fields[too_large[0]]))
    return vector


def _wrong_length(n_numbers: int, dim: int) -> str:
    return f"{n_numbers} number{'' if n_numbers == 1 else 's'}, expected {dim}"


def _is_number(field: bytes) -> bool:
    return bool(_NUMBER.fullmatch(field) or _NOT_FINITE.fullmatch(field))
