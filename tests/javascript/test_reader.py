"""The reader for browsers and Node gives what embcomp gives, from files and over HTTP."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import tarfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import embcomp
from tests.browser import BROWSERS
from tests.test_fixtures import FIXTURES, each_fixture

SCRIPT = Path(__file__).with_name("contents.mjs")
MODULE = SCRIPT.parents[2] / "embcomp" / "webpage" / "embcomp.js"
NODE = shutil.which("node")

RUNNERS = ["node", *BROWSERS]
PAGE = """<!doctype html><body><script type="module">
import {{ open }} from './embcomp.js';
import {{ shown }} from './contents.mjs';
shown(open, {names});
</script>"""

in_each_runner = pytest.mark.parametrize("runner", RUNNERS)


def node(*arguments: str) -> bytes:
    """What Node writes."""
    if NODE is None:
        pytest.skip("no node: install Node 18 or later to run this")
    return subprocess.run([NODE, *arguments], capture_output=True, check=True).stdout


def read(*sources: str) -> list[dict[str, Any]]:
    """What Node reads in each file."""
    return [json.loads(line) for line in node(str(SCRIPT), *sources).splitlines()]


@cache
def all_fixtures(runner: str) -> dict[Path, dict[str, Any]]:
    if runner == "node":
        return dict(zip(FIXTURES, read(*map(str, FIXTURES)), strict=True))
    files = {path.name: path for path in (MODULE, SCRIPT, *FIXTURES)}
    content = {name: path.read_bytes() for name, path in files.items()}
    content["page.html"] = PAGE.format(names=json.dumps([path.name for path in FIXTURES])).encode()
    with BROWSERS[runner]() as browser, served(content) as (base, _):
        browser.go(f"{base}/page.html")
        found = json.loads(browser.wait("return document.querySelector('pre')?.textContent"))
    return dict(zip(FIXTURES, found, strict=True))


@in_each_runner
@each_fixture
def test_words_and_vectors(path: Path, runner: str) -> None:
    found, opened = all_fixtures(runner)[path], embcomp.open(path)
    assert found.get("error") is None
    assert found["words"] == list(opened.index_to_key)
    assert found["ranks"] == list(range(len(opened)))
    assert found["missing"] is None
    vectors = np.array(found["vectors"], dtype=np.float32).reshape(opened.vectors.shape)
    np.testing.assert_allclose(vectors, opened.vectors[:], rtol=1e-5, atol=1e-6)


@in_each_runner
@each_fixture
def test_neighbours(path: Path, runner: str) -> None:
    found, opened = all_fixtures(runner)[path], embcomp.open(path, similarity="decoded")
    for word, neighbours in zip(found["words"], found["similar"], strict=False):
        require_same(neighbours, opened.most_similar(word, topn=5), opened, word)
    if found["analogy"] is not None:
        a, b, c = found["words"][:3]
        require_same(found["analogy"], opened.most_similar(positive=[b, c], negative=[a], topn=5), opened, a, b, c)


def require_same(found: list[dict[str, Any]], expected: list[tuple[str, float]], opened: Any, *without: str) -> None:
    """The same scores, but for their last place; words too, unless scores are that close."""
    np.testing.assert_allclose([each["score"] for each in found], [score for _, score in expected], atol=2e-6)
    near = {word for word, score in opened.most_similar(without[0], topn=len(opened))}
    assert {each["word"] for each in found} <= near
    scores = [score for _, score in expected]
    if len(scores) > 1 and min(abs(np.diff(scores))) > 4e-6:
        assert [each["word"] for each in found][:-1] == [word for word, _ in expected][:-1]


@pytest.mark.parametrize("factor", [1, 64])
def test_sums_of_many_codewords(tmp_path: Path, factor: int) -> None:
    """More codewords than are added at once; and so large that two do not fit into a number of 32 bits."""
    rng = np.random.default_rng(0)
    words = [f"w{number}" for number in range(2000)]
    made = embcomp.compress(
        words, rng.normal(size=(2000, 21)), "additive", bits=63, codebooks=7, grade=0, space="isotropic"
    )
    compressor: Any = made.encoded.compressor
    assert compressor.depths_ > 5
    for name in ("centres_", "spreads_", "codeword_spreads_"):
        array = getattr(compressor, name)
        setattr(compressor, name, (array * factor).astype(array.dtype))
    path = tmp_path / "many.embc"
    made.save(path)
    (found,), opened = read(str(path)), embcomp.open(path, similarity="decoded")
    np.testing.assert_allclose(np.array(found["vectors"]), opened.vectors[:], rtol=1e-5, atol=1e-5 * factor)
    for word, neighbours in zip(found["words"], found["similar"], strict=False):
        require_same(neighbours, opened.most_similar(word, topn=5), opened, word)


TYPES = {".html": "text/html", ".js": "text/javascript", ".mjs": "text/javascript"}


@contextmanager
def served(files: dict[str, bytes], *, ranges: bool = True) -> Iterator[tuple[str, list[int]]]:
    """A server of files, and the bytes that it has sent, answer by answer."""
    sent: list[int] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked = re.match(r"bytes=(\d+)-(\d+)", self.headers.get("Range", ""))
            part = content = files.get(self.path[1:], b"")
            if ranges and asked:
                start, last = int(asked[1]), min(int(asked[2]), len(content) - 1)
                part = content[start : last + 1]
                self.send_response(206)
                self.send_header("Content-Range", f"bytes {start}-{last}/{len(content)}")
            else:
                self.send_response(200)
            self.send_header("Content-Type", TYPES.get(Path(self.path).suffix, "application/octet-stream"))
            self.send_header("Content-Length", str(len(part)))
            self.end_headers()
            self.wfile.write(part)
            sent.append(len(part))

        def log_message(self, *arguments: Any) -> None:
            """Nothing on stderr."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", sent
        server.shutdown()


