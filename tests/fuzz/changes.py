"""Changes that keep the structure of an input, so that what lies behind checksums and counts is reached.

Each takes the input, a source of random numbers, and a function that changes bytes anyhow. One that cannot parse the
input raises.
"""

from __future__ import annotations

import io
import json
import random
import struct
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np

from tests.container.builder import Parts, with_header

Scramble = Callable[[bytes], bytes]
Change = Callable[[bytes, random.Random, Scramble], bytes]

ODD_VALUES: list[Any] = [
    *(None, True, -1, 0, 1, 2, 7, 255, 2**16, 2**31 - 1, 2**31, 2**40, 2**63, 10**30, 0.5, -0.0, 1e308),
    *("", "x", "|u1", "<f8", "lstm", "source", "dim", [], [0], [1, 2], {}, {"a": []}),
]
ODD_INTEGERS = [-1, 0, 1, 2, 3, 127, 128, 255, 256, 2**15, 2**16 - 1, 2**16, 2**31 - 1, 2**31, 2**32 - 1, 2**63 - 1]
ODD_REALS = [0.0, -0.0, 1.0, -1.0, 1e-45, 1e-20, 65504.0, 1e15, 1e20, 3.4e38, -3.4e38, float("inf"), float("nan")]


# Containers


def container(data: bytes, rng: random.Random, scramble: Scramble) -> bytes:
    """Change some parts of a container, and let checksums, lengths and offsets follow."""
    if rng.random() < 0.1:
        return scramble(data)
    if rng.random() < 0.05:
        (header_bytes,) = struct.unpack_from("<Q", data, 16)
        return with_header(scramble(data[32 : 32 + header_bytes]), data[32 + header_bytes :])
    parts = Parts(data)
    for _ in range(rng.choice([1, 1, 1, 2, 3, 5])):
        change = rng.choice([_bytes, _bytes, _numbers, _numbers, _axis, _document, _entry, _words, _band])
        change(parts, rng, scramble)
    return parts.build()


