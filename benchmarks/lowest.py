"""Print the lowest versions of what embcomp requires, as pip takes them: python benchmarks/lowest.py > lowest.txt."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

project = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text(encoding="utf-8"))["project"]
extras = project["optional-dependencies"]
for requirement in [*project["dependencies"], *extras["zstd"], *extras["eval"]]:
    name, _, lowest = re.split(r"(>=)", requirement.split(";")[0].strip())
    print(f"{name}=={lowest}")
