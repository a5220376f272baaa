"""The tokenizer of a static sentence model, run by the package tokenizers (``pip install '.[text]'``)."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from embcomp.arrays import RowIds
from embcomp.errors import CorruptError, PluginError
from embcomp.plugins import extra, guarded
from embcomp.text.model import TextModel, token_ids, unknown_id


class Tokens:
    """Splits texts into the rows of their tokens."""

    def __init__(self, text: TextModel, rows_of: Callable[[Iterable[str]], RowIds]) -> None:
        """Take a model, and a function that finds rows of words, −1 for missing ones."""
        self._rules = text.rules
        self._tokenizer = _tokenizer(text)
        ids = token_ids(text.tokenizer)
        if not text.rules.keep_unknown:
            unknown = unknown_id(text.tokenizer)
            ids = {token: number for token, number in ids.items() if number != unknown}
        found = zip(ids.values(), rows_of(ids).tolist(), strict=True)
        self._row_of = {number: row for number, row in found if row >= 0}

    def rows(self, texts: Sequence[str]) -> list[list[int]]:
        """Return the rows of each text's tokens; tokens without a vector are left out."""
        cut = [text[: self._rules.max_characters] for text in texts]
        encodings = self._tokenizer.encode_batch_fast(cut, add_special_tokens=False)
        return [[self._row_of[number] for number in each.ids if number in self._row_of] for each in encodings]


def _tokenizer(text: TextModel) -> Any:
    package = extra("tokenizers", "text")
    try:
        with guarded("the tokenizer"):  # the package has no error of its own
            tokenizer = package.Tokenizer.from_str(json.dumps(text.tokenizer))
    except PluginError as error:
        raise CorruptError(str(error)) from error
    tokenizer.no_padding()
    if text.rules.max_tokens is None:
        tokenizer.no_truncation()
    else:
        tokenizer.enable_truncation(text.rules.max_tokens)
    return tokenizer
