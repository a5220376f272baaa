"""Static sentence models: a table of token vectors and a tokenizer, as model2vec and sentence-transformers keep them.

*model2vec*               ``model.safetensors`` with ``embeddings`` (rows, dim), and for models with fewer rows than
                          tokens ``mapping`` (tokens,): the row of each; and ``weights`` (tokens,); ``config.json``
*sentence-transformers*   ``model.safetensors`` with ``embedding.weight``, in the model's folder or in
                          ``0_StaticEmbedding``; ``modules.json``

with ``tokenizer.json`` beside the table. The vector of token t is ``weights[t] · embeddings[mapping[t]]``, and that
is what is read: words are tokens, in the order of their numbers. Numbers without a token have no row here. What is
written has a row for each number, zeros where there is no vector, and is read by both packages.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from embcomp.arrays import AnyArray, FloatArray, RowIds
from embcomp.documents import BadDocumentError, Document, parse_document
from embcomp.errors import InputError, OutputError, ParameterError
from embcomp.files import replacing
from embcomp.formats.format import BLOCK_BYTES, Block, Rows
from embcomp.formats.rows import shown
from embcomp.formats.safetensors import Tensor, header_bytes, opened, tensor_entry, vector_tensor
from embcomp.formats.stream import ByteStream
from embcomp.text.model import MAX_COUNT, TextModel, TextRules, token_ids

if TYPE_CHECKING:
    from embcomp.encoded import EncodedEmbedding

STATIC_MODEL = "static-model"
MODEL2VEC, SENTENCE_TRANSFORMERS = "embeddings", "embedding.weight"
SUBFOLDER = "0_StaticEmbedding"
MAX_JSON_BYTES = 1 << 27
MAX_TOKENS = 512  # of a text, where a model2vec model does not say
MODULES = ("StaticEmbedding", "Normalize")


class _Tokens(NamedTuple):
    words: list[str]
    numbers: RowIds


def read_model(stream: ByteStream, tensors: dict[str, Tensor]) -> Rows:
    """Open a static sentence model, whose table the stream is.

    Raises:
        InputError: it is none, or its files contradict each other.
    """
    key = next((name for name in (MODEL2VEC, SENTENCE_TRANSFORMERS) if name in tensors), None)
    if key is None or stream.path is None:
        found = ", ".join(sorted(tensors)[:5]) or "none"
        raise InputError(
            f"{stream.name}: has the tensors {shown(found)}, expected {MODEL2VEC!r} or {SENTENCE_TRANSFORMERS!r} and "
            "a tokenizer.json beside it (a static sentence model), or 'vectors', 'words' and 'word_ends'"
        )
    table = vector_tensor(stream.name, key, tensors)
    folder = stream.path.parent
    document = _read_json(folder / "tokenizer.json")
    tokens = _tokens(folder / "tokenizer.json", document)
    n_rows = _count_rows(stream.name, tensors, table)
    if int(tokens.numbers[-1]) >= n_rows:
        raise InputError(
            f"{stream.name}: has rows for {n_rows} tokens, tokenizer.json has numbers up to {tokens.numbers[-1]}"
        )
    rules = _rules(folder, key, document, tokens.words)
    blocks = _blocks(stream, tensors, key, tokens)
    return Rows(table.shape[1], blocks, stream.row, text=TextModel(rules, lambda: document))


def _blocks(stream: ByteStream, tensors: dict[str, Tensor], key: str, tokens: _Tokens) -> Iterator[Block]:
    """Yield tokens by number, and their vectors."""
    step = max(1, BLOCK_BYTES // (4 * tensors[key].shape[1]))
    with opened(stream, tensors) as file:
        mapping = file.array("mapping") if "mapping" in tensors else None
        weights = file.array("weights") if "weights" in tensors else None
        table = file.array(key) if mapping is not None else None  # has few rows
        for start in range(0, len(tokens.words), step):
            numbers = tokens.numbers[start : start + step]
            if table is None or mapping is None:
                first = int(numbers[0])
                vectors = file.array(key, first, int(numbers[-1]) + 1)[numbers - first]
            else:
                vectors = _mapped(stream, table, mapping[numbers])
            if weights is not None:
                vectors = vectors.astype(np.float32) * weights[numbers].astype(np.float32)[:, None]
            yield Block(tokens.words[start : start + step], vectors, (numbers + 1).tolist())


def _mapped(stream: ByteStream, table: AnyArray, rows: AnyArray) -> AnyArray:
    least, most = int(rows.min()), int(rows.max())
    if least < 0 or most >= len(table):
        raise InputError(f"{stream.name}: 'mapping' must be from 0 to {len(table) - 1}, got {least} to {most}")
    return table[rows]


def _count_rows(name: str, tensors: dict[str, Tensor], table: Tensor) -> int:
    """How many tokens have a vector; tensors beside the table must have as many numbers."""
    mapping, weights = tensors.get("mapping"), tensors.get("weights")
    n_rows = table.shape[0] if mapping is None else mapping.shape[0] if mapping.shape else 0
    if mapping is not None and (len(mapping.shape) != 1 or mapping.dtype[0] not in "IU"):
        raise InputError(f"{name}: 'mapping' is {mapping.dtype} {mapping.shape}, expected whole numbers (tokens,)")
    if weights is not None and (weights.shape != (n_rows,) or "F" not in weights.dtype):
        raise InputError(f"{name}: 'weights' is {weights.dtype} {weights.shape}, expected real numbers {(n_rows,)}")
    return n_rows


def _tokens(path: Path, document: Document) -> _Tokens:
    """Tokens by number; of two with one number, the first."""
    try:
        ids = token_ids(document)
    except BadDocumentError as error:
        raise InputError(f"{path}: {error}") from error
    words = {number: token for token, number in reversed(ids.items())}
    if not words:
        raise InputError(f"{path}: has no tokens, expected at least 1")
    numbers = sorted(words)
    return _Tokens([words[number] for number in numbers], np.array(numbers, dtype=np.int64))


def _rules(folder: Path, key: str, document: Document, tokens: list[str]) -> TextRules:
    """How the model's own package makes a vector of a text."""
    normalize = "Normalize" in _modules(folder.parent if folder.name == SUBFOLDER else folder)
    if key == SENTENCE_TRANSFORMERS:
        truncation = document.get("truncation") or {}
        return _judged(folder / "tokenizer.json", normalize, True, truncation.get("max_length"), None)
    path = folder / "config.json"
    config = _read_json(path) if path.exists() else {}
    limit = config.get("max_length", MAX_TOKENS)
    characters = limit * int(median(map(len, tokens))) if type(limit) is int else None
    return _judged(path, config.get("normalize", normalize and not config), False, limit, characters)


