"""Parts that other packages add, found by their entry points.

A part is imported when it is asked for. One that cannot be used is named in a warning and left out, whatever its code
raises: it takes nothing away from the others.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from embcomp.errors import PluginError, PluginWarning

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint, EntryPoints

Part = TypeVar("Part")
Judge = Callable[[str, Any], Part]
"""Takes a name and what was imported, and returns the part; ``TypeError`` if it is none, in words for its author."""


def plugin_names(group: str) -> list[str]:
    """Return the names in a group of entry points, sorted; nothing is imported."""
    return sorted({point.name for point in _points(group)})


def load_plugin(group: str, name: str, judge: Judge[Part]) -> Part | None:
    """Import one part; ``None`` if no package offers it. Of two packages, the first on ``sys.path`` is asked.

    Raises:
        PluginError: it cannot be used.
    """
    for point in _points(group):
        if point.name == name:
            return _load(point, judge)
    return None


def load_plugins(group: str, judge: Judge[Part]) -> dict[str, Part]:
    """Import all parts of a group, by name; those that cannot be used are left out with a ``PluginWarning`` each."""
    parts = {}
    for name in plugin_names(group):
        try:
            part = load_plugin(group, name, judge)
        except PluginError as error:
            warnings.warn(str(error), PluginWarning, stacklevel=2)
            continue
        if part is not None:
            parts[name] = part
    return parts


@contextmanager
def guarded(name: str) -> Iterator[None]:
    """Turn whatever other people's code raises into a ``PluginError`` that names it."""
    try:
        yield
    except (Exception, SystemExit) as error:  # it may raise whatever there is
        raise PluginError(" ".join(f"{name} cannot be used: {type(error).__name__}: {error}".split())) from error


def _points(group: str) -> EntryPoints:
    from importlib.metadata import entry_points  # takes longer than opening a file

    return entry_points(group=group)


def _load(point: EntryPoint, judge: Judge[Part]) -> Part:
    package = point.dist.name if point.dist else "an unknown package"
    with guarded(f"plugin {point.name!r} ({point.group}, from {package})"):
        return judge(point.name, point.load())
