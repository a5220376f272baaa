"""Commands that make, use and change collections."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Cli, cli  # noqa: F401


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, parts: Path) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "source").symlink_to(parts.parent)
    return tmp_path


METHOD = ("--method", "transform", "--grade", "6")
ALIKE = ("--method", "sign")  # decodes row by row: the same text whatever the BLAS kernel


def test_three_commands_give_the_file_of_one(cli: Cli, folder: Path) -> None:  # noqa: F811
    assert cli("compress", "source/p-*.txt", "-o", "one.embc", *METHOD, "-q").code == 0
    assert cli("fit", "source/p-*.txt", "-o", "m.embm", *METHOD).err == "m.embm: transform, 4 parts to be encoded\n"
    assert "words        none: a model to encode the parts of a source with; parts: 4\n" in cli("info", "m.embm").out
    for part in (3, 0, 2, 1):
        encoded = cli("encode", f"source/p-{part}.txt", "--model", "m.embm", "-o", "parts", "--shards", "2", "-q")
        assert (encoded.code, encoded.out.startswith(f"parts/00000{part}-")) == (0, True)
    assert cli("merge", "parts", "-o", "all.embc").err == "all.embc: 2393 words, transform\n"
    assert (folder / "all.embc").read_bytes() == (folder / "one.embc").read_bytes()
    for shard in (1, 0):
        assert cli("merge", "parts", "-o", "all.embcs", "--shard", str(shard), "-q").code == 0
    refused = cli("info", "all.embcs")
    assert (refused.code, refused.err) == (
        3,
        "embcomp: all.embcs: is no collection, expected a folder with a manifest\n",
    )
    merged = cli("merge", "parts", "-o", "all.embcs", "--on", "serial")
    assert merged.err == "all.embcs: 2393 words in 2 files, generation 0\n"
    assert cli("merge", "all.embcs", "-o", "again.embc", "-q").code == 0
    assert (folder / "again.embc").read_bytes() == (folder / "one.embc").read_bytes()


def test_a_collection_is_used_like_a_file(cli: Cli, folder: Path) -> None:  # noqa: F811
    assert cli("compress", "source/p-*.txt", "-o", "x.embc", *ALIKE, "-q").code == 0
    made = cli("compress", "source/p-*.txt", "-o", "x.embcs", *ALIKE, "--shards", "3", "--on", "serial")
    assert made.err == "x.embcs: 2393 words of 16 dimensions in 3 files, sign, generation 0\n"
    for arguments in (
        ("vector", "wörd-1", "wörd-900"),
        ("similar", "wörd-1", "-k", "30"),
        ("similar", "wörd-900", "-k", "3", "--restrict", "5"),
        ("analogy", "wörd-1", "wörd-2", "wörd-3"),
    ):
        command, *others = arguments
        assert cli(command, "x.embcs", *others).out == cli(command, "x.embc", *others).out
    for name in ("x.embc", "x.embcs"):
        assert cli("decompress", name, "-o", f"{name}.txt", "-q").code == 0
    assert (folder / "x.embcs.txt").read_bytes() == (folder / "x.embc.txt").read_bytes()
    one, many = (json.loads(cli("info", name, "--json").out)["results"][0] for name in ("x.embc", "x.embcs"))
    for field in ("method", "config", "rows", "dim", "bits_per_vector", "source", "report"):
        assert many[field] == one[field]
    assert many["bytes"]["file"] == sum(path.stat().st_size for path in (folder / "x.embcs").glob("shard-*"))
    assert many["collection"] == {"generation": 0, "shards": 3, "files": 3, "dropped": 5}
    lines = cli("info", "x.embcs").out.splitlines()
    assert lines[1:3] == ["collection   generation 0, shards: 3, files: 3", "words        2393"]
    scores = [cli("diff", "x.embc", name, "-n", "3", "--json").out for name in ("x.embc", "x.embcs")]
    assert scores[1].replace("x.embcs", "x.embc") == scores[0]


def test_a_collection_is_changed_and_checked(cli: Cli, folder: Path) -> None:  # noqa: F811
    assert cli("compress", "source/p-*.txt", "-o", "x.embcs", "--method", "sign", "--shards", "3", "-q").code == 0
    (folder / "more.txt").write_text(f"new {' 1' * 16}\nwörd-1{' 1' * 16}\n", encoding="utf-8")
    added = cli("add", "x.embcs", "more.txt")
    assert added.err == "x.embcs: 2394 words, 1 of them new, 1 were there already, generation 1\n"
    assert cli("compact", "x.embcs", "--shards", "2", "--on", "serial").err == (
        "x.embcs: 2394 words in 2 files, generation 2\n"
    )
    assert cli("verify", "x.embcs", "--on", "serial").out == "x.embcs: ok\n"
    shard = next((folder / "x.embcs").glob("shard-00001-of-00002-*"))
    shard.write_bytes(shard.read_bytes()[:-1])
    checked = cli("verify", "x.embcs", "--on", "serial")
    assert (checked.code, str(shard.name) in checked.out) == (1, True)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ("compress", "source/p-*.txt", "-o", "x.embc", "--shards", "2"),
            "compress: --shards is for a collection, NAME.embcs\n",
        ),
        (
            ("compress", "source/p-*.txt", "-o", "x.embcs", "--drop-order"),
            "compress: --drop-order is for one file, not for a collection\n",
        ),
        (("compress", "source/p-*.txt", "-o", "x.embcs", "--on", "x"), "--on must be serial, processes, processes=N"),
        (("compress", "source/p-*.txt", "-o", "x.embc", "--on", "serial"), "--on is for a collection, NAME.embcs\n"),
        (("merge", "parts", "-o", "x.embc", "--on", "serial"), "merge: --on is for a collection, NAME.embcs\n"),
        (("verify", "x.embc", "y.embc", "--on", "serial"), "verify: --on is for a collection, NAME.embcs\n"),
        (("merge", "parts", "-o", "x.embc", "--shard", "1"), "merge: --shard is for a collection, NAME.embcs\n"),
        (("merge", "parts", "-o", "x.embc"), "parts: has no encoded parts, expected what 'embcomp encode' made"),
        (("add", "x.embc", "y.txt"), "give the output file with -o"),
        (("add", "x.embcs", "y.txt", "-o", "z.embcs"), "words are added to a collection in place"),
        (
            ("encode", "a", "--model", "one.embm", "-o", "p", "--piece", "3/2"),
            "--piece must be K/N with K from 1 to N",
        ),
    ],
)
def test_what_is_refused(cli: Cli, folder: Path, arguments: tuple[str, ...], message: str) -> None:  # noqa: F811
    assert cli("fit", "source/p-*.txt", "--method", "sign", "-o", "one.embm", "-q").code == 0
    refused = cli(*arguments)
    assert refused.code in (2, 3)
    assert message in refused.err
