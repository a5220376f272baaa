"""Results on their way to stdout: as text, one JSON document, JSON lines, or tab-separated values with a header."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import click

from embcomp.cli.common import options
from embcomp.cli.text import escaped, json_text, print_json

form_option = options(
    click.option("--json", "form", flag_value="json", help="Print one JSON document instead of text."),
    click.option("--jsonl", "form", flag_value="jsonl", help="Print one JSON document per line, as they come."),
    click.option("--tsv", "form", flag_value="tsv", help="Print tab-separated values, with a line of names first."),
)
"""Of commands whose results are rows; the last one given counts."""

Document = Mapping[str, Any]


class Results:
    """Prints documents in the form that the user chose."""

    def __init__(
        self,
        form: str | None,
        text: Callable[[Any], None],
        rows: Callable[[Any], Iterable[Document]] = lambda document: [document],
    ) -> None:
        """Take the form (``None`` is text), what prints a document as text, and what its rows are in a table."""
        self.form = form
        self._text, self._rows = text, rows
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
            self._print_rows(document)

    def finish(self) -> None:
        """Print what was kept."""
        if self.form == "json":
            print_json(self._documents)

    def _print_rows(self, document: Any) -> None:
        for row in self._rows(document):
            if not self._n_rows:
                sys.stdout.write("\t".join(map(escaped, row)) + "\n")
            sys.stdout.write("\t".join(_cell(value) for value in row.values()) + "\n")
            self._n_rows += 1


def print_all(form: str, documents: Iterable[Document]) -> None:
    """Print documents, each of them one row, in a form other than text."""
    results = Results(form, print_json)
    for document in documents:
        results.add(document)
    results.finish()


def _cell(value: Any) -> str:
    """A value in a table: nothing for none, numbers in full, lists and objects as JSON."""
    if value is None:
        return ""
    if isinstance(value, str):
        return escaped(value)
    return json_text(value, indent=None)
