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
        known = name.split(".")[0] in ("words", "order", "codes", "state", "text")
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


# Words: sorted, front-coded, in pages


def words_of_part(index, pages):
    """Return the words of a part, ascending."""
    data, stream = index.tobytes(), pages.tobytes()
    require(len(data) >= 16, "an index has its counts")
    text_bytes, n_pages = struct.unpack_from("<QQ", data)
    require(len(data) >= 16 + 12 * n_pages, "an index has its table")
    at, place, words = 16 + 12 * n_pages, 0, []
    for number in range(n_pages):
        n_words, first_bytes, page_bytes = struct.unpack_from("<III", data, 16 + 12 * number)
        words += words_of_page(data[at : at + first_bytes], n_words, stream[place : place + page_bytes])
        at, place = at + first_bytes, place + page_bytes
    require((at, place) == (len(data), len(stream)), "index and pages have the lengths that the table says")
    require(sorted(set(words)) == words, "words ascend")
    require(sum(map(len, words)) == text_bytes, "the index says how many bytes all words have")
    return words


def words_of_page(first, n_words, page):
    require(1 <= n_words <= 1024, "a page has 1 to 1024 words")
    require(len(first) <= 2**20, "a word has at most 2**20 bytes")
    if n_words == 1:
        require(not page, "a word that is alone has no page")
        return [first]
    decompressor = zlib.decompressobj()
    try:
        content = decompressor.decompress(page, 8 * len(page) + 1)
    except zlib.error as error:
        raise RefusedError("a page is a zlib stream") from error
    require(decompressor.eof and not decompressor.unused_data, "a page is a whole zlib stream")
    require(len(content) <= 8 * len(page), "the content of a page has at most 8 times its bytes")
    lengths, at = list(content[: n_words - 1]), n_words - 1
    require(len(lengths) == n_words - 1, "a page has a byte for each word but the first")
    pairs = []
    for both in lengths:
        kept, at = long_length(both >> 4, content, at)
        new, at = long_length(both & 15, content, at)
        pairs.append((kept, new))
    heads = [number for number in range(1, n_words) if number % 16 == 0]
    others = [number for number in range(1, n_words) if number % 16]
    words = [first] + [b""] * (n_words - 1)
    for number, (kept, new) in zip(heads + others, pairs, strict=True):
        base = words[number - 16] if number % 16 == 0 else words[number - 1]
        require(kept <= len(base) and at + new <= len(content), "lengths of words are those of bytes that are there")
        words[number] = base[:kept] + content[at : at + new]
        at += new
    require(at == len(content), "nothing follows the letters of a page")
    require(sum(map(len, words)) <= 2**16, "the words of a page have at most 2**16 bytes")
    return words


def long_length(length, content, at):
    """15 stands for 15 and more: bytes are added, up to and including the first one below 255."""
    if length < 15:
        return length, at
    while True:
        require(at < len(content), "a long length ends")
        length, at = length + content[at], at + 1
        if content[at - 1] < 255:
            return length, at


def words_by_rank(document, sections):
    words, start = [], 0
    for number, end in enumerate(document["parts"]):
        part = words_of_part(sections[f"words.{number}.index"], sections[f"words.{number}.pages"])
        n_words = end - start
        require(len(part) == n_words, "a part has as many words as the header says")
        order = sections.get(f"order.{number}")
        if order is not None:
            ranks = symbols_of(order, n_words, 1, (n_words - 1).bit_length())[:, 0].tolist()
            require(sorted(ranks) == list(range(n_words)), "an order is a permutation")
            part = [word for _, word in sorted(zip(ranks, part, strict=True))]
        words, start = words + part, end
    require(len(set(words)) == len(words) == document["rows"], "there are as many words as rows")
    return [word.decode() for word in words]


