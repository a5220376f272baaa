"""An ``.embc`` file with the interface of gensim's ``KeyedVectors``."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from embcomp.arrays import DoubleArray, FloatArray
from embcomp.container.layout import PREAMBLE
from embcomp.container.reader import open_container
from embcomp.container.writer import save
from embcomp.encoded import EncodedEmbedding
from embcomp.errors import InputError, MissingWordError, ParameterError
from embcomp.files import STDIN
from embcomp.inputs import as_words
from embcomp.keyed.plain import unit
from embcomp.keyed.views import DecodedMatrix, WordIndex, WordList
from embcomp.search import SearchIndex, Similarity, rounded
from embcomp.text import TextEncoder, Weighting

if TYPE_CHECKING:
    from gensim.models import KeyedVectors

Key: TypeAlias = str | int
Keys: TypeAlias = "Key | FloatArray | Sequence[Key | FloatArray | tuple[Key | FloatArray, float]] | None"

COSMUL_EPSILON = 0.000001  # gensim's, after [Levy 2014, §6]


def open_vectors(path: str | Path, *, similarity: Similarity | None = None) -> CompressedVectors:
    """Open an ``.embc`` file, see :func:`embcomp.open`."""
    encoded = open_container(path)
    absolute = None if str(path) == STDIN else str(Path(path).absolute())
    return CompressedVectors(encoded, similarity=similarity, path=absolute)


class CompressedVectors:
    """Word vectors in compressed form, with the names and meanings of gensim's ``KeyedVectors``.

    Reading only: there is no ``add_vector`` or ``__setitem__``. Keys are words, or ranks (positions in the source).
    Vectors are decoded, and centred if the method centres: add ``offset`` to return to the source's own origin; use
    ``align`` to bring vectors of the source's space into this one.

    Threads may share one object. A pickled one opens its file again, so that processes share its pages.

    Attributes:
        encoded: the vocabulary, the codes and the compressor.
        index: searches the codes.
        vectors: all vectors, a read-only array-like of shape (rows, dim).
        index_to_key: all words, a lazy list.
        key_to_index: the rank of each word, a lazy mapping. Can be replaced; gensim's evaluations do so temporarily.
    """

    def __init__(
        self,
        encoded: EncodedEmbedding,
        *,
        similarity: Similarity | None = None,
        path: str | None = None,
        index: SearchIndex | None = None,
    ) -> None:
        self.encoded = encoded
        self.index = SearchIndex(encoded) if index is None else index
        if similarity is not None and similarity not in self.index.similarities:
            allowed = " or ".join(repr(name) for name in self.index.similarities)
            raise ParameterError(f"similarity must be {allowed} for {encoded.compressor.name}, got {similarity!r}")
        self.vectors = DecodedMatrix(encoded)
        self.index_to_key: Sequence[str] = WordList(encoded.vocabulary)
        self.key_to_index: Mapping[str, int] = WordIndex(encoded.vocabulary)
        self._path = path
        self._start = b"" if path is None else _start_of(path)
        self._similarity = similarity

    def __reduce__(self) -> tuple[Any, ...]:
        if self._path is None:
            raise TypeError("only an object made by embcomp.open can be pickled: it is opened again from its file")
        return _open_again, (self._path, self._start, self._similarity)

    def save(self, path: str | Path, *, force: bool = False, drop_order: bool = False) -> None:
        """Write an ``.embc`` file, which :func:`embcomp.open` opens; the same vectors give the same bytes.

        Args:
            path: the file; it appears whole or not at all.
            force: replace an existing file.
            drop_order: leave out the order of the words (2-3 bytes per word), and with it which words are frequent.

        Raises:
            OutputError: the file exists and ``force`` is not given, or it cannot be written.
            ParameterError: the order cannot be dropped, since a code belongs to its row.
        """
        save(self.encoded.without_order() if drop_order else self.encoded, path, force=force)

    # What there is.

    @property
    def default_similarity(self) -> Similarity:
        """The similarity that ``most_similar`` and similar methods use by default."""
        return self._similarity or self.index.default_similarity

    @property
    def vector_size(self) -> int:
        """Numbers per vector."""
        return self.encoded.dim

    @property
    def offset(self) -> FloatArray | None:
        """What to add to vectors to return to the source's own origin; ``None`` for nothing."""
        return self.encoded.compressor.offset

    def align(self, vectors: FloatArray) -> FloatArray:
        """Bring vectors of the source's space, shape (n, dim) or (dim,), into the space of these, for comparison.

        Raises:
            ParameterError: they have another shape.
        """
        rows = np.ascontiguousarray(vectors, dtype=np.float32)
        if rows.ndim not in (1, 2) or rows.shape[-1] != self.vector_size:
            raise ParameterError(
                f"vectors must have shape (any, {self.vector_size}) or ({self.vector_size},), got {rows.shape}"
            )
        return self.encoded.compressor.align(rows.reshape(-1, self.vector_size)).reshape(rows.shape)

    def __len__(self) -> int:
        return len(self.encoded)

    def __contains__(self, key: object) -> bool:
        return self.has_index_for(key)

    def __repr__(self) -> str:
        return f"CompressedVectors({len(self)} keys, {self.vector_size} dimensions, {self.encoded.compressor.name})"

    def encode(
        self, texts: str | Sequence[str], *, weighting: Weighting | None = None, normalize: bool | None = None
    ) -> FloatArray:
        """Return the vectors of texts: the means of the vectors of their tokens or words.

        A sentence model's own tokenizer splits them, for which the package tokenizers is needed; in any other file,
        texts are split into words, at white space and punctuation.

        Args:
            texts: n strings, or one.
            weighting: ``mean``: all count the same; ``sif``: frequent words count less; ``None`` for ``sif`` for
                words in their order, and for ``mean`` otherwise.
            normalize: scale vectors to unit length; ``None`` as the sentence model does, and not for words.

        Returns:
            float32, shape (n, dim), or (dim,) for one string; zeros and a warning for texts without a known word.

        Raises:
            ParameterError: the weighting is not allowed for this file, or a package is missing.
            CorruptError: the stored tokenizer is refused.
        """
        if isinstance(texts, str):
            single: FloatArray = self.encode([texts], weighting=weighting, normalize=normalize)[0]
            return single
        return self._text_encoder.encode(as_words(texts), weighting=weighting, normalize=normalize)[0]

    @cached_property
    def _text_encoder(self) -> TextEncoder:
        return TextEncoder(self.encoded)

    def has_index_for(self, key: object) -> bool:
        """Whether the key is a word or a rank that is there."""
        return self._find(key) >= 0

    def get_index(self, key: object, default: int | None = None) -> int:
        """Return the rank of a key, or ``default``.

        Raises:
            MissingWordError: it is not there (a ``KeyError``).
        """
        rank = self._find(key)
        if rank >= 0:
            return rank
        if default is not None:
            return default
        raise MissingWordError(str(key))

    # Vectors.

    def __getitem__(self, key_or_keys: Key | Iterable[Key]) -> FloatArray:
        if isinstance(key_or_keys, (str, int, np.integer)):  # a union would be built each time
            return self.get_vector(key_or_keys)
        return self.encoded.decode_rows(self._rows(key_or_keys))

    def get_vector(self, key: object, norm: bool = False) -> FloatArray:
        """Return the vector of a key, float32, shape (dim,), a new array; with ``norm`` of length 1.

        Raises:
            MissingWordError: it is not there (a ``KeyError``).
        """
        vector: FloatArray
        if isinstance(key, str) and isinstance(self.key_to_index, WordIndex):
            vector = self.encoded.vector(key)  # the usual case, without detours
        else:
            vector = self.encoded.decode_rows(self._rows([key]))[0]
        return unit(vector) if norm else vector

    def get_mean_vector(
        self,
        keys: Sequence[Any],
        weights: Sequence[float] | NDArray[np.floating] | None = None,
        pre_normalize: bool = True,
        post_normalize: bool = False,
        ignore_missing: bool = True,
    ) -> FloatArray:
        """Return the weighted mean of the vectors of keys; keys may be vectors themselves, taken as they are.

        Raises:
            ValueError: no keys, or another number of weights.
            MissingWordError: a key is not there, unless ``ignore_missing``.
        """
        if len(keys) == 0:
            raise ValueError("cannot compute mean with no input")
        factors = np.ones(len(keys)) if weights is None else np.asarray(weights)
        if len(factors) != len(keys):
            raise ValueError(f"keys and weights must have the same length, got {len(keys)} and {len(factors)}")
        mean = np.zeros(self.vector_size, dtype=np.float32)
        total = 0.0
        for key, factor in zip(keys, factors, strict=True):
            if isinstance(key, np.ndarray):
                vector = key
            elif self.has_index_for(key):
                vector = self.get_vector(key, norm=pre_normalize)
            elif ignore_missing:
                continue
            else:
                raise MissingWordError(str(key))
            mean += np.float32(factor) * vector
            total += abs(float(factor))
        if total > 0:
            mean /= np.float32(total)
        return unit(mean) if post_normalize else mean

    @property
    def norms(self) -> FloatArray:
        """Lengths of all vectors, float32, shape (rows,); computed once."""
        return self.index.norms

    def fill_norms(self, force: bool = False) -> None:
        """Compute :attr:`norms` now."""
        _ = self.index.norms

    def get_normed_vectors(self) -> FloatArray:
        """Return all vectors scaled to length 1, float32, shape (rows, dim); zeros stay zeros."""
        vectors = self.encoded.decode_all()
        vectors /= np.where(self.norms > 0, self.norms, 1)[:, None]
        return vectors

    def to_keyed_vectors(self) -> KeyedVectors:
        """Decode everything into gensim's own object."""
        from gensim.models import KeyedVectors

        words = list(self.index_to_key)
        loaded = KeyedVectors(self.vector_size)
        loaded.vectors = self.encoded.decode_all()
        loaded.index_to_key = words
        loaded.key_to_index = {word: rank for rank, word in enumerate(words)}
        loaded.next_index = len(words)
        return loaded

    def vectors_for_all(self, keys: Iterable[Key], allow_inference: bool = True) -> KeyedVectors:
        """Decode the vectors of those keys that are there into gensim's own object, each key once."""
        from gensim.models import KeyedVectors

        found = [key for key in dict.fromkeys(keys) if key in self]
        loaded = KeyedVectors(self.vector_size, dtype=np.float32)
        if found:
            loaded.add_vectors(found, self[found])
        return loaded

    def save_word2vec_format(self, path: str | Path, *, binary: bool = False, force: bool = False) -> None:
        """Write the decoded vectors as word2vec does, as text or binary, compressed if the suffix is such.

        Raises:
            OutputError: the file exists and ``force`` is not given, or it cannot be written.
        """
        from embcomp.formats import write_embedding

        name = f"word2vec-{'binary' if binary else 'text'}"
        write_embedding(path, name, self.encoded.blocks(), len(self), self.vector_size, force=force)

    # Similarity of words.

    def similarity(self, w1: Key, w2: Key) -> np.float32:
        """Return the cosine of two keys' vectors, rounded to 2⁻²⁰ as all scores are."""
        return np.float32(self.index.of_pair(self._rows([w1, w2])))

    def distance(self, w1: Key, w2: Key) -> np.float32:
        """Return 1 − :meth:`similarity`."""
        return np.float32(1 - self.similarity(w1, w2))

    def n_similarity(self, ws1: Sequence[Key], ws2: Sequence[Key]) -> np.float32:
        """Return the cosine of the mean vectors of two sets of keys.

        Raises:
            ZeroDivisionError: one of them is empty.
        """
        if not len(ws1) or not len(ws2):
            raise ZeroDivisionError("at least one of the lists is empty")
        means = [self.get_mean_vector(words, pre_normalize=False) for words in (ws1, ws2)]
        return np.float32(rounded(unit(means[0]) @ unit(means[1])))

    @staticmethod
    def cosine_similarities(vector_1: FloatArray, vectors_all: FloatArray) -> FloatArray:
        """Return the cosines of one vector and each row of a matrix; 0 where one of them is zeros."""
        lengths = np.linalg.norm(vectors_all, axis=1) * np.linalg.norm(vector_1)
        cosines: FloatArray = np.zeros(len(vectors_all), dtype=np.float32)
        np.divide(vectors_all @ vector_1, lengths, out=cosines, where=lengths > 0)
        return cosines

    def distances(self, word_or_vector: Key | FloatArray, other_words: Iterable[Key] = ()) -> FloatArray:
        """Return 1 − cosine of a key or vector to each of ``other_words``, or to all keys: shape (n,)."""
        vector = word_or_vector if isinstance(word_or_vector, np.ndarray) else self.get_vector(word_or_vector)
        others = list(other_words)
        if others:
            return np.asarray(1 - self.cosine_similarities(vector, self[others]))
        return (1 - self.index.scores(vector)).astype(np.float32)

    def closer_than(self, key1: Key, key2: Key) -> list[str]:
        """Return the keys, other than ``key1``, that are closer to ``key1`` than ``key2`` is."""
        first, second = self.get_index(key1), self.get_index(key2)
        distances = self.distances(key1)
        closer = np.flatnonzero(distances < distances[second])
        return self.encoded.vocabulary.words(closer[closer != first])

    def rank(self, key1: Key, key2: Key) -> int:
        """Return how near ``key2`` is to ``key1`` among all keys: 1 for the nearest."""
        return len(self.closer_than(key1, key2)) + 1

    def most_similar_to_given(self, key1: Key, keys_list: Sequence[Key]) -> Key:
        """Return the key of a list that is most similar to ``key1``."""
        return keys_list[int(np.argmax([self.similarity(key1, key) for key in keys_list]))]

    def rank_by_centrality(self, words: Sequence[Key], use_norm: bool = True) -> list[tuple[np.float32, Key]]:
        """Return (similarity to the mean of all, key), most similar first; keys that are not there are left out.

        Raises:
            ValueError: none is there.
        """
        found = [word for word in words if word in self]
        if not found:
            raise ValueError("cannot select a word from an empty list")
        vectors = self[found]
        if use_norm:
            vectors = np.stack([unit(vector) for vector in vectors])
        mean = unit(vectors.mean(axis=0))
        return sorted(zip(vectors @ mean, found, strict=True), reverse=True)

    def doesnt_match(self, words: Sequence[Key]) -> Key:
        """Return the key that is farthest from the mean of all."""
        return self.rank_by_centrality(words)[-1][1]

    # Nearest neighbours.

    def most_similar(
        self,
        positive: Keys = None,
        negative: Keys = None,
        topn: int | None = 10,
        clip_start: int = 0,
        clip_end: int | None = None,
        restrict_vocab: int | None = None,
        indexer: Any = None,
        *,
        similarity: Similarity | None = None,
    ) -> Any:
        """Return the keys nearest to the mean of ``positive`` minus ``negative``, none of these among them.

        Args:
            positive, negative: a key or vector, or several, or pairs of one and its weight (1 and −1 if not given).
            topn: how many; ``None`` for the ``decoded`` similarities of all keys, in their order.
            clip_start, clip_end: look at keys of these ranks only.
            restrict_vocab: look at the first so many keys only; overrides the two above.
            indexer: gensim's: an index of its own that answers instead.
            similarity: one of ``index.similarities``; ``None`` for the object's own.

        Returns:
            [(key, similarity)], most similar first, equal ones by rank.

        Raises:
            MissingWordError: a key is not there (a ``KeyError``).
            ParameterError: the first keys are asked for, and the order of the source was dropped.
        """
        if topn is not None and topn < 1:
            return []
        keys, weights = _weighted(positive, 1.0), _weighted(negative, -1.0)
        wanted = [key for key, _ in keys + weights]
        factors = [weight for _, weight in keys + weights]
        query = self.get_mean_vector(wanted, factors, post_normalize=True, ignore_missing=False)
        if indexer is not None and topn is not None:
            return indexer.most_similar(query, topn)
        start, stop = (0, int(restrict_vocab)) if restrict_vocab else (clip_start, int(clip_end or len(self)))
        self._require_order(start, stop)
        if topn is None:
            return self.index.scores(query, restrict=stop)[start:].astype(np.float32)
        given = {self.get_index(key) for key in wanted if not isinstance(key, np.ndarray)}
        if start:
            return self._nearest_after(start, query, topn, given, stop)
        chosen = similarity or self.default_similarity
        n_wanted = int(topn) + len(given)
        if chosen == "hamming" and len(wanted) == 1 and given and factors[0] > 0:
            code = self.encoded.codes_at(self._rows(wanted))  # the word's own, which decoding may not give back
            found = self.index.search_codes(code, n_wanted, restrict=stop)
        else:
            found = self.index.search(query[None, :], n_wanted, similarity=chosen, restrict=stop)
        return self._named(found.ranks[0], found.scores[0], given, topn)

    def similar_by_word(self, word: Key, topn: int | None = 10, restrict_vocab: int | None = None) -> Any:
        """:meth:`most_similar` to one key."""
        return self.most_similar(positive=[word], topn=topn, restrict_vocab=restrict_vocab)

    similar_by_key = similar_by_word

    def similar_by_vector(self, vector: FloatArray, topn: int | None = 10, restrict_vocab: int | None = None) -> Any:
        """:meth:`most_similar` to a vector."""
        return self.most_similar(positive=[vector], topn=topn, restrict_vocab=restrict_vocab)

    def most_similar_cosmul(
        self,
        positive: Keys = None,
        negative: Keys = None,
        topn: int | None = 10,
        restrict_vocab: int | None = None,
    ) -> Any:
        """Return the keys nearest by 3CosMul: [(key, Π (1 + cos) / 2 over positive ÷ the same over negative)].

        [Levy 2014, eq. 4].

        Raises:
            ValueError: nothing positive.
            MissingWordError: a key is not there (a ``KeyError``).
        """
        if topn is not None and topn < 1:
            return []
        terms = [[key for key, _ in _weighted(keys, 1.0)] for keys in (positive, negative)]
        if not terms[0]:
            raise ValueError("cannot compute similarity with no input")
        for_positive, for_negative = (self._product_of_similarities(keys) for keys in terms)
        scores = for_positive / (for_negative + COSMUL_EPSILON)
        if topn is None:
            return scores.astype(np.float32)
        given = {self.get_index(key) for keys in terms for key in keys if not isinstance(key, np.ndarray)}
        return self._best(scores[:restrict_vocab], 0, topn, given)

    def relative_cosine_similarity(self, wa: Key, wb: Key, topn: int = 10) -> float:
        """Return the similarity of two keys relative to the sum of the ``topn`` largest similarities of the first."""
        nearest = self.similar_by_word(wa, topn)
        if not nearest:
            raise ValueError("cannot compute a relative similarity without any similar words")
        return float(self.similarity(wa, wb)) / float(sum(score for _, score in nearest))

    # gensim's own code, run on this object.

    def wmdistance(self, document1: Sequence[str], document2: Sequence[str], norm: bool = True) -> float:
        """Return the Word Mover's Distance of two documents, by gensim; needs the package POT."""
        from gensim.models import KeyedVectors

        return float(KeyedVectors.wmdistance(self, document1, document2, norm))

    def evaluate_word_pairs(self, *args: Any, **kwargs: Any) -> Any:
        """Run gensim's evaluation on word pairs."""
        from gensim.models import KeyedVectors

        return KeyedVectors.evaluate_word_pairs(copy.copy(self), *args, **kwargs)

    def evaluate_word_analogies(self, *args: Any, **kwargs: Any) -> Any:
        """Run gensim's evaluation on analogies."""
        from gensim.models import KeyedVectors

        return KeyedVectors.evaluate_word_analogies(copy.copy(self), *args, **kwargs)

    @staticmethod
    def _log_evaluate_word_analogies(section: Any) -> Any:
        from gensim.models import KeyedVectors

        return KeyedVectors._log_evaluate_word_analogies(section)

    @staticmethod
    def log_evaluate_word_pairs(*args: Any) -> None:
        """Log what gensim's evaluation logs."""
        from gensim.models import KeyedVectors

        KeyedVectors.log_evaluate_word_pairs(*args)

    def __copy__(self) -> CompressedVectors:
        twin = object.__new__(type(self))
        twin.__dict__.update(self.__dict__)
        return twin

    # Helpers.

    def _find(self, key: object) -> int:
        """Return the rank of a key, or −1."""
        if isinstance(key, str):
            return self.key_to_index.get(key, -1)
        if isinstance(key, int | np.integer) and 0 <= key < len(self):
            return int(key)
        return -1

    def _rows(self, keys: Iterable[Any]) -> NDArray[np.int64]:
        """Return the rows of keys, int64; raises MissingWordError."""
        listed = list(keys)
        if isinstance(self.key_to_index, WordIndex) and {str}.issuperset(map(type, listed)):
            rows = self.encoded.rows(listed)
        else:
            rows = np.array([self._find(key) for key in listed], dtype=np.int64)
        if len(rows) and rows.min() < 0:
            raise MissingWordError(str(listed[int(rows.argmin())]))
        return rows

    def _product_of_similarities(self, keys: list[Any]) -> DoubleArray:
        """Π (1 + cos) / 2 over keys or vectors, for every key: float64, shape (n,)."""
        product = np.ones(len(self))
        for key in keys:
            product *= (1 + self.index.scores(key if isinstance(key, np.ndarray) else self.get_vector(key))) / 2
        return product

    def _require_order(self, start: int, stop: int) -> None:
        """Refuse ranks as bounds where they do not follow the source, unless they are those of bands."""
        if self.encoded.ordered or (start == 0 and stop >= len(self)):
            return
        ends = [band.end for band in self.encoded.codes.bands]
        if {start, min(stop, len(self))} <= {0, *ends}:
            return
        bands = f"; the first {' or '.join(map(str, ends[:-1]))} are known" if len(ends) > 1 else ""
        raise ParameterError(
            "`restrict` must be absent: the order of the source was dropped, and with it which words are first"
            f"{bands}"
        )

    def _nearest_after(
        self, start: int, query: FloatArray, topn: int, given: set[int], stop: int
    ) -> list[tuple[str, float]]:
        return self._best(self.index.scores(query, restrict=stop)[start:], start, topn, given)

    def _best(self, scores: DoubleArray, first_rank: int, topn: int, given: set[int]) -> list[tuple[str, float]]:
        ranks = np.argsort(-scores, kind="stable")[: topn + len(given)]
        return self._named(ranks + first_rank, scores[ranks], given, topn)

    def _named(
        self, ranks: NDArray[np.int64], scores: DoubleArray, given: set[int], topn: int
    ) -> list[tuple[str, float]]:
        kept = [place for place, rank in enumerate(ranks.tolist()) if rank not in given][:topn]
        return list(zip(self.encoded.vocabulary.words(ranks[kept]), scores[kept].tolist(), strict=True))


def _open_again(path: str, start: bytes, similarity: Similarity | None) -> CompressedVectors:
    opened = open_vectors(path, similarity=similarity)
    if _start_of(path) != start:
        raise InputError(f"{path}: was replaced after the object was pickled, expected the same file")
    return opened


def _start_of(path: str) -> bytes:
    """The first bytes of a container, which hold a checksum of its header and so of its sections' checksums."""
    with Path(path).open("rb") as file:
        return file.read(PREAMBLE.size)


def _weighted(keys: Any, weight: float) -> list[tuple[Any, float]]:
    """Return (key or vector, weight) for each of gensim's ways to give keys."""
    if keys is None:
        return []
    if isinstance(keys, str | int | np.integer) or (isinstance(keys, np.ndarray) and keys.ndim == 1):
        keys = [keys]
    return [(key[0], float(key[1])) if isinstance(key, tuple | list) else (key, weight) for key in keys]
