"""A second reader of .embc files, written from docs/format.md alone. It shares no code with embcomp.

    python docs/reader.py FILE [WORD...]      vectors of the words, or of all words, one JSON array a line

Needs numpy, for arrays; the rest is Python's own struct, json and zlib. It favours being read over being fast.
"""

from __future__ import annotations

import json
import struct
import sys
import zlib
from pathlib import Path

import numpy as np

MAGIC = b"\x89EMBC\r\n\x1a"
NUMBERS = {"<f4", "<f2", "<f8", "|i1", "|u1", "<i2", "<u2", "<i4", "<u4", "<i8", "<u8"}


class RefusedError(Exception):
    """The file breaks a rule of the format."""


def require(condition, rule):
    if not condition:
        raise RefusedError(rule)


# The file: preamble, header, sections


def read_file(data):
    """Return the header document and the sections, arrays by name, of a file's bytes."""
    require(data[:8] == MAGIC, "magic bytes")
    require(len(data) >= 32, "at least 32 bytes")
    version, flags, header_bytes, checksum, spare = struct.unpack_from("<IIQII", data, 8)
    require(version == 1, "format version 1")
    require(flags == 0, "no flags")
    require(32 + header_bytes <= len(data), "the header lies within the file")
    header = data[32 : 32 + header_bytes]
    require(zlib.crc32(data[:24] + header) == checksum, "checksum of the header")
    require(spare == 0, "bytes 28 to 31 are 0")
    document = json.loads(header.decode("ascii"))
    return document, dict(read_sections(data, document, 32 + header_bytes))


