"""Run the examples of a page and write their output into it: ``python docs/examples.py PAGE…`` (`make docs` does).

All blocks of a page run in order, in one empty folder:

* ``console``: each line that starts with ``$ `` is a shell command; what it prints follows. It must exit with 0.
* ``pycon``: Python with prompts; what it prints follows. ``python``: Python without output.
* any block after ``<!-- file: NAME -->`` is written to the file NAME;
* any block after ``<!-- include: PATH -->`` is the file at PATH in the repository.

A page that begins with ``<!-- needs: NAME… -->`` is left out where one of these packages is not installed. Commands
have the root of the repository in ``$REPOSITORY``.

Blocks of other kinds are not run. ``<!-- numbers vary -->`` before a block says that numbers in its output depend on
the machine, ``<!-- output varies -->`` that words do too; :func:`comparable` hides those parts.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

RUN = ("console", "pycon", "python")
NEEDS = re.compile(r"<!-- needs: (.+) -->\n")
FENCE = re.compile(r"^```(.*)$")
FILE = re.compile(r"^<!-- file: (\S+) -->$")
INCLUDE = re.compile(r"^<!-- include: (\S+) -->$")
ROOT = Path(__file__).parents[1]
MASKS = {"<!-- numbers vary -->": r"-?\d+([.,]\d+)*\.?(e[-+]\d+)?", "<!-- output varies -->": r"\S+"}
PROMPTS = ("$ ", ">>> ", "... ")
Part = tuple[str, str | None, list[str]]


def blocks(text: str) -> Iterator[Part]:
    """Cut a page into ``(line before, kind, lines)``; kind is ``None`` for what stands outside fenced blocks."""
    before, kind, lines = "", None, list[str]()
    for line in text.splitlines():
        fence = FENCE.match(line)
        if fence:
            yield before, kind, lines
            before = lines[-1] if lines and kind is None else ""
            kind, lines = fence[1] if kind is None else None, []
        else:
            lines.append(line)
    yield before, kind, lines


def joined(parts: Iterable[Part]) -> str:
    """Put the parts of :func:`blocks` together again."""
    out: list[str] = []
    for _, kind, lines in parts:
        out += lines if kind is None else [f"```{kind}", *lines, "```"]
    return "\n".join(out) + "\n"


def run_command(command: str, folder: Path) -> str:
    """Return what a shell command prints on stdout and stderr."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    constant = {"COLUMNS": "110", "REPOSITORY": str(ROOT)}
    done = subprocess.run(
        ["bash", "-c", command],
        cwd=folder,
        env=inherited | constant | {"PATH": path, "XDG_CACHE_HOME": str(folder / ".cache")},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        text=True,
        check=False,
    )
    if done.returncode:
        raise ValueError(f"$ {command}: exit code {done.returncode}\n{done.stdout}")
    return done.stdout


def run_python(source: str, folder: Path, names: dict[str, Any], mode: str) -> str:
    """Return what Python prints; in mode ``single``, values of expressions too."""
    printed = io.StringIO()
    with contextlib.chdir(folder), contextlib.redirect_stdout(printed):
        exec(compile(source, "<example>", mode), names)
    return printed.getvalue()


def statements(kind: str, lines: list[str]) -> Iterator[list[str]]:
    """The inputs of a block, a list of lines each, prompts included; old output is left out."""
    if kind == "python":
        yield lines
        return
    statement: list[str] = []
    for line in lines:
        if line.startswith(("$ ", ">>> ")):
            if statement:
                yield statement
            statement = [line]
        elif line.startswith("... "):
            statement.append(line)
    yield statement


def run_block(kind: str, lines: list[str], folder: Path, names: dict[str, Any]) -> list[str]:
    """Run one block and return it with its output as it is now."""
    fresh: list[str] = []
    for statement in statements(kind, lines):
        source = "\n".join(line[line.index(" ") + 1 :] if line.startswith(PROMPTS) else line for line in statement)
        if kind == "console":
            printed = run_command(source, folder)
        else:
            printed = run_python(source + "\n", folder, names, "single" if kind == "pycon" else "exec")
        fresh += [*statement, *(line.rstrip() for line in printed.splitlines())]
    return fresh


def refreshed(text: str, folder: Path) -> str:
    """Run all examples of a page in a folder and return the page with their output as it is now."""

    def parts() -> Iterator[Part]:
        names: dict[str, Any] = {"__name__": "__main__"}
        for before, kind, lines in blocks(text):
            if kind is not None and (included := INCLUDE.match(before)):
                yield before, kind, (ROOT / included[1]).read_text(encoding="utf-8").splitlines()
            elif kind is not None and (named := FILE.match(before)):
                target = folder / named[1]
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_text("\n".join(lines) + "\n", encoding="utf-8")
                yield before, kind, lines
            else:
                yield before, kind, run_block(kind, lines, folder, names) if kind in RUN else lines

    return joined(parts())


def comparable(text: str) -> str:
    """Return the page with what depends on the machine replaced by ``#`` and without white space there."""

    def parts() -> Iterator[Part]:
        for before, kind, lines in blocks(text):
            mask = MASKS.get(before)
            hidden = [line if line.startswith(PROMPTS) or not mask else masked(mask, line) for line in lines]
            yield before, kind, hidden

    return joined(parts())


def masked(mask: str, line: str) -> str:
    """Replace what a mask matches in a line of output."""
    return "".join(re.sub(mask, "#", line).split())


def has_examples(text: str) -> bool:
    """Whether a page has a block that is run or included."""
    return any(kind in RUN or INCLUDE.match(before) for before, kind, _ in blocks(text))


def missing(text: str) -> list[str]:
    """Packages that a page needs and that are not installed, by the names that pip takes."""
    found = NEEDS.match(text)
    return [name for name in found[1].split() if not is_installed(name)] if found else []


def is_installed(name: str) -> bool:
    """Whether there is such a package."""
    try:
        return bool(version(name))
    except PackageNotFoundError:
        return False


def main() -> None:
    """Refresh the pages that are named, where they differ in more than what depends on the machine."""
    for name in sys.argv[1:]:
        page = Path(name)
        text = page.read_text(encoding="utf-8")
        if absent := missing(text):
            print(f"{name}: left out, {' and '.join(absent)} not installed", file=sys.stderr)
        elif has_examples(text):
            with tempfile.TemporaryDirectory() as folder:
                fresh = refreshed(text, Path(folder))
            if comparable(fresh) != comparable(text):
                page.write_text(fresh, encoding="utf-8")


if __name__ == "__main__":
    main()
