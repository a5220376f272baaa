"""A second reader of word lists, one byte after the other. It shares no code with the package."""

from __future__ import annotations

import struct
import zlib
from itertools import pairwise


class BrokenError(Exception):
    """A rule of the format does not hold."""


def require(condition: bool, rule: str) -> None:
    if not condition:
        raise BrokenError(rule)


def words_of(index: bytes, pages: bytes) -> list[bytes]:
    """All words, or :class:`BrokenError`."""
    require(len(index) >= 16, "the index has its counts")
    text_bytes, n_pages = struct.unpack_from("<QQ", index)
    require(len(index) >= 16 + 12 * n_pages, "the index has its table")
    table = [struct.unpack_from("<III", index, 16 + 12 * number) for number in range(n_pages)]
    at, place = 16 + 12 * n_pages, 0
    words: list[bytes] = []
    for n_words, first_bytes, stream_bytes in table:
        first, at = index[at : at + first_bytes], at + first_bytes
        stream, place = pages[place : place + stream_bytes], place + stream_bytes
        require(len(first) == first_bytes, "first words lie within the index")
        require(len(stream) == stream_bytes, "streams lie within the pages")
        words += words_of_page(first, n_words, stream)
    require(at == len(index), "nothing follows the first words")
    require(place == len(pages), "nothing follows the pages")
    require(all(one < other for one, other in pairwise(words)), "words ascend")
    require(sum(len(word) for word in words) == text_bytes, "the bytes of all words")
    return words


def words_of_page(first: bytes, n_words: int, stream: bytes) -> list[bytes]:
    require(1 <= n_words <= 1024, "1 to 1024 words")
    if n_words == 1:
        require(stream == b"", "a word alone has no stream")
        require(len(first) <= 2**20, "words of at most a mebibyte")
        return [first]
    decompressor = zlib.decompressobj()
    try:
        content = decompressor.decompress(stream, 8 * len(stream) + 1)
    except zlib.error as error:
        raise BrokenError("a zlib stream") from error
    require(decompressor.eof and decompressor.unused_data == b"", "a whole zlib stream")
    require(len(content) <= 8 * len(stream), "content of at most eight times the stream")
    pairs, rest = list(content[: n_words - 1]), list(content[n_words - 1 :])
    require(len(pairs) == n_words - 1, "two lengths for each word")
    lengths = [long_length(length, rest) for pair in pairs for length in (pair >> 4, pair & 15)]
    heads = [number for number in range(1, n_words) if number % 16 == 0]
    words = {0: first}
    for number in [*heads, *(number for number in range(1, n_words) if number % 16)]:
        kept, new = lengths.pop(0), lengths.pop(0)
        base = words[number - (16 if number in heads else 1)]
        require(kept <= len(base) and new <= len(rest), "lengths that are there")
        words[number] = base[:kept] + bytes(rest[:new])
        del rest[:new]
    require(not rest, "nothing follows the letters")
    require(sum(map(len, words.values())) <= 2**16, "words of a page of at most 64 KiB")
    return [words[number] for number in range(n_words)]


def long_length(length: int, rest: list[int]) -> int:
    while length >= 15 and rest:
        more = rest.pop(0)
        length += more
        if more < 255:
            return length
    require(length < 15, "a long length ends")
    return length
