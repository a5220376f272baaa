from __future__ import annotations

import json
from pathlib import Path

import pytest

from embcomp.comparison.cache import Cache, code_of, default_folder, key_of, opened_cache
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


def package(folder: Path, name: str, monkeypatch: pytest.MonkeyPatch, **files: str) -> str:
    """Write a package of files, and return the digest of its code."""
    for file, text in files.items():
        path = folder / name / file.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.with_suffix(".py").write_text(text)
    (folder / name / "__init__.py").write_text("")
    (folder / name / "data.txt").write_text(str(files))
    monkeypatch.syspath_prepend(folder)
    return code_of(name)


def test_code_is_known_by_all_python_files_of_a_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = {"one": "1\n", "inner__two": "2\n"}
    digest = package(tmp_path / "a", "methods_a", monkeypatch, **files)
    assert digest == package(tmp_path / "b", "methods_b", monkeypatch, **files)  # wherever it is, whatever its data
    for name, changed in (("c", {"inner__two": "3\n"}), ("d", {"three": "1\n"})):
        assert package(tmp_path / name, f"methods_{name}", monkeypatch, **files | changed) != digest
    (tmp_path / "a" / "methods_a" / "one.py").write_text("changed while it runs\n")
    assert code_of("methods_a") == digest


def test_code_of_a_module_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "lone_method.py").write_text("1\n")
    (tmp_path / "other.py").write_text("2\n")
    monkeypatch.syspath_prepend(tmp_path)
    assert len({code_of("lone_method"), code_of("other"), code_of("embcomp")}) == 3


def test_a_cache_that_keeps_nothing(tmp_path: Path) -> None:
    with opened_cache(tmp_path) as cache:
        cache.store("k", 1)
    with opened_cache(tmp_path) as cache:
        assert cache.load("k") == 1
    with opened_cache(None) as cache:
        cache.store("k", 1)
    assert not cache.folder.exists()


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
