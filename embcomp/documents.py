"""JSON that comes from a file: one object, of which two readers cannot read different things."""

from __future__ import annotations

import json
from typing import Any

Document = dict[str, Any]


class BadDocumentError(Exception):
    """A document cannot be used; the text says what was found and what was expected, without a subject."""


def parse_document(data: bytes, encoding: str = "utf-8") -> Document:
    """Parse JSON that holds one object.

    Raises:
        BadDocumentError: it is something else, nested too deeply, has a key twice or a number that is not finite.
    """
    try:
        document = json.loads(data.decode(encoding), object_pairs_hook=_distinct, parse_constant=_refuse_constant)
    except ValueError as error:
        raise BadDocumentError(f"is not JSON: {error}") from error
    except RecursionError:
        raise BadDocumentError("is JSON that is nested too deeply") from None
    if not isinstance(document, dict):
        raise BadDocumentError(f"must be a JSON object, got a {type(document).__name__}")
    return document


def _distinct(pairs: list[tuple[str, Any]]) -> Document:
    document = dict(pairs)
    if len(document) != len(pairs):
        raise ValueError("a key occurs twice in one object")
    return document


def _refuse_constant(text: str) -> None:
    raise ValueError(f"{text} is not a JSON number")
