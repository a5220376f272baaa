"""What is shown during long work, on stderr: a bar on a terminal, elsewhere a line every minute."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

import click

from embcomp.cli.text import visible
from embcomp.progress import no_progress

if TYPE_CHECKING:
    from tqdm import tqdm

    from embcomp.progress import Progress

READING = "read"  # the stage that counts bytes
SECONDS_BETWEEN_LINES = 60
COUNTED = "{l_bar}{bar}| {n_fmt}/{total_fmt} [{elapsed}<{remaining}{postfix}]"
UNCOUNTED = "{desc}: {elapsed}{postfix}"


@contextmanager
def progress_bars(*, quiet: bool, whole: bool = False) -> Iterator[Progress]:
    """Give a progress callback: a bar for each stage, gone when that is over, or one for the steps of a ``whole``."""
    if quiet:
        yield no_progress
    elif not sys.stderr.isatty():
        yield _Lines(whole=whole)
    else:
        with closing(_Bar(whole=whole)) as bar:
            yield bar


overall_bar = partial(progress_bars, whole=True)


class _Bar:
    """One bar at a time: the stage that is being worked on."""

    def __init__(self, *, whole: bool) -> None:
        self._whole = whole
        self._stage: str | None = None
        self._bar: tqdm[Any] | None = None

    def __call__(self, stage: str, done: int, total: int, note: str = "", /) -> None:
        if self._bar is None or (stage != self._stage and not self._whole):
            self.close()
            self._bar = _new_bar(stage, done, total)
        self._stage = stage
        self._bar.total, self._bar.n = total or None, done
        self._bar.set_description_str(visible(stage), refresh=False)
        self._bar.set_postfix_str(visible(note), refresh=False)
        self._bar.refresh()

    def close(self) -> None:
        """Remove the bar from the screen."""
        if self._bar is not None:
            self._bar.close()


def _new_bar(stage: str, done: int, total: int) -> tqdm[Any]:
    from tqdm import tqdm

    settings: dict[str, Any] = {"bar_format": COUNTED if total else UNCOUNTED}
    if stage == READING:
        settings = {"unit": "B", "unit_scale": True}
    return tqdm(file=sys.stderr, leave=False, total=total or None, initial=done, desc=visible(stage), **settings)


class _Lines:
    """A line now and then, for a log: what is being done, how far that is or the whole, and how long it has taken."""

    def __init__(self, *, whole: bool) -> None:
        self._of = " of all" if whole else ""
        self._start = self._last = time.monotonic()

    def __call__(self, stage: str, done: int, total: int, note: str = "", /) -> None:
        now = time.monotonic()
        if now - self._last < SECONDS_BETWEEN_LINES:
            return
        self._last = now
        share = [f"{100 * done / total:.0f} %{self._of}"] if total else []
        text = ", ".join([stage, *share, *([note] if note else []), f"after {(now - self._start) / 60:.0f} min"])
        click.echo(f"embcomp: {visible(text)}", err=True)
