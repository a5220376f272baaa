"""Progress callbacks for long-running work."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Called as ``progress(stage, done, total)`` or ``progress(stage, done, total, note)``."""

    def __call__(self, stage: str, done: int, total: int, note: str = "", /) -> None:
        """Receive progress.

        Args:
            stage: what is being done; the same word throughout one stage.
            done: how much of it is done.
            total: how much there is; 0 where it is not known.
            note: further text to show, such as a loss.
        """


def no_progress(stage: str, done: int, total: int, note: str = "", /) -> None:
    """Ignore progress."""
