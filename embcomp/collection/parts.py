"""Encoded parts: what a worker makes of one part of a source, and whoever builds files from them reads.

An encoded part is a NumPy ``.npz`` archive, not compressed: a header, and for each shard its words, their places in
the part, and their codes, so that who builds a shard reads no other. Its name says what it was made from, with which
model and options: a part that is there is not made again, and one that was made from something else is not taken for
it.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from itertools import accumulate, pairwise
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np

from embcomp.bits import row_bytes
from embcomp.collection.folders import Folder, digest, folder_at, sha256_of
from embcomp.collection.model import Model, Part, open_model
from embcomp.collection.rows import Rows, shards_of
from embcomp.compressors.base import Compressor
from embcomp.embedding import Source
from embcomp.errors import CorruptError, InputError, ParameterError
from embcomp.formats import ReadOptions, open_blocks, read_chunks
from embcomp.formats.remote import IDENTITY, asked, is_remote, system_of
from embcomp.progress import Progress, no_progress
from embcomp.threads import CHUNK_ROWS

FORMAT = 1
SUFFIX = ".part.npz"
MODEL, MODEL_SUFFIX = "model-", ".embm"
DAMAGE = (BadZipFile, OSError, ValueError, KeyError, TypeError, EOFError, AttributeError, NotImplementedError)
"""What NumPy and zipfile raise for archives that are damaged."""


def part_file(model: Model, part: Part, number: int, options: ReadOptions, n_shards: int) -> str:
    """Return the name that the encoded part has; ``number`` is that of the part."""
    key = digest(FORMAT, model.sha256, number, part.piece, identity(part.path), options.key, n_shards)
    return f"{number:06}-{key}{SUFFIX}"


def encode(
    model: Model,
    part: Part,
    options: ReadOptions,
    folder: Folder,
    n_shards: int = 1,
    progress: Progress = no_progress,
) -> str:
    """Encode a part into ``folder``, unless it is there; return the name of the file.

    Raises:
        InputError: the part cannot be read, has changed meanwhile, or is none of the source.
        ParameterError: it is read with other options than the model was.
    """
    if options.reading != model.encoded.source.reading:
        wanted = model.encoded.source.reading or "none"
        raise ParameterError(
            f"options of reading must be those of the model, {wanted}, got {options.reading or 'none'}"
        )
    number = model.number_of(part)
    name = part_file(model, part, number, options, n_shards)
    if folder.exists(name):
        return name
    rows, source = encode_rows(model, part, options, number, progress)
    if part_file(model, part, number, options, n_shards) != name:
        raise InputError(f"{part.name}: changed while it was read")
    header = {"format": FORMAT, "model": model.sha256, "part": number, "name": part.name, "shards": n_shards}
    header |= {"rows": len(rows.words), "source": source.to_json()}
    data = io.BytesIO()
    np.savez(data, **dict(_members(rows, n_shards, header)))
    folder.write(name, data.getbuffer())
    return name


def identity(path: str) -> list[Any]:
    """Return the size of a file, and what else tells it from another of that name, without reading it."""
    if is_remote(path):
        system, inner = system_of(path)
        info = asked(path, lambda: system.info(inner))
        return [info.get("size"), *(str(info.get(name)) for name in IDENTITY)]
    try:
        status = os.stat(path)  # noqa: PTH116  a name that is too long is none
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error
    return [status.st_size, status.st_mtime_ns]


def encode_rows(
    model: Model, part: Part, options: ReadOptions, number: int, progress: Progress
) -> tuple[Rows, Source]:
    """Read a part and encode it; ``number`` is that of the part, or how many there are for rows behind the source."""
    compressor, words = model.compressor, list[str]()
    loose: list[list[Any]] = [[np.zeros((0, row_bytes(each.row_bits)), np.uint8)] for each in compressor.layouts]
    begins = {word for place, word in model.starts if place == number}
    n_done, grade = 0, sum(place < number for place, _ in model.starts)
    with open_blocks(part.path, part.options(options), progress) as reader:
        if reader.text is not None:
            raise ParameterError(f"{part.name}: a sentence model is compressed as a whole, not in parts")
        if reader.dim != compressor.dim:
            raise InputError(f"{part.name}: {reader.dim} dimensions, expected {compressor.dim} as in the model")
        for chunk in read_chunks(reader, words, 2 * CHUNK_ROWS):
            own = words[n_done : n_done + len(chunk)]
            cuts = [place for place, word in enumerate(own) if word in begins]
            for each, (first, last) in enumerate(pairwise([0, *cuts, len(own)]), grade):
                loose[each].append(compressor.encode(chunk[first:last], grade=each))
            n_done, grade = n_done + len(own), grade + len(cuts)
        source = reader.source
    if part.piece is not None:  # the first one stands for the file
        source = replace(source, sha256=sha256_of(part.path) if part.piece[0] == 1 else "")
    codes = [np.concatenate(each) for each in loose]
    return Rows(words, np.arange(len(words), dtype=np.int64), codes), source


def _members(rows: Rows, n_shards: int, header: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    yield "header", np.frombuffer(json.dumps(header).encode(), dtype=np.uint8)
    shards = shards_of(rows.words, n_shards)
    order = np.argsort(shards, kind="stable")
    ends = np.searchsorted(shards[order], np.arange(n_shards + 1))
    for shard, (first, last) in enumerate(pairwise(ends.tolist())):
        own = rows.take(order[first:last])
        text = [word.encode() for word in own.words]
        yield f"{shard}.words", np.frombuffer(b"".join(text), dtype=np.uint8)
        yield f"{shard}.lengths", np.fromiter(map(len, text), dtype=np.uint32, count=len(text))
        yield f"{shard}.rows", own.positions.astype(np.uint32)
        yield f"{shard}.counts", np.array(list(map(len, own.codes)), dtype=np.uint32)
        yield f"{shard}.codes", np.concatenate([loose.ravel() for loose in own.codes])


class EncodedPart:
    """An encoded part that is read shard by shard.

    Attributes:
        number, source: of the part, and what was read.
        n_rows: in all of ``n_shards`` shards.
        model: the SHA-256 of the model.

    Raises:
        InputError: there is no such file.
        CorruptError: it is damaged, or something else.
    """

    def __init__(self, folder: Folder, name: str) -> None:
        self.name = folder.where(name)
        self.folder, self.file = folder, name
        with self._opened() as archive:
            header = json.loads(archive["header"].tobytes())
            self.number, self.n_rows, self.n_shards = (int(header[each]) for each in ("part", "rows", "shards"))
            self.model, self.source = str(header["model"]), Source(**header["source"])

    def rows(self, shard: int, compressor: Compressor, first_position: int) -> Rows:
        """Return the rows of a shard; positions are counted from ``first_position``.

        Raises:
            CorruptError: the file is damaged.
        """
        with self._opened() as archive:
            text, lengths, rows, counts, flat = (
                archive[f"{shard}.{each}"] for each in ("words", "lengths", "rows", "counts", "codes")
            )
            widths = [row_bytes(layout.row_bits) for layout in compressor.layouts]
            ends = np.cumsum([0, *(width * int(n_rows) for width, n_rows in zip(widths, counts, strict=True))])
            codes = [
                flat[first:last].reshape(int(n_rows), width)
                for (first, last), n_rows, width in zip(pairwise(ends.tolist()), counts, widths, strict=True)
            ]
            data, places = text.tobytes(), pairwise(accumulate(lengths.tolist(), initial=0))
            words = [data[first:last].decode() for first, last in places]
            return Rows(words, first_position + rows.astype(np.int64), codes)

    @contextmanager
    def _opened(self) -> Iterator[Any]:
        """Open the archive; say which it is if it turns out to be damaged."""
        with self.folder.open(self.file) as file:
            try:
                with np.load(file, allow_pickle=False) as archive:
                    yield archive
            except DAMAGE as error:
                text = " ".join(str(error).split())
                message = f"{self.name}: is damaged, expected what 'embcomp encode' made: {text}"
                raise CorruptError(message) from error


def model_file(model: Model) -> str:
    """Return the name of a model's file in a folder."""
    return f"{MODEL}{model.sha256}{MODEL_SUFFIX}"


