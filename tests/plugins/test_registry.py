"""Entry points that are in order, and every way in which one is not."""

from __future__ import annotations

import json
import warnings
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest

import embcomp
from embcomp.compressors import registry
from embcomp.compressors.sign import SignCompressor
from embcomp.errors import NewerVersionError, PluginError, PluginWarning
from tests.cli.conftest import Cli, cli
from tests.container.builder import Parts

__all__ = ["cli"]


class Good(SignCompressor):
    name = "good"
    summary = "signs under another name"


class Nameless(SignCompressor):
    name = "other"


class Wordless(SignCompressor):
    name = "wordless"
    summary = None  # type: ignore[assignment]


class Abstract(embcomp.Compressor):
    name = "abstract"
    summary = "no method at all"


BROKEN = {
    "missing": ("no_such_module_anywhere:Mine", "ModuleNotFoundError: No module named 'no_such_module_anywhere'"),
    "absent": ("tests.plugins.test_registry:Absent", "AttributeError: module 'tests.plugins.test_registry' has no"),
    "raising": ("raising_module:Mine", "ZeroDivisionError: at import, on two lines"),
    "leaving": ("leaving_module:Mine", "SystemExit: 3"),
    "number": ("tests.plugins.test_registry:NUMBER", "TypeError: 7 is not a subclass of embcomp.Compressor"),
    "named": (
        "tests.plugins.test_registry:Nameless",
        "TypeError: its name must be 'named', as its entry point, got 'other'",
    ),
    "wordless": ("tests.plugins.test_registry:Wordless", "TypeError: Wordless.summary must be a line of text"),
    "abstract": ("tests.plugins.test_registry:Abstract", "TypeError: Abstract is abstract, it lacks _decode_block, "),
    "sign": ("tests.plugins.test_registry:Good", "TypeError: 'sign' is a method of embcomp itself, expected another"),
}
NUMBER = 7


@pytest.fixture
def offer(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """Pretend that installed packages have these entry points."""
    (tmp_path / "raising_module.py").write_text("raise ZeroDivisionError('at import,\\non two lines')")
    (tmp_path / "leaving_module.py").write_text("raise SystemExit(3)")
    monkeypatch.syspath_prepend(str(tmp_path))

    def offer(**points: str) -> None:
        listed = [EntryPoint(name, value, "embcomp.compressors") for name, value in points.items()]
        monkeypatch.setattr("importlib.metadata.entry_points", lambda group: listed)

    return offer


def test_a_method_of_another_package(offer: Any) -> None:
    offer(good="tests.plugins.test_registry:Good")
    assert registry.method_names() == [*registry.BUILT_IN, "good"]
    assert registry.compressor_class("good") is Good
    assert list(embcomp.methods()) == [*registry.BUILT_IN, "good"]
    assert isinstance(embcomp.make_compressor("good", threshold="zero"), Good)


@pytest.mark.parametrize("name", [name for name in BROKEN if name != "sign"])
def test_a_broken_one_that_is_asked_for_says_why(offer: Any, name: str) -> None:
    target, reason = BROKEN[name]
    offer(**{name: target})
    with pytest.raises(PluginError) as refused:
        registry.compressor_class(name)
    start = f"plugin {name!r} (embcomp.compressors, from an unknown package) cannot be used: {reason}"
    assert str(refused.value).startswith(start)
    assert "\n" not in str(refused.value)


def test_each_broken_one_is_named_in_a_warning_and_hurts_nobody(offer: Any) -> None:
    offer(good="tests.plugins.test_registry:Good", **{name: target for name, (target, _) in BROKEN.items()})
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        kinds = embcomp.methods()
    assert list(kinds) == [*registry.BUILT_IN, "good"]
    assert kinds["sign"] is SignCompressor
    assert {warning.category for warning in caught} == {PluginWarning}
    messages = sorted(str(warning.message) for warning in caught)
    assert [message.split("'")[1] for message in messages] == sorted(BROKEN)
    assert registry.compressor_class("sign") is SignCompressor


def test_compressing_does_not_import_what_is_not_used(offer: Any, tmp_path: Path) -> None:
    offer(missing=BROKEN["missing"][0])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        embcomp.compress(["a", "b"], [[1.0, 2.0], [3.0, 4.0]]).save(tmp_path / "out.embc")
        embcomp.open(tmp_path / "out.embc")


def test_a_file_made_by_a_broken_method_says_why(offer: Any, tmp_path: Path) -> None:
    offer(missing=BROKEN["missing"][0])
    path = tmp_path / "out.embc"
    embcomp.compress(["a", "b"], [[1.0, 2.0], [3.0, 4.0]], "sign").save(path)
    parts = Parts(path.read_bytes())
    parts.document["method"] = "missing"
    path.write_bytes(parts.build())
    with pytest.raises(NewerVersionError, match=r"out\.embc: plugin 'missing' \(embcomp\.compressors, "):
        embcomp.open(path)
    parts.document["method"] = "neverheard"
    path.write_bytes(parts.build())
    with pytest.raises(NewerVersionError, match=r"out\.embc: method 'neverheard' is not known to this"):
        embcomp.open(path)


def test_methods_of_the_command_line_go_on(offer: Any, cli: Cli) -> None:
    offer(good="tests.plugins.test_registry:Good", missing=BROKEN["missing"][0])
    listed = cli("methods", "--json")
    assert listed.code == 0
    assert listed.err.startswith(
        "embcomp: warning: plugin 'missing' (embcomp.compressors, from an unknown package) cannot"
    )
    assert listed.err.count("\n") == 1
    assert [document["method"] for document in json.loads(listed.out)["results"]] == [*registry.BUILT_IN, "good"]
