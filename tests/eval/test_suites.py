"""Suites of other packages, by their entry points."""

from __future__ import annotations

from dataclasses import replace
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from embcomp.errors import ParameterError, PluginError, PluginWarning
from embcomp.eval import similarity, suite
from embcomp.eval.score import Measurement
from embcomp.eval.suite import BUILT_IN, DataSet, Settings, Suite
from embcomp.eval.target import Target

from .conftest import evaluate, toy


def read(path: Path) -> list[tuple[str, ...]]:
    return [tuple(line.split()) for line in path.read_text(encoding="utf-8").splitlines()]


def measure(target: Target, data: DataSet, settings: Settings) -> dict[str, Measurement]:
    """Share of the pairs whose first word has the longer vector."""
    rows = np.array([target.rows(row) for row in data.rows])
    lengths = np.linalg.norm(target.decode_rows(rows.ravel()), axis=1).reshape(rows.shape)
    return {"accuracy": Measurement(float((lengths[:, 0] > lengths[:, 1]).mean()), len(rows))}


LONGER = Suite("longer", "which of two vectors is longer", ("accuracy",), measure, read, folders=("longer",))
NAMED = replace(LONGER, name="other")
EMPTY = replace(LONGER, name="empty", measure=None)
NUMBER = 7

BROKEN = {
    "missing": ("no_such_module:SUITE", "ModuleNotFoundError: No module named 'no_such_module'"),
    "absent": ("tests.eval.test_suites:ABSENT", "AttributeError: module 'tests.eval.test_suites' has no attribute"),
    "number": ("tests.eval.test_suites:NUMBER", "TypeError: 7 is not an embcomp.eval.suite.Suite"),
    "named": ("tests.eval.test_suites:NAMED", "TypeError: its name must be 'named', as its entry point, got 'other'"),
    "empty": ("tests.eval.test_suites:EMPTY", "TypeError: it has neither `measure` nor `plan`"),
    "analogy": (
        "tests.eval.test_suites:LONGER",
        "TypeError: 'analogy' is a suite of embcomp itself",
    ),
}


@pytest.fixture
def offer(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Pretend that installed packages have these entry points."""

    def offer(**points: str) -> None:
        listed = [EntryPoint(name, value, "embcomp.suites") for name, value in points.items()]
        monkeypatch.setattr("importlib.metadata.entry_points", lambda group: listed)

    return offer


@pytest.fixture
def folder(write: Any) -> Path:
    write("longer/two.txt", "a b\nc b\n")
    return write("longer/one.txt", "a c\n").parents[1]


WORDS = toy("a b c", [[3, 0], [0, 2], [1, 0]])


def test_a_suite_of_another_package_reads_its_folder_and_is_scored(offer: Any, folder: Path) -> None:
    offer(longer="tests.eval.test_suites:LONGER")
    assert suite.suite_names() == [*BUILT_IN, "longer"]
    scores = evaluate(WORDS, ["longer"], folder)
    assert [(*score.key, score.value, score.n_used) for score in scores] == [
        ("longer", "one", "accuracy", 100, 1),
        ("longer", "two", "accuracy", 50, 2),
    ]
    assert [score.suite for score in evaluate(WORDS, None, folder)][-1] == "longer"  # and runs if none is named


def test_without_the_package_its_folder_is_passed_over(folder: Path, write: Any) -> None:
    write("similarity/x.txt", "a b 1\nb c 2\n")
    assert {score.suite for score in evaluate(WORDS, None, folder)} == {"similarity", "analogy"}


def test_each_broken_one_is_named_in_a_warning_and_hurts_nobody(offer: Any) -> None:
    offer(longer="tests.eval.test_suites:LONGER", **{name: target for name, (target, _) in BROKEN.items()})
    with pytest.warns(PluginWarning) as caught:
        found = suite.all_suites()
    assert list(found) == [*BUILT_IN, "longer"]
    assert found["similarity"] is similarity.SUITE
    starts = {f"plugin {name!r} (embcomp.suites, from an unknown package) cannot be used": name for name in BROKEN}
    messages = {starts[str(each.message).partition(": ")[0]]: str(each.message).partition(": ")[2] for each in caught}
    assert messages.keys() == BROKEN.keys()
    assert all(messages[name].startswith(reason) for name, (_, reason) in BROKEN.items())


@pytest.mark.filterwarnings("ignore::embcomp.errors.PluginWarning")
def test_a_broken_one_that_is_asked_for_says_why(offer: Any) -> None:
    offer(empty=BROKEN["empty"][0])
    with pytest.raises(PluginError, match=r"'empty' .* it has neither `measure` nor `plan`"):
        evaluate(WORDS, ["empty"])
    with pytest.raises(ParameterError, match=r"there is no suite 'lost', expected one of similarity, .*, empty"):
        evaluate(WORDS, ["lost"])


@pytest.mark.parametrize("part", ["built_in", "read"])
def test_one_that_fails_while_data_are_collected_is_passed_over(
    offer: Any, folder: Path, write: Any, part: str
) -> None:
    write("similarity/x.txt", "a b 1\nb c 2\n")
    offer(failing="tests.eval.test_suites:FAILING_" + part.upper())
    with pytest.warns(PluginWarning, match="suite 'failing' of another package cannot be used: KeyError: 'lost'"):
        scores = evaluate(WORDS, None, folder)
    assert {score.suite for score in scores} == {"similarity", "analogy"}


def fail(*_: Any) -> Any:
    raise KeyError("lost")


FAILING_BUILT_IN = replace(LONGER, name="failing", folders=("none",), built_in=fail)
FAILING_READ = replace(LONGER, name="failing", read=fail)
