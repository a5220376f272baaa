"""Which compressors there are: a table of built-ins, then the entry points of other packages.

Another package offers a method by declaring, in its ``pyproject.toml``::

    [project.entry-points."embcomp.compressors"]
    mine = "package.module:MyCompressor"
"""

from __future__ import annotations

from importlib import import_module
from inspect import isabstract
from typing import TYPE_CHECKING, Any

from embcomp.errors import ParameterError
from embcomp.plugins import load_plugin, load_plugins, plugin_names

if TYPE_CHECKING:
    from embcomp.compressors.base import Compressor

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
    """Names of all methods: built-ins in the order of the table, then those of other packages, not imported yet."""
    return [*BUILT_IN, *(name for name in plugin_names(ENTRY_POINT_GROUP) if name not in BUILT_IN)]


def compressor_classes() -> dict[str, type[Compressor]]:
    """Import all methods, by name, in the order of :func:`method_names`.

    A method of another package that cannot be used is left out, with a ``PluginWarning``.
    """
    built_in = {name: _built_in(name) for name in BUILT_IN}
    return built_in | load_plugins(ENTRY_POINT_GROUP, _judged)


def compressor_class(name: str) -> type[Compressor]:
    """Import the method of that name.

    Raises:
        ParameterError: there is no such method.
        PluginError: another package's method cannot be used.
    """
    if name in BUILT_IN:
        return _built_in(name)
    kind = load_plugin(ENTRY_POINT_GROUP, name, _judged)
    if kind is None:
        raise ParameterError(f"there is no method {name!r}, expected one of {', '.join(method_names())}")
    return kind


def make_compressor(name: str, /, **config: Any) -> Compressor:
    """Build a compressor by name and check its options."""
    return compressor_class(name).from_config(config)


def _built_in(name: str) -> type[Compressor]:
    module, _, attribute = BUILT_IN[name].partition(":")
    kind: type[Compressor] = getattr(import_module(module), attribute)
    return kind


def _judged(name: str, loaded: Any) -> type[Compressor]:
    """What an entry point gave, if it is a compressor that can be built and found again by its name."""
    from embcomp.compressors.base import Compressor

    if name in BUILT_IN:
        raise TypeError(f"{name!r} is a method of embcomp itself, expected another name")
    if not (isinstance(loaded, type) and issubclass(loaded, Compressor)):
        raise TypeError(f"{loaded!r} is no subclass of embcomp.Compressor")
    if isabstract(loaded):
        missing = ", ".join(sorted(loaded.__abstractmethods__))
        raise TypeError(f"{loaded.__qualname__} is abstract, it lacks {missing}")
    if getattr(loaded, "name", None) != name:
        raise TypeError(f"{loaded.__qualname__}.name must be {name!r}, as its entry point")
    if not isinstance(getattr(loaded, "summary", None), str):
        raise TypeError(f"{loaded.__qualname__}.summary must be a line of text")
    return loaded
