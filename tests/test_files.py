"""The target is the old file or the new one, whole, and nothing else is left beside it."""

from __future__ import annotations

import errno
import fcntl
import os
import stat
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from embcomp import files
from embcomp.errors import OutputError
from embcomp.files import TEMPORARY_MARK, check_target, replacing


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_new_file(tmp_path: Path) -> None:
    target = tmp_path / "out.embc"
    with replacing(target, force=False) as file:
        file.write(b"whole")
        assert not target.exists()
    assert target.read_bytes() == b"whole"
    assert names(tmp_path) == ["out.embc"]


def test_an_existing_file_needs_force(tmp_path: Path) -> None:
    target = tmp_path / "out.embc"
    target.write_bytes(b"old")
    with pytest.raises(OutputError) as caught, replacing(target, force=False):
        pytest.fail("the block must not run")
    assert str(caught.value) == f"{target}: exists already; `force` replaces it"
    assert target.read_bytes() == b"old"
    with replacing(target, force=True) as file:
        file.write(b"new")
        assert target.read_bytes() == b"old"
    assert target.read_bytes() == b"new"
    assert names(tmp_path) == ["out.embc"]


def test_a_target_made_meanwhile_is_kept(tmp_path: Path) -> None:
    target = tmp_path / "out.embc"
    with pytest.raises(OutputError) as caught, replacing(target, force=False) as file:  # noqa: PT012
        file.write(b"mine")
        target.write_bytes(b"theirs")
    assert str(caught.value) == f"{target}: exists already; `force` replaces it"
    assert target.read_bytes() == b"theirs"
    assert names(tmp_path) == ["out.embc"]


@pytest.mark.parametrize("force", [False, True])
@pytest.mark.parametrize("error", [RuntimeError("broken"), KeyboardInterrupt(), SystemExit(143)])
def test_a_block_that_raises_leaves_nothing(tmp_path: Path, error: BaseException, force: bool) -> None:
    target = tmp_path / "out.embc"
    if force:
        target.write_bytes(b"old")
    with pytest.raises(type(error)), replacing(target, force=force) as file:  # noqa: PT012
        file.write(b"half")
        raise error
    assert names(tmp_path) == (["out.embc"] if force else [])
    assert not force or target.read_bytes() == b"old"


def test_a_folder_is_no_target(tmp_path: Path) -> None:
    with pytest.raises(OutputError) as caught:
        check_target(tmp_path, force=True)
    assert str(caught.value) == f"{tmp_path}: is a folder, expected a file name"


def test_a_missing_folder(tmp_path: Path) -> None:
    target = tmp_path / "none" / "out.embc"
    with pytest.raises(OutputError) as caught:
        check_target(target, force=False)
    assert str(caught.value) == f"{target}: there is no folder {str(target.parent)!r}"


def test_a_pipe_is_not_replaced(tmp_path: Path) -> None:
    target = tmp_path / "pipe"
    os.mkfifo(target)
    with pytest.raises(OutputError) as caught, replacing(target, force=True):
        pytest.fail("the block must not run")
    assert str(caught.value) == f"{target}: is a device or a pipe, expected a file name, or - for standard output"
    assert stat.S_ISFIFO(target.stat().st_mode)


def test_a_name_too_long_for_the_system(tmp_path: Path) -> None:
    target = tmp_path / ("x" * 300)
    with pytest.raises(OutputError) as caught, replacing(target, force=False):
        pytest.fail("the block must not run")
    assert str(caught.value) == f"{target}: cannot be written: File name too long"


