from __future__ import annotations

import pytest

from embcomp.comparison.plan import Candidate, Job, over_seeds, parse_candidate, sweep_bits
from embcomp.errors import ParameterError


def test_a_candidate_is_a_method_with_options_after_colons() -> None:
    assert parse_candidate(" iiq:remove-top=3:seed=7:bits=50 ") == Candidate(
        "iiq", {"remove_top": 3, "random_state": 7, "bits": 50}
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("nope", "there is no method 'nope'"),
        ("iiq:bits", "`methods` iiq:bits: expected option=value after the colon, got 'bits'"),
        (
            "sign:bits=5",
            "sign: 'bits' is not an option of this method; it has 'threshold', 'grade', 'lengths', 'fit_rows'",
        ),
        ("itq:bits=x", "itq: 'bits' must be an integer from 1 to 65536 or 'dim', got 'x'"),
        ("itq:bits=0", "itq: 'bits' must be an integer from 1 to 65536 or 'dim', got 0"),
    ],
)
def test_what_is_wrong_is_said_before_any_file_is_read(text: str, message: str) -> None:
    with pytest.raises(ParameterError) as caught:
        parse_candidate(text)
    assert message in str(caught.value)


def test_a_sweep_runs_each_width_and_says_where_it_does_not_apply() -> None:
    candidates = [parse_candidate(text) for text in ("sign", "itq", "iiq:bits=7")]
    swept, notes = sweep_bits(candidates, [8, 4], 12)
    assert [(each.method, each.options.get("bits")) for each in swept] == [
        ("sign", None),
        ("itq", 8),
        ("itq", 4),
        ("iiq", 7),
    ]
    assert notes == ["bits do not apply to sign, iiq: run once, with the options they have"]


def test_methods_with_symbols_take_as_many_as_the_bits_hold() -> None:
    candidates = [parse_candidate(text) for text in ("kd:ways=256", "kd:ways=16", "dccl", "kd:dims=2")]
    swept, notes = sweep_bits(candidates, [25, 3], 12)
    assert [each.options for each in swept] == [
        {"ways": 256, "dims": 3},
        {"ways": 8, "dims": 1},
        {"ways": 16, "dims": 6},
        {"ways": 8, "dims": 1},
        {"codebooks": 6},
        {"codebooks": 1, "ways": 8},
        {"dims": 2},
    ]
    assert notes == [
        "kd: bits 25 is dims=3, 3 is ways=8 dims=1",
        "kd: bits 25 is dims=6, 3 is ways=8 dims=1",
        "dccl: bits 25 is codebooks=6, 3 is codebooks=1 ways=8",
        "bits do not apply to kd: run once, with the options they have",
    ]


def test_a_network_for_all_words_is_smaller_by_the_same_ratio() -> None:
    candidates = [parse_candidate(text) for text in ("alone:epochs=8", "alone:inter=4", "prune")]
    swept, notes = sweep_bits(candidates, [100, 50, 25], 100)
    assert [each.options for each in swept] == [
        {"epochs": 8, "ratio": 32.0},
        {"epochs": 8, "ratio": 64.0},
        {"epochs": 8, "ratio": 128.0},
        {"inter": 4},
        {},
    ]
    assert notes == [
        "alone: bits 100 is ratio=32.0, 50 is ratio=64.0, 25 is ratio=128.0",
        "bits do not apply to alone, prune: run once, with the options they have",
    ]


def test_a_sweep_refuses_what_a_method_refuses() -> None:
    with pytest.raises(ParameterError, match="itq: `bits` must be an integer from 1 to 65536 or 'dim', got 0"):
        sweep_bits([Candidate("itq", {})], [0], 12)


def test_no_widths_leave_everything_as_it_is() -> None:
    candidates = [Candidate("sign", {}), Candidate("itq", {})]
    assert sweep_bits(candidates, [], 12) == (candidates, [])


def test_seeds_multiply_what_is_random_and_nothing_else() -> None:
    jobs = over_seeds([Candidate("sign", {}), Candidate("itq", {}), Candidate("iiq", {"random_state": 9})], 3, 2)
    assert [(job.method, (job.config or {}).get("random_state")) for job in jobs] == [
        ("sign", None),
        ("itq", 3),
        ("itq", 4),
        ("iiq", 9),
    ]
    assert jobs[0] == Job("sign", {"threshold": "mean", "grade": 0.0, "lengths": "auto", "fit_rows": 50_000})


def test_the_same_job_runs_once() -> None:
    assert len(over_seeds([Candidate("itq", {}), Candidate("itq", {"bits": "dim"})], 0, 1)) == 1
