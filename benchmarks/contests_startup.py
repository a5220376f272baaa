"""Whole processes: what a shell script waits for."""

from __future__ import annotations

from benchmarks.harness import Bar, Contest, Side

CONTESTS = (
    Contest(
        "startup",
        "Start-up, as processes",
        (
            Side("embcomp --help", command=("{bin}/embcomp", "--help"), threads=1),
            Side("embcomp vector", command=("{bin}/embcomp", "vector", "{embc}", "queen"), threads=1),
            Side("python -c pass", command=("{python}", "-c", "pass"), threads=1),
            Side("python -c 'import numpy'", command=("{python}", "-c", "import numpy"), threads=1),
        ),
        (
            Bar("`embcomp --help`", "embcomp --help", 0.15, unit="s"),
            Bar("`embcomp --help`, earlier target", "embcomp --help", 0.25, unit="s"),
            Bar("`embcomp vector FILE queen`, earlier target", "embcomp vector", 0.5, unit="s"),
            Bar("`embcomp vector FILE queen`", "embcomp vector", 0.3, unit="s"),
        ),
        needs=("embc",),
    ),
)
