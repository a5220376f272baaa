"""Choosing options with which a method's file is as large as allowed: ``target_size`` and ``target_ratio``.

Sizes are computed first and then checked on the written file. A method says what it can do with
``options_for_bits`` or ``options_for_ratio``; one with neither has one size only.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from embcomp.checks import Real, require
from embcomp.comparison.plan import Candidate, Job, over_seeds, seed_name, sweep_bits
from embcomp.comparison.workbench import Result, Workbench
from embcomp.errors import ParameterError
from embcomp.progress import Progress, no_progress

MOST_BITS_PER_DIM = 4  # signs of a tight frame: more bits are better spent on another method
MOST_TRIES = 5
PROBE_ROWS = 64
HEADER_BYTES = 4096  # header and gaps between sections, estimated; the written file shows the exact number


@dataclass(frozen=True)
class Budget:
    """The allowed size of a file; exactly one is given.

    Attributes:
        file_bytes: size of the whole file, at most.
        vectors_ratio: float32 matrix over what decoding needs, at least.
    """

    file_bytes: int | None = None
    vectors_ratio: float | None = None

    def __post_init__(self) -> None:
        if (self.file_bytes is None) == (self.vectors_ratio is None):
            raise ParameterError("give one of `target_size` and `target_ratio`")
        if self.vectors_ratio is not None:
            require("target_ratio", self.vectors_ratio, Real(0, open_ends=True))

    @classmethod
    def given(cls, file_bytes: int | None, vectors_ratio: float | None) -> Budget | None:
        """Return the budget; ``None`` if neither is given."""
        return None if file_bytes is None and vectors_ratio is None else cls(file_bytes, vectors_ratio)

    def __str__(self) -> str:
        if self.file_bytes is not None:
            return f"{self.file_bytes:,} bytes"
        return f"{self.vectors_ratio:g} × (vectors only)"

    def spare(self, known: dict[str, Any]) -> int:
        """Bytes by which a container (as ``info`` describes it) could be larger; negative if it is too large."""
        if self.file_bytes is not None:
            return self.file_bytes - int(known["bytes"]["file"])
        allowed = 4 * known["rows"] * known["dim"] / (self.vectors_ratio or 1)
        return int(allowed) - int(known["bytes"]["codes"] + known["bytes"]["decode_state"])


def choose(bench: Workbench, candidate: Candidate, budget: Budget) -> Job:
    """The largest configuration of a candidate that keeps to the budget, or the reason why there is none."""
    dim = bench.embedding.dim
    if candidate.for_ratio(1.0, dim) is not None:
        return _choose_ratio(bench, candidate, budget)
    if candidate.for_bits(dim, dim) is not None:
        return _choose_bits(bench, candidate, budget)
    _, known = bench.container(candidate.job())
    if budget.spare(known) >= 0:
        return candidate.job(f"{candidate.method} has no option for its size: it is taken as it is")
    return _unreachable(candidate, budget, f"it has no option for its size, and takes {_taken(known, budget)}")


def _choose_bits(bench: Workbench, candidate: Candidate, budget: Budget) -> Job:
    dim = bench.embedding.dim
    most = MOST_BITS_PER_DIM * dim
    state = _state_bytes(bench, _with_bits(bench, candidate, dim))
    state_per_bit = (_state_bytes(bench, _with_bits(bench, candidate, 2 * dim)) - state) / dim
    per_bit = len(bench.embedding) / 8 + state_per_bit
    width = _clamped(_allowed_bytes(bench, budget, state - dim * state_per_bit) / per_bit, most)
    best: Job | None = None
    fits, fails = 0, most + 1  # widths
    known: dict[str, Any] = {}
    for _ in range(MOST_TRIES):
        job = _with_bits(bench, candidate, width).job()
        _, known = bench.container(job)
        spare = budget.spare(known)
        if spare >= 0:
            best, fits = job, width
        else:
            fails = width
        width = max(fits, min(fails - 1, _clamped(width + spare / per_bit, most)))
        if width in (0, fits):
            break
    return best or _unreachable(candidate, budget, f"with {fails} bits per word it takes {_taken(known, budget)}")


def _choose_ratio(bench: Workbench, candidate: Candidate, budget: Budget) -> Job:
    dim = bench.embedding.dim
    n_floats = len(bench.embedding) * dim
    room = _allowed_bytes(bench, budget, 0)
    known: dict[str, Any] = {}
    for _ in range(MOST_TRIES):
        job = (candidate.for_ratio(4 * n_floats / max(1.0, room), dim) or candidate).job()
        _, known = bench.container(job)
        spare = budget.spare(known)
        if spare >= 0:
            return job
        room += spare
    return _unreachable(candidate, budget, f"the least it takes is {_taken(known, budget)}")


def _with_bits(bench: Workbench, candidate: Candidate, width: int) -> Candidate:
    return candidate.for_bits(width, bench.embedding.dim) or candidate


def _clamped(width: float, most: int) -> int:
    return max(1, min(most, math.floor(width)))


def _allowed_bytes(bench: Workbench, budget: Budget, state: float) -> float:
    """Bytes that are left for codes and what grows with them."""
    n_rows, dim = len(bench.embedding), bench.embedding.dim
    if budget.file_bytes is None:
        return 4 * n_rows * dim / (budget.vectors_ratio or 1) - state
    return budget.file_bytes - bench.vocabulary.stored_bytes - HEADER_BYTES - state


def _state_bytes(bench: Workbench, candidate: Candidate) -> int:
    """Bytes of state, from fitting a few rows: what is learned has the same shape for any number of them."""
    compressor = candidate.build().fit(bench.embedding.vectors[:PROBE_ROWS])
    return sum(array.nbytes for array in compressor.get_state().values())


def _unreachable(candidate: Candidate, budget: Budget, why: str) -> Job:
    return Job(candidate.method, None, f"{candidate.method} cannot reach {budget}: {why}")


def _taken(known: dict[str, Any], budget: Budget) -> str:
    if budget.file_bytes is not None:
        return f"{known['bytes']['file']:,} bytes"
    return f"{known['ratio']['vectors']:g} ×"


def exceeding(results: Iterable[Result], bench: Workbench, budget: Budget) -> list[str]:
    """Notes on runs that are larger than allowed: another seed than the one chosen with can take some bytes more."""
    n_rows, dim = len(bench.embedding), bench.embedding.dim
    return [
        f"{result.label} with seed {result.seed} takes {-spare:,} bytes more than {budget}"
        for result in results
        if result.key and (spare := budget.spare({"bytes": result.bytes, "rows": n_rows, "dim": dim})) < 0
    ]


def seeded(job: Job, seeds: Iterable[int]) -> list[Job]:
    """The same configuration with each seed."""
    name = seed_name(job.method)
    if job.config is None or name is None:
        return [job]
    return [Job(job.method, job.config | {name: seed}, job.note) for seed in seeds]


def run(
    bench: Workbench,
    candidates: Sequence[Candidate],
    widths: Sequence[int],
    budget: Budget | None,
    n_seeds: int,
    progress: Progress = no_progress,
) -> tuple[list[Result], list[str]]:
    """Compress with each candidate and seed, and score: the results, the source's own first, and notes for people.

    Args:
        bench: the source; its seed is the first.
        candidates: each is run at all ``widths``, bits per word, that apply to it.
        widths: may be none.
        budget: with one, each candidate's options are chosen with the first seed.
        n_seeds: how many seeds.
        progress: called with the current step, and how many steps of how many are done.
    """
    candidates, notes = sweep_bits(candidates, widths, bench.embedding.dim)
    seeds = range(bench.evaluation.seed, bench.evaluation.seed + n_seeds)
    if budget is None:
        jobs = over_seeds(candidates, seeds.start, n_seeds)
    else:
        jobs = _within(bench, candidates, budget, seeds, progress)
    results = bench.compare(jobs, progress)
    notes += [job.note for job in jobs if job.note]
    return results, [*bench.evaluation.missing, *notes, *(exceeding(results, bench, budget) if budget else [])]


def _within(
    bench: Workbench, candidates: Sequence[Candidate], budget: Budget, seeds: range, progress: Progress
) -> list[Job]:
    jobs: list[Job] = []
    for done, candidate in enumerate(candidates):
        progress(f"{candidate.method}: size", done, len(candidates))
        jobs += seeded(choose(bench, candidate.from_seed(seeds.start), budget), seeds)
    return jobs
