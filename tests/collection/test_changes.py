"""Words are added, files are put together, writers meet, and damage is found."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import embcomp
from embcomp.collection import changes
from embcomp.collection.changes import add, compact, one_file
from embcomp.collection.checking import check
from embcomp.collection.engines import engine
from embcomp.collection.folders import Folder
from embcomp.collection.making import compress
from embcomp.collection.manifest import Manifest, publish, read_manifest, sealed
from embcomp.collection.opened import open_collection
from embcomp.compressors.base import Compressor
from embcomp.compressors.registry import make_compressor
from embcomp.container.reader import open_container
from embcomp.container.writer import save
from embcomp.errors import ContainerError, CorruptError, InputError, NewerVersionError, OutputError
from embcomp.formats import read_embedding, write_embedding

from .conftest import DIM, OPTIONS
from .test_opened import require_equal

SERIAL = engine("serial")


@pytest.fixture(scope="session")
def more(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Forty words, four of which a source has already."""
    path = tmp_path_factory.mktemp("more") / "more.txt"
    words = [f"wörd-{row}" for row in range(2390, 2430)]
    vectors = np.random.default_rng(1).standard_normal((40, DIM)).astype(np.float32)
    write_embedding(path, "glove-text", [(words, vectors)], 40, DIM)
    return path


def test_one_file_of_a_collection_is_that_of_the_source(collection: str, single: Path, tmp_path: Path) -> None:
    save(one_file(open_collection(collection)), tmp_path / "one.embc")
    assert (tmp_path / "one.embc").read_bytes() == single.read_bytes()


def test_a_whole_collection_has_no_problems(collection: str) -> None:
    assert check(collection, SERIAL) == []


def test_added_words_are_those_of_one_file(
    compressor: Callable[[], Compressor], parts: Path, single: Path, more: Path, tmp_path: Path
) -> None:
    target = str(tmp_path / "x.embcs")
    compress([str(parts)], target, compressor(), OPTIONS, SERIAL, n_shards=4)
    manifest, n_new, n_known = add(target, str(more), OPTIONS)
    grown, n_known_there = open_container(single).extended(read_embedding(more))
    assert (manifest.rows, n_known, manifest.generation) == (len(grown), n_known_there, 1)
    again, *counts = add(target, str(more), OPTIONS)
    assert (again, counts) == (manifest, [0, n_new + n_known])
    save(grown, tmp_path / "grown.embc")
    one = embcomp.open(tmp_path / "grown.embc")
    require_equal(one, embcomp.open(target))
    assert check(target, SERIAL) == []
    for n_shards in (None, 7, 2):
        compact(target, SERIAL, n_shards)
        require_equal(one, embcomp.open(target))
        assert check(target, SERIAL) == []
    save(one_file(open_collection(target)), tmp_path / "one.embc")
    assert (tmp_path / "one.embc").read_bytes() == (tmp_path / "grown.embc").read_bytes()


def test_earlier_generations_stay(iiq: str, more: Path) -> None:
    before = open_collection(iiq)
    words = before.words
    add(iiq, str(more), OPTIONS)
    compact(iiq, SERIAL)
    assert before.words == words
    assert open_collection(iiq, 0).words == words
    assert read_manifest(iiq).generation == 2


def test_of_two_writers_both_end_up_in_the_collection(
    iiq: str, more: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / "other.txt"
    write_embedding(other, "glove-text", [(["other"], np.ones((1, DIM), np.float32))], 1, DIM)
    published = []

    def first_the_other(manifest: Manifest, folder: Folder) -> None:
        if not published:
            published.append(manifest)
            add(iiq, str(other), OPTIONS)
        publish(manifest, folder)

    monkeypatch.setattr(changes, "publish", first_the_other)
    manifest, *_ = add(iiq, str(more), OPTIONS)
    assert manifest.generation == 2
    assert "other" in embcomp.open(iiq)
    assert "wörd-2429" in embcomp.open(iiq)
    assert check(iiq, SERIAL) == []


def test_a_second_writer_of_a_generation_is_refused(iiq: str) -> None:
    before = read_manifest(iiq)
    first, second = compact(iiq, SERIAL, 2), before.after(before)
    with pytest.raises(OutputError, match="generation 1 was published by another writer meanwhile; run it again"):
        publish(second, Folder(iiq))
    assert read_manifest(iiq) == first


def test_a_collection_is_replaced_by_force_only(iiq: str, parts: Path) -> None:
    with pytest.raises(OutputError, match="exists already; `force` publishes another generation"):
        compress([str(parts)], iiq, make_compressor("sign"), OPTIONS, SERIAL, n_shards=2)
    compress([str(parts)], iiq, make_compressor("sign"), OPTIONS, SERIAL, n_shards=2, force=True)
    assert (read_manifest(iiq).method, read_manifest(iiq).generation) == ("sign", 1)
    assert check(iiq, SERIAL) == []


def test_damage_is_found_and_named(iiq: str) -> None:
    for path in sorted(Path(iiq).iterdir()):
        data = path.read_bytes()
        for place in range(len(data) // 3, len(data), max(1, len(data) // 3)):
            path.write_bytes(data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :])
            try:
                problems = check(iiq, SERIAL)
            except ContainerError as error:
                problems = [str(error)]
            assert problems, (path.name, place)
            assert path.name in problems[0]
        path.write_bytes(data)
    assert check(iiq, SERIAL) == []


def test_a_missing_file_is_named(iiq: str) -> None:
    gone = Path(iiq, read_manifest(iiq).files[1].name)
    gone.unlink()
    assert check(iiq, SERIAL) == [f"{gone}: cannot be read: there is no such file"]
    with pytest.raises(InputError, match=gone.name):
        _ = open_collection(iiq).words


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"format": 2}, NewerVersionError),
        ({"rows": 1}, CorruptError),
        ({"files": [{}]}, CorruptError),
        ({"files": None}, CorruptError),
        ({"files": [{"name": "x.embc"}]}, CorruptError),
        ({"model": "../x.embm"}, CorruptError),
        ({"model": 1}, CorruptError),
        ({"n_shards": 1}, CorruptError),
        ({"dim": 3.5}, CorruptError),
        ({"source": {"no": 1}}, CorruptError),
    ],
)
def test_a_manifest_that_is_refused(iiq: str, change: dict[str, object], error: type[Exception]) -> None:
    path = Path(iiq, "manifest-00000.json")
    document = json.loads(path.read_text())
    del document["sha256"]
    path.write_bytes(sealed(document | change))
    with pytest.raises(error, match=r"manifest-00000\.json"):
        read_manifest(iiq)


def test_no_collection(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is no collection, expected a folder with a manifest"):
        open_collection(str(tmp_path / "none.embcs"))
    (tmp_path / "x.embcs").mkdir()
    with pytest.raises(InputError, match="is no collection, expected a folder with a manifest"):
        open_collection(str(tmp_path / "x.embcs"))
