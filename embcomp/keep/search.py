"""The smallest file that keeps a share of the source's quality.

Each method is tried at several widths, fitted roughly and judged on sampled rows (:mod:`embcomp.keep.sample`). The
width of the first method is doubled or halved until one is too small and another is not, then narrowed down between
them, where a line through the two lower bounds crosses the bar, until the next file would be hardly smaller. What
follows starts just below the best file so far, and ends there if that is too small for it: first the same method
with vectors that come back as they were, then others. The smallest is fitted to all rows that it learns from and
judged on all rows of all data sets, a little wider while it fails, and encoded.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from operator import itemgetter
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
from embcomp.keep import widths
from embcomp.keep.estimate import HEADER_BYTES
from embcomp.keep.judge import FIDELITY, Judge, Share, kept
from embcomp.keep.sample import Asked, Sample, Sampler, spread_ranks
from embcomp.keep.widths import Tried
from embcomp.pipeline import allowed_memory
from embcomp.progress import Progress, no_progress
from embcomp.vocabulary import Vocabulary

METHODS = ("transform", "additive", "sign")
"""Those that are tried: the fastest first, which shows where the others start."""
SPACE = "space"
"""The option of what vectors come back to, where a method has it."""
SMALLER = 1.06  # ratio of two files' bytes
STEP = 1.05  # in bits, if the file fails on all rows
LAST_STEPS = 6
NARROWER_STEPS = 2
WORTHWHILE = 0.03  # of the file, what a further fit to all rows must save
NARROWEST, WIDEST = 1 / 8, 8  # bits a dimension
PROBE_ROWS = 64  # that show how large a file is


@dataclass(frozen=True)
class Trial:
    """One configuration and what it keeps on the sample.

    Attributes:
        given: its options, without those that follow from the width.
        width: bits per word that were asked for; ``None`` for a method that has no such option.
        n_bytes: of its file, nearly.
        low: the least lower bound over the suites.
    """

    compressor: Compressor
    given: dict[str, Any]
    width: int | None
    n_bytes: int
    low: float

    @property
    def of(self) -> tuple[str, dict[str, Any], int | None]:
        """Method, options and width."""
        return self.compressor.name, self.given, self.width

    def to_json(self) -> dict[str, Any]:
        """What goes into a file's report."""
        width = {} if self.width is None else {"bits": self.width}
        return (
            {"method": self.compressor.name} | self.given | width | {"bytes": self.n_bytes, "low": round(self.low, 4)}
        )


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
    allowance = allowed_memory(max_memory)

    def check(n_rows: int) -> None:
        if 4 * n_rows * reader.dim > allowance:
            raise ParameterError(
                f"`keep` needs all rows in memory at once, `max_memory` allows {allowance} bytes; "
                "raise it, or name a method and its bits"
            )

    with open_blocks(source, options, progress) as reader:
        words: list[str] = []
        matrix = read_matrix(reader, words, check)
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
        asked, spread, settings = Asked(source), spread_ranks(len(source)), Settings(seed=seed, first_only=True)
        plain = Sample.of(source, spread)
        self._judge = Judge(chosen, partial(_choose, asked, plain), settings, only_covered=only_covered)
        self._sampler = Sampler(source, asked.ranks, spread)
        self.trials: list[Trial] = []
        self._slope: float | None = None

    def run(self, methods: Sequence[str] = METHODS, given: dict[str, Any] | None = None) -> Found:
        """Try methods with the options ``given``; return the smallest file that keeps enough."""
        best: Trial | None = None
        for method in methods:
            best = self._smallest(method, self._options(method, given or {}, best), best) or best
        return self._confirm()

    # On the sample

    def _options(self, method: str, given: dict[str, Any], best: Trial | None) -> dict[str, Any]:
        """Add what vectors come back to: what the best file has, or what keeps more at one bit per dimension."""
        if SPACE in given or SPACE not in compressor_class(method).defaults():
            return given
        source = given | {SPACE: "source"}
        if best is not None:
            return source if getattr(best.compressor, "faithful", False) else given
        width = self._first_width(method, given)
        low = self._try(method, given, width).low
        return given if low >= self._share or self._try(method, source, width).low < low else source

    def _smallest(self, method: str, given: dict[str, Any], best: Trial | None) -> Trial | None:
        """The smallest passing trial of a method that is smaller than ``best``; ``None`` if there is none."""
        width = self._first_width(method, given)
        if width is None:
            few = self._source.vectors[:PROBE_ROWS]
            if best is not None and self._file_bytes(self._built(method, given, None).fit(few)) >= best.n_bytes:
                return None
            trial = self._try(method, given, None)
            return trial if trial.low >= self._share else None
        dim = self._source.dim
        least, most = max(1, math.ceil(NARROWEST * dim)), WIDEST * dim
        following: int | None = width
        if best is not None:  # smaller by a factor that is worth another method
            room = best.n_bytes / SMALLER - self._stored.stored_bytes - HEADER_BYTES
            following = min(most, max(0, math.floor(8 * room / len(self._source))))
        tried: list[Tried] = []
        passed: Trial | None = None
        while following:
            trial = self._try(method, given, following)
            tried.append(Tried(following, trial.n_bytes, trial.low))
            if trial.low >= self._share:
                passed = trial if passed is None or trial.n_bytes < passed.n_bytes else passed
            elif best is not None and passed is None:
                return None
            following = widths.following(tried, self._share, least, most, self._slope)
        if len(tried) > 1:
            self._slope = widths.slope_of(*sorted(tried, key=lambda each: abs(each.low - self._share))[:2])
        return passed

    def _first_width(self, method: str, given: dict[str, Any]) -> int | None:
        """One bit per dimension; ``None`` for a method that has no width to choose."""
        dim = self._source.dim
        return None if compressor_class(method).options_for_bits(dim, dim, given) is None else dim

    def _try(self, method: str, given: dict[str, Any], width: int | None, *, roughly: bool = True) -> Trial:
        """Judge a method by the sampled rows; ``roughly``: fitted to some rows, with few resamples."""
        done = (each for each in self.trials if each.of == (method, given, width))
        if roughly and (trial := next(done, None)):
            return trial
        self._progress(f"try {method}" + ("" if width is None else f" at {width} bits"), len(self.trials), 0)
        compressor = self._built(method, given, width)
        whole, spread = self._sampler.decoded(compressor, roughly=roughly)
        low = kept(self._judge.shares(partial(_choose, whole, spread), roughly=roughly))
        trial = Trial(compressor, given, width, self._file_bytes(compressor), low)
        self.trials.append(trial)
        return trial

    def _built(self, method: str, given: dict[str, Any], width: int | None) -> Compressor:
        kind = compressor_class(method)
        sized = {} if width is None else kind.options_for_bits(width, self._source.dim, given) or {}
        random = kind.option_for("seed")
        seeded = {} if random is None or random.name in given else {random.name: self._seed}
        return kind.from_config(given | seeded | sized)

    def _file_bytes(self, compressor: Compressor) -> int:
        state = sum(array.nbytes for array in compressor.get_state().values())
        bands = bands_of(compressor, len(self._source))
        starts = [0, *(band.end for band in bands)]
        codes = sum((band.end - start) * band.layout.row_bits for start, band in zip(starts, bands, strict=False))
        return HEADER_BYTES + self._stored.stored_bytes + state + codes // 8

    # On all rows

    def _confirm(self) -> Found:
        """Encode all rows and judge them; the next smallest or a wider code while that fails."""
        shares: Sequence[Share] = []
        for trial in self._surer():
            encoded = self._encode(trial.compressor)
            shares = self._judge.shares(partial(_choose, *self._sampler.of(encoded)))
            if kept(shares) >= self._share:
                return Found(self._with_evidence(encoded, shares), shares, self.trials)
        return Found(None, shares, self.trials)

    def _surer(self) -> Iterator[Trial]:
        """Yield trials that pass when they are fitted to all rows, the smallest first."""
        passed = [(each.n_bytes, each.of) for each in self.trials if each.low >= self._share]
        for _ in range(LAST_STEPS if passed else 0):
            n_bytes, (method, given, width) = passed.pop(passed.index(min(passed, key=itemgetter(0))))
            trial = self._try(method, given, width, roughly=False)
            if trial.low >= self._share:
                yield self._narrowed(trial)
            if width is not None:
                wider = math.ceil(width * STEP)
                n_bytes += (wider - width) * len(self._source) // 8
                passed.append((n_bytes, (method, given, wider)))

    def _narrowed(self, passed: Trial) -> Trial:
        """A fit to all rows may keep more than the rough one that was passed: go on down while that still passes."""
        for _ in range(0 if passed.width is None else NARROWER_STEPS):
            tried = Tried(passed.width or 1, passed.n_bytes, passed.low)
            crossing = widths.crossing(tried, self._share, self._slope or math.inf)
            width = math.ceil(max(widths.AIM * crossing, NARROWEST * self._source.dim))
            saved = (tried.width - width) * len(self._source) // 8
            if saved < WORTHWHILE * passed.n_bytes:
                break
            trial = self._try(passed.compressor.name, passed.given, width, roughly=False)
            if trial.low < self._share:
                break
            passed = trial
        return passed

    def _with_evidence(self, encoded: EncodedEmbedding, shares: Sequence[Share]) -> EncodedEmbedding:
        evidence = {
            "share": self._share,
            "suites": [share.to_json() for share in shares],
            "tried": [each.to_json() for each in self.trials],
        }
        encoded.report = encoded.report | {"kept": evidence}
        return encoded.without_order() if self._drop_order else encoded

    def _encode(self, compressor: Compressor) -> EncodedEmbedding:
        self._progress(f"encode with {compressor.name}", len(self.trials), 0)
        vectors = self._source.vectors
        codes = fit_codes(compressor, vectors) if compressor.learns_codes else encode_codes(compressor, vectors)
        return EncodedEmbedding.from_codes(
            self._vocabulary, codes, compressor, self._source.source, self._source.text
        )


def _choose(whole: Target, spread: Target, suite: Suite) -> Target:
    """Fidelity is measured on the spread rows, everything else on the whole."""
    return spread if suite.name == FIDELITY else whole
