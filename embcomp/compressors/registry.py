"""The registry of compressors: a table of built-ins, then the entry points of other packages.

Another package offers a method by declaring, in its ``pyproject.toml``::

    [project.entry-points."embcomp.compressors"]
    mine = "package.module:MyCompressor"
"""

from __future__ import annotations

from inspect import isabstract
from typing import TYPE_CHECKING, Any

from embcomp.plugins import Registry

if TYPE_CHECKING:
    from embcomp.compressors.base import Compressor

BUILT_IN = {
    "sign": "embcomp.compressors.sign:SignCompressor",
    "itq": "embcomp.compressors.itq:ItqCompressor",
    "iiq": "embcomp.compressors.iiq:IiqCompressor",
    "nlb": "embcomp.compressors.nlb:NlbCompressor",
    "dccl": "embcomp.compressors.dccl:DcclCompressor",
    "prune": "embcomp.compressors.prune:PruneCompressor",
    "alone": "embcomp.compressors.alone:AloneCompressor",
    "transform": "embcomp.compressors.transform:TransformCompressor",
    "additive": "embcomp.compressors.graded_additive:AdditiveCompressor",
    "kd": "embcomp.compressors.kd:KdCompressor",
}
FROM_MODELS = {"binary": "embcomp.compressors.learned:LearnedCompressor"}
"""Methods of tables that are learned in a model: files of them are read, and vectors are not compressed with them."""
DEFAULT = "additive"
"""The method of ``embcomp compress`` and :func:`embcomp.compress` where none is named."""


def make_compressor(name: str, /, **config: Any) -> Compressor:
    """Build a compressor by its method's name and check its options.

    Raises:
        ParameterError: there is no such method or option, or a value is not allowed.
    """
    return compressor_class(name).from_config(config)


def _judged(loaded: Any) -> type[Compressor]:
    """What an entry point gave, if it is a compressor that can be built."""
    from embcomp.compressors.base import Compressor

    if not (isinstance(loaded, type) and issubclass(loaded, Compressor)):
        raise TypeError(f"{loaded!r} is not a subclass of embcomp.Compressor")
    if isabstract(loaded):
        missing = ", ".join(sorted(loaded.__abstractmethods__))
        raise TypeError(f"{loaded.__qualname__} is abstract, it lacks {missing}")
    if not isinstance(getattr(loaded, "summary", None), str):
        raise TypeError(f"{loaded.__qualname__}.summary must be a line of text")
    return loaded


METHODS = Registry("method", "embcomp.compressors", BUILT_IN, _judged, FROM_MODELS)
method_names, compressor_classes, compressor_class = METHODS.names, METHODS.all, METHODS.get
