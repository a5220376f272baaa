"""Run the command line in this process, and tiny files to run it on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from embcomp.cli.main import run
from embcomp.compressors.registry import make_compressor
from embcomp.container.writer import save
from embcomp.embedding import Embedding
from embcomp.encoded import EncodedEmbedding
from embcomp.memory import set_max_memory
from embcomp.threads import set_threads


@dataclass
class Outcome:
    code: int
    out: str
    err: str


Cli = Callable[..., Outcome]


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str]) -> Iterator[Cli]:
    """Run a command line; limits that it sets end with the test, as with a process."""

    def call(*arguments: str | Path) -> Outcome:
        with pytest.raises(SystemExit) as stop:
            run([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        code = stop.value.code
        assert isinstance(code, int)
        return Outcome(code, captured.out, captured.err)

    yield call
    set_max_memory(None)
    set_threads(None)


WORDS = ["the", "of", "queen", "king", "man", "woman", "Paris", "été", "co-op", "2019"]


@pytest.fixture(scope="session")
def glove(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten words of eight dimensions as GloVe text."""
    rng = np.random.default_rng(7)
    path = tmp_path_factory.mktemp("glove") / "tiny.txt"
    lines = [f"{word} {' '.join(f'{x:.5f}' for x in rng.normal(0.3, 1, 8))}\n" for word in WORDS]
    path.write_text("".join(lines), encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def embc(glove: Path) -> Path:
    """The same, compressed with the default method."""
    target = glove.with_suffix(".embc")
    with pytest.raises(SystemExit) as stop:
        run(["compress", str(glove), "-o", str(target), "-q"])
    assert stop.value.code == 0
    return target


@pytest.fixture
def codes_file(tmp_path: Path) -> Path:
    """Colours together, numbers together, ``the`` alone: one symbol of four values."""
    centres = np.array([[9, 0], [0, 9], [0, 9], [0, 9], [-9, -9], [-9, -9]], np.float32)
    vectors = centres + np.linspace(0, 0.1, 12, dtype=np.float32).reshape(6, 2)
    words = ["the", "red", "green", "blue", "one", "two"]
    kd = make_compressor("kd", ways=3, dims=1, remove_top=0)
    path = tmp_path / "kd.embc"
    save(EncodedEmbedding.encode(Embedding(words, vectors), kd), path)
    return path
