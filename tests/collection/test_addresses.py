"""Collections at addresses: in memory, and on a server of objects on this machine."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import embcomp
from embcomp.collection import changes
from embcomp.collection.changes import add, compact
from embcomp.collection.checking import check
from embcomp.collection.engines import engine
from embcomp.collection.folders import Folder, folder_at
from embcomp.collection.making import compress
from embcomp.collection.manifest import Manifest, publish, read_manifest
from embcomp.compressors.registry import make_compressor
from embcomp.errors import InputError, OutputError
from embcomp.formats import write_embedding

from .conftest import DIM, OPTIONS
from .test_opened import require_equal

SERIAL = engine("serial")


@pytest.fixture(scope="session")
def bucket() -> Iterator[str]:
    """A bucket of moto's S3 server."""
    moto = pytest.importorskip("moto.server")
    s3fs = pytest.importorskip("s3fs")
    server = moto.ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    with pytest.MonkeyPatch.context() as patch:
        host, port = server.get_host_and_port()
        patch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            patch.setenv(name, "testing")
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        s3fs.S3FileSystem.clear_instance_cache()
        s3fs.S3FileSystem().mkdir("words")
        yield "s3://words"
        s3fs.S3FileSystem.clear_instance_cache()
    server.stop()


@pytest.fixture(params=["memory", "s3"])
def address(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Where a collection may be, which no other test has used."""
    pytest.importorskip("fsspec")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    root = request.getfixturevalue("bucket") if request.param == "s3" else "memory://words"
    return f"{root}/{tmp_path.name}.embcs"


def test_compress_open_verify_add_and_compact(address: str, iiq: str, parts: Path, tmp_path: Path) -> None:
    compress([str(parts)], address, make_compressor("iiq"), OPTIONS, SERIAL, n_shards=3)
    assert folder_at(address).names() == sorted(path.name for path in Path(iiq).iterdir())
    with pytest.raises(OutputError, match="exists already"):
        compress([str(parts)], address, make_compressor("iiq"), OPTIONS, SERIAL, n_shards=3)
    require_equal(embcomp.open(iiq), embcomp.open(address))
    more = tmp_path / "more.txt"
    write_embedding(more, "glove-text", [(["new"], np.ones((1, DIM), np.float32))], 1, DIM)
    for root in (iiq, address):
        add(root, str(more), OPTIONS)
    require_equal(embcomp.open(iiq), embcomp.open(address))
    compact(address, SERIAL, 2)
    require_equal(embcomp.open(iiq), embcomp.open(address))
    assert check(address, SERIAL) == []


def test_of_two_writers_one_wins_and_nothing_is_lost(
    address: str, parts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    compress([str(parts)], address, make_compressor("sign"), OPTIONS, SERIAL, n_shards=2)
    sources = []
    for name in ("first", "second"):
        sources.append(str(tmp_path / f"{name}.txt"))
        write_embedding(sources[-1], "glove-text", [([name], np.ones((1, DIM), np.float32))], 1, DIM)
    seen = []

    def meanwhile(manifest: Manifest, folder: Folder) -> None:
        if not seen:
            seen.append(manifest)
            add(address, sources[1], OPTIONS)
        publish(manifest, folder)

    monkeypatch.setattr(changes, "publish", meanwhile)
    manifest, *_ = add(address, sources[0], OPTIONS)
    assert manifest.generation == 2
    assert {"first", "second"} <= set(embcomp.open(address).index_to_key)
    before = read_manifest(address, 1)
    with pytest.raises(OutputError, match="was published by another writer meanwhile"):
        publish(before.after(read_manifest(address, 0)).after(before), folder_at(address))


def test_the_server_itself_decides(address: str) -> None:
    folder = folder_at(address)
    assert folder.create("x", b"1")
    assert folder.create("x", b"1")
    assert not folder.create("x", b"2")
    with folder.open("x") as file:
        assert file.read() == b"1"


def test_no_collection_there(address: str) -> None:
    with pytest.raises(InputError, match="is no collection, expected a folder with a manifest"):
        embcomp.open(address)


def test_a_pattern_of_addresses(bucket: str, parts: Path, iiq: str, tmp_path: Path) -> None:
    folder = folder_at(f"{bucket}/source")
    for path in parts.parent.glob(parts.name):
        folder.write(path.name, path.read_bytes())
    target = str(tmp_path / "x.embcs")
    compress([f"{bucket}/source/{parts.name}"], target, make_compressor("iiq"), OPTIONS, SERIAL, n_shards=3)
    assert embcomp.open(target).encoded.source == embcomp.open(iiq).encoded.source
    require_equal(embcomp.open(iiq), embcomp.open(target))
