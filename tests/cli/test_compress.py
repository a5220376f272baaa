from __future__ import annotations

import io
import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from embcomp.container.reader import open_container

from .conftest import WORDS, Cli


@pytest.mark.parametrize("method", ["sign", "itq", "iiq"])
def test_every_method_makes_a_file_that_opens(cli: Cli, glove: Path, tmp_path: Path, method: str) -> None:
    target = tmp_path / "out.embc"
    outcome = cli("compress", glove, "-o", target, "--method", method)
    assert (outcome.code, outcome.out) == (0, "")
    assert outcome.err.startswith(f"{target}: 10 words of 8 dimensions, {method} at 8 bits per word, ")
    encoded = open_container(target)
    assert encoded.words == WORDS
    assert encoded.decode_all().shape == (10, 8)


def test_the_default_target_stands_beside_the_source(cli: Cli, glove: Path, tmp_path: Path) -> None:
    source = tmp_path / "vectors.txt"
    source.write_bytes(glove.read_bytes())
    assert cli("compress", source, "-q").code == 0
    assert [path.name for path in sorted(tmp_path.iterdir())] == ["vectors.embc", "vectors.txt"]


def test_json_is_what_info_prints(cli: Cli, glove: Path, tmp_path: Path) -> None:
    target = tmp_path / "out.embc"
    made = cli("compress", glove, "-o", target, "--bits", "4", "--seed", "3", "--json", "-q")
    assert made.err == ""
    document = json.loads(made.out)["results"][0]
    assert document == json.loads(cli("info", target, "--json").out)["results"][0]
    assert document["config"]["bits"] == 4
    assert document["config"]["random_state"] == 3
    assert document["bits_per_vector"] == 4
    assert document["bytes"]["file"] == target.stat().st_size
    assert document["bytes"]["codes"] == 5
    assert document["source"]["name"] == "tiny.txt"


def test_ratios_are_of_bytes(cli: Cli, glove: Path, tmp_path: Path) -> None:
    embc = tmp_path / "out.embc"
    assert cli("compress", glove, "-o", embc, "--method", "iiq").code == 0
    document = json.loads(cli("info", embc, "--json").out)["results"][0]
    words = sum(len(word.encode()) + 1 for word in WORDS)
    decode = document["bytes"]["codes"] + document["bytes"]["decode_state"]
    assert document["bytes"]["decode_state"] == 4 * (8 * 8 + 8 + 1)
    assert document["ratio"]["vectors"] == round(320 / decode, 3)
    assert document["ratio"]["file"] == round((320 + words) / embc.stat().st_size, 3)


def test_the_same_input_gives_the_same_bytes(cli: Cli, glove: Path, embc: Path, tmp_path: Path) -> None:
    for threads in ("1", "2"):
        target = tmp_path / f"{threads}.embc"
        assert cli("compress", glove, "-o", target, "--threads", threads).code == 0
        assert target.read_bytes() == embc.read_bytes()


def test_limit_reads_the_first_rows(cli: Cli, glove: Path, tmp_path: Path) -> None:
    target = tmp_path / "out.embc"
    assert cli("compress", glove, "-o", target, "--limit", "4").code == 0
    assert open_container(target).words == WORDS[:4]


def test_dropped_order_is_smaller_and_decodes_alike(cli: Cli, glove: Path, embc: Path, tmp_path: Path) -> None:
    target = tmp_path / "out.embc"
    assert cli("compress", glove, "-o", target, "--drop-order").code == 0
    assert target.stat().st_size < embc.stat().st_size
    without, whole = open_container(target), open_container(embc)
    assert sorted(without.words) == sorted(WORDS)
    for word in WORDS:
        assert np.array_equal(without.vector(word), whole.vector(word))


def test_verbose_prints_the_loss_of_each_round(cli: Cli, glove: Path, tmp_path: Path) -> None:
    outcome = cli("compress", glove, "-o", tmp_path / "out.embc", "-v", "-q", "--method", "iiq", "--iterations", "3")
    lines = outcome.err.splitlines()
    assert [line.split(":")[0] for line in lines] == ["round 1", "round 2", "round 3"]


