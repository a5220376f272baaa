"""Recipes: what to compress with, as a TOML file that can be kept beside the data.

A recipe has the method, whether the order is dropped, the method's options by their names in the library, and the
options of reading::

    method = "iiq"
    drop_order = false

    [options]
    bits = 50

    [reading]
    limit = 100000
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from embcomp.errors import InputError

TABLES = ("options", "reading")
KINDS: dict[str, tuple[type, str]] = {
    "method": (str, "text"),
    "drop_order": (bool, "true or false"),
    "options": (dict, "a table"),
    "reading": (dict, "a table"),
}
NOT_HELD = ("words",)  # options of reading whose value is not in a container


def recipe_text(document: Mapping[str, Any]) -> str:
    """Return the recipe that repeats a container, of which ``document`` is what ``info --json`` prints."""
    source, sizes = document["source"], document["bytes"]
    reading = json.loads(source.get("reading") or "{}")
    lines = [
        "# embcomp compress SOURCE --recipe FILE",
        f"# made from {json.dumps(source['name'])}, SHA-256 {source['sha256'] or 'unknown'}",
        *(f"# made with --{name}, whose value is not kept" for name in NOT_HELD if name in reading),
        f"method = {json.dumps(document['method'])}",
        f"drop_order = {json.dumps(document['rows'] > 1 and not sizes['order'])}",
    ]
    held = {name: value for name, value in reading.items() if name not in NOT_HELD}
    for table, values in zip(TABLES, (document["config"], held), strict=True):
        if values:
            lines += ["", f"[{table}]", *(f"{name} = {json.dumps(value)}" for name, value in values.items())]
    return "\n".join(lines) + "\n"


def read_recipe(path: str) -> dict[str, Any]:
    """Return the tables of a recipe.

    Raises:
        InputError: it cannot be read, is not TOML, or has other tables or values.
    """
    try:
        found = tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: is no recipe, expected TOML: {error}") from error
    unknown = sorted(found.keys() - KINDS)
    if unknown:
        raise InputError(f"{path}: has {', '.join(unknown)}, expected {', '.join(KINDS)}")
    for name, (kind, what) in KINDS.items():
        if name in found and not isinstance(found[name], kind):
            raise InputError(f"{path}: {name} is {found[name]!r}, expected {what}")
    return found


def recipe_arguments(path: str, recipe: Mapping[str, Any], *flags: Mapping[str, str]) -> Iterator[str]:
    """Yield a recipe as arguments of the command line; ``flags`` are those of each table's options by their names.

    Raises:
        InputError: there is no such option.
    """
    if recipe.get("drop_order"):
        yield "--drop-order"
    for table, known in zip(TABLES, flags, strict=True):
        for name, value in recipe.get(table, {}).items():
            if name not in known:
                raise InputError(f"{path}: [{table}] has {name}, expected one of {', '.join(known)}")
            yield from _argument(known[name], value, is_flag=table == "reading")


def _argument(flag: str, value: Any, *, is_flag: bool) -> Iterator[str]:
    """An option with its value; of reading, those that are true or false are flags."""
    if not (is_flag and isinstance(value, bool)):
        yield from (flag, str(value).lower() if isinstance(value, bool) else str(value))
    elif value:
        yield flag
