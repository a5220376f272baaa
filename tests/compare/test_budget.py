from __future__ import annotations

import math

import pytest

from embcomp.comparison.budget import Budget, choose, exceeding, seeded
from embcomp.comparison.plan import Candidate, Job, parse_candidate
from embcomp.comparison.workbench import Workbench
from embcomp.errors import ParameterError


@pytest.mark.parametrize("ratio", [0.0, -3.0, math.nan, math.inf])
def test_ratios_that_are_none_are_refused(ratio: float) -> None:
    with pytest.raises(ParameterError, match=f"^`target_ratio` must be a number above 0, got {ratio}$"):
        Budget.given(None, ratio)


def test_one_budget_at_a_time() -> None:
    for given in ((None, None), (5, 2.0)):
        with pytest.raises(ParameterError, match="give one of `target_size` and `target_ratio`"):
            Budget(*given)


@pytest.mark.parametrize("size", [6_050, 5_050, 4_400])
def test_the_file_is_the_largest_that_fits(bench: Workbench, size: int) -> None:
    budget = Budget(file_bytes=size)
    job = choose(bench, Candidate("itq", {}), budget)
    assert job.config is not None
    path, _ = bench.container(job)
    assert path.stat().st_size <= size
    one_more, _ = bench.container(Job("itq", job.config | {"bits": job.config["bits"] + 1}))
    assert one_more.stat().st_size > size


def test_the_ratio_is_reached_and_not_passed_by_much(bench: Workbench) -> None:
    job = choose(bench, Candidate("iiq", {}), Budget(vectors_ratio=9.0))
    assert job.config is not None
    known = bench.container(job)[1]
    more = bench.container(Job("iiq", job.config | {"bits": job.config["bits"] + 1}))[1]
    assert more["ratio"]["vectors"] < 9.0 <= known["ratio"]["vectors"]


def test_room_without_end_is_not_used_to_the_end(bench: Workbench) -> None:
    job = choose(bench, Candidate("itq", {}), Budget(file_bytes=10**9))
    assert job.config is not None
    assert job.config["bits"] == 4 * bench.embedding.dim


def test_what_cannot_be_reached_says_why(bench: Workbench) -> None:
    job = choose(bench, Candidate("itq", {}), Budget(file_bytes=1000))
    assert job.config is None
    assert job.note.startswith("itq cannot reach 1,000 bytes: with 1 bits per word it takes ")


def test_a_method_without_a_size_is_taken_as_it_is_or_not_at_all(bench: Workbench) -> None:
    fits = choose(bench, Candidate("sign", {}), Budget(vectors_ratio=2.0))
    assert (fits.config, fits.note) == (
        {"threshold": "mean", "grade": 0.0, "lengths": "auto", "fit_rows": 50_000},
        "sign has no option for its size: it is taken as it is",
    )
    fails = choose(bench, Candidate("sign", {}), Budget(vectors_ratio=64.0))
    assert fails.config is None
    assert fails.note.startswith("sign cannot reach 64 × (vectors only): it has no option for its size, and takes ")


def test_bits_that_were_given_are_kept(bench: Workbench) -> None:
    job = choose(bench, Candidate("itq", {"bits": 3}), Budget(vectors_ratio=4.0))
    assert job.config is not None
    assert job.config["bits"] == 3


@pytest.mark.parametrize("method", ["prune", "alone:epochs=2", "kd:iterations=1", "dccl:epochs=1", "nlb:epochs=1"])
@pytest.mark.parametrize("budget", [Budget(vectors_ratio=4.0), Budget(file_bytes=7_000)], ids=str)
def test_every_method_keeps_to_the_budget_or_says_so(bench: Workbench, method: str, budget: Budget) -> None:
    job = choose(bench, parse_candidate(method), budget)
    if job.config is None:
        assert "cannot reach" in job.note
    else:
        assert budget.spare(bench.container(job)[1]) >= 0


def test_a_fraction_is_found_for_a_ratio(bench: Workbench) -> None:
    job = choose(bench, Candidate("prune", {}), Budget(vectors_ratio=8.0))
    ratio = bench.container(job)[1]["ratio"]["vectors"]
    assert 8.0 <= ratio < 8.2
    never = choose(bench, Candidate("prune", {}), Budget(vectors_ratio=1000.0))
    assert never.note.startswith("prune cannot reach 1000 × (vectors only): the least it takes is ")


def test_runs_above_the_budget_are_named(bench: Workbench) -> None:
    results = bench.compare([Job("itq", Candidate("itq", {"bits": 9, "random_state": 5}).build().get_config())])
    size = results[1].bytes["file"] if results[1].bytes else 0
    assert exceeding(results, bench, Budget(file_bytes=size)) == []
    assert exceeding(results, bench, Budget(file_bytes=size - 7)) == [
        f"itq bits=9 with seed 5 takes 7 bytes more than {size - 7:,} bytes"
    ]


def test_seeds_share_the_configuration() -> None:
    job = Job("itq", {"bits": 3, "random_state": 0})
    assert [each.config for each in seeded(job, range(4, 6))] == [
        {"bits": 3, "random_state": 4},
        {"bits": 3, "random_state": 5},
    ]
    assert seeded(Job("sign", {"threshold": "mean"}), range(3)) == [Job("sign", {"threshold": "mean"})]
    assert seeded(Job("sign", None, "why"), range(3)) == [Job("sign", None, "why")]
