"""Print the licence of every installed package that is not part of pip: python benchmarks/licences.py."""

from __future__ import annotations

from importlib.metadata import distributions

PART_OF_PIP = {"pip", "setuptools", "wheel"}

for package in sorted(distributions(), key=lambda each: each.name.lower()):
    if package.name not in PART_OF_PIP:
        classifiers = [
            text.rpartition(" :: ")[2]
            for text in package.metadata.get_all("Classifier", [])
            if text.startswith("License")
        ]
        licence = package.metadata["License-Expression"] or ", ".join(classifiers) or package.metadata["License"]
        print(f"{package.name} {package.version}: {(licence or 'not stated').splitlines()[0]}")
