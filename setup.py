"""Build the kernels in C, if there is a compiler, and archives that are the same bytes whoever builds them.

Everything else stands in pyproject.toml.
"""

import gzip
import os
import sysconfig
import tarfile
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.sdist import sdist

os.environ.setdefault("SOURCE_DATE_EPOCH", "1577836800")  # 2020-01-01: the time of all files in the archives
os.umask(0o022)  # of the modes of files in wheels

STABLE = not sysconfig.get_config_var("Py_GIL_DISABLED")  # which has no stable interface yet
KERNELS = "embcomp/kernels"
NAMES = [
    "ascending",
    "beam",
    "best",
    "blocks",
    "columns",
    "costs",
    "cross",
    "decimal",
    "differences",
    "fields",
    "find",
    "hamming",
    "huffman",
    "literals",
    "many_signs",
    "module",
    "nearest",
    "page",
    "places",
    "prefixes",
    "products",
    "search",
    "shuffle",
    "signs",
    "sums",
    "take",
    "text",
    "totals",
    "turned",
    "usual",
    "words",
]


class PlainSdist(sdist):
    """An archive that depends on names and contents of files, and not on their times, owners and modes."""

    def make_archive(self, base_name, format, root_dir=None, base_dir=None, owner=None, group=None):
        """Write the archive of a folder; only gzip is supported."""
        target, time = Path(f"{base_name}.tar.gz"), int(os.environ["SOURCE_DATE_EPOCH"])

        def plain(entry):
            if entry.name.endswith(".egg-info"):  # made again from the rest, and different the second time
                return None
            entry.uid = entry.gid = 0
            entry.uname = entry.gname = ""
            entry.mtime, entry.mode = time, 0o755 if entry.isdir() or entry.mode & 0o100 else 0o644
            return entry

        with (
            target.open("wb") as file,
            gzip.GzipFile("", "wb", mtime=time, fileobj=file) as packed,
            tarfile.open(fileobj=packed, mode="w") as archive,
        ):
            archive.add(base_dir, filter=plain)  # in the order of names
        return str(target)


setup(
    cmdclass={"sdist": PlainSdist},
    ext_modules=[
        Extension(
            "embcomp.kernels._native",
            [f"{KERNELS}/{name}.c" for name in NAMES],
            depends=[f"{KERNELS}/{name}.h" for name in ("best", "costs", "fields", "kernels", "keys", "stream")],
            extra_compile_args=["/std:c11"] if os.name == "nt" else ["-O3", "-ffp-contract=off", "-g0"],
            py_limited_api=STABLE,
            optional=True,  # without it NumPy does the same
        )
    ],
    options={"bdist_wheel": {"py_limited_api": "cp311"}} if STABLE else {},
)
