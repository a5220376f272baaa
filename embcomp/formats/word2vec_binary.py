"""word2vec's binary format: a header line, then for each row the word, a space, and float32 numbers, little-endian.

Line feeds before a word are not part of it: the original tool writes one after each row, gensim none.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from embcomp.errors import InputError
from embcomp.formats.detect import Detected
from embcomp.formats.options import ReadOptions
from embcomp.formats.parser import Block, keep_finite
from embcomp.formats.rows import MAX_WORD_BYTES, shown
from embcomp.formats.stream import ByteStream

CHUNK_BYTES = 1 << 21


class Word2vecBinaryParser:
    """The rows of a word2vec binary file."""

    format = "word2vec-binary"
    shadows = 0

    def __init__(self, stream: ByteStream, detected: Detected, options: ReadOptions) -> None:
        if detected.header is None:
            raise InputError(f"{stream.name}:1: there is no header, expected two whole numbers")
        self.dim = detected.dim
        self.bad_rows = 0
        self._stream = stream
        self._options = options
        self._n_promised = detected.header.rows
        self._n_rows = 0
        stream.read(detected.header.length)

    def place(self, number: int) -> str:
        """Name a row."""
        return f"{self._stream.name}: row {number}"

    def blocks(self) -> Iterator[Block]:
        """Yield the rows, no more than the limit.

        Raises:
            InputError: a row or the header does not hold.
        """
        n_wanted = min(self._n_promised, self._options.limit or self._n_promised)
        carry = b""
        while self._n_rows < n_wanted:
            new = self._stream.read(max(CHUNK_BYTES, 4 * self.dim))
            if not new:
                raise InputError(
                    f"{self._stream.name}:1: header promises {self._n_promised} rows, the file has {self._n_rows}"
                )
            chunk = carry + new
            words, vectors, used = self._split(chunk, n_wanted - self._n_rows)
            carry = chunk[used:]
            yield self._block(words, vectors)
        if n_wanted == self._n_promised:
            self._refuse_more(carry)

    def _split(self, chunk: bytes, n_wanted: int) -> tuple[list[bytes], bytes, int]:
        """Return the words and the joined vectors of the whole rows in ``chunk``, and how many bytes these take."""
        words: list[bytes] = []
        vectors: list[bytes] = []
        size = 4 * self.dim
        start = 0
        while len(words) < n_wanted:
            space = chunk.find(b" ", start, start + MAX_WORD_BYTES + 1)
            end = space + 1 + size
            if space < 0 or end > len(chunk):
                if space < 0 and len(chunk) - start > MAX_WORD_BYTES:
                    row = self._n_rows + len(words) + 1
                    raise InputError(
                        f"{self.place(row)}: the word is longer than {MAX_WORD_BYTES} bytes, allowed at most that"
                    )
                break
            words.append(chunk[start:space])
            vectors.append(chunk[space + 1 : end])
            start = end
        return words, b"".join(vectors), start

    def _block(self, raw_words: list[bytes], raw_vectors: bytes) -> Block:
        vectors = np.frombuffer(raw_vectors, dtype="<f4").reshape(len(raw_words), self.dim)
        first = self._n_rows + 1
        self._n_rows += len(raw_words)
        words = [self._decode(word, number) for number, word in enumerate(raw_words, first)]
        block = Block(words, vectors.astype(np.float32, copy=False), range(first, first + len(words)))
        kept = keep_finite(block, self, self._options.bad_rows)
        self.bad_rows += len(words) - len(kept.words)
        return kept

    def _decode(self, word: bytes, number: int) -> str:
        try:
            return word.decode("utf-8", self._options.encoding_errors).lstrip("\n")
        except UnicodeDecodeError as error:
            raise InputError(
                f"{self.place(number)}: {shown(word)} is not valid UTF-8 ({error.reason}); "
                f"--encoding-errors replace or ignore gets past it"
            ) from None

    def _refuse_more(self, rest: bytes) -> None:
        n_more = 0
        while rest:
            n_more += len(rest.strip(b"\n"))
            rest = self._stream.read(CHUNK_BYTES)
        if n_more:
            raise InputError(
                f"{self._stream.name}:1: header promises {self._n_promised} rows, "
                f"after them the file has {n_more} more bytes"
            )
