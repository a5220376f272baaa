"""Results on their way to stdout: as text, one JSON document, JSON lines, or tab-separated values with a header.

Every JSON document is an object with ``schema``, the name of what describes it in ``embcomp/schemas``, and
``results``, a list of objects. JSON lines are these objects, and a table has a row for each, or several.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

import click

from embcomp.cli.common import options
from embcomp.cli.text import escaped, json_text

Document = Mapping[str, Any]
Function = TypeVar("Function", bound=Callable[..., Any])
FORMS = {
    "json": "Print one JSON document instead of text.",
    "jsonl": "Print one JSON document per line, as they come.",
    "tsv": "Print tab-separated values, with a line of names first.",
}


def _choose(context: click.Context, parameter: click.Parameter, value: bool) -> None:
    """Make the name of a flag that is set the value of ``form``, which one flag only may be."""
    before = context.params.setdefault("form", None)
    if not value:
        return
    if before is not None:
        raise click.UsageError(f"--{before} and {parameter.opts[0]} exclude each other")
    context.params["form"] = parameter.opts[0].removeprefix("--")


def _form(name: str) -> Callable[[Function], Function]:
    return click.option(f"--{name}", is_flag=True, expose_value=False, callback=_choose, help=FORMS[name])


json_option = _form("json")
"""Of commands with a single result. Their argument ``form`` is ``json`` or ``None``."""

form_option = options(*map(_form, FORMS))
"""Of commands whose results are rows."""


class Results:
    """Prints documents in the form that the user chose."""

    def __init__(
        self,
        form: str | None,
        text: Callable[[Any], None],
        rows: Callable[[Any], Iterable[Document]] = lambda document: [document],
        schema: str | None = None,
    ) -> None:
        """Take the form (``None`` is text), what prints a document as text, what its rows are in a table, and what
        describes all of them: a name in ``embcomp/schemas``, the first version for the command if it is absent.
        """
        self.form = form
        self._text, self._rows = text, rows
        self._schema = schema or f"{click.get_current_context().command.name}-1"
        self._documents: list[Any] = []
        self._n_rows = 0

    def add(self, document: Any) -> None:
        """Print a document, or keep it for the end."""
        if self.form is None:
            self._text(document)
        elif self.form == "json":
            self._documents.append(document)
        elif self.form == "jsonl":
            sys.stdout.write(json_text(document, indent=None) + "\n")
        else:
            for row in self._rows(document):
                if not self._n_rows:
                    sys.stdout.write("\t".join(map(escaped, row)) + "\n")
                sys.stdout.write("\t".join(_cell(value) for value in row.values()) + "\n")
                self._n_rows += 1

    def finish(self, **about: Any) -> None:
        """Print what was kept, after what is true of all of it; JSON only."""
        if self.form == "json":
            document = {"schema": f"urn:embcomp:{self._schema}"} | about | {"results": self._documents}
            click.echo(json_text(document, indent=2))


def print_all(form: str, documents: Iterable[Document], schema: str | None = None, **about: Any) -> None:
    """Print documents, each of them one row, in a form other than text."""
    results = Results(form, click.echo, schema=schema)
    for document in documents:
        results.add(document)
    results.finish(**about)


def numbered(document: Document) -> list[Document]:
    """One row of a table for a document with a vector, with a column for each number."""
    others = {name: value for name, value in document.items() if name != "vector"}
    return [others | {str(i): x for i, x in enumerate(document["vector"], start=1)}]


def _cell(value: Any) -> str:
    """A value in a table: nothing for none, numbers in full, lists and objects as JSON."""
    if value is None:
        return ""
    if isinstance(value, str):
        return escaped(value)
    return json_text(value, indent=None)