@pytest.mark.parametrize("call", ["fsync", "chmod"])
def test_a_system_that_refuses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str) -> None:
    def refuse(*arguments: object, **options: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    target = tmp_path / "out.embc"
    monkeypatch.setattr(os, call, refuse)
    with pytest.raises(OutputError) as caught, replacing(target, force=False) as file:
        file.write(b"data")
    assert str(caught.value) == f"{target}: cannot be written: No space left on device"
    assert names(tmp_path) == []


@pytest.mark.parametrize("umask", [0o022, 0o077])
def test_permissions_are_the_usual_ones(tmp_path: Path, umask: int) -> None:
    target = tmp_path / "out.embc"
    before = os.umask(umask)
    try:
        with replacing(target, force=False):
            pass
    finally:
        os.umask(before)
    assert stat.S_IMODE(target.stat().st_mode) == 0o666 & ~umask


def test_permissions_of_a_replaced_file_stay(tmp_path: Path) -> None:
    target = tmp_path / "out.embc"
    target.touch()
    target.chmod(0o640)
    with replacing(target, force=True):
        pass
    assert stat.S_IMODE(target.stat().st_mode) == 0o640


def test_a_reader_keeps_the_old_file(tmp_path: Path) -> None:
    target = tmp_path / "out.embc"
    target.write_bytes(b"old")
    with target.open("rb") as reader:
        with replacing(target, force=True) as file:
            file.write(b"new")
        assert reader.read() == b"old"


def test_two_writers_one_wins_whole(tmp_path: Path) -> None:
    target = tmp_path / "out.embc"
    refusals = []

    def write(number: int) -> None:
        try:
            with replacing(target, force=False) as file:
                for _ in range(50):
                    file.write(bytes([number]) * 1000)
        except OutputError as error:
            refusals.append(str(error))

    threads = [threading.Thread(target=write, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    content = target.read_bytes()
    assert content == content[:1] * 50_000
    assert refusals == [f"{target}: exists already; `force` replaces it"] * 7
    assert names(tmp_path) == ["out.embc"]


KILLED = """
import os, signal, sys
from pathlib import Path
from embcomp.files import replacing
with replacing(Path(sys.argv[1]), force=True) as file:
    file.write(b"half")
    file.flush()
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_a_killed_run_left_is_removed_by_the_next(tmp_path: Path) -> None:
    target = tmp_path / "out.embc"
    target.write_bytes(b"old")
    (tmp_path / f".other.embc{TEMPORARY_MARK}abcdefgh").touch()
    for _ in range(2):
        subprocess.run([sys.executable, "-c", KILLED, str(target)], check=False)
    assert target.read_bytes() == b"old"
    assert len(names(tmp_path)) == 3  # the second run removed what the first left
    with replacing(target, force=True) as file:
        file.write(b"new")
    assert names(tmp_path) == [f".other.embc{TEMPORARY_MARK}abcdefgh", "out.embc"]


def test_a_temporary_file_in_use_is_left_alone(tmp_path: Path) -> None:
    target = tmp_path / "out.embc"
    with replacing(target, force=True) as first:
        first.write(b"first")
        with replacing(target, force=True) as second:
            second.write(b"second")
        assert target.read_bytes() == b"second"
    assert target.read_bytes() == b"first"
    assert names(tmp_path) == ["out.embc"]


def test_only_plain_files_are_removed(tmp_path: Path) -> None:
    target = tmp_path / "out.embc"
    precious = tmp_path / "precious"
    precious.write_bytes(b"keep")
    (tmp_path / f".out.embc{TEMPORARY_MARK}link").symlink_to(precious)
    (tmp_path / f".out.embc{TEMPORARY_MARK}folder").mkdir()
    with replacing(target, force=False):
        pass
    assert precious.read_bytes() == b"keep"
    assert len(names(tmp_path)) == 4


def test_a_file_taken_for_abandoned_before_it_is_locked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "out.embc"
    lock, calls = files._lock, []

    def removed_first(handle: int) -> None:
        calls.append(handle)
        if len(calls) == 1:
            files._remove_abandoned(target)
        lock(handle)

    monkeypatch.setattr(files, "_lock", removed_first)
    with replacing(target, force=False) as file:
        file.write(b"whole")
    assert len(calls) == 2
    assert target.read_bytes() == b"whole"
    assert names(tmp_path) == ["out.embc"]


def test_a_file_locked_by_a_remover_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "out.embc"
    lock, locked = files._lock, []

    def locked_by_another(handle: int) -> None:
        if not locked:
            (left,) = tmp_path.iterdir()
            locked.append(os.open(left, os.O_RDWR))
            fcntl.flock(locked[0], fcntl.LOCK_EX)
            left.unlink()
            threading.Timer(0.05, os.close, locked).start()
        lock(handle)

    monkeypatch.setattr(files, "_lock", locked_by_another)
    with replacing(target, force=False) as file:
        file.write(b"whole")
    assert locked
    assert target.read_bytes() == b"whole"
    assert names(tmp_path) == ["out.embc"]


def test_a_filesystem_without_locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(handle: int, how: int) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)
    left = tmp_path / f".out.embc{TEMPORARY_MARK}abcdefgh"
    left.touch()
    with replacing(tmp_path / "out.embc", force=False):
        pass
    assert names(tmp_path) == [left.name, "out.embc"]


@pytest.mark.parametrize("made_meanwhile", [False, True])
def test_a_filesystem_without_hard_links(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, made_meanwhile: bool
) -> None:
    def refuse(source: object, target: object) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    target = tmp_path / "out.embc"
    if not made_meanwhile:
        with replacing(target, force=False) as file:
            file.write(b"whole")
        assert target.read_bytes() == b"whole"
    else:
        with pytest.raises(OutputError) as caught, replacing(target, force=False) as file:
            target.write_bytes(b"theirs")
        assert str(caught.value) == f"{target}: exists already; `force` replaces it"
        assert target.read_bytes() == b"theirs"
    assert names(tmp_path) == ["out.embc"]


@pytest.mark.parametrize("link", [lambda path, source: path, Path.symlink_to, Path.hardlink_to])
def test_a_target_that_is_the_source(tmp_path: Path, link: Callable[[Path, Path], object]) -> None:
    source = tmp_path / "source.txt"
    source.write_bytes(b"only copy")
    target = source if link(tmp_path / "linked", source) else tmp_path / "linked"
    with pytest.raises(OutputError) as caught:
        check_target(target, force=True, sources=[None, source])
    assert str(caught.value) == f"{target}: is the source '{source}' itself, expected another file"
    check_target(target, force=True, sources=[tmp_path / "other", "-", None])


@pytest.mark.parametrize("size", [240, 255])
def test_the_longest_names(tmp_path: Path, size: int) -> None:
    target = tmp_path / ("é" * (size // 2) + "x" * (size % 2))
    for content in (b"old", b"new"):
        with replacing(target, force=True) as file:
            file.write(content)
        assert target.read_bytes() == content
        assert names(tmp_path) == [target.name]