def _judged(path: Path, normalize: Any, keep_unknown: bool, limit: Any, characters: int | None) -> TextRules:
    limits = {"max_tokens": limit, "max_characters": characters}
    rules = {name: None if type(each) is int and each >= MAX_COUNT else each for name, each in limits.items()}
    try:
        return TextRules.from_json(rules | {"pooling": "mean", "normalize": normalize, "keep_unknown": keep_unknown})
    except BadDocumentError as error:
        raise InputError(f"{path}: {error}") from error


def _modules(root: Path) -> list[str]:
    """Names of the parts of a sentence-transformers model; none if it does not say.

    Raises:
        InputError: there is a part that is more than a table and a scaling.
    """
    path = root / "modules.json"
    if not path.exists():
        return []
    names = [str(each.get("type")).rpartition(".")[2] for each in _read_json(path, list)]
    other = [name for name in names if name not in MODULES]
    if other:
        raise InputError(f"{path}: has the module {shown(other[0])}, expected {' and '.join(MODULES)} only")
    return names


def _read_json(path: Path, kind: type = dict) -> Any:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_JSON_BYTES + 1)
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error
    if len(data) > MAX_JSON_BYTES:
        raise InputError(f"{path}: has more than {MAX_JSON_BYTES} bytes, allowed at most that")
    try:
        if kind is dict:
            return parse_document(data)
        items = parse_document(b'{"items":' + data + b"}")["items"]
    except BadDocumentError as error:
        raise InputError(f"{path}: {error}") from error
    if not isinstance(items, list) or not all(isinstance(each, dict) for each in items):
        raise InputError(f"{path}: must be a list of objects")
    return items