def codes_of(document, sections):
    """Return the symbols of all rows; for fields and codes with lengths, a matrix of bits for each band."""
    if document["bands"][0]["kind"] == "fields" or document["bands"][0]["length_bits"]:
        starts = [0, *(band["end"] for band in document["bands"])]
        return [
            symbols_of(sections[f"codes.{number}"], band["end"] - start, band["symbols"] + band["length_bits"], 1)
            for number, (band, start) in enumerate(zip(document["bands"], starts, strict=False))
        ]
    require(len(document["bands"]) == 1, "one band of codes")
    band = document["bands"][0]
    require(band["end"] == document["rows"], "a band of all rows")
    return symbols_of(sections["codes.0"], document["rows"], band["symbols"], band["symbol_bits"])


# Vectors, method by method: from codes, shape (rows, symbols), and state to vectors, shape (rows, dim)


def decode_sign(document, codes, state):
    return signs_and_lengths(document, codes, state, lambda bits: state["scale"][0] * (2.0 * bits - 1.0))


def decode_rotation(document, codes, state):
    def vectors_of(bits):
        return state["scale"][0] * (2.0 * bits - 1.0) @ state["rotation"].T

    return signs_and_lengths(document, codes, state, vectors_of)


def decode_learned(document, codes, state):
    weights = np.eye(document["dim"])
    if "weights" in state:
        weights = state["weights"]
    elif "weight_signs" in state:
        signs = np.unpackbits(state["weight_signs"], axis=1)[:, : document["bands"][0]["symbols"]].T
        weights = (2.0 * signs - 1.0) * state["weight_scale"][0] * np.exp(state["gain"])
    return signs_and_lengths(document, codes, state, lambda bits: state["scale"][0] * (2.0 * bits - 1.0) @ weights)


def decode_nlb(document, codes, state):
    def vectors_of(bits):
        return np.tanh(bits @ state["weights"] + state["bias"]) * state["bound"][0]

    return signs_and_lengths(document, codes, state, vectors_of)


def signs_and_lengths(document, codes, state, vectors_of):
    if "ends" in state:
        return decode_graded_signs(document, codes, state)
    if isinstance(codes, list):
        n_signs = document["bands"][0]["symbols"]
        return scaled(vectors_of(codes[0][:, :n_signs]), codes[0][:, n_signs:], state)
    return vectors_of(codes)


def decode_graded_signs(document, codes, state):
    directions = np.eye(document["dim"])[state["axes"]] if "axes" in state else state["directions"]
    vectors = []
    for centre, n_signs, bits in zip(state["centres"].astype(float), state["widths"].tolist(), codes, strict=True):
        steps = (2.0 * bits[:, :n_signs] - 1.0) * state["steps"][:n_signs]
        rows = centre + steps @ directions[:n_signs].astype(float)
        vectors.append(scaled(rows, bits[:, n_signs:], state) if bits.shape[1] > n_signs else rows)
    return np.concatenate(vectors) * (state["length_levels"][0] if len(state["length_levels"]) == 1 else 1)


def scaled(vectors, bits, state):
    """Scale vectors to the lengths that bits stand for."""
    lengths = np.linalg.norm(vectors, axis=1)
    symbols = bits @ 2 ** np.arange(bits.shape[1])[::-1]
    return vectors * (state["length_levels"][symbols] / np.where(lengths > 0, lengths, 1))[:, None]


def sum_of_codewords(codebooks, codes, _state=None):
    return sum(codebook[np.minimum(codes[:, number], len(codebook) - 1)] for number, codebook in enumerate(codebooks))


def decode_dccl(document, codes, state):
    n_codebooks, dim = codes.shape[1], document["dim"]
    return state["scale"][0] * sum_of_codewords(state["codebooks"].reshape(n_codebooks, -1, dim), codes)


def decode_transform(document, codes, state):
    vectors = [coordinates_of(bits, number, state) for number, bits in enumerate(codes)]
    back = state["directions"] * state["scales"][:, None].astype(np.float64)
    return np.concatenate(vectors) @ back + state["source_space"][0] * state["mean"]