def keep_model(folder: Folder, path: Path, model: Model) -> None:
    """Put a copy of the model into a folder, unless it is there."""
    name = model_file(model)
    if not folder.exists(name):
        folder.write(name, path.read_bytes())


def find_parts(paths: Sequence[str]) -> tuple[Model, list[EncodedPart]]:
    """Open encoded parts, or all in a folder, in their order, and the model that is beside them.

    Raises:
        InputError: a part is missing, is there twice, or is of another model.
        CorruptError: one is damaged.
    """
    found = [each for path in paths for each in _in_folder(path)]
    if not found:
        raise InputError(f"{paths[0]}: has no encoded parts, expected what 'embcomp encode' made")
    parts = [EncodedPart(folder, name) for folder, name in found]
    model = open_model(found[0][0].local(f"{MODEL}{parts[0].model}{MODEL_SUFFIX}"))
    return model, in_order(parts, model)


def _in_folder(path: str) -> list[tuple[Folder, str]]:
    head, _, tail = path.rpartition("/") if is_remote(path) else (str(Path(path).parent), "", Path(path).name)
    if tail.endswith(SUFFIX):
        return [(folder_at(head), tail)]
    folder = folder_at(path)
    return [(folder, name) for name in folder.names() if name.endswith(SUFFIX)]


def in_order(parts: list[EncodedPart], model: Model) -> list[EncodedPart]:
    """Return parts in the order of their source.

    Raises:
        InputError: one is missing, is there twice, or is of another model.
    """
    for part in parts:
        if part.model != model.sha256:
            got, expected = part.model[:12], model.sha256[:12]
            raise InputError(f"{part.name}: was encoded with the model {got}, expected {expected}")
    numbers = sorted(part.number for part in parts)
    if numbers != list(range(len(model.parts))):
        missing = [name for number, name in enumerate(model.parts) if number not in numbers]
        what = f"{missing[0]} has not been encoded" if missing else "a part is there twice"
        raise InputError(f"{what}: {len(parts)} encoded parts, expected {len(model.parts)}")
    return sorted(parts, key=lambda part: part.number)


def whole_source(parts: list[EncodedPart], model: Model, n_rows: int) -> Source:
    """Return where the rows of all parts come from, as if they had been read together."""
    if not n_rows:
        raise InputError(f"{model.encoded.source.name}: no rows are left, expected at least 1")
    sources = [part.source for part in parts]
    digests = [source.sha256 for source in sources if source.sha256]
    several = hashlib.sha256("".join(f"{digest}\n" for digest in digests).encode()).hexdigest()
    n_wanted = sources[0].rows + sources[0].words_not_found if sources[0].words_not_found else 0
    return replace(
        model.encoded.source,
        format=sources[-1].format,
        sha256=digests[0] if len(digests) == 1 else several,
        rows=n_rows,
        dim=sources[0].dim,
        duplicates_dropped=sum(each.duplicates_dropped + each.rows for each in sources) - n_rows,
        bad_rows_dropped=sum(each.bad_rows_dropped for each in sources),
        unwanted_dropped=sum(each.unwanted_dropped for each in sources),
        words_not_found=max(0, n_wanted - n_rows),
    )
