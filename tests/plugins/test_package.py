"""A real little package with all three plugs, built and installed by pip into a folder of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

PACKAGE = Path(__file__).with_name("package")
WORDS = ["the", "of", "king", "queen", "man", "woman"]

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder into which pip has installed the package, as it would into an environment."""
    folder = tmp_path_factory.mktemp("site")
    alone = ["--no-index", "--no-deps", "--no-build-isolation", "--disable-pip-version-check", "--no-compile"]
    command = [sys.executable, "-m", "pip", "install", "--quiet", *alone, "--target", folder, PACKAGE]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return folder


def python(site: Path, *arguments: str | Path, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run Python where the package is installed; ``env`` adds to the environment."""
    path = os.pathsep.join([str(site), str(Path(__file__).parents[2])])
    environment = os.environ | {"PYTHONPATH": path} | options.pop("env", {})
    command = [sys.executable, *map(str, arguments)]
    return subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=120, check=False, **options
    )


@pytest.fixture
def embcomp(site: Path, tmp_path: Path) -> Run:
    """Run the command line where the package is installed, and expect an exit code."""

    def call(*arguments: str | Path, code: int = 0) -> subprocess.CompletedProcess[str]:
        done = python(site, "-m", "embcomp", *arguments, cwd=tmp_path)
        assert done.returncode == code, done.stderr
        return done

    return call


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Six words of four dimensions, as JSON lines."""
    rng = np.random.default_rng(5)
    rows = [{"word": word, "vector": [round(x, 3) for x in rng.normal(size=4)]} for word in WORDS]
    path = tmp_path / "words.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_a_source_is_read_in_the_format_of_the_package(embcomp: Run, source: Path, tmp_path: Path) -> None:
    embcomp("compress", source, "-o", "out.embc", "--limit", "5")
    described = json.loads(embcomp("info", "out.embc", "--json").stdout)["results"][0]
    assert (described["rows"], described["dim"], described["source"]["format"]) == (5, 4, "jsonl")
    assert "jsonl" in embcomp("compress", source, "-o", "x.embc", "--format", "nonsense", code=2).stderr


def test_vectors_are_written_in_the_format_of_the_package(embcomp: Run, source: Path, tmp_path: Path) -> None:
    embcomp("compress", source, "-o", "out.embc")
    embcomp("decompress", "out.embc", "-o", "back.jsonl")
    rows = [json.loads(line) for line in (tmp_path / "back.jsonl").read_text().splitlines()]
    assert [row["word"] for row in rows] == WORDS
    shown = embcomp("vector", "out.embc", "queen").stdout.split()[1:]
    assert list(map(float, shown)) == rows[3]["vector"]


def test_a_method_of_the_package_compresses(embcomp: Run, source: Path) -> None:
    embcomp("compress", source, "-o", "out.embc", "--method", "rounding")
    described = json.loads(embcomp("info", "out.embc", "--json").stdout)["results"][0]
    assert (described["method"], described["bits_per_vector"]) == ("rounding", 32)
    assert described["config"] == {"format": "int8", "limit": "auto", "steps": "even"}
    assert embcomp("verify", "out.embc").stdout == "out.embc: ok\n"
    numbers = [float(number) for number in embcomp("vector", "out.embc", "queen").stdout.split()[1:]]
    queen = json.loads(source.read_text().splitlines()[3])["vector"]
    assert np.allclose(numbers, queen, atol=0.02)
    assert embcomp("similar", "out.embc", "queen", "-k", "2").stdout.count("\n") == 2


def test_options_that_the_command_has_too_are_told_apart(embcomp: Run, source: Path) -> None:
    """``--limit`` and ``--format`` are about the source; the method's own have its name in front."""
    own = ("--rounding-limit", "0.5", "--rounding-format", "int4")
    embcomp("compress", source, "-o", "out.embc", "--method", "rounding", *own, "--limit", "4", "--format", "jsonl")
    described = json.loads(embcomp("info", "out.embc", "--json").stdout)["results"][0]
    assert (described["rows"], described["bits_per_vector"]) == (4, 16)
    assert described["config"] == {"format": "int4", "limit": 0.5, "steps": "even"}
    refused = embcomp("compress", source, "-o", "x.embc", "--method", "rounding", "--rounding-limit", "-1", code=2)
    assert refused.stderr == "embcomp: rounding: --rounding-limit must be a number above 0 or 'auto', got -1.0\n"


def test_help_shows_the_flags_of_the_method(embcomp: Run) -> None:
    for text in (embcomp("methods", "rounding").stdout, embcomp("compress", "--method", "rounding", "--help").stdout):
        for flag in ("--rounding-limit", "--rounding-format", "--steps", "the steps of --rounding-format are"):
            assert flag in " ".join(text.split())
    assert "rounding" in embcomp("compress", "--help").stdout


def test_the_method_is_compared_with_others(embcomp: Run, source: Path, tmp_path: Path) -> None:
    (tmp_path / "data" / "similarity").mkdir(parents=True)
    pairs = ["the\tof\t5", "king\tqueen\t9", "man\twoman\t8", "the\tking\t1", "of\tman\t2"]
    (tmp_path / "data" / "similarity" / "tiny.tsv").write_text("\n".join(pairs) + "\n")
    how = ("--suite", "similarity", "--data", "data", "--no-cache", "--json", "-q")
    methods = "rounding:format=int4:limit=2,sign"
    results = json.loads(embcomp("compare", source, "--methods", methods, *how).stdout)["results"]
    assert [result["method"] for result in results] == ["none", "rounding", "sign"]
    assert results[1]["config"] == {"format": "int4", "limit": 2.0, "steps": "even"}


def test_a_suite_of_the_package_scores(embcomp: Run, source: Path, tmp_path: Path) -> None:
    (tmp_path / "data" / "odd").mkdir(parents=True)
    (tmp_path / "data" / "odd" / "tiny.txt").write_text("king queen the\nman woman of\nking man nowhere\n")
    how = ("--suite", "odd", "--data", "data", "--json")
    done = embcomp("eval", source, *how)
    (score,) = json.loads(done.stdout)["results"]
    assert (score["suite"], score["task"], score["metric"], score["n_used"], score["oov"]) == (
        "odd",
        "tiny",
        "accuracy",
        3,
        1,
    )
    vectors = {row["word"]: np.array(row["vector"]) for row in map(json.loads, source.read_text().splitlines())}
    vectors["nowhere"] = np.mean([vectors[word] for word in WORDS], axis=0)
    lines = [line.split() for line in (tmp_path / "data" / "odd" / "tiny.txt").read_text().splitlines()]
    right = [
        c @ (a + b) < min(a @ (b + c), b @ (a + c)) for a, b, c in ([vectors[w] for w in line] for line in lines)
    ]
    assert score["value"] == pytest.approx(100 * np.mean(right))
    assert done.stderr.count("embcomp: warning: plugin 'unfinished' (embcomp.suites, from embcomp-demo) cannot") == 1
    base, compressed = json.loads(embcomp("compare", source, "--methods", "sign", *how, "--no-cache").stdout)[
        "results"
    ]
    assert base["means"][0]["value"] == score["value"]
    assert compressed["means"][0]["baseline"] == score["value"]
    refused = embcomp("eval", source, "--suite", "unfinished", code=2).stderr.splitlines()[-1]
    assert refused.startswith("embcomp: plugin 'unfinished' (embcomp.suites, from embcomp-demo) cannot be used")


def test_shells_complete_what_the_package_adds(site: Path) -> None:
    lines = {
        "embcomp compress --method r": "plain,rounding",
        "embcomp compress --method rounding --rounding-format ": "plain,int8\nplain,int4",
        "embcomp compress --format j": "plain,jsonl",
        "embcomp eval --suite o": "plain,odd",
    }
    for line, expected in lines.items():
        asking = {"_EMBCOMP_COMPLETE": "bash_complete", "COMP_WORDS": line, "COMP_CWORD": str(line.count(" "))}
        done = python(site, "-m", "embcomp", env=asking)
        assert done.stdout.strip() == expected, line


def test_a_broken_plugin_is_named_and_hurts_nobody(embcomp: Run, source: Path) -> None:
    """Entry points called ``unfinished`` are in the package too, and raise while they are imported."""
    listed = embcomp("methods", "--json")
    assert [each["method"] for each in json.loads(listed.stdout)["results"]][-2:] == ["kd", "rounding"]
    assert listed.stderr == (
        "embcomp: warning: plugin 'unfinished' (embcomp.compressors, from embcomp-demo) cannot be used: "
        "ImportError: embcomp_demo needs a package that is not installed\n"
    )
    assert embcomp("compress", source, "-o", "out.embc", "--format", "jsonl", "-q").stderr == ""
    assert embcomp("verify", "out.embc").stderr == ""
    refused = embcomp("compress", source, "-o", "x.embc", "--method", "unfinished", code=2).stderr
    assert refused.startswith("embcomp: plugin 'unfinished' (embcomp.compressors, from embcomp-demo) cannot be used")


def test_the_public_functions_know_the_package(site: Path, source: Path) -> None:
    code = """
import sys
import embcomp
words, vectors = embcomp.read(sys.argv[1], format="jsonl")
made = embcomp.compress(words, vectors, "rounding", limit=3.0, format="int4")
print(made.encoded.compressor, list(embcomp.methods())[-1])
"""
    done = python(site, "-W", "ignore", "-c", code, source)
    assert done.stdout == "RoundingCompressor(format='int4', limit=3.0) rounding\n"
