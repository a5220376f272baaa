"""The target is the old file or the new one, whole, whatever happens; `make reliability` tries this more often."""

from __future__ import annotations

import io
import os
import shutil
import signal
import subprocess
from pathlib import Path

import numpy as np
import pytest

from embcomp.compressors.registry import make_compressor
from embcomp.container.reader import open_container, verify
from embcomp.container.writer import save, write
from embcomp.embedding import Embedding
from embcomp.encoded import EncodedEmbedding
from embcomp.errors import OutputError
from embcomp.files import replacing
from tests.reliability.faults import COMMAND, fill_disk, in_child, kill_writers, stop_commands, temporary_files

pytestmark = pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")


def embedding(n_words: int = 200, seed: int = 0) -> EncodedEmbedding:
    vectors = np.random.default_rng(seed).standard_normal((n_words, 8)).astype(np.float32)
    return EncodedEmbedding.encode(Embedding([f"w{n}" for n in range(n_words)], vectors), make_compressor("sign"))


def content(version: EncodedEmbedding) -> bytes:
    file = io.BytesIO()
    write(version, file)
    return file.getvalue()


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "source.txt"
    numbers = np.round(np.random.default_rng(0).standard_normal((400, 8)), 3)
    path.write_text("".join(f"w{row} {' '.join(map(str, line))}\n" for row, line in enumerate(numbers.tolist())))
    return path


def test_killed_writers(tmp_path: Path) -> None:
    versions = [embedding(seed=seed) for seed in range(2)]
    seen = kill_writers(tmp_path, versions, {content(version) for version in versions}, times=40, seed=0)
    assert seen["killed"] == 40
    assert seen["left"] > 0, "none was killed while writing: nothing was tried"


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_a_command_that_is_stopped(tmp_path: Path, source: Path, number: signal.Signals) -> None:
    folder = tmp_path / "out"
    folder.mkdir()
    seen = stop_commands(source, folder, number, times=5, seconds=0.6, seed=1)
    assert seen["runs"] == 5
    assert seen["stopped"] > 0


def test_a_full_disk(tmp_path: Path) -> None:
    old, new = embedding(seed=0), embedding(seed=1)
    seen = fill_disk(tmp_path, new, content(old))
    assert seen["refused"] > 5
    assert (tmp_path / "target.embc").read_bytes() == content(new)


def test_a_device_that_is_full() -> None:
    command = f"'{COMMAND[0]}' -c '{COMMAND[2]}' sample > /dev/full"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (3, "embcomp: standard output: No space left on device\n")


def test_a_folder_that_may_not_be_written_to(tmp_path: Path) -> None:
    """As nobody, because root may write everywhere."""
    folder = tmp_path / "closed"
    folder.mkdir(mode=0o555)
    version = embedding()

    def save_as_nobody() -> None:
        if os.geteuid() == 0:
            os.chdir(folder)  # its parents are closed to nobody
            os.setuid(65534)
        save(version, "new.embc" if os.geteuid() == 65534 else folder / "new.embc")

    assert in_child(save_as_nobody) == 3
    assert not (folder / "new.embc").exists()
    assert temporary_files(folder) == []


def test_a_folder_that_vanishes(tmp_path: Path) -> None:
    folder = tmp_path / "soon gone"
    folder.mkdir()
    target = folder / "out.embc"
    with pytest.raises(OutputError) as caught, replacing(target, force=True) as file:  # noqa: PT012
        file.write(b"data")
        shutil.rmtree(folder)
    assert str(caught.value) == f"{target}: cannot be written: No such file or directory"


def test_an_input_that_vanishes(tmp_path: Path) -> None:
    command = [*COMMAND, "compress", str(tmp_path / "gone.txt"), "-o", str(tmp_path / "out.embc")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 3
    assert done.stderr.endswith("gone.txt: cannot be read: No such file or directory\n")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("force", [False, True])
def test_two_commands_that_write_one_target(tmp_path: Path, source: Path, force: bool) -> None:
    target = tmp_path / "out.embc"
    command = [*COMMAND, "compress", str(source), "-o", str(target), *(["--force"] if force else [])]
    processes = [
        subprocess.Popen([*command, "--seed", str(seed)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for seed in range(2)
    ]
    codes = sorted(process.wait() for process in processes)
    assert codes == ([0, 0] if force else [0, 3])
    assert verify(target) == []
    assert temporary_files(tmp_path) == []


def test_a_reader_of_the_file_that_is_replaced(tmp_path: Path) -> None:
    target = tmp_path / "target.embc"
    old, new = embedding(seed=0), embedding(n_words=50, seed=1)
    save(old, target)
    reader = open_container(target)
    save(new, target, force=True)
    assert reader.words == old.words
    assert np.array_equal(reader.decode_all(), old.decode_all())
    assert open_container(target).words == new.words


@pytest.mark.skipif(not Path("/dev/shm").is_dir(), reason="there is no second filesystem")
def test_a_target_on_another_filesystem(source: Path) -> None:
    folder = Path("/dev/shm") / f"embcomp-test-{os.getpid()}"
    folder.mkdir()
    try:
        done = subprocess.run([*COMMAND, "compress", str(source), "-q", "-o", str(folder / "x.embc")], check=False)
        assert done.returncode == 0
        assert verify(folder / "x.embc") == []
        assert [path.name for path in folder.iterdir()] == ["x.embc"]
    finally:
        shutil.rmtree(folder)
