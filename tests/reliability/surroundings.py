"""What changes how a machine adds: BLAS kernels, the instructions that NumPy may use, threads, processors."""

from __future__ import annotations

import platform
import shutil
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parents[2]

KERNELS = {
    "x86_64": {
        "Prescott": "pni",
        "Nehalem": "sse4_2",
        "Sandybridge": "avx",
        "Haswell": "avx2 fma",
        "Zen": "avx2 fma",
        "SkylakeX": "avx512f avx512bw avx512dq avx512vl",
        "Cooperlake": "avx512f avx512bw avx512dq avx512vl avx512_bf16",
    },
    "aarch64": {"ARMV8": "asimd", "NEOVERSEN1": "asimddp", "NEOVERSEV1": "sve"},
}
"""OpenBLAS's kernels by kind of machine, and the processor's features, as Linux names them, that they need."""


@dataclass(frozen=True)
class Surrounding:
    """What a run is started in: variables of the environment, what comes before the command, arguments after it."""

    name: str
    variables: dict[str, str] = field(default_factory=dict)
    before: tuple[str, ...] = ()
    python: str = sys.executable


def kernels() -> list[str]:
    """Return the names of the kernels that this processor can run, plainest first; none if that is not known."""
    cpuinfo = Path("/proc/cpuinfo")
    features = set(cpuinfo.read_text(encoding="ascii", errors="replace").split()) if cpuinfo.exists() else set()
    known = KERNELS.get(platform.machine(), {})
    return [name for name, needed in known.items() if features.issuperset(needed.split())]


def of_kernels(names: Iterable[str]) -> list[Surrounding]:
    """Return a surrounding for each kernel."""
    return [Surrounding(name, {"OPENBLAS_CORETYPE": name}) for name in names]


@cache
def plain_numpy() -> Surrounding:
    """Return one where NumPy uses no instructions beyond those that it was built for."""
    found = np.show_config(mode="dicts")["SIMD Extensions"].get("found", [])  # type: ignore[index]
    return Surrounding("NumPy without SIMD dispatch", {"NPY_DISABLE_CPU_FEATURES": " ".join(found)})


def of_threads() -> list[Surrounding]:
    """Return surroundings with one and with many threads, and one processor where that can be forced."""
    numbers = [("one thread", "1"), ("eight threads", "8")]
    found = [Surrounding(name, {"OMP_NUM_THREADS": n, "OPENBLAS_NUM_THREADS": n}) for name, n in numbers]
    return found + ([Surrounding("one processor", before=("taskset", "-c", "0"))] if shutil.which("taskset") else [])