def read_sections(data, document, end):
    for entry in document["sections"]:
        name, dtype, shape = entry["name"], entry["dtype"], entry["shape"]
        start = -(-end // 64) * 64
        require(entry["offset"] == start, f"{name} starts at the next multiple of 64")
        require(not any(data[end:start]), f"padding before {name} is 0")
        end = start + entry["length"]
        require(end <= len(data), f"{name} lies within the file")
        require(dtype in NUMBERS, f"dtype of {name} is allowed")
        content = data[start:end]
        require(zlib.crc32(content) == int(entry["crc32"], 16), f"checksum of {name}")
        known = name in ("vocabulary", "order", "codes") or name.startswith("state.")
        require(known or not entry["required"], f"{name} is known")
        if known:
            yield name, np.frombuffer(content, dtype).reshape(shape)
    require(end == len(data), "nothing follows the last section")


# Rows of bits


def symbols_of(stream, n_rows, n_symbols, symbol_bits):
    """Return n_rows rows of n_symbols numbers of symbol_bits bits, most significant bit first."""
    bits = np.unpackbits(stream)[: n_rows * n_symbols * symbol_bits]
    bits = bits.reshape(n_rows, n_symbols, symbol_bits).astype(np.int64)
    return (bits << np.arange(symbol_bits)[::-1]).sum(axis=2)


# Words: a MARISA trie


class Cursor:
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, size):
        require(self.at + size <= len(self.data), "the trie lies within its section")
        self.at += size
        return self.data[self.at - size : self.at]

    def u32(self):
        return struct.unpack("<I", self.take(4))[0]

    def u64(self):
        return struct.unpack("<Q", self.take(8))[0]

    def vector(self):
        data = self.take(self.u64())
        self.take(-len(data) % 8)
        return data

    def bit_vector(self):
        words, size, _ones = self.vector(), self.u32(), self.u32()
        for _index in ("ranks", "select 0", "select 1"):
            self.vector()
        return [words[i // 8] >> (i % 8) & 1 for i in range(size)]

    def flat_vector(self):
        words, width, mask, size = self.vector(), self.u32(), self.u32(), self.u64()
        number = int.from_bytes(words, "little")
        return [number >> (i * width) & mask for i in range(size)]


class Trie:
    """One level of a trie; the labels that are longer than a byte are in the next level, or in the tail."""

    def __init__(self, cursor):
        louds, self.terminal, self.is_link = cursor.bit_vector(), cursor.bit_vector(), cursor.bit_vector()
        self.bases, self.extras = cursor.vector(), cursor.flat_vector()
        self.tail, _ends = cursor.vector(), cursor.bit_vector()
        self.next = Trie(cursor) if any(self.is_link) and not self.tail else None
        _cache, _level_1, _flags = cursor.vector(), cursor.u32(), cursor.u32()
        places = [place for place, bit in enumerate(louds) if bit]
        self.parents = [place - node - 1 for node, place in enumerate(places)]
        self.link_number = np.cumsum([0, *self.is_link]).tolist()

    def label(self, node):
        if not self.is_link[node]:
            return self.bases[node : node + 1]
        link = self.bases[node] | self.extras[self.link_number[node]] << 8
        if self.next:
            return b"".join(self.next.labels_upwards(link))
        return self.tail[link : self.tail.index(b"\0", link)]

    def labels_upwards(self, node):
        while node:
            yield self.label(node)
            node = self.parents[node]


def words_of(section):
    """Return the words by row."""
    data = section.tobytes()
    require(data[:16] == b"We love Marisa.\0", "the trie's own magic bytes")
    cursor = Cursor(data[16:])
    trie = Trie(cursor)
    require(cursor.at == len(cursor.data), "nothing follows the trie")
    ends = [node for node, bit in enumerate(trie.terminal) if bit]
    return [unescape(b"".join(reversed(list(trie.labels_upwards(node)))).decode()) for node in ends]


def unescape(key):
    """U+0001 U+0001 stands for U+0000, U+0001 U+0002 for U+0001."""
    return key.replace("\x01\x01", "\x00").replace("\x01\x02", "\x01")


# Vectors, method by method: from codes, shape (rows, symbols), and state to vectors, shape (rows, dim)


def decode_sign(document, codes, state):
    return state["scale"][0] * (2.0 * codes - 1.0)


def decode_rotation(document, codes, state):
    return state["scale"][0] * (2.0 * codes - 1.0) @ state["rotation"].T


def decode_nlb(document, codes, state):
    return np.tanh(codes @ state["weights"] + state["bias"]) * state["bound"][0]


def sum_of_codewords(codebooks, codes, _state=None):
    return sum(codebook[codes[:, number]] for number, codebook in enumerate(codebooks))


def decode_dccl(document, codes, state):
    n_codebooks, dim = codes.shape[1], document["dim"]
    return state["scale"][0] * sum_of_codewords(state["codebooks"].reshape(n_codebooks, -1, dim), codes)


def decode_kd(document, codes, state):
    sum_of = sum_of_outputs if document["config"]["compose"] == "lstm" else sum_of_codewords
    composed = sum_of(state["codebooks"], codes, state)
    return composed @ state["transform"] if len(state["transform"]) else composed


def sum_of_outputs(codebooks, codes, state):
    output = memory = total = np.zeros((len(codes), codebooks.shape[2]))
    for number, codebook in enumerate(codebooks):
        gates = output @ state["recurrent"] + state["bias"] + np.tile(codebook[codes[:, number]], 4)
        forget, take, give, new = np.split(gates, 4, axis=1)
        memory = memory / (1 + np.exp(-forget)) + np.tanh(new) / (1 + np.exp(-take))
        output = np.tanh(memory) / (1 + np.exp(-give))
        total = total + output
    return total


def decode_prune(document, codes, state):
    vectors = np.zeros((document["rows"], document["dim"]))
    start = 0
    for row, end in enumerate(state["ends"].tolist()):
        vectors[row, state["columns"][start:end]] = state["values"][start:end]
        start = end
    return vectors


def decode_alone(document, codes, state):
    config, dim, rows = document["config"], document["dim"], np.arange(document["rows"])
    n_matrices, n_columns = config["matrices"], config["columns"]
    if config["store_filters"]:
        sources, columns = state["sources"], codes
        if config["filter"] == "binary":
            sources = np.unpackbits(sources, axis=2)[:, :, :dim]
    else:
        sources = random_sources(config, n_matrices * n_columns * dim).reshape(n_matrices, n_columns, dim)
        attempts = np.zeros(len(rows), np.uint64)
        attempts[state["redrawn_rows"]] = state["redrawn_attempts"]
        places = rows[:, None] * n_matrices + np.arange(n_matrices)
        drawn = random_numbers(config["random_state"], 1 + attempts[:, None], places) >> np.uint64(32)
        columns = (drawn * np.uint64(n_columns)) >> np.uint64(32)
    taken = sources[np.arange(n_matrices), columns.astype(np.int64)]
    filters = taken.max(axis=1) if config["filter"] == "binary" else taken.sum(axis=1) / np.sqrt(n_matrices)
    outer = state["outer"].astype(np.float64)
    if "unit_scale" in state:
        outer *= state["unit_scale"][:, None]
    hidden = np.maximum(0, (filters * state["base"]) @ state["inner"].T.astype(np.float64))
    return state["scale"][0] * (hidden @ outer) + state["mean"]


def random_sources(config, size):
    numbers = random_numbers(config["random_state"], np.zeros(1), np.arange(size + size % 2))
    if config["filter"] == "binary":
        threshold = round((1 - config["zeros"] ** (1 / config["matrices"])) * 2**32)
        return ((numbers >> np.uint64(32)) < threshold)[:size].astype(np.uint8)
    u = ((numbers[0::2] >> np.uint64(11)) + 1.0) / 2.0**53
    v = (numbers[1::2] >> np.uint64(11)) / 2.0**53
    radius = np.sqrt(-2 * np.log(u))
    pairs = np.stack([radius * np.cos(2 * np.pi * v), radius * np.sin(2 * np.pi * v)], axis=1)
    return pairs.ravel()[:size].astype(np.float32)


def random_numbers(seed, stream, place):
    """Arithmetic modulo 2**64."""
    gamma, stream, place = np.uint64(0x9E3779B97F4A7C15), stream.astype(np.uint64), place.astype(np.uint64)
    key = mix(mix(np.array([seed], np.uint64) + gamma) ^ stream)
    return mix(key + (place + np.uint64(1)) * gamma)


def mix(z):
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


DECODERS = {
    "sign": decode_sign,
    "itq": decode_rotation,
    "iiq": decode_rotation,
    "nlb": decode_nlb,
    "dccl": decode_dccl,
    "kd": decode_kd,
    "prune": decode_prune,
    "alone": decode_alone,
}


def read_embedding(path):
    """Return the words, in source order if the file has it, and their decoded vectors."""
    document, sections = read_file(Path(path).read_bytes())
    words = words_of(sections["vocabulary"])
    n_rows, code = document["rows"], document["code"]
    require(len(words) == n_rows, "the trie holds as many words as there are rows")
    codes = symbols_of(sections["codes"], n_rows, code["symbols"], code["symbol_bits"])
    state = {name.removeprefix("state."): array for name, array in sections.items() if name.startswith("state.")}
    require(document["method"] in DECODERS, "the method is known")
    vectors = DECODERS[document["method"]](document, codes, state).astype(np.float32)
    require(vectors.shape == (n_rows, document["dim"]), "vectors have the header's shape")
    if "order" not in sections:
        return words, vectors
    rows = symbols_of(sections["order"], n_rows, 1, max(1, (n_rows - 1).bit_length()))[:, 0]
    require(sorted(rows.tolist()) == list(range(n_rows)), "the order is a permutation")
    return [words[row] for row in rows], vectors[rows]


if __name__ == "__main__":
    all_words, all_vectors = read_embedding(sys.argv[1])
    wanted = sys.argv[2:] or all_words
    for word in wanted:
        print(json.dumps([word, *all_vectors[all_words.index(word)].tolist()]))
