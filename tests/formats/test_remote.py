"""Sources at an address: a server of our own, with and without ranges, that breaks off; models in folders."""

from __future__ import annotations

import hashlib
import json
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from embcomp.errors import InputError, ParameterError
from embcomp.formats import remote, write_embedding
from tests.text.models import TOKENS, model2vec

from .helpers import read, rows

fsspec = pytest.importorskip("fsspec", reason="fsspec is not installed")
pytest.importorskip("aiohttp", reason="aiohttp is not installed")

TEXT = "".join(f"w{number} {number} {number / 8}\n" for number in range(5000)).encode()


class Server(ThreadingHTTPServer):
    """Serves bytes; ``broken`` answers are cut short, and ``asked`` lists the ranges."""

    files: dict[str, bytes]
    ranges = True
    broken = 0
    asked: list[str]


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_HEAD(self) -> None:
        self.answer(body=False)

    def do_GET(self) -> None:
        self.answer(body=True)

    def answer(self, *, body: bool) -> None:
        data = self.server.files.get(self.path.partition("?")[0])
        if data is None:
            self.send_error(404)
            return
        found = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range", "")) if self.server.ranges else None
        size, etag = len(data), hashlib.sha256(data).hexdigest()
        if found:
            start, end = int(found[1]), int(found[2]) + 1
            data = data[start:end]
        self.send_response(206 if found else 200)
        self.send_header("ETag", f'"{etag}"')
        self.send_header("Content-Length", str(len(data)))
        if self.server.ranges:
            self.send_header("Accept-Ranges", "bytes")
        if found:
            self.send_header("Content-Range", f"bytes {found[1]}-{found[2]}/{size}")
        self.end_headers()
        if not body:
            return
        self.server.asked.append(self.headers.get("Range", ""))
        if self.server.broken and found and found[1] != "0":
            self.server.broken -= 1
            data = data[: len(data) // 2]
            self.close_connection = True
        self.wfile.write(data)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setattr(remote, "PIECE_BYTES", 20_000)
    monkeypatch.setattr(remote, "PAUSE_SECONDS", 0)
    with Server(("127.0.0.1", 0), Handler) as serving:
        serving.files, serving.asked = {"/v.txt": TEXT}, []
        threading.Thread(target=serving.serve_forever, daemon=True).start()
        yield serving
        serving.shutdown()


def address(server: Server, name: str) -> Any:
    return f"http://127.0.0.1:{server.server_port}/{name}"


def test_a_file_is_read_in_pieces(server: Server) -> None:
    embedding = read(address(server, "v.txt"))
    assert embedding.words == [f"w{number}" for number in range(5000)]
    assert embedding.source.name == "v.txt"
    assert embedding.source.sha256 == hashlib.sha256(TEXT).hexdigest()
    assert [each for each in server.asked if each != "bytes=0-0"] == [
        f"bytes={start}-{min(start + 20_000, len(TEXT)) - 1}" for start in range(0, len(TEXT), 20_000)
    ]


def test_a_connection_that_breaks_costs_one_piece(server: Server) -> None:
    server.broken = 3
    assert read(address(server, "v.txt")).source.sha256 == hashlib.sha256(TEXT).hexdigest()
    assert server.asked.count("bytes=20000-39999") == 4


def test_a_server_that_does_not_recover(server: Server) -> None:
    server.broken = 99
    with pytest.raises(InputError, match=r"/v.txt: bytes 20000 to 40000 cannot be read in 5 attempts: "):
        read(address(server, "v.txt"))


def test_a_file_that_changes_meanwhile(server: Server) -> None:
    server.broken = 1
    other = TEXT.replace(b"w4999", b"x4999")

    def change(*_: Any) -> None:
        server.files["/v.txt"] = other

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("embcomp.formats.remote.time.sleep", change)
        with pytest.raises(InputError, match=r"/v.txt: was replaced while it was being read$"):
            read(address(server, "v.txt"))


def test_a_server_without_ranges(server: Server) -> None:
    server.ranges = False
    assert read(address(server, "v.txt")).source.sha256 == hashlib.sha256(TEXT).hexdigest()


def test_compressed_and_binary_files(server: Server, tmp_path: Path) -> None:
    import gzip

    server.files["/v.txt.gz"] = gzip.compress(TEXT)
    assert len(read(address(server, "v.txt.gz"))) == 5000
    write_embedding(tmp_path / "o.safetensors", "safetensors", [(["a", "b"], np.eye(2, dtype=np.float32))], 2, 2)
    server.files["/o.safetensors"] = (tmp_path / "o.safetensors").read_bytes()
    assert rows(read(address(server, "o.safetensors?version=2"[:13]))) == {"a": [1, 0], "b": [0, 1]}


def test_addresses_that_cannot_be_read(server: Server) -> None:
    with pytest.raises(InputError, match=r"/absent: cannot be read: there is no such file$"):
        read(address(server, "absent"))
    with pytest.raises(InputError, match=r"^nowhere://x: cannot be opened: ValueError: Protocol not known"):
        read("nowhere://x")  # type: ignore[arg-type]


def test_a_model_in_a_folder(tmp_path: Path) -> None:
    folder = model2vec(tmp_path / "m")
    files = fsspec.filesystem("memory")
    for path in folder.iterdir():
        files.pipe_file(f"/models/my-model/{path.name}", path.read_bytes())
    embedding = read("memory://models/my-model")  # type: ignore[arg-type]
    assert embedding.words == TOKENS
    assert embedding.text is not None
    assert embedding.source.name == "my-model"
    with pytest.raises(InputError, match=r"is a folder without model.safetensors"):
        read("memory://models")  # type: ignore[arg-type]


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """An empty ``bucket`` of a server of moto's, to which ``s3://`` addresses lead."""
    pytest.importorskip("s3fs", reason="s3fs is not installed")
    server = pytest.importorskip("moto.server", reason="moto is not installed").ThreadedMotoServer("127.0.0.1", 0)
    server.start()
    host, port = server.get_host_and_port()
    monkeypatch.setenv("FSSPEC_S3_ENDPOINT_URL", f"http://{host}:{port}")
    for name, value in (
        ("AWS_ACCESS_KEY_ID", "x"),
        ("AWS_SECRET_ACCESS_KEY", "x"),
        ("AWS_DEFAULT_REGION", "us-east-1"),
    ):
        monkeypatch.setenv(name, value)
    fsspec.config.set_conf_env(fsspec.config.conf)
    files = fsspec.filesystem("s3", skip_instance_cache=True)  # another client than the reader
    files.mkdir("bucket")
    yield files
    files.rm("bucket", recursive=True)
    fsspec.config.conf.pop("s3")
    type(files).clear_instance_cache()
    server.stop()


def test_s3(bucket: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote, "PIECE_BYTES", 20_000)
    bucket.pipe_file("bucket/folder/v.txt", TEXT)
    embedding = read("s3://bucket/folder/v.txt")  # type: ignore[arg-type]
    assert embedding.words == [f"w{number}" for number in range(5000)]
    assert embedding.source.sha256 == hashlib.sha256(TEXT).hexdigest()
    with pytest.raises(InputError, match=r"^s3://bucket/absent: cannot be read: there is no such file$"):
        read("s3://bucket/absent")  # type: ignore[arg-type]
    for path in model2vec(tmp_path / "m").iterdir():
        bucket.pipe_file(f"bucket/models/m/{path.name}", path.read_bytes())
    assert read("s3://bucket/models/m").words == TOKENS  # type: ignore[arg-type]


def test_s3_file_that_changes_meanwhile(bucket: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote, "PIECE_BYTES", 20_000)
    monkeypatch.setattr(remote, "PAUSE_SECONDS", 0)
    bucket.pipe_file("bucket/v.txt", TEXT)
    plain = remote.RemoteFile._range

    def once(self: remote.RemoteFile, start: int, end: int) -> bytes | None:
        if start:
            bucket.pipe_file("bucket/v.txt", TEXT.replace(b"w4999", b"x4999"))
            return b""
        return plain(self, start, end)

    monkeypatch.setattr(remote.RemoteFile, "_range", once)
    with pytest.raises(InputError, match=r"^s3://bucket/v.txt: was replaced while it was being read$"):
        read("s3://bucket/v.txt")  # type: ignore[arg-type]


@pytest.fixture
def hub(server: Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """A server with the part of the Hub's interface that reading a model ``o/m`` needs."""
    pytest.importorskip("huggingface_hub", reason="huggingface-hub is not installed")
    monkeypatch.setitem(fsspec.config.conf, "hf", {"endpoint": address(server, "").rstrip("/")})
    server.files["/api/models/o/m"] = b'{"id": "o/m", "sha": "1"}'
    yield server
    fsspec.get_filesystem_class("hf").clear_instance_cache()


def put(hub: Server, files: dict[str, bytes], *, told: bytes | None = None) -> None:
    """Replace the model's files; of each the Hub states the SHA-256, or that of other bytes."""
    entries = []
    for name, data in files.items():
        hub.files[f"/o/m/resolve/main/{name}"] = data
        digest = hashlib.sha256(data if told is None else told).hexdigest()
        entry = {"type": "file", "path": name, "size": len(data), "oid": hashlib.sha1(data).hexdigest()}
        entries.append(entry | {"lfs": {"oid": digest, "size": len(data), "pointerSize": 1}})
    hub.files["/api/models/o/m/tree/main"] = json.dumps(entries).encode()


def test_hf(hub: Server) -> None:
    put(hub, {"v.txt": TEXT})
    embedding = read("hf://o/m/v.txt")  # type: ignore[arg-type]
    assert embedding.words == [f"w{number}" for number in range(5000)]
    assert "bytes=20000-39999" in hub.asked


def test_hf_model(hub: Server, tmp_path: Path) -> None:
    put(hub, {path.name: path.read_bytes() for path in model2vec(tmp_path / "m").iterdir()})
    assert read("hf://o/m").words == TOKENS  # type: ignore[arg-type]


def test_hf_states_another_checksum(hub: Server) -> None:
    put(hub, {"v.txt": TEXT}, told=b"other")
    with pytest.raises(InputError, match=r"^hf://o/m/v.txt: has the SHA-256 [0-9a-f]+, the server says [0-9a-f]+$"):
        read("hf://o/m/v.txt")  # type: ignore[arg-type]


def test_hf_file_that_changes_meanwhile(hub: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    put(hub, {"v.txt": TEXT})
    plain = remote.RemoteFile._range

    def once(self: remote.RemoteFile, start: int, end: int) -> bytes | None:
        if start:
            put(hub, {"v.txt": TEXT.replace(b"w4999", b"x4999")})
            return b""
        return plain(self, start, end)

    monkeypatch.setattr(remote.RemoteFile, "_range", once)
    with pytest.raises(InputError, match=r"^hf://o/m/v.txt: was replaced while it was being read$"):
        read("hf://o/m/v.txt")  # type: ignore[arg-type]


def test_a_checksum_that_the_server_knows(monkeypatch: pytest.MonkeyPatch) -> None:
    files = fsspec.filesystem("memory")
    files.pipe_file("/v.txt", b"a 1 2\n")
    plain = files.info

    def info(path: str, **options: Any) -> dict[str, Any]:
        return plain(path, **options) | {"lfs": {"sha256": "0" * 64}}

    monkeypatch.setattr(type(files), "info", lambda self, path, **options: info(path, **options))
    with pytest.raises(InputError, match=r"^memory://v.txt: has the SHA-256 [0-9a-f]+, the server says 0+$"):
        read("memory://v.txt")  # type: ignore[arg-type]


def test_without_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "fsspec", None)
    with pytest.raises(ParameterError, match=r"^the package fsspec is needed .*: pip install '\.\[remote\]'$"):
        read("https://example.org/v.txt")  # type: ignore[arg-type]


def test_what_is_an_address() -> None:
    for text, expected in (
        ("https://a/b", True),
        ("s3://b/k", True),
        ("a/b://c", False),
        ("://", False),
        ("v.txt", False),
    ):
        assert remote.is_remote(text) is expected
    assert remote.base_name("https://h/a/v.txt.gz?x=1/2") == "v.txt.gz"
