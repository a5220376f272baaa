"""The smallest build backend [PEP 517]: a wheel of ``src`` with the entry points of ``pyproject.toml``."""

from __future__ import annotations

import tomllib
import zipfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent


def build_wheel(folder: str, settings: Any = None, metadata_folder: str | None = None) -> str:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    name, version = project["name"].replace("-", "_"), project["version"]
    info = f"{name}-{version}.dist-info"
    members = {str(path.relative_to(ROOT / "src")): path.read_text() for path in (ROOT / "src").rglob("*.*[ytsv]")}
    points = project["entry-points"].items()
    members[f"{info}/METADATA"] = f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {version}\n"
    members[f"{info}/WHEEL"] = "Wheel-Version: 1.0\nGenerator: backend\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    members[f"{info}/entry_points.txt"] = "\n".join(
        f"[{group}]\n" + "".join(f"{key} = {value}\n" for key, value in entries.items()) for group, entries in points
    )
    members[f"{info}/RECORD"] = "".join(f"{member},,\n" for member in [*members, f"{info}/RECORD"])
    wheel = f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(Path(folder) / wheel, "w") as packed:
        for member, text in members.items():
            packed.writestr(member, text)
    return wheel
