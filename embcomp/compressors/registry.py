"""Which compressors there are: a table of built-ins, then the entry points of other packages.

Another package offers a method by declaring, in its ``pyproject.toml``::

    [project.entry-points."embcomp.compressors"]
    mine = "package.module:MyCompressor"
"""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import entry_points
from typing import Any

from embcomp.compressors.base import Compressor
from embcomp.errors import ParameterError

ENTRY_POINT_GROUP = "embcomp.compressors"

BUILT_IN = {
    "sign": "embcomp.compressors.sign:SignCompressor",
    "itq": "embcomp.compressors.itq:ItqCompressor",
    "iiq": "embcomp.compressors.iiq:IiqCompressor",
    "nlb": "embcomp.compressors.nlb:NlbCompressor",
    "dccl": "embcomp.compressors.dccl:DcclCompressor",
    "prune": "embcomp.compressors.prune:PruneCompressor",
    "alone": "embcomp.compressors.alone:AloneCompressor",
    "kd": "embcomp.compressors.kd:KdCompressor",
}


def method_names() -> list[str]:
    """Names of all methods: built-ins in the order of the table, then those of other packages."""
    others = {point.name for point in entry_points(group=ENTRY_POINT_GROUP)}
    return [*BUILT_IN, *sorted(others - set(BUILT_IN))]


def compressor_class(name: str) -> type[Compressor]:
    """Return the class behind a method's name, importing it.

    Raises:
        ParameterError: there is no such method, or another package's entry is no compressor.
    """
    if name in BUILT_IN:
        module, _, attribute = BUILT_IN[name].partition(":")
        loaded: Any = getattr(import_module(module), attribute)
    else:
        points = entry_points(group=ENTRY_POINT_GROUP, name=name)
        if not points:
            raise ParameterError(f"--method must be one of {', '.join(method_names())}, got {name!r}")
        loaded = next(iter(points)).load()
    if not (isinstance(loaded, type) and issubclass(loaded, Compressor)):
        raise ParameterError(f"--method {name}: {loaded!r} is not an embcomp Compressor")
    return loaded


def make_compressor(name: str, **config: Any) -> Compressor:
    """Build a compressor by name and check its options."""
    return compressor_class(name).from_config(config)
