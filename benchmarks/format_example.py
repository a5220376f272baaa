"""Write the worked example of docs/format.md: a container of three words, byte by byte.

    python benchmarks/format_example.py        rewrites the example in docs/format.md

A test compares the page with what this gives.
"""

from __future__ import annotations

import importlib.util
import io
import json
from pathlib import Path
from types import ModuleType

import numpy as np

from embcomp.compressors.registry import make_compressor
from embcomp.container.writer import write
from embcomp.embedding import Embedding
from embcomp.encoded import EncodedEmbedding

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "format.md"
START, END = "<!-- example -->\n", "<!-- end of example -->\n"

WORDS = ["queen", "the", "king"]
VECTORS = [[0.5, -1.0, 2.0, 0.25], [-0.5, 1.0, -2.0, 0.75], [1.5, -0.5, 1.0, 0.25]]


def example_container() -> bytes:
    embedding = Embedding(WORDS, np.array(VECTORS, np.float32))
    file = io.BytesIO()
    write(EncodedEmbedding.encode(embedding, make_compressor("sign")), file)
    return file.getvalue()


def example_text() -> str:
    """The example as it stands in the page, from the bytes alone and the independent reader."""
    data = example_container()
    reader = load_reader()
    document, sections = reader.read_file(data)
    header_end = 32 + int.from_bytes(data[16:24], "little")
    lines = [
        f"The file has {len(data)} bytes. First the 32 bytes before the header, which has {header_end - 32}:",
        "",
        *fenced(hexadecimal(data, 0, 32)),
        "",
        "The header (one line in the file, here broken after each section):",
        "",
        *fenced(header_lines(data[32:header_end].decode())),
    ]
    for entry in document["sections"]:
        start, stop = entry["offset"], entry["offset"] + entry["length"]
        lines += ["", f"`{entry['name']}`{COMMENTS[entry['name']]}:", ""]
        lines += fenced(hexadecimal(data, start, stop))
    words, vectors = reader.words_by_rank(document, sections), decoded(reader, document, sections)
    lines += ["", "and so, by row:", ""]
    lines += [f"    {row} {word:<6} {vector}" for row, (word, vector) in enumerate(zip(words, vectors, strict=True))]
    return "\n".join(lines) + "\n"


COMMENTS = {
    "words.0.index": ": 12 bytes of words; one page, of 3 words; its first word has 4 bytes, its stream has 21",
    "words.0.pages": ": a zlib stream of one stored block; `05 03` and `queen`, `the`",
    "order.0": ": `king`, `queen` and `the` have rows 2, 0 and 1; in 2 bits each these are `10 00 01`",
    "codes.0": ": a row has 4 bits",
    "state.length_levels": " has no bytes: lengths of rows are not kept",
    "state.scale": ": the mean distance of numbers from their thresholds",
    "state.thresholds": ": the mean of each dimension",
}


def hexadecimal(data: bytes, start: int, stop: int) -> list[str]:
    lines = []
    for at in range(start, stop, 16):
        row = data[at : min(at + 16, stop)]
        text = "".join(chr(byte) if 32 <= byte < 127 else "." for byte in row)
        lines.append(f"{at:08x}  {row.hex(' '):<47}  {text}")
    return lines


def header_lines(header: str) -> list[str]:
    return header.replace('"sections":[', '"sections":[\n').replace("},{", "},\n{").split("\n")


def decoded(reader: ModuleType, document: dict[str, object], sections: dict[str, np.ndarray]) -> list[list[float]]:
    codes = reader.codes_of(document, sections)
    state = {name.removeprefix("state."): array for name, array in sections.items()}
    return json.loads(json.dumps(np.round(reader.decode_sign(document, codes, state), 6).tolist()))


def fenced(lines: list[str]) -> list[str]:
    return [f"    {line}" for line in lines]


def load_reader() -> ModuleType:
    spec = importlib.util.spec_from_file_location("embc_reader", ROOT / "docs" / "reader.py")
    if spec is None or spec.loader is None:
        raise ImportError("docs/reader.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def page_with_example(page: str) -> str:
    before, rest = page.split(START)
    _, after = rest.split(END)
    return before + START + "\n" + example_text() + "\n" + END + after


if __name__ == "__main__":
    PAGE.write_text(page_with_example(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
