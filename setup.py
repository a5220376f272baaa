"""Build the kernels in C, if there is a compiler. Everything else stands in pyproject.toml."""

import os
import sysconfig

from setuptools import Extension, setup

STABLE = not sysconfig.get_config_var("Py_GIL_DISABLED")  # which has no stable interface yet
KERNELS = "embcomp/kernels"
NAMES = [
    "beam",
    "costs",
    "lookup",
    "module",
    "decimal",
    "differences",
    "fields",
    "find",
    "hamming",
    "nearest",
    "page",
    "signs",
    "take",
    "text",
    "weights",
]

setup(
    ext_modules=[
        Extension(
            "embcomp.kernels._native",
            [f"{KERNELS}/{name}.c" for name in NAMES],
            depends=[f"{KERNELS}/kernels.h"],
            extra_compile_args=[] if os.name == "nt" else ["-O3", "-ffp-contract=off"],
            py_limited_api=STABLE,
            optional=True,  # without it NumPy does the same
        )
    ],
    options={"bdist_wheel": {"py_limited_api": "cp311"}} if STABLE else {},
)