def test_dropped_rows_are_reported(cli: Cli, tmp_path: Path) -> None:
    source = tmp_path / "messy.txt"
    source.write_text("a 1 2\nb 3 4\na 5 6\nc 1 x\nd 0 1\n")
    outcome = cli("compress", source, "-o", tmp_path / "out.embc", "--bad-rows", "skip")
    assert outcome.err.splitlines()[-1] == "dropped from messy.txt: 1 duplicate rows, 1 bad rows"


IIQ = ["--method", "iiq"]
REFUSED = [
    (["--method", "foo"], 2, "embcomp: there is no method 'foo', expected one of sign, itq, iiq, "),
    (
        ["--method", "sign", "--bits", "3"],
        2,
        "embcomp: compress: there is no option --bits; method sign has --threshold, --grade, --lengths, --fit-rows\n",
    ),
    (
        ["--method", "sign", "--seed", "3"],
        2,
        "embcomp: compress: there is no option --seed; method sign has --threshold, --grade, --lengths, --fit-rows\n",
    ),
    (["--bits", "ten"], 2, "embcomp: additive: --bits must be a number between 0.125 and 65536 or 'dim', got 'ten'"),
    (["--bits", "0"], 2, "embcomp: additive: --bits must be a number between 0.125 and 65536 or 'dim', got 0"),
    ([*IIQ, "--bits", "0"], 2, "embcomp: iiq: --bits must be an integer from 1 to 65536 or 'dim', got 0"),
    ([*IIQ, "--remove-top", "8"], 2, "embcomp: iiq: --remove-top must be below the number of dimensions (8), got 8"),
    ([*IIQ, "--unit-rows", "perhaps"], 2, "embcomp: iiq: --unit-rows must be true or false, got 'perhaps'"),
    (["--threads", "0"], 2, "embcomp: --threads must be an integer from 1 to 1024, got 0"),
    (["--limit", "0"], 2, "embcomp: compress: Invalid value for '--limit': 0 is not in the range x>=1."),
    (["--nonsense"], 2, "embcomp: compress: there is no option --nonsense; method additive has --bits, --grade, "),
    (["--format", "word"], 2, "embcomp: --format must be "),
    (["--format", "word2vec-binary"], 3, "embcomp: {glove}:1: "),
]


@pytest.mark.parametrize(("options", "code", "message"), REFUSED, ids=lambda value: str(value)[:30])
def test_a_refusal_is_one_line_and_leaves_nothing(
    cli: Cli, glove: Path, tmp_path: Path, options: list[str], code: int, message: str
) -> None:
    outcome = cli("compress", glove, "-o", tmp_path / "out.embc", *options)
    assert (outcome.code, outcome.out) == (code, "")
    assert outcome.err.startswith(message.format(glove=glove))
    assert outcome.err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


BAD_INPUT = [
    (b"a 1 2\nb 3\n", [], "2: 1 number, expected 2"),
    (b"a 1 2\nb 3 4 5\n", [], "2: 3 numbers, expected 2"),
    (b"a 1 2\nb 3 x\n", [], "2: number 2 is 'x', expected a decimal number"),
    (b"a 1 2\nb nan 3\n", [], "2: number 1 is 'nan', expected a finite float32"),
    (b"a 1 2\nb inf 3\n", [], "2: number 1 is 'inf', expected a finite float32"),
    (
        b"a 1 2\n\xff 3 4\n",
        [],
        "2: '\\\\xff' is not valid UTF-8 (invalid start byte); --encoding-errors replace or ignore accepts it",
    ),
    (
        b"a 1 2\na 3 4\n",
        ["--duplicates", "error"],
        "2: the word 'a' occurs twice, expected distinct words",
    ),
    (b"3 2\na 1 2\nb 3 4\n", [], "1: header promises 3 rows, the file has 2"),
    (b"1 2\na 1 2\nb 3 4\n", [], "1: header promises 1 rows, the file has 2"),
    (b"", [], " is empty, expected an embedding"),
    (b"a\nb\n", [], " is no embedding in a known format, expected rows of a word and numbers, got 'a'"),
    (
        b"\x80\x04K\x01.",
        [],
        " is a pickle (native gensim file), and unpickling runs any code that it holds; "
        "--allow-pickle reads it anyway",
    ),
]