@pytest.mark.parametrize("ranges", [True, False])
def test_over_http(ranges: bool) -> None:
    path = next(path for path in FIXTURES if path.stem == "v1-iiq")
    with served({path.name: path.read_bytes()}, ranges=ranges) as (base, sent):
        (found,) = read(f"{base}/{path.name}")
    assert found == all_fixtures("node")[path]
    assert sent == [path.stat().st_size]


@pytest.mark.parametrize("name", BROWSERS)
def test_the_page_in_the_documentation(name: str, tmp_path: Path) -> None:
    guide = (SCRIPT.parents[2] / "docs" / "how-to" / "show-in-a-browser.md").read_text(encoding="utf-8")
    (page,) = re.findall(r"```html\n(.*?)```", guide, re.DOTALL)
    path = tmp_path / "glove.embc"
    embcomp.compress(["the", "king", "of"], np.random.default_rng(0).normal(size=(3, 8)), "sign").save(path)
    files = {"index.html": page.encode(), MODULE.name: MODULE.read_bytes(), path.name: path.read_bytes()}
    with BROWSERS[name]() as browser, served(files) as (base, _):
        browser.go(f"{base}/index.html")
        found = json.loads(browser.wait("return document.querySelector('pre').textContent"))
    expected = embcomp.open(path, similarity="decoded").most_similar("king")
    assert [each["word"] for each in found] == [word for word, _ in expected]


