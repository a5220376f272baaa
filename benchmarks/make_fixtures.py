"""Make the container fixtures in tests/fixtures. Tests never call this.

    python benchmarks/make_fixtures.py          adds what is missing; a fixture that exists is never changed
    python benchmarks/make_fixtures.py --all    makes all of them again: only for a format that no release has written

A fixture v1-NAME consists of v1-NAME.embc, the words and facts it must give (.json) and its decoded vectors in the
words' order (.npy). It is made from source.json and source.npy by FIXTURES[NAME]. golden.json lists the SHA-256 of
each file and of its sections, for the fixtures that today's code should still make.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
from format_example import load_reader

from embcomp.compressors.registry import make_compressor, method_names
from embcomp.container.reader import Container, open_container
from embcomp.container.writer import save
from embcomp.embedding import Embedding
from embcomp.encoded import EncodedEmbedding
from embcomp.text import TextModel, TextRules

FOLDER = Path(__file__).parents[1] / "tests" / "fixtures"
DIM = 10

FIXTURES: dict[str, tuple[str, dict[str, Any]]] = {
    "sign": ("sign", {}),
    "sign-zero": ("sign", {"threshold": "zero"}),
    "itq": ("itq", {}),
    "iiq": ("iiq", {"remove_top": 1}),
    "iiq-3-bits": ("iiq", {"bits": 3, "remove_top": 2}),
    "iiq-25-bits": ("iiq", {"bits": 25, "remove_top": 1}),
    "iiq-no-order": ("iiq", {"bits": 8, "remove_top": 1}),
    "sign-no-words": ("sign", {}),
    "sign-text": ("sign", {}),
    "sign-lengths": ("sign", {"lengths": 5}),
    "sign-graded": ("sign", {"grade": 3.0}),
    "iiq-graded": ("iiq", {"bits": 12, "grade": 4.0, "lengths": 4, "remove_top": 1}),
    "iiq-lengths": ("iiq", {"bits": 9, "lengths": 3, "remove_top": 1}),
    "nlb": ("nlb", {"bits": 12}),
    "nlb-lengths": ("nlb", {"bits": 12, "lengths": 6}),
    "nlb-scaled": ("nlb", {"bounds": "scale"}),
    "dccl": ("dccl", {"codebooks": 5, "ways": 6, "epochs": 10}),
    "transform": ("transform", {"bits": 12}),
    "transform-lengths": ("transform", {"bits": 40, "lengths": 3, "space": "source"}),
    "transform-whitened": ("transform", {"bits": 13, "lengths": 4, "whiten": 0.75}),
    "additive": ("additive", {"bits": 19, "codebooks": 2, "lengths": 2}),
    "kd": ("kd", {"dims": 4, "ways": 16}),
    "kd-5-ways": ("kd", {"dims": 3, "ways": 5, "code_dim": 4, "remove_top": 1}),
    "kd-lstm": ("kd", {"dims": 3, "ways": 8, "code_dim": 6, "compose": "lstm", "epochs": 4}),
    "prune": ("prune", {"fraction": 0.8}),
    "alone": ("alone", {"inter": 12, "epochs": 5}),
    "alone-binary": ("alone", {"inter": 12, "epochs": 5, "filter": "binary", "columns": 8, "matrices": 3}),
    "alone-int8": ("alone", {"inter": 12, "epochs": 5, "weights": "int8"}),
    "alone-stored": ("alone", {"inter": 12, "epochs": 5, "store_filters": True, "columns": 6, "matrices": 5}),
    "alone-stored-binary": (
        "alone",
        {
            "inter": 12,
            "epochs": 5,
            "store_filters": True,
            "filter": "binary",
            "weights": "float16",
            "columns": 6,
            "matrices": 5,
        },
    ),
}
"""Method and options by fixture. ``-no-order`` drops the order, ``-no-words`` has no rows, ``-text`` a tokenizer."""


def source() -> tuple[list[str], np.ndarray]:
    """Words of all kinds, and vectors whose numbers have few digits."""
    odd = [
        "",
        "\x00",
        "\x01",
        "a\x00b",
        "\x01\x02",
        "naïve",
        "日本",
        "\U0001f600",
        "nation",
        "national",
        "international",
    ]
    words = ["the", "of", *odd, *(f"w{number * 37 % 120}" for number in range(120)), " ", "\u2028", "x" * 300]
    rng = np.random.default_rng(2024)
    vectors = rng.standard_normal((len(words), DIM)) * np.linspace(3, 0.5, DIM) + 0.5
    vectors[7] = 0
    return words, np.round(vectors, 3).astype(np.float32)


def build(name: str) -> EncodedEmbedding:
    method, config = FIXTURES[name]
    words = json.loads((FOLDER / "source.json").read_text(encoding="utf-8"))
    vectors = np.load(FOLDER / "source.npy")
    n_words = 0 if name.endswith("-no-words") else len(words)
    encoded = EncodedEmbedding.encode(
        Embedding(words[:n_words], vectors[:n_words]), make_compressor(method, **config)
    )
    if name.endswith("-text"):
        encoded.text = TextModel(TextRules(normalize=True, max_tokens=512), lambda: word_level(words))
    return encoded.without_order() if name.endswith("-no-order") else encoded


def word_level(words: list[str]) -> dict[str, Any]:
    """A tokenizer that splits at white space."""
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [],
        "normalizer": {"type": "Lowercase"},
        "pre_tokenizer": {"type": "WhitespaceSplit"},
        "post_processor": None,
        "decoder": None,
        "model": {
            "type": "WordLevel",
            "vocab": {word: number for number, word in enumerate(words)},
            "unk_token": "w0",
        },
    }


def make(name: str) -> None:
    path = FOLDER / f"v1-{name}.embc"
    encoded = build(name)
    save(encoded, path, force=True)
    opened = open_container(path)
    decoded = opened.decode_all()
    words, vectors = load_reader().read_embedding(path)
    difference = np.abs(vectors - decoded).max(initial=0)
    if words != opened.words or difference > 1e-5:
        raise SystemExit(f"{path.name}: docs/reader.py reads something else (difference {difference:g})")
    np.save(path.with_suffix(".npy"), decoded)
    facts = {
        "format_version": 1,
        "method": opened.compressor.name,
        "config": opened.compressor.get_config(),
        "words": words,
    }
    path.with_suffix(".json").write_text(json.dumps(facts, indent=1, ensure_ascii=True) + "\n", encoding="ascii")


def golden(name: str) -> dict[str, Any]:
    path = FOLDER / f"v1-{name}.embc"
    container = Container(path)
    return {
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "sections": {
            section: hashlib.sha256(container.data(section, checked=True)).hexdigest()
            for section in container.sections
        },
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--all", action="store_true", help="make existing ones again too")
    remake = parser.parse_args().all
    FOLDER.mkdir(exist_ok=True)
    if remake or not (FOLDER / "source.npy").exists():
        words, vectors = source()
        (FOLDER / "source.json").write_text(json.dumps(words) + "\n", encoding="ascii")
        np.save(FOLDER / "source.npy", vectors)
    for name in FIXTURES:
        if remake or not (FOLDER / f"v1-{name}.embc").exists():
            make(name)
    document = {name: golden(name) for name in FIXTURES}
    (FOLDER / "golden.json").write_text(json.dumps(document, indent=1) + "\n", encoding="ascii")
    for method in sorted(set(method_names()) - {method for method, _ in FIXTURES.values()}):
        print(f"no fixture for method {method}")


if __name__ == "__main__":
    main()