# Writing


def write_model(
    folder: Path, words: EncodedEmbedding, offset: FloatArray | None = None, *, force: bool = False
) -> int:
    """Write a folder that model2vec and sentence-transformers load; return the number of its rows.

    The table is written last: a folder without it is not taken for a model. A new folder that cannot be completed
    is removed.

    ``offset``, float32, shape (dim,), is added to each vector; ``force`` replaces files of an existing folder.

    Raises:
        ParameterError: there is no tokenizer.
        OutputError: a file exists, or cannot be written.
    """
    if words.text is None:
        raise ParameterError(f"the format {STATIC_MODEL} needs a tokenizer, which the file does not have")
    with ExitStack() as undo:
        if not folder.exists():
            undo.callback(shutil.rmtree, folder, ignore_errors=True)
        try:
            folder.mkdir(exist_ok=True)
        except OSError as error:
            raise OutputError(f"{folder}: cannot be made: {error.strerror}") from error
        n_rows = _write_files(folder, words, words.text, offset, force=force)
        undo.pop_all()
    return n_rows


def _write_files(
    folder: Path, words: EncodedEmbedding, text: TextModel, offset: FloatArray | None, *, force: bool
) -> int:
    ids = token_ids(text.tokenizer)
    n_rows = max(ids.values(), default=-1) + 1
    row_of = np.full(n_rows, -1, dtype=np.int64)
    row_of[list(ids.values())] = words.rows(ids)
    for name, document in _documents(text, n_rows, words.dim).items():
        with replacing(folder / name, force=force) as out:
            out.write(json.dumps(document, indent=1, ensure_ascii=False).encode("utf-8"))
    with replacing(folder / "model.safetensors", force=force) as out:
        out.write(header_bytes({MODEL2VEC: tensor_entry("F32", [n_rows, words.dim], 0, 4 * n_rows * words.dim)}))
        for vectors in _table(words, row_of, offset):
            out.write(vectors.astype("<f4").tobytes())
    return n_rows


def _table(words: EncodedEmbedding, row_of: RowIds, offset: FloatArray | None) -> Iterator[FloatArray]:
    step = max(1, BLOCK_BYTES // (4 * words.dim))
    for start in range(0, len(row_of), step):
        rows = row_of[start : start + step]
        vectors = np.zeros((len(rows), words.dim), dtype=np.float32)
        found = rows >= 0
        vectors[found] = words.decode_rows(rows[found]) + (0 if offset is None else offset)
        yield vectors


def _documents(text: TextModel, n_rows: int, dim: int) -> dict[str, Any]:
    """The files of JSON, by name."""
    rules = text.rules
    names = [name for name in MODULES if name == MODULES[0] or rules.normalize]
    modules = [
        {
            "idx": number,
            "name": str(number),
            "path": f"{number}_{name}" if number else ".",
            "type": f"sentence_transformers.models.{name}",
        }
        for number, name in enumerate(names)
    ]
    config = {
        "model_type": "model2vec",
        "architectures": ["StaticModel"],
        "hidden_dim": dim,
        "vocab_size": n_rows,
        "normalize": rules.normalize,
        "max_length": rules.max_tokens,
        "pooling": "mean",
        "embedding_dtype": "float32",
    }
    return {"tokenizer.json": text.tokenizer, "config.json": config, "modules.json": modules}
