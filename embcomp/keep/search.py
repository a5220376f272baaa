"""The smallest file that keeps a share of the source's quality.

Each method is tried at several widths on the sampled rows, fitted as for the file (:mod:`embcomp.keep.sample`). The
width is doubled or halved until one is too small and another is not, then narrowed down between them, where a line
through the two lower bounds crosses the bar, until their files differ by less than 6 %. Further methods start just
below the best file so far, and end there if that is too small for them. The chosen file is encoded whole and judged
on all rows of all data sets; if it fails there, wider ones are tried.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from embcomp.codes import bands_of, encode_codes, fit_codes
from embcomp.compressors.base import Compressor
from embcomp.compressors.registry import compressor_class
from embcomp.embedding import Embedding
from embcomp.encoded import EncodedEmbedding
from embcomp.errors import ParameterError
from embcomp.eval.run import Chosen
from embcomp.eval.suite import Settings, Suite
from embcomp.eval.target import Target
from embcomp.formats import ReadOptions, open_blocks, read_matrix
from embcomp.keep.estimate import HEADER_BYTES
from embcomp.keep.judge import FIDELITY, Judge, Share, kept
from embcomp.keep.sample import Asked, Sampler
from embcomp.memory import free_memory
from embcomp.progress import Progress, no_progress
from embcomp.vocabulary import Vocabulary

METHODS = ("transform", "iiq", "sign")
"""Those that are tried: each is best on some source, and they take seconds."""
SIGNS = ("iiq", "itq")
"""Methods for which more than a bit a dimension is better spent on one of the others."""
NEAR = 1.06  # ratio of two files' bytes
STEP = 1.05  # in bits, if the file fails on all rows
LAST_STEPS = 6
NARROWEST, WIDEST = 1 / 8, 8  # bits a dimension
EDGE = 0.2  # of the way between two widths, the least that a step narrows it down by


@dataclass(frozen=True)
class Trial:
    """One configuration and what it keeps on the sample.

    Attributes:
        width: bits per word that were asked for; ``None`` for a method that has no such option.
        n_bytes: of its file, nearly.
        low: the least lower bound over the suites.
    """

    compressor: Compressor
    width: int | None
    n_bytes: int
    low: float

    def to_json(self) -> dict[str, Any]:
        """What goes into a file's report."""
        width = {} if self.width is None else {"bits": self.width}
        return {"method": self.compressor.name} | width | {"bytes": self.n_bytes, "low": round(self.low, 4)}


@dataclass(frozen=True)
class Found:
    """What a search found.

    Attributes:
        encoded: the file, with the evidence in its report under ``kept``; ``None`` if nothing keeps enough.
        shares: of the best one there is, on all rows.
        trials: all, in the order in which they were made.
    """

    encoded: EncodedEmbedding | None
    shares: Sequence[Share]
    trials: Sequence[Trial]


def read_source(
    source: str | Path, options: ReadOptions, progress: Progress = no_progress, max_memory: int | None = None
) -> Embedding:
    """Read a source whose rows are tried again and again, and so held.

    Raises:
        InputError: it cannot be read as it is.
        ParameterError: its rows take more than ``max_memory``, half of the free memory if that is ``None``.
    """
    allowance = max_memory if max_memory is not None else free_memory() // 2

    def check(n_rows: int) -> None:
        if 4 * n_rows * reader.dim > allowance:
            raise ParameterError(
                f"`keep` needs all rows in memory at once, `max_memory` allows {allowance} bytes; "
                "raise it, or name a method and its bits"
            )

    with open_blocks(source, options, progress) as reader:
        words, matrix = read_matrix(reader, check)
        return Embedding(words, matrix, reader.source, reader.text)


