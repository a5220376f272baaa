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
            Side("embcomp info", command=("{bin}/embcomp", "info", "{embc}"), threads=1),
            Side("python -c pass", command=("{python}", "-c", "pass"), threads=1),
            Side("python -c 'import numpy'", command=("{python}", "-c", "import numpy"), threads=1),
        ),
        (
            Bar("`embcomp --help`", "embcomp --help", 0.06, unit="s"),
            Bar("`embcomp vector FILE queen`", "embcomp vector", 0.15, unit="s"),
            Bar("`embcomp info FILE`", "embcomp info", 0.2, unit="s"),
        ),
        needs=("embc",),
        note="With Python's byte-code in its cache, as after the first run of an installed package.",
    ),
)
