"""Tiny static sentence models, in the layouts of model2vec and of sentence-transformers."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import numpy as np

TOKENS = ["[PAD]", "[UNK]", "the", "cat", "sat", "##s", "mat", "été", ".", "a"]
DTYPES = {
    "<f4": "F32",
    "<f2": "F16",
    "|i1": "I8",
    "|u1": "U8",
    "<i8": "I64",
    "<i4": "I32",
    "<f8": "F64",
    "<u2": "BF16",
}


def tokenizer(tokens: list[str] = TOKENS) -> dict[str, Any]:
    """The document of a WordPiece tokenizer, as tokenizers writes it."""
    special = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
    return {
        "version": "1.0",
        "truncation": {"direction": "Right", "max_length": 6, "strategy": "LongestFirst", "stride": 0},
        "padding": None,
        "added_tokens": [{"id": number, "content": tokens[number]} | special for number in range(2)],
        "normalizer": {
            "type": "BertNormalizer",
            "clean_text": True,
            "handle_chinese_chars": True,
            "strip_accents": False,
            "lowercase": True,
        },
        "pre_tokenizer": {"type": "BertPreTokenizer"},
        "post_processor": None,
        "decoder": {"type": "WordPiece", "prefix": "##", "cleanup": True},
        "model": {
            "type": "WordPiece",
            "unk_token": "[UNK]",
            "continuing_subword_prefix": "##",
            "max_input_chars_per_word": 100,
            "vocab": {token: number for number, token in enumerate(tokens)},
        },
    }


def table(n_rows: int = len(TOKENS), dim: int = 4) -> np.ndarray:
    """Small whole numbers, which every dtype holds."""
    return np.random.default_rng(3).integers(-9, 10, (n_rows, dim)).astype(np.float32)


def safetensors(tensors: dict[str, np.ndarray], dtypes: dict[str, str] | None = None) -> bytes:
    """The bytes of a file."""
    header: dict[str, Any] = {"__metadata__": {"format": "np"}}
    body = b""
    for name, array in tensors.items():
        dtype = (dtypes or {}).get(name, DTYPES[array.dtype.str])
        header[name] = {
            "dtype": dtype,
            "shape": list(array.shape),
            "data_offsets": [len(body), len(body) + array.nbytes],
        }
        body += array.tobytes()
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + body


def model2vec(
    folder: Path,
    tensors: dict[str, np.ndarray] | None = None,
    config: dict[str, Any] | None = None,
    document: dict[str, Any] | None = None,
) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "model.safetensors").write_bytes(safetensors(tensors or {"embeddings": table()}))
    (folder / "tokenizer.json").write_text(json.dumps(document or tokenizer()), encoding="utf-8")
    if config is None:
        config = {"normalize": True, "max_length": 512}
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    return folder


def sentence_transformers(folder: Path, modules: tuple[str, ...] = ("StaticEmbedding",), subfolder: str = "") -> Path:
    inner = folder / subfolder
    inner.mkdir(parents=True, exist_ok=True)
    (inner / "model.safetensors").write_bytes(safetensors({"embedding.weight": table()}))
    (inner / "tokenizer.json").write_text(json.dumps(tokenizer()), encoding="utf-8")
    listed = [
        {"idx": number, "name": str(number), "path": "", "type": f"sentence_transformers.models.{name}"}
        for number, name in enumerate(modules)
    ]
    (folder / "modules.json").write_text(json.dumps(listed), encoding="utf-8")
    return folder
