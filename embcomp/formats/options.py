"""Options of reading."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from embcomp.checks import Boolean, Check, Integer, OneOf
from embcomp.errors import InputError, ParameterError

_CHECKS: dict[str, Check] = {
    "limit": Integer(1),
    "duplicates": OneOf("first", "error"),
    "bad_rows": OneOf("error", "skip"),
    "encoding_errors": OneOf("strict", "replace", "ignore"),
    "allow_pickle": Boolean(),
}


@dataclass(frozen=True)
class ReadOptions:
    """How to read a source.

    Raises:
        ParameterError: an option has a value that is not allowed.
    """

    format: str | None = None
    """One of :func:`embcomp.formats.readable_formats`; ``None`` looks at the content (never at the file's name)."""
    limit: int | None = None
    """Read no more than this many rows of the source; rows that are then dropped count, as in gensim."""
    duplicates: str = "first"
    """``first``: a word seen before is dropped and counted. ``error``: it is refused."""
    bad_rows: str = "error"
    """``error``: a row of wrong length, not of numbers, or not finite is refused. ``skip``: dropped and counted."""
    encoding_errors: str = "strict"
    """What happens to words that are not valid UTF-8; as in :meth:`bytes.decode`."""
    allow_pickle: bool = False
    """Whether native gensim files may be read: unpickling runs whatever code the file holds."""
    words: Collection[str] | None = None
    """Keep rows of these words only, and drop the others, whatever the format; ``None`` keeps all."""
    word_list: Path | None = None
    """For ``npy``: the file with one word per line; ``None`` means its own words, or ``<source>.words.txt``."""
    part: tuple[int, int] | None = None
    """Of a text file that is not compressed, part k of n, as in ``(1, 4)``: the rows that begin in the k-th of n
    equal ranges of bytes. The parts, one after the other, have the rows of the file; a part may have none."""

    whole: bool = True
    """Whether there must be some rows: not in a part of a source."""
    sha256: str | None = None
    """What the SHA-256 of the source, as it is stored, must be, in hexadecimal digits; ``None`` for anything."""
    word_column: str | None = None
    """Column or dataset of the words, for formats of tables; ``None`` finds it."""
    vector_column: str | None = None
    """Column or dataset of the vectors, for formats of tables; ``None`` finds it."""

    def __post_init__(self) -> None:
        for name, check in _CHECKS.items():
            value = getattr(self, name)
            if not check.allows(value) and not (value is None and name == "limit"):
                raise ParameterError(f"`{name}` must be {check.describe()}, got {value!r}")
        if self.part is not None and not 1 <= self.part[0] <= self.part[1]:
            raise ParameterError(f"`part` must be (k, n) with k from 1 to n, got {self.part!r}")
        if self.part is not None and (self.sha256 or self.limit):
            raise ParameterError("`part` is of a whole file: `sha256` and `limit` are not allowed with it")

    @property
    def given(self) -> dict[str, Any]:
        """Options that are not the default, by name; of wanted words only that there are some, and no paths."""
        chosen = {each.name: getattr(self, each.name) for each in fields(self)}
        found = {name: value for name, value in chosen.items() if value != getattr(ReadOptions, name)}
        if "words" in found:
            found["words"] = True
        return {name: value for name, value in found.items() if name not in ("word_list", "part", "whole")}

    @property
    def reading(self) -> str:
        """Options that are not the default, as the header of a file has them: JSON, or nothing."""
        return json.dumps(self.given, sort_keys=True) if self.given else ""

    @property
    def key(self) -> str:
        """A text that is the same for the same options, and differs for others."""
        chosen = {each.name: str(getattr(self, each.name)) for each in fields(self)}
        if self.words is not None:
            text = "\n".join(sorted(self.words))
            chosen["words"] = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
        return json.dumps(chosen)

    def column(
        self, option: str, source: str, found: list[str], what: str, listed: list[str], usual: Any = ()
    ) -> str:
        """Return the column or dataset that an option names, or else the only one found, or one of a usual name.

        Args:
            option: ``word_column`` or ``vector_column``.
            source: for messages, as are ``what`` the columns hold, and all that are ``listed``.
            found: columns that could be it.
            usual: names in lower case, the likeliest first.

        Raises:
            InputError: there is none, or several could be it.
        """
        wanted = getattr(self, option)
        named = [each for own in usual for each in found if each.lower() == own]
        chosen = named[:1] if len(found) > 1 else found
        if wanted is not None:
            chosen = [each for each in found if each.strip("/") == wanted.strip("/")]
        if chosen:
            return chosen[0]
        got = "" if wanted is None else f" called {wanted!r}"
        n_found = "no" if not found or wanted else len(found)
        raise InputError(
            f"{source}: has {n_found} {what}{got}; `{option}` must name one of: {', '.join(listed[:20])}"
        )


DEFAULT_OPTIONS = ReadOptions()