def test_only_what_is_needed_is_fetched(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    words = [f"word{number}" for number in range(60_000)]
    path = tmp_path / "large.embc"
    compressed = embcomp.compress(words, rng.normal(size=(len(words), 200)), "sign")
    compressed.save(path)
    with served({path.name: path.read_bytes()}) as (base, sent):
        vector = f"import('{MODULE}').then(m => m.open('{base}/{path.name}')).then(f => f.vector('word7'))"
        numbers = node("-e", f"{vector}.then(v => console.log(v.join(' ')))").split()
    np.testing.assert_allclose(np.array(numbers, dtype=np.float32), compressed["word7"], rtol=1e-6)
    assert sum(sent) < path.stat().st_size / 4


def test_bytes_of_any_kind_are_opened() -> None:
    path = next(path for path in FIXTURES if path.stem == "v1-sign")
    code = f"""import {{ readFileSync }} from 'node:fs'; import {{ open }} from '{MODULE.as_uri()}';
        const read = readFileSync({json.dumps(str(path))}), own = Uint8Array.from(read).buffer;
        for (const each of [read, own, new Uint8Array(own), new DataView(own), new Blob([read])]) {{
          console.log((await (await open(each)).vector('the')).join(' '));
        }}"""
    lines = node("--input-type=module", "-e", code).splitlines()
    assert len(lines) == 5
    assert len(set(lines)) == 1


def test_words_without_a_code_are_alike(tmp_path: Path) -> None:
    """The last band of graded codes may have rows of no bits, all of the same vector: the first of them are found."""
    rng = np.random.default_rng(0)
    words, vectors = [f"w{number}" for number in range(3000)], rng.normal(size=(3000, 8)) * np.geomspace(9, 1, 8)
    path = tmp_path / "graded.embc"
    made = embcomp.compress(words, vectors, "transform", bits=2, grade=4)
    made.save(path)
    assert made.encoded.codes.bands[-1].layout.row_bits == 0
    code = f"""import {{ readFileSync }} from 'node:fs'; import {{ open }} from '{MODULE.as_uri()}';
        const file = await open(readFileSync({json.dumps(str(path))}));
        console.log(JSON.stringify(await file.similar('w2999', 5)));"""
    found = json.loads(node("--input-type=module", "-e", code))
    expected = embcomp.open(path, similarity="decoded").most_similar("w2999", topn=5)
    assert [each["word"] for each in found] == [word for word, _ in expected]


def test_damage_is_an_error(tmp_path: Path) -> None:
    content = next(path for path in FIXTURES if path.stem == "v1-sign").read_bytes()
    paths = [tmp_path / name for name in ("magic", "header", "state", "short", "long")]
    for path, damaged in zip(
        paths,
        [
            b"x" + content[1:],
            content[:40] + b"?" + content[41:],
            content.replace(embedded(content), bytes(len(embedded(content)))),
            content[:-1],
            content + b"x",
        ],
        strict=True,
    ):
        path.write_bytes(damaged)
    found = read(*map(str, paths))
    assert [each.get("kind") for each in found] == ["EmbcError"] * len(paths)


def embedded(content: bytes) -> bytes:
    """The bytes of the first section that has some."""
    header = json.loads(content[32 : 32 + int.from_bytes(content[16:24], "little")])
    section = next(each for each in header["sections"] if each["length"])
    return content[section["offset"] : section["offset"] + section["length"]]


def test_the_module_is_small() -> None:
    """20 kB minified; comments and indents are about half of it."""
    text = MODULE.read_text(encoding="utf-8")
    code = re.sub(r"(^|\s)//.*$|^\s*(/\*\*|\*).*$", "", text, flags=re.MULTILINE)
    assert len(re.sub(r"\s+", " ", code).encode()) < 35_500


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of the npm package, as it is published."""
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("no npm: install it to run this")
    root = tmp_path_factory.mktemp("npm")
    for folder in ("js", "embcomp/webpage"):
        shutil.copytree(SCRIPT.parents[2] / folder, root / folder)
    done = subprocess.run([npm, "pack", "--json", "--offline"], cwd=root / "js", capture_output=True, check=True)
    (packed,) = json.loads(done.stdout[done.stdout.index(b"[\n") :])
    with tarfile.open(root / "js" / packed["filename"]) as archive:
        archive.extractall(root / "node_modules" / "embcomp", filter="data")
    return root / "node_modules" / "embcomp" / "package"


def test_the_npm_package_holds_the_module(package: Path) -> None:
    names = {path.name for path in package.iterdir()}
    assert names == {"README.md", "embcomp.d.ts", "embcomp.js", "package.json"}
    assert (package / "embcomp.js").read_bytes() == MODULE.read_bytes()


def test_the_example_of_the_npm_package(package: Path, tmp_path: Path) -> None:
    words = ["the", "king", "of", "north", "man", "woman", "queen"]
    embcomp.compress(words, np.random.default_rng(0).normal(size=(7, 8)), "sign").save(tmp_path / "glove.embc")
    shutil.copytree(package, tmp_path / "node_modules" / "embcomp")
    (example,) = re.findall(r"```js\n(.*?)```", (package / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    (tmp_path / "example.mjs").write_text(example, encoding="utf-8")
    done = subprocess.run([str(NODE), "example.mjs"], cwd=tmp_path, capture_output=True, check=True)
    assert done.stdout.count(b"Float32Array(8)") == 2
    assert b"word: 'queen'" in done.stdout


def test_the_types(tmp_path: Path) -> None:
    compiler, npm = shutil.which("tsc"), shutil.which("npm")
    if compiler is None or npm is None:
        pytest.skip("no tsc: install npm and typescript to run this")
    subprocess.run([npm, "run", "types", "--silent"], cwd=SCRIPT.parents[2] / "js", check=True)
