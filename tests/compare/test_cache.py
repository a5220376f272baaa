from __future__ import annotations

import json
from pathlib import Path

import pytest

from embcomp.comparison.cache import Cache, default_folder, file_digest, key_of, source_files
from embcomp.errors import OutputError


def test_what_is_stored_is_found_again(cache: Cache) -> None:
    assert cache.load(key_of("a", 1)) is None
    cache.store(key_of("a", 1), {"x": [1.5, None, "é"]})
    assert cache.load(key_of("a", 1)) == {"x": [1.5, None, "é"]}
    assert [path.suffix for path in cache.folder.iterdir()] == [".json"]  # no temporary file is left


@pytest.mark.parametrize("damage", [b"", b"{", b"[]", b'{"document": {"x": 1}}', b"\xff\xfe"])
def test_a_damaged_entry_counts_as_absent(cache: Cache, damage: bytes) -> None:
    cache.store("k", {"x": 1})
    cache.path("k", ".json").write_bytes(damage)
    assert cache.load("k") is None


def test_a_changed_entry_counts_as_absent(cache: Cache) -> None:
    cache.store("k", {"x": 1})
    stored = json.loads(cache.path("k", ".json").read_text())
    stored["document"]["x"] = 2
    cache.path("k", ".json").write_text(json.dumps(stored))
    assert cache.load("k") is None


def test_keys_tell_apart_what_differs() -> None:
    keys = [key_of("a"), key_of("b"), key_of("a", None), key_of(["a"]), key_of("a", {"x": 1}), key_of("a", {"x": 2})]
    assert len(set(keys)) == len(keys)
    assert key_of({"x": 1, "y": 2}) == key_of({"y": 2, "x": 1})


def test_a_file_digest_depends_on_names_and_contents(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    one.write_text("1")
    two.write_text("2")
    digest = file_digest([one, two])
    assert digest == file_digest([two, one])
    two.write_text("3")
    assert digest != file_digest([one, two])


@pytest.mark.parametrize(
    ("module", "present", "absent"),
    [
        ("iiq", "base state itq binary linear bits embedding threads checks", "kd nlb alone kmeans"),
        ("kd", "adam additive kmeans linear kd_lstm kd_training bits embedding threads", "alone nlb"),
        ("dccl", "adam base bits embedding threads", "kd alone"),
        ("alone", "adam feed_forward filters narrow bits embedding threads", "kd nlb iiq"),
    ],
)
def test_the_source_of_a_method_is_all_that_it_imports(module: str, present: str, absent: str) -> None:
    found = {name.rpartition(".")[2] for name in source_files([f"embcomp.compressors.{module}"])}
    assert found >= {module, *present.split()}
    assert found.isdisjoint(absent.split())


def test_imports_are_followed_inside_functions_and_whatever_their_form(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "othermethods"
    folder.mkdir()
    texts = {
        "method": "import numpy\nfrom . import first\ndef f():\n    from .second import g\n",
        "first": "import othermethods.third, embcomp.bits\n",
        "second": "g = 1\n",
        "third": "from othermethods import method, nothing\n",
        "fourth": "",
    }
    for name, text in texts.items():
        (folder / f"{name}.py").write_text(text)
    (folder / "__init__.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path)
    found = source_files(["othermethods.method"])
    names = {"othermethods", *(f"othermethods.{name}" for name in ("method", "first", "second", "third"))}
    assert set(found) == names
    before = file_digest(found.values())
    (folder / "third.py").write_text("changed = True\n")
    assert file_digest(source_files(["othermethods.method"]).values()) != before


def test_the_default_folder_follows_xdg(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert default_folder() == tmp_path / "embcomp"
    monkeypatch.setenv("XDG_CACHE_HOME", "relative/is/ignored")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert default_folder() == tmp_path / ".cache" / "embcomp"


def test_a_folder_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match=r"file/cache: cannot be made: Not a directory"):
        Cache(tmp_path / "file" / "cache")
