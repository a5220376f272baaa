"""One line of a result: what was measured on what, how sure it is, and how much of the data it covers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from embcomp.arrays import DoubleArray

INTERVAL = (2.5, 97.5)  # percentiles of a 95 % interval


@dataclass(frozen=True)
class Measurement:
    """What a suite's computation gives for one metric; fractions, not percent.

    Attributes:
        value: ``None`` where it is not defined; ``note`` then says why.
        n_used: rows of the data set that went into it.
        n_skipped: rows left out because a word is missing (``oov="skip"``).
        oov: distinct terms of the data set that the target does not have.
        resamples: float64, shape (n_resamples,): the value on each bootstrap resample; NaN where undefined.
        items: which rows were used, as packed bits. Two measurements with the same items, the same task and the
            same seed were resampled alike, so their resamples are paired.
    """

    value: float | None
    n_used: int
    n_skipped: int = 0
    oov: int = 0
    resamples: DoubleArray | None = None
    items: bytes = b""
    note: str = ""


@dataclass(frozen=True)
class Score:
    """A measurement with its name, ×100 as papers print it.

    Attributes:
        target: what was evaluated.
        suite: ``similarity``, ``categorization``, ``analogy``, ``classification`` or ``fidelity``.
        task: the data set (for ``fidelity``: the frequency band).
        metric: ``spearman``, ``purity``, …
        value: ×100; ``None`` shows a gap, ``note`` says why.
        low, high: 95 % percentile interval of a seeded bootstrap, ×100; ``None`` where there is none.
        n_used, n_skipped: rows of the data set that went in and that were left out.
        oov: distinct terms of the data set that the target does not have.
    """

    target: str
    suite: str
    task: str
    metric: str
    value: float | None
    low: float | None
    high: float | None
    n_used: int
    n_skipped: int
    oov: int
    note: str = field(default="", compare=False)
    resamples: DoubleArray | None = field(default=None, repr=False, compare=False)
    items: bytes = field(default=b"", repr=False, compare=False)

    @classmethod
    def of(cls, key: tuple[str, str, str], target: str, measured: Measurement) -> Score:
        """Name a measurement; ``key`` is (suite, task, metric)."""
        low, high = interval(measured.resamples)
        return cls(
            target,
            *key,
            value=None if measured.value is None else 100 * measured.value,
            low=low,
            high=high,
            n_used=measured.n_used,
            n_skipped=measured.n_skipped,
            oov=measured.oov,
            note=measured.note,
            resamples=measured.resamples,
            items=measured.items,
        )

    @property
    def key(self) -> tuple[str, str, str]:
        """Suite, task and metric: what the same row of another target has in common."""
        return self.suite, self.task, self.metric

    def to_json(self) -> dict[str, Any]:
        """The fields that ``eval --json`` prints."""
        names = ("target", "suite", "task", "metric", "value", "low", "high", "n_used", "n_skipped", "oov")
        return {name: getattr(self, name) for name in names}


def interval(resamples: DoubleArray | None) -> tuple[float | None, float | None]:
    """Percentile interval ×100 over the resamples that are defined; ``(None, None)`` if none is."""
    if resamples is None or np.isnan(resamples).all():
        return None, None
    low, high = 100 * np.nanpercentile(resamples, INTERVAL)
    return float(low), float(high)
