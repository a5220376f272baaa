"""Work on parts and shards wherever it is done, and when workers or disks fail."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from concurrent.futures import BrokenExecutor, ThreadPoolExecutor
from pathlib import Path

import pytest

from embcomp.collection.engines import ATTEMPTS, Engine, engine, run
from embcomp.collection.making import compress
from embcomp.compressors.registry import make_compressor
from embcomp.errors import InputError, OutputError, ParameterError
from embcomp.progress import no_progress

from .conftest import OPTIONS

SERIAL = engine("serial")


def files(root: str) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in Path(root).iterdir()}


def killed_once(marker: str, number: int) -> int:
    """Be killed when the marker is not there yet."""
    try:
        Path(marker).touch(exist_ok=False)
    except FileExistsError:
        return number * number
    os.kill(os.getpid(), signal.SIGKILL)
    return -1


def full_disk(path: str, marker: str, times: int) -> str:
    """Say that the disk is full, so many times."""
    with Path(marker).open("a+") as file:
        file.write("x")
        if file.tell() <= times:
            raise OutputError(f"{path}: cannot be written: No space left on device")
    return path


def refuse(path: str) -> None:
    raise InputError(f"{path}: is damaged")


@pytest.mark.parametrize("name", ["processes=2", "dask=2"])
def test_engines_give_the_same_files(iiq: str, parts: Path, tmp_path: Path, name: str) -> None:
    if name.startswith("dask"):
        pytest.importorskip("distributed")
    target = str(tmp_path / "other.embcs")
    compress([str(parts)], target, make_compressor("iiq"), OPTIONS, engine(name), n_shards=3)
    assert files(target) == files(iiq)


@pytest.mark.parametrize("name", ["processes=2", "dask=2"])
def test_work_of_a_killed_worker_is_done_again(tmp_path: Path, name: str) -> None:
    if name.startswith("dask"):
        pytest.importorskip("distributed")
    tasks = {f"part {number}": (str(tmp_path / "killed"), number) for number in range(6)}
    assert run(engine(name), killed_once, tasks, "encode", no_progress) == [0, 1, 4, 9, 16, 25]


def test_a_full_disk_is_tried_again_and_then_named(tmp_path: Path) -> None:
    tasks = {"part 1": ("x", str(tmp_path / "a"), ATTEMPTS - 1)}
    assert run(SERIAL, full_disk, tasks, "encode", no_progress) == ["x"]
    tasks = {"part 1": ("x", str(tmp_path / "b"), ATTEMPTS)}
    with pytest.raises(OutputError) as refused:
        run(SERIAL, full_disk, tasks, "encode", no_progress)
    assert str(refused.value) == "part 1: encode failed 3 times: x: cannot be written: No space left on device"


def test_a_damaged_part_stops_everything_at_once() -> None:
    with pytest.raises(InputError, match="p-3: is damaged"):
        run(engine("processes=2"), refuse, {"p-3": ("p-3",)}, "encode", no_progress)


@pytest.mark.parametrize("stop", ["encode", "build", "publish"])
def test_work_that_was_stopped_goes_on_where_it_was(
    parts: Path, iiq: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stop: str
) -> None:
    target = str(tmp_path / "again.embcs")
    counts = {"encode_task": 0, "build_task": 0}

    def counted(name: str, most: int) -> Callable[..., object]:
        original = getattr(making, name)

        def call(*arguments: object) -> object:
            counts[name] += 1
            if counts[name] > most:
                raise KeyboardInterrupt
            return original(*arguments)

        return call

    from embcomp.collection import making

    with monkeypatch.context() as patch:
        patch.setattr(making, "encode_task", counted("encode_task", 2 if stop == "encode" else 99))
        patch.setattr(making, "build_task", counted("build_task", 1 if stop == "build" else 99))
        if stop == "publish":
            patch.setattr(making, "publish", counted("encode_task", 0))
        with pytest.raises(KeyboardInterrupt):
            compress([str(parts)], target, make_compressor("iiq"), OPTIONS, SERIAL, n_shards=3)
    assert not list(Path(target).glob("manifest*"))
    monkeypatch.setattr(making, "fit", lambda *arguments, **options: pytest.fail("was fitted again"))
    compress([str(parts)], target, make_compressor("iiq"), OPTIONS, SERIAL, n_shards=3)
    assert files(target) == files(iiq)


def test_an_engine_that_does_not_exist() -> None:
    for name in ("slurm", "processes=0", "processes=x", "serial=2"):
        with pytest.raises(ParameterError, match="`on` must be serial, processes, processes=N, dask or dask=ADDRESS"):
            engine(name)


def test_a_worker_that_is_lost_again_and_again_is_named() -> None:
    def start() -> ThreadPoolExecutor:
        return ThreadPoolExecutor(1)

    def lose() -> None:
        raise ConnectionResetError

    with pytest.raises(
        OutputError, match=r"^part 7: build failed 3 times: its worker was lost: ConnectionResetError$"
    ):
        run(Engine(start, None), lose, {"part 7": ()}, "build", no_progress)


def test_an_engine_that_cannot_start_is_tried_again() -> None:
    starts = []

    def start() -> ThreadPoolExecutor:
        starts.append(1)
        if len(starts) < ATTEMPTS:
            raise BrokenExecutor("no workers")
        return ThreadPoolExecutor(1)

    tasks = {"part 1": (3,)}
    assert run(Engine(start, None), abs, tasks, "encode", no_progress) == [3]


def test_a_scheduler_that_is_not_there() -> None:
    distributed = pytest.importorskip("distributed")
    dask = pytest.importorskip("dask")
    assert distributed is not None
    with dask.config.set({"distributed.comm.timeouts.connect": "100ms"}), pytest.raises(OutputError) as refused:
        run(engine("dask=tcp://127.0.0.1:9"), abs, {"part 1": (3,)}, "encode", no_progress)
    assert "part 1: encode failed 3 times: its worker was lost: BrokenExecutor: Dask cannot be" in str(refused.value)
