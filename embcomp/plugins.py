"""Methods, formats and suites by name: those of embcomp itself, and those that other packages add by entry points.

A part is imported when it is asked for. One of another package that cannot be used is named in a warning and left
out, whatever its code raises: the others are not affected.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from embcomp.errors import ParameterError, PluginError, PluginWarning

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

Part = TypeVar("Part")


def extra(module: str, name: str) -> Any:
    """Import a module of a package that comes with an extra.

    Raises:
        ParameterError: it is not installed.
    """
    try:
        return import_module(module)
    except ImportError as error:
        package = module.partition(".")[0]
        raise ParameterError(
            f"the package {package} is needed for this, and is not installed: pip install '.[{name}]'"
        ) from error


class Registry(Generic[Part]):
    """All parts of one kind; each has a ``name``, which for those of other packages is that of the entry point."""

    def __init__(
        self,
        kind: str,
        group: str,
        built_in: Mapping[str, str],
        judge: Callable[[Any], Part],
        unlisted: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        """Declare a registry.

        Args:
            kind: what messages call a part.
            group: of entry points.
            built_in: ``module:attribute`` of each part of embcomp itself, by name.
            judge: takes what an entry point gives, and returns the part; ``TypeError`` if it is none, in words for
                its author.
            unlisted: likewise built in, but found by name only.
        """
        self._kind, self._group, self._built_in, self._judge = kind, group, built_in, judge
        self._unlisted = unlisted

    def names(self) -> list[str]:
        """Names of all parts: built-in ones in their order, then those of other packages, which are not imported."""
        return [*self._built_in, *(name for name in self._points() if name not in self._built_in)]

    def get(self, name: str) -> Part:
        """Import one part. Of two packages that offer it, the first on ``sys.path`` is asked.

        Raises:
            ParameterError: there is none of that name.
            PluginError: another package's part cannot be used.
        """
        if name in self._built_in or name in self._unlisted:
            return self._import(name)
        points = self._points()
        if name not in points:
            raise ParameterError(f"there is no {self._kind} {name!r}, expected one of {', '.join(self.names())}")
        return self._load(points[name])

    def all(self) -> dict[str, Part]:
        """Import all parts, by name, in the order of :meth:`names`; for other packages see :meth:`added`."""
        return {name: self._import(name) for name in self._built_in} | self.added()

    def added(self) -> dict[str, Part]:
        """Import those of other packages; one that cannot be used is left out, with a ``PluginWarning``."""
        parts = {}
        for name, point in self._points().items():
            try:
                parts[name] = self._load(point)
            except PluginError as error:
                warnings.warn(str(error), PluginWarning, stacklevel=3)
        return parts

    def _import(self, name: str) -> Part:
        module, _, attribute = {**self._built_in, **self._unlisted}[name].partition(":")
        part: Part = getattr(import_module(module), attribute)
        return part

    def _points(self) -> dict[str, EntryPoint]:
        """Entry points by name, sorted."""
        from importlib.metadata import entry_points  # takes longer than opening a file

        points = {point.name: point for point in reversed(tuple(entry_points(group=self._group)))}
        return dict(sorted(points.items()))

    def _load(self, point: EntryPoint) -> Part:
        package = point.dist.name if point.dist else "an unknown package"
        with guarded(f"plugin {point.name!r} ({point.group}, from {package})"):
            if point.name in self._built_in or point.name in self._unlisted:
                raise TypeError(f"{point.name!r} is a {self._kind} of embcomp itself, expected another name")
            part = self._judge(point.load())
            name = getattr(part, "name", None)
            if name != point.name:
                raise TypeError(f"its name must be {point.name!r}, as its entry point, got {name!r}")
            return part


@contextmanager
def guarded(name: str) -> Iterator[None]:
    """Turn any exception of another package's code into a ``PluginError`` that names it."""
    try:
        yield
    except (Exception, SystemExit) as error:  # it may raise whatever there is
        raise PluginError(" ".join(f"{name} cannot be used: {type(error).__name__}: {error}".split())) from error
