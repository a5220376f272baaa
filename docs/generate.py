"""Generate ``docs/cli.md`` from ``embcomp --help``. ``make docs`` writes it, the tests compare."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from embcomp.cli.main import COMMANDS, group
from embcomp.compressors.registry import BUILT_IN

TARGET = Path(__file__).with_name("cli.md")
WIDTH = 100


SHOWN = """\
## What is shown

Words, file names and reports can hold any character. In results that are text, some are written as escapes:

| escape | character |
| --- | --- |
| `\\\\` | backslash |
| `\\t`, `\\n`, `\\r` | tab, line feed, carriage return |
| `\\x1b`, `\\u202e`, `\\U000e0001` | the character of that number |

These are control characters (C0, DEL, C1), line and paragraph separators, characters that change the direction of
text, tags, bytes of names that are not UTF-8, and what the terminal's encoding does not have. So every result is one
line, has the fields that it should, and can be undone. Messages escape the same characters, but leave backslashes.
With `--json` the same characters are escaped as JSON does it; all beyond ASCII, if the output is not UTF-8.
`embcomp decompress` writes words as they are, or refuses those that the format cannot hold.

## JSON

What `--json` prints is an object with `schema`, such as `urn:embcomp:similar-1`, and `results`, a list. `codes` and
`diff` have keys beside them that are about all results. Each line of `--jsonl` is one of the results, and `--tsv` has
the same in rows. `add` and `compress` print what `info` prints of the new file.

The schemas (JSON Schema 2020-12) are in the package: `similar-1.json` in the folder `embcomp/schemas` describes
`urn:embcomp:similar-1`. A document that changes gets a new number, and the schemas of earlier numbers stay.
"""


def help_of(name: str | None, *arguments: str) -> str:
    """The help text of one command, or of ``embcomp`` itself."""
    options: dict[str, Any] = {"resilient_parsing": True, "terminal_width": WIDTH}
    parent = group.make_context("embcomp", [], **options)
    if name is None:
        return group.get_help(parent)
    command = group.get_command(parent, name)
    if command is None:
        raise KeyError(name)
    return command.get_help(command.make_context(name, list(arguments), parent, **options))


def options_of(method: str) -> str:
    """The section of the help of ``embcomp compress`` on one method's options."""
    text = help_of("compress", "--method", method)
    return text[text.index(f"Options of {method}:") : text.index("\n\nExamples:")]


def cli_page() -> str:
    """The whole page."""
    parts = [
        "# Command line\n",
        "Generated from `embcomp --help` by `make docs`.\n",
        "Results go to stdout, everything else to stderr. Exit codes: 0 done; 1 checked, and the answer is no "
        "(`verify`, `eval --at-least`, a missing word); 2 usage or parameter; 3 input or output file; 4 container "
        "refused; 70 a bug, with its traceback; 130 interrupted. A downstream `head` closing the pipe is not an "
        "error.\n",
        f"```text\n{help_of(None)}\n```\n",
    ]
    for name in COMMANDS:
        parts.append(f"## embcomp {name}\n\n```text\n{help_of(name)}\n```\n")
        if name == "compress":
            parts += [f"```text\n{options_of(method)}\n```\n" for method in BUILT_IN]
    parts.append(SHOWN)
    return "\n".join(parts)


if __name__ == "__main__":
    TARGET.write_text(cli_page(), encoding="utf-8")
