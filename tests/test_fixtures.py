"""Files of every release open for ever, here and in a second reader written from the document alone."""

from __future__ import annotations

import ast
import hashlib
import importlib.util
import io
import json
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from embcomp.compressors.registry import BUILT_IN, make_compressor
from embcomp.container.reader import Container, open_container, verify
from embcomp.container.writer import write
from embcomp.embedding import Embedding
from embcomp.encoded import EncodedEmbedding
from tests.container.builder import Parts

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "tests" / "fixtures"
FIXTURES = sorted(FOLDER.glob("v*.embc"))
GOLDEN = json.loads((FOLDER / "golden.json").read_text(encoding="ascii"))

each_fixture = pytest.mark.parametrize("path", FIXTURES, ids=lambda path: path.stem)
each_golden = pytest.mark.parametrize("name", GOLDEN)


def load(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


reader = load(ROOT / "docs" / "reader.py")


@each_fixture
def test_it_opens_and_gives_what_it_always_gave(path: Path) -> None:
    expected = json.loads(path.with_suffix(".json").read_text(encoding="ascii"))
    opened = open_container(path)
    assert verify(path) == []
    assert opened.words == expected["words"]
    assert opened.compressor.name == expected["method"]
    assert opened.compressor.get_config().items() >= expected["config"].items()
    vectors = np.load(path.with_suffix(".npy"))
    np.testing.assert_allclose(opened.decode_all(), vectors, atol=1e-5)


@each_fixture
def test_the_second_reader_gives_the_same(path: Path) -> None:
    expected = json.loads(path.with_suffix(".json").read_text(encoding="ascii"))
    words, vectors = reader.read_embedding(path)
    assert words == expected["words"]
    np.testing.assert_allclose(vectors, np.load(path.with_suffix(".npy")), atol=1e-5)


def test_the_second_reader_is_independent() -> None:
    tree = ast.parse((ROOT / "docs" / "reader.py").read_text(encoding="utf-8"))
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    imported |= {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert imported == {"__future__", "json", "numpy", "pathlib", "struct", "sys", "zlib"}


def test_the_second_reader_skips_and_refuses_what_the_document_says() -> None:
    data = (FOLDER / "v1-sign.embc").read_bytes()
    parts = Parts(data)
    parts.add("later", b"abc", required=False)
    _, sections = reader.read_file(parts.build())
    assert sections.keys() == reader.read_file(data)[1].keys()
    parts.section("later")["required"] = True
    for damaged in (
        parts.build(),
        data[:-1],
        data + b"\0",
        data[:50] + b"!" + data[51:],
        data[:-1] + b"!",
        b"PK" + data,
    ):
        with pytest.raises(reader.RefusedError):
            reader.read_file(damaged)


@each_golden
def test_fixtures_are_never_changed(name: str) -> None:
    path = FOLDER / f"v1-{name}.embc"
    assert hashlib.sha256(path.read_bytes()).hexdigest() == GOLDEN[name]["sha256"]


# Files of methods that promise it are the same to the byte everywhere; of the others, which are trained by gradients,
# words and order are, and the layout and the error of the vectors are compared.

EXACT = {"words.0.index", "words.0.pages", "order.0"}
EXACT_METHODS = {"sign", "itq", "iiq", "prune", "transform", "additive", "kd"}


def is_exact(container: Container) -> bool:
    """Whether the file is to be the same on every machine."""
    header = container.header
    return header["method"] in EXACT_METHODS and header["config"].get("compose", "linear") == "linear"


def made_again(path: Path) -> bytes:
    """The container that today's code makes of the fixture's source and options."""
    container = Container(path)
    words = json.loads((FOLDER / "source.json").read_text(encoding="ascii"))[: container.rows]
    vectors = np.load(FOLDER / "source.npy")[: container.rows]
    compressor = make_compressor(container.header["method"], **container.header["config"])
    file = io.BytesIO()
    encoded = EncodedEmbedding.encode(Embedding(words, vectors, text=open_container(path).text), compressor)
    write(encoded if "order.0" in container.sections else encoded.without_order(), file)
    return file.getvalue()


@each_golden
def test_todays_code_makes_the_same_file(name: str, tmp_path: Path) -> None:
    path = FOLDER / f"v1-{name}.embc"
    again = tmp_path / "again.embc"
    again.write_bytes(made_again(path))
    before, after = Container(path), Container(again)
    if is_exact(before):
        assert again.read_bytes() == path.read_bytes()
    assert list(after.sections) == list(before.sections)
    for section in before.sections:
        one, other = before.array(section, checked=True), after.array(section, checked=True)
        assert (one.dtype, one.shape) == (other.dtype, other.shape)
        if section in EXACT:
            assert one.tobytes() == other.tobytes(), section
    assert relative_error(again) == pytest.approx(relative_error(path), rel=1e-3)


def relative_error(path: Path) -> float:
    """‖X − X̂‖² / ‖X‖² of a fixture, with what its method subtracted added back; 0 for no words."""
    opened = open_container(path)
    row_of = {word: row for row, word in enumerate(json.loads((FOLDER / "source.json").read_text(encoding="ascii")))}
    rows = np.array([row_of[word] for word in opened.words], dtype=np.intp)
    vectors = np.load(FOLDER / "source.npy")[rows].astype(np.float64)
    decoded = opened.decode_all() + (0 if opened.offset is None else opened.offset)
    return float(np.square(vectors - decoded).sum() / max(1, np.square(vectors).sum()))


def test_the_worked_example_is_what_the_script_gives() -> None:
    example = load(ROOT / "benchmarks" / "format_example.py")
    page = (ROOT / "docs" / "format.md").read_text(encoding="utf-8")
    assert page == example.page_with_example(page), "run: python benchmarks/format_example.py"


@pytest.mark.parametrize("method", BUILT_IN)
def test_every_method_has_a_fixture_and_is_in_the_document(method: str) -> None:
    assert method in {json.loads(path.with_suffix(".json").read_text())["method"] for path in FIXTURES}
    page = (ROOT / "docs" / "format.md").read_text(encoding="utf-8")
    assert any(f"`{method}`" in line for line in page.splitlines() if line.startswith("### "))
