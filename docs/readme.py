"""Run the commands of README.md's console blocks and put what they print into it: ``make readme``.

Commands stand on lines that start with ``$ ``; the lines after them are replaced by their output. All blocks run in
order in one empty folder, with the project's environment first on the path.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

README = Path(__file__).resolve().parents[1] / "README.md"
START, END = "```console", "```"


def run(command: str, folder: Path) -> str:
    """Return what a command prints, stdout and stderr as they come."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = os.environ | {"PATH": path, "COLUMNS": "110", "XDG_CACHE_HOME": str(folder / ".cache")}
    done = subprocess.run(
        ["bash", "-c", command],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        text=True,
        check=False,
    )
    return "".join(f"{line.rstrip()}\n" for line in done.stdout.splitlines())


def refreshed(text: str, folder: Path) -> str:
    """Return the page with every console block run again."""
    out: list[str] = []
    inside = False
    for line in text.splitlines():
        if line == START:
            inside = True
        elif inside and line == END:
            inside = False
        elif inside and line.startswith("$ "):
            out.append(f"{line}\n{run(line[2:], folder)}".rstrip("\n"))
            continue
        elif inside:
            continue
        out.append(line)
    return "\n".join(out) + "\n"


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        README.write_text(refreshed(README.read_text(encoding="utf-8"), Path(folder)), encoding="utf-8")


if __name__ == "__main__":
    main()