class Search:
    """One source, and what is to be kept of it."""

    def __init__(
        self,
        source: Embedding,
        chosen: Chosen,
        share: float,
        *,
        seed: int = 0,
        drop_order: bool = False,
        only_covered: bool = False,
        progress: Progress = no_progress,
    ) -> None:
        """Score the source.

        Args:
            source: held in memory.
            chosen: suites and their data sets.
            share: to keep of each suite, at least.
            seed: of the methods and of the bootstrap.
            drop_order: whether the file leaves out the order of the words.
            only_covered: leave out suites most of whose words the source does not have.
            progress: called before each trial.

        Raises:
            ParameterError: no suite can be measured on this source, or one that must be has no score above 0.
        """
        self._source, self._share, self._seed, self._progress = source, share, seed, progress
        self._drop_order = drop_order
        self._vocabulary = Vocabulary.build(source.words)
        self._stored = self._vocabulary.without_order([len(source)])[0] if drop_order else self._vocabulary
        self._sampler = sampler = Sampler(source)
        asked, spread, settings = Asked(source), sampler.plain(sampler.spread), Settings(seed=seed, first_only=True)
        self._judge = Judge(chosen, partial(_choose, asked, spread), settings, only_covered=only_covered)
        sampler.ask(asked.ranks)
        plain = sampler.plain(sampler.ranks)
        self._rough_judge = Judge(self._judge.chosen, partial(_choose, plain, spread), settings, thin=True)
        self.trials: list[Trial] = []

    def run(self, methods: Sequence[str] = METHODS, given: dict[str, Any] | None = None) -> Found:
        """Try methods with the options ``given``; return the smallest file that keeps enough."""
        best: Trial | None = None
        for method in methods:
            best = self._smallest(method, given or {}, best) or best
        if best is None:
            return Found(None, [], self.trials)
        return self._confirm(best, given or {})

    # On the sample

    def _smallest(self, method: str, given: dict[str, Any], best: Trial | None) -> Trial | None:
        """The smallest passing trial of a method that is smaller than ``best``; ``None`` if there is none."""
        dim = self._source.dim
        if compressor_class(method).options_for_bits(dim, dim, given) is None:
            trial = self._try(method, given, None)
            return trial if self._beats(trial, best) else None
        width = dim if best is None else min(self._width_below(best), dim if method in SIGNS else WIDEST * dim)
        if width < 1:
            return None
        trial = self._try(method, given, width)
        if best is not None and not self._beats(trial, best):
            return None
        failed, passed = self._bracket(method, given, trial)
        if failed is None or passed is None:
            return passed
        return self._narrow(method, given, failed, passed)

    def _bracket(self, method: str, given: dict[str, Any], trial: Trial) -> tuple[Trial | None, Trial | None]:
        """Double or halve the width until one trial fails and another passes."""
        least, most = max(1, math.ceil(NARROWEST * self._source.dim)), int(WIDEST * self._source.dim)
        failed = passed = None
        while True:
            width = trial.width or 1
            if trial.low >= self._share:
                passed, following = trial, max(least, width // 2)
            else:
                failed, following = trial, min(most, 2 * width)
            if (failed and passed) or following == width:
                return failed, passed
            trial = self._try(method, given, following)

    def _narrow(self, method: str, given: dict[str, Any], failed: Trial, passed: Trial) -> Trial:
        while passed.n_bytes > NEAR * failed.n_bytes and (passed.width or 0) - (failed.width or 0) > 1:
            trial = self._try(method, given, _between(failed, passed, self._share))
            if trial.low >= self._share:
                passed = trial
            else:
                failed = trial
        return passed

    def _try(self, method: str, given: dict[str, Any], width: int | None) -> Trial:
        self._progress(f"try {method}" + ("" if width is None else f" at {width} bits"), len(self.trials), 0)
        compressor = self._built(method, given, width)
        whole, spread = self._sampler.decoded(compressor)
        low = kept(self._rough_judge.shares(partial(_choose, whole, spread)))
        trial = Trial(compressor, width, self._file_bytes(compressor), low)
        self.trials.append(trial)
        return trial

    def _built(self, method: str, given: dict[str, Any], width: int | None) -> Compressor:
        kind = compressor_class(method)
        sized = {} if width is None else kind.options_for_bits(width, self._source.dim, given) or {}
        random = kind.option_for("seed")
        seeded = {} if random is None or random.name in given else {random.name: self._seed}
        return kind.from_config(given | seeded | sized)

    def _beats(self, trial: Trial, best: Trial | None) -> bool:
        return trial.low >= self._share and (best is None or trial.n_bytes < best.n_bytes)

    def _width_below(self, best: Trial) -> int:
        """The width whose codes, with the words, are as much smaller than ``best`` as two files may be alike."""
        room = best.n_bytes / NEAR - self._stored.stored_bytes - HEADER_BYTES
        return math.floor(8 * room / len(self._source))

    def _file_bytes(self, compressor: Compressor) -> int:
        state = sum(array.nbytes for array in compressor.get_state().values())
        bands = bands_of(compressor, len(self._source))
        starts = [0, *(band.end for band in bands)]
        codes = sum((band.end - start) * band.layout.row_bits for start, band in zip(starts, bands, strict=False))
        return HEADER_BYTES + self._stored.stored_bytes + state + codes // 8

    # On all rows

    def _confirm(self, best: Trial, given: dict[str, Any]) -> Found:
        """Encode all rows and judge them; up to some steps wider while that fails."""
        shares: Sequence[Share] = []
        for trial in self._wider(best, given):
            self._progress(f"encode with {trial.compressor.name}", len(self.trials), 0)
            encoded = self._encode(trial.compressor)
            shares = self._judge.shares(partial(_choose, encoded, self._sampler.spread_of(encoded)))
            if kept(shares) >= self._share:
                evidence = {
                    "share": self._share,
                    "suites": [share.to_json() for share in shares],
                    "tried": [each.to_json() for each in self.trials],
                }
                encoded.report = encoded.report | {"kept": evidence}
                return Found(encoded.without_order() if self._drop_order else encoded, shares, self.trials)
        return Found(None, shares, self.trials)

    def _wider(self, best: Trial, given: dict[str, Any]) -> Iterator[Trial]:
        yield best
        width = best.width
        for _ in range(LAST_STEPS if width is not None else 0):
            width = math.ceil((width or 1) * STEP)
            yield self._try(best.compressor.name, given, width)

    def _encode(self, compressor: Compressor) -> EncodedEmbedding:
        vectors = self._source.vectors
        codes = fit_codes(compressor, vectors) if compressor.learns_codes else encode_codes(compressor, vectors)
        return EncodedEmbedding.from_codes(
            self._vocabulary, codes, compressor, self._source.source, self._source.text
        )


def _choose(whole: Target, spread: Target, suite: Suite) -> Target:
    """Fidelity is measured on the spread rows, everything else on the whole."""
    return spread if suite.name == FIDELITY else whole


def _between(failed: Trial, passed: Trial, share: float) -> int:
    """The width where the line through two lower bounds, over the logarithm of the width, crosses the bar."""
    low, high = failed.width or 1, passed.width or 1
    rise = passed.low - failed.low
    place = (share - failed.low) / rise if math.isfinite(rise) and rise > 0 else 0.5
    place = min(1 - EDGE, max(EDGE, place))
    width: int = round(low * (high / low) ** place)
    return min(high - 1, max(low + 1, width))