def _bytes(parts: Parts, rng: random.Random, scramble: Scramble) -> None:
    section = rng.choice(parts.sections)
    data = scramble(parts.bytes[section["name"]])
    size = int(section["dtype"][2:])
    data = data[: len(data) // size * size]
    changed = len(data) != len(parts.bytes[section["name"]])
    parts.set_bytes(section["name"], data, [len(data) // size] if changed else None)


def _numbers(parts: Parts, rng: random.Random, scramble: Scramble) -> None:
    """Put odd numbers into an array."""
    section = rng.choice([each for each in parts.sections if each["name"].startswith("state.")])
    array = np.frombuffer(parts.bytes[section["name"]], section["dtype"]).copy()
    odd = ODD_REALS if array.dtype.kind == "f" else ODD_INTEGERS
    places = range(len(array)) if rng.random() < 0.2 else [rng.randrange(len(array)) for _ in range(3)]
    with np.errstate(over="ignore", invalid="ignore"):
        for place in places:
            array[place] = np.array(rng.choice(odd)).astype(array.dtype)
    parts.set_bytes(section["name"], array.tobytes())


def _axis(parts: Parts, rng: random.Random, scramble: Scramble) -> None:
    """Make an axis shorter or longer, here or in all arrays that have it, or move numbers between axes."""
    chosen = rng.choice(parts.sections)
    shape = chosen["shape"]
    length = rng.choice(shape)
    wanted = max(0, rng.choice([0, 1, length - 1, length + 1, 2 * length, length // 2, 4096]))
    for section in parts.sections if rng.random() < 0.5 else [chosen]:
        array = np.frombuffer(parts.bytes[section["name"]], section["dtype"]).reshape(section["shape"])
        if length in array.shape and array.size // max(1, length) * wanted < 2**16:
            axis = array.shape.index(length)
            array = np.take(array, np.arange(wanted) % max(1, length), axis=axis) if length else array
            parts.set_bytes(section["name"], array.tobytes(), list(array.shape))
    for field in ("rows", "dim"):
        if parts.document[field] == length and rng.random() < 0.8:
            parts.document[field] = wanted
    if rng.random() < 0.1:
        rng.shuffle(shape)


def _band(parts: Parts, rng: random.Random, scramble: Scramble) -> None:
    """Change the codes' widths or where bands and parts end, and their codes with them."""
    bands = parts.document["bands"]
    band = rng.choice(bands)
    field = rng.choice(list(band))
    odd = rng.choice([*ODD_INTEGERS, "fields", "none", "binary", "indexed"])
    band[field] = (
        rng.choice([0, 1, 2, 8, band[field] + 1]) if type(band[field]) is int and rng.random() < 0.7 else odd
    )
    if rng.random() < 0.3:
        rng.choice([bands, parts.document["parts"]]).append(rng.choice([dict(band), odd]))
    start = 0
    for number, each in enumerate(bands):
        if any(type(each[count]) is not int for count in ("end", "symbols", "symbol_bits", "length_bits")):
            break
        bits = each["symbols"] * each["symbol_bits"] + each["length_bits"]
        wanted = -(-(each["end"] - start) * bits // 8)
        name, start = f"codes.{number}", each["end"]
        if any(each["name"] == name for each in parts.sections) and 0 <= wanted < 2**16 and rng.random() < 0.9:
            parts.set_bytes(name, (parts.bytes[name] + bytes(wanted))[:wanted], [wanted])


def _document(parts: Parts, rng: random.Random, scramble: Scramble) -> None:
    change_somewhere(rng, parts.document)


def _entry(parts: Parts, rng: random.Random, scramble: Scramble) -> None:
    """Change the entry of a section, or leave it out, or have it twice, or elsewhere."""
    section = rng.choice(parts.sections)
    what = rng.random()
    if what < 0.5:
        section[rng.choice(list(section))] = rng.choice(ODD_VALUES)
    elif what < 0.7:
        other = rng.choice(parts.sections)
        section["name"], other["name"] = other["name"], section["name"]
    elif what < 0.8:
        parts.sections.remove(section)
    else:
        rng.shuffle(parts.sections)


def _words(parts: Parts, rng: random.Random, scramble: Scramble) -> None:
    """Change words, and let the index follow."""
    number = rng.randrange(len(parts.document["parts"]))
    names = f"words.{number}.index", f"words.{number}.pages"
    changed = word_pages(*(parts.bytes[name] for name in names), rng, scramble)
    for name, data in zip(names, changed, strict=True):
        parts.set_bytes(name, data, [len(data)])


def change_somewhere(rng: random.Random, document: dict[str, Any]) -> None:
    """Give one field of a JSON document, at any depth, another value; or take it away."""
    while True:
        key = rng.choice(list(document))
        inner = document[key]
        if isinstance(inner, dict) and inner and rng.random() < 0.7:
            document = inner
            continue
        if rng.random() < 0.1:
            del document[key]
        else:
            document[key] = rng.choice([*ODD_VALUES, json.loads(json.dumps(document))])
        return


# Lists of words


def words(data: bytes, rng: random.Random, scramble: Scramble) -> bytes:
    """Change an index, the content of a page, or the order, in what :func:`joined` made."""
    index, pages, order = split(data)
    if rng.random() < 0.2:
        return joined(index, pages, scramble(order))
    return joined(*word_pages(index, pages, rng, scramble), order)


def joined(*parts: bytes) -> bytes:
    """Several strings of bytes as one, each after its length."""
    return b"".join(struct.pack("<I", len(part)) + part for part in parts)


def split(data: bytes, n_parts: int = 3) -> list[bytes]:
    """What :func:`joined` joined; strings that are missing are empty."""
    parts = []
    for _ in range(n_parts):
        (length,) = struct.unpack("<I", data[:4].ljust(4, b"\0"))
        parts.append(data[4 : 4 + length])
        data = data[4 + length :]
    return parts


def word_pages(index: bytes, pages: bytes, rng: random.Random, scramble: Scramble) -> tuple[bytes, bytes]:
    """Change an index or a page; in the end the lengths of pages and first words are right more often than not."""
    if rng.random() < 0.1:
        return (scramble(index), pages) if rng.random() < 0.5 else (index, scramble(pages))
    table, firsts, streams = _parsed(index, pages)
    for _ in range(rng.choice([1, 1, 2, 4])):
        _change_page(table, firsts, streams, rng, scramble)
    text_bytes = struct.unpack_from("<Q", index)[0]
    if rng.random() < 0.3:
        text_bytes = max(0, text_bytes + rng.choice([-1, 1, 100, -100, 2**40]))
    return _packed(text_bytes, table, firsts, streams)


def _parsed(index: bytes, pages: bytes) -> tuple[list[int], list[bytes], list[bytes]]:
    (n_pages,) = struct.unpack_from("<Q", index, 8)
    rows = [struct.unpack_from("<III", index, 16 + 12 * number) for number in range(min(n_pages, 1000))]
    at, place, firsts, streams = 16 + 12 * len(rows), 0, [], []
    for _, first_bytes, stream_bytes in rows:
        firsts.append(index[at : at + first_bytes])
        streams.append(pages[place : place + stream_bytes])
        at, place = at + first_bytes, place + stream_bytes
    return [row[0] for row in rows], firsts, streams


def _packed(text_bytes: int, counts: list[int], firsts: list[bytes], streams: list[bytes]) -> tuple[bytes, bytes]:
    table = [
        struct.pack("<III", count & (2**32 - 1), len(first), len(stream))
        for count, first, stream in zip(counts, firsts, streams, strict=True)
    ]
    index = struct.pack("<QQ", text_bytes, len(table)) + b"".join(table) + b"".join(firsts)
    return index, b"".join(streams)


def _change_page(
    counts: list[int], firsts: list[bytes], streams: list[bytes], rng: random.Random, scramble: Scramble
) -> None:
    """Change how many words a page has, its first word, or its content; or have it twice, or not at all."""
    number = rng.randrange(len(counts))
    what = rng.random()
    if what < 0.15:
        counts[number] = rng.choice([0, 1, 2, 16, 17, 1024, 1025, 2**32 - 1, counts[number] + 1, counts[number] - 1])
    elif what < 0.3:
        firsts[number] = scramble(firsts[number])
    elif what < 0.4:
        for each in (counts, firsts, streams):
            each.insert(number, each[number])  # type: ignore[attr-defined]
    elif what < 0.45:
        for each in (counts, firsts, streams):
            del each[number]
    elif what < 0.55:
        streams[number] = scramble(streams[number])
    elif streams[number]:
        content = bytearray(zlib.decompressobj().decompress(streams[number], 2**17))
        if rng.random() < 0.5:
            content[rng.randrange(min(len(content), max(1, counts[number])))] = rng.choice(
                [0, 15, 16, 240, 255, 0x1F]
            )
        else:
            content = bytearray(scramble(bytes(content)))
        streams[number] = zlib.compress(bytes(content), rng.choice([0, 1, 9]))


# NumPy's arrays

DESCRIPTIONS = [
    "<f4",
    ">f4",
    "<f8",
    "<f2",
    "|u1",
    "<i8",
    "|i1",
    "<u2",
    "=f4",
    "f4",
    "<c8",
    "|S4",
    "|O",
    "<U3",
    "<M8",
    "x",
]


def npy(data: bytes, rng: random.Random, scramble: Scramble) -> bytes:
    """Change a header of an array, its numbers, or the words after it; the first byte chooses options."""
    if rng.random() < 0.2:
        return scramble(data)
    file = io.BytesIO(data[1:])
    vectors, text = np.load(file, allow_pickle=False), file.read()
    fields = {"descr": vectors.dtype.str, "fortran_order": rng.random() < 0.3, "shape": vectors.shape}
    if rng.random() < 0.5:
        name = rng.choice([*fields, "more"])
        odd = {"descr": DESCRIPTIONS, "shape": [(), (0,), (0, 2), (3, 0), (1, 1), (2**62, 2), (-1, 2), (True, 2)]}
        fields[name] = rng.choice([*odd.get(name, []), *ODD_VALUES])
    numbers = vectors.tobytes() if rng.random() < 0.5 else scramble(vectors.tobytes())
    lines = text if rng.random() < 0.3 else _lines(text, rng, scramble)
    return data[:1] + array_bytes(fields, rng.choice([1, 1, 1, 2, 3])) + numbers + lines


def _lines(text: bytes, rng: random.Random, scramble: Scramble) -> bytes:
    """Other words, in an array whose header is right more often than not."""
    body = scramble(text.partition(b"\n")[2] or b"a\nb\n")
    length = len(body) if rng.random() < 0.8 else rng.choice([0, 1, 2**40, len(body) + 1])
    return array_bytes({"descr": "|u1", "fortran_order": False, "shape": (length,)}, 1) + body


def array_bytes(fields: dict[str, Any], version: int) -> bytes:
    """The start of an .npy file."""
    text = repr(fields).encode() + b"\n"
    return b"\x93NUMPY" + bytes([version, 0]) + struct.pack("<H" if version == 1 else "<I", len(text)) + text


# fastText models

HEAD_BYTES, COUNTS_BYTES = 64, 28


def fasttext(data: bytes, rng: random.Random, scramble: Scramble) -> bytes:
    """Change a model's head, an entry of its dictionary, or its matrix; the first byte chooses options."""
    head, counts = bytearray(data[1 : 1 + HEAD_BYTES]), bytearray(data[1 + HEAD_BYTES :][:COUNTS_BYTES])
    n_entries, _, _, _, n_pruned = struct.unpack("<3i2q", counts)
    rest, entries = data[1 + HEAD_BYTES + COUNTS_BYTES :], []
    for _ in range(min(n_entries, 1000)):
        end = rest.index(b"\0") + 10
        entries.append(rest[:end])
        rest = rest[end:]
    what = rng.random()
    if what < 0.25:
        odd = rng.choice([0, 1, 2, 3, 5, 11, 12, 13, 32, 33, -1, 2**31 - 1])
        struct.pack_into("<i", head, 4 * rng.randrange(14), odd)
    elif what < 0.4:
        struct.pack_into(
            "<i", counts, rng.choice([0, 4, 8, 20]), rng.choice([-1, 0, 1, 2, n_entries + 1, n_pruned & 7, 2**30])
        )
    elif what < 0.6 and entries:
        number = rng.randrange(len(entries))
        entries[number] = scramble(entries[number][:-10]).replace(b"\0", b"") + b"\0" + entries[number][-9:]
    elif what < 0.7 and entries:
        entries.insert(rng.randrange(len(entries)), rng.choice(entries))
        struct.pack_into("<2i", counts, 0, n_entries + 1, max(0, n_entries + rng.choice([0, 1])))
    elif what < 0.85:
        at = rng.randrange(max(1, min(len(rest), 64)))
        rest = rest[:at] + struct.pack("<i", rng.choice([*range(-1, 20), 2**30])) + rest[at + 4 :]
    else:
        rest = scramble(rest)
    options = bytes([rng.randrange(256)]) if rng.random() < 0.1 else data[:1]
    return options + bytes(head) + bytes(counts) + b"".join(entries) + rest


CHANGES: dict[str, Change] = {"container": container, "words": words, "npy": npy, "fasttext": fasttext}
