"""What only a real process shows: start-up, pipes, signals, crashes."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from embcomp.cli import main

HEAVY = {"gensim", "scipy", "matplotlib", "pyarrow", "sklearn"}


def embcomp(*arguments: str | Path, **options: object) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-c", "from embcomp.cli.main import run; run()", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, timeout=60, check=False, **options)  # type: ignore[call-overload,no-any-return]


def modules_after(*arguments: str | Path) -> set[str]:
    """Top-level modules that a command line imports."""
    code = (
        "import atexit, json, sys\n"
        "from embcomp.cli.main import run\n"
        "names = lambda: sorted({name.split('.')[0] for name in sys.modules})\n"
        "atexit.register(lambda: print(json.dumps(names()), file=sys.stderr))\n"
        "run()"
    )
    command = [sys.executable, "-c", code, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, timeout=60, check=True)
    return set(json.loads(done.stderr.splitlines()[-1]))


def test_help_imports_nothing_heavy() -> None:
    imported = modules_after("--help")
    assert not imported & (HEAVY | {"numpy", "tqdm"})


@pytest.mark.parametrize("command", list(main.COMMANDS))
def test_help_of_each_command_imports_nothing_heavy(command: str) -> None:
    assert not modules_after(command, "--help") & HEAVY


def test_vector_imports_nothing_heavy(embc: Path) -> None:
    assert not modules_after("vector", embc, "queen") & HEAVY


def test_a_closed_pipe_is_not_an_error(embc: Path) -> None:
    command = f"'{sys.executable}' -c 'from embcomp.cli.main import run; run()' sample"
    pipeline = f"{command} | head -n 1 | wc -l; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", pipeline], capture_output=True, timeout=60, check=False)
    assert (done.returncode, done.stdout.strip(), done.stderr) == (0, b"1", b"")


def test_a_pipeline_compresses_from_stdin_to_stdout(glove: Path, embc: Path, tmp_path: Path) -> None:
    done = embcomp("compress", "-", "-o", "-", input=glove.read_bytes())
    assert (done.returncode, done.stderr) == (0, b"")
    piped = tmp_path / "piped.embc"
    piped.write_bytes(done.stdout)
    words = b"queen\nking\n"
    from_pipe, from_file = (embcomp("vector", path, "-", input=words) for path in (piped, embc))
    assert from_pipe.stdout == from_file.stdout
    assert from_pipe.stdout.count(b"\n") == 2


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_leaves_no_file(tmp_path: Path, number: signal.Signals, code: int) -> None:
    listen = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"  # also if started with nohup
    command = [sys.executable, "-c", f"{listen}; from embcomp.cli.main import run; run()"]
    target = tmp_path / "out.embc"
    command += ["compress", "-", "-o", str(target)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=0) as process:
        assert process.stdin is not None
        for _ in range(2000):  # more than a pipe holds: when this is written, the command is reading
            process.stdin.write(b"word 1.0 2.0 3.0 4.0 5.0 6.0 7.0 8.0 9.0 10.0 11.0 12.0\n")
        while process.poll() is None:  # a signal that comes just before a read waits for the next one
            process.send_signal(number)
            with suppress(subprocess.TimeoutExpired):
                process.wait(timeout=5)
    assert process.returncode == code
    assert list(tmp_path.iterdir()) == []


def test_a_bug_shows_its_traceback(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def broken(*arguments: object, **options: object) -> None:
        raise ZeroDivisionError("a mistake of ours")

    monkeypatch.setattr(main.group, "main", broken)
    with pytest.raises(SystemExit) as stop:
        main.run([])
    assert stop.value.code == 70
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "Traceback (most recent call last):"
    assert lines[-2:] == [
        "ZeroDivisionError: a mistake of ours",
        "embcomp: this is a bug; please report it with the lines above",
    ]


def test_an_interrupt_during_the_imports_shows_no_traceback(tmp_path: Path) -> None:
    interrupting = "import os, signal, time\nos.kill(os.getpid(), signal.SIGINT)\ntime.sleep(60)\n"
    (tmp_path / "click.py").write_text(interrupting)
    listen = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"
    code = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); {listen}; from embcomp.cli import start; start()"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=60, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (130, b"", b"")