def coordinates_of(bits, band, state):
    """Coordinates of the rows of one band, times their lengths."""
    shares, at = state["shares"][band].tolist(), 0
    coordinates = np.tile(state["centres"][band].astype(np.float64), (len(bits), 1))
    for number in range(state["depths"][band] if "depths" in state else 0):
        coordinates += codewords_of(number, state)[np.packbits(bits[:, at : at + 8])]
        at += 8
    for share in range(max(shares), 0, -1):
        half = 2 ** (share - 1)
        upper = state["levels"][half - 1 : 2 * half - 1]
        levels = np.concatenate([-upper[::-1], upper])
        for place in (number for number, each in enumerate(shares) if each == share):
            symbols = bits[:, at : at + share] @ 2 ** np.arange(share)[::-1]
            coordinates[:, place] += levels[symbols] * state["spreads"][band, place].astype(np.float64)
            at += share
    symbols = bits[:, at:] @ 2 ** np.arange(bits.shape[1] - at)[::-1]
    return coordinates * state["length_levels"][symbols][:, None]


def codewords_of(number, state):
    """The codewords of one codebook of additive codes: multiples of 2⁻¹¹."""
    pairs, spreads = state["codewords"][number], state["codeword_spreads"][number].astype(np.float32)
    symbols = np.stack([pairs >> 4, pairs & 15], axis=2).reshape(len(pairs), -1)[:, : len(spreads)]
    return np.rint(state["codeword_levels"][symbols] * spreads * np.float32(2048)) / 2048


def decode_kd(document, codes, state):
    sum_of = sum_of_outputs if document["config"]["compose"] == "lstm" else sum_of_codewords
    codebooks = state["codebooks"] * state["codebook_scales"][:, None, None]
    composed = sum_of(codebooks, codes, state)
    return composed @ state["transform"] if len(state["transform"]) else composed


def sum_of_outputs(codebooks, codes, state):
    output = memory = total = np.zeros((len(codes), codebooks.shape[2]))
    for number, codebook in enumerate(codebooks):
        symbols = np.minimum(codes[:, number], len(codebook) - 1)
        gates = output @ state["recurrent"] + state["bias"] + np.tile(codebook[symbols], 4)
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
        there = state["redrawn_rows"] < len(rows)
        attempts[state["redrawn_rows"][there]] = state["redrawn_attempts"][there]
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


# Texts


def tokenizer_of(document, sections, words):
    """Return the tokenizer of a static sentence model, and what is done with its tokens."""
    section, rules = sections["text.tokenizer"].tobytes(), document["text"]
    limit, decompressor = min(2**24, 8 * len(section)), zlib.decompressobj()
    content = decompressor.decompress(section, limit + 1)
    require(decompressor.eof and not decompressor.unused_data, "a tokenizer is a whole zlib stream")
    require(len(content) <= limit, "a tokenizer expands to at most 8 times its size and 16 MiB")
    require(rules["pooling"] == "mean", "vectors of texts are means")
    tokenizer = json.loads(content.decode("utf-8"))
    short = tokenizer["model"]["vocab"]
    if isinstance(short, int):
        tokenizer["model"]["vocab"] = {words[number]: number for number in range(short)}
    elif isinstance(short, list) and not any(isinstance(each, list) for each in short):
        tokenizer["model"]["vocab"] = [[words[number], score] for number, score in enumerate(short)]
    return tokenizer, rules


DECODERS = {
    "sign": decode_sign,
    "itq": decode_rotation,
    "iiq": decode_rotation,
    "binary": decode_learned,
    "nlb": decode_nlb,
    "dccl": decode_dccl,
    "transform": decode_transform,
    "additive": decode_transform,
    "kd": decode_kd,
    "prune": decode_prune,
    "alone": decode_alone,
}


def read_embedding(path):
    """Return the words by rank and their decoded vectors."""
    document, sections = read_file(Path(path).read_bytes())
    words, codes = words_by_rank(document, sections), codes_of(document, sections)
    state = {name.removeprefix("state."): array for name, array in sections.items() if name.startswith("state.")}
    require(document["method"] in DECODERS, "the method is known")
    vectors = DECODERS[document["method"]](document, codes, state).astype(np.float32)
    require(vectors.shape == (len(words), document["dim"]), "vectors have the header's shape")
    return words, vectors


if __name__ == "__main__":
    all_words, all_vectors = read_embedding(sys.argv[1])
    wanted = sys.argv[2:] or all_words
    for word in wanted:
        print(json.dumps([word, *all_vectors[all_words.index(word)].tolist()]))