@pytest.mark.parametrize(("content", "options", "message"), BAD_INPUT, ids=lambda value: repr(value)[:30])
def test_bad_input_is_one_line_and_leaves_nothing(
    cli: Cli, tmp_path: Path, content: bytes, options: list[str], message: str
) -> None:
    source = tmp_path / "bad.txt"
    source.write_bytes(content)
    outcome = cli("compress", source, "-o", tmp_path / "out.embc", *options)
    assert (outcome.code, outcome.out) == (3, "")
    assert outcome.err == f"embcomp: {source}:{message}\n"
    assert list(tmp_path.iterdir()) == [source]


def test_an_existing_target_needs_force(cli: Cli, glove: Path, tmp_path: Path) -> None:
    target = tmp_path / "out.embc"
    target.write_bytes(b"precious")
    outcome = cli("compress", glove, "-o", target)
    assert (outcome.code, outcome.err) == (
        3,
        f"embcomp: {target}: exists already; --force replaces it\n",
    )
    assert target.read_bytes() == b"precious"
    assert cli("compress", glove, "-o", target, "--force").code == 0
    assert open_container(target).words == WORDS


def test_a_missing_source_or_folder_is_named(cli: Cli, glove: Path, tmp_path: Path) -> None:
    missing = cli("compress", tmp_path / "none.txt", "-o", tmp_path / "out.embc")
    assert (missing.code, missing.err) == (
        3,
        f"embcomp: {tmp_path / 'none.txt'}: cannot be read: No such file or directory\n",
    )
    folder = cli("compress", glove, "-o", tmp_path / "none" / "out.embc")
    assert (folder.code, folder.err.count("\n")) == (3, 1)


def test_a_container_is_not_compressed_again(cli: Cli, embc: Path, tmp_path: Path) -> None:
    outcome = cli("compress", embc, "-o", tmp_path / "again.embc")
    assert (outcome.code, outcome.err.count("\n")) == (3, 1)
    assert list(tmp_path.iterdir()) == []


def test_a_file_larger_than_its_source_is_named(cli: Cli, glove: Path, tmp_path: Path) -> None:
    outcome = cli("compress", glove, "-o", tmp_path / "x.embc", "--method", "kd", "--ways", "16")
    assert outcome.code == 0
    assert outcome.err.splitlines()[1] == "not smaller: 1 × (vectors only), 0.14 × (whole file)"
    assert outcome.err.splitlines()[-1].startswith(
        "warning: the file is larger than the words and their float32 vect"
    )
    assert outcome.err.endswith("for few words, lower --dims or --ways or use --method sign\n")


def test_state_that_dominates_is_named(cli: Cli, tmp_path: Path) -> None:
    rng, source = np.random.default_rng(3), tmp_path / "v.txt"
    rows = [f"{word} {' '.join(map(str, rng.normal(size=60).round(3)))}\n" for word in range(800)]
    source.write_text("".join(rows))
    assert "% of it is what iiq learned" in cli("compress", source, "-o", tmp_path / "x.embc", *IIQ).err
    assert "learned" not in cli("compress", source, "-o", tmp_path / "y.embc", "--method", "sign").err


@pytest.mark.parametrize("size", ["1G", "500M", "64k", "2GiB", "1T"])
def test_sizes_as_they_are_typed(cli: Cli, glove: Path, tmp_path: Path, size: str) -> None:
    assert cli("compress", glove, "-o", tmp_path / "x.embc", "--max-memory", size).code == 0


def test_a_refusal_for_memory_is_of_the_rows_that_there_are(cli: Cli, tmp_path: Path) -> None:
    source = tmp_path / "v.txt"
    source.write_text("".join(f"w{row} {' '.join(['0.5'] * 64)} {row}\n" for row in range(10)))
    assert cli("compress", source, "-o", tmp_path / "x.embc", "--max-memory", "1MB").code == 0


def test_a_terminal_gets_no_bytes(cli: Cli, glove: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr("embcomp.cli.compress.sys", SimpleNamespace(stdout=Terminal()))
    outcome = cli("compress", glove, "-o", "-")
    assert outcome.code == 2
    assert "for a terminal" in outcome.err
    assert outcome.out == ""
