"""The public Python API: the functions behind ``embcomp.__all__``.

*Words* are any sequence of distinct strings: a list, a NumPy array, a pandas index. *Vectors* are whatever NumPy
turns into an array of two dimensions, one row for each word, of finite numbers. Float32 in C order is used as it is;
float64, float16, lists, torch tensors and pandas frames are converted to it.

Every error is a subclass of :class:`embcomp.errors.EmbcompError`, and is one line.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from embcomp.arrays import FloatArray
from embcomp.collection import is_collection
from embcomp.compressors.base import Compressor
from embcomp.compressors.registry import DEFAULT, compressor_classes, make_compressor
from embcomp.container.layout import MAGIC
from embcomp.container.reader import open_container
from embcomp.embedding import Embedding
from embcomp.encoded import EncodedEmbedding
from embcomp.errors import ParameterError
from embcomp.inputs import as_embedding
from embcomp.keyed import CompressedVectors, open_vectors
from embcomp.progress import Progress, no_progress

if TYPE_CHECKING:
    from embcomp.comparison.workbench import Result
    from embcomp.eval.score import Score
    from embcomp.eval.target import OovPolicy
    from embcomp.formats import ReadOptions
    from embcomp.search import Similarity

__all__ = ["Compressor", "compare", "compress", "evaluate", "make_compressor", "methods", "open", "read"]

Vectors: TypeAlias = Any
Target: TypeAlias = "str | Path | CompressedVectors | tuple[Sequence[str], Vectors] | Any"
"""A file, compressed or not; an opened file; gensim's KeyedVectors; or words and vectors."""


def compress(
    words: Sequence[str],
    vectors: Vectors,
    method: str | Compressor = DEFAULT,
    *,
    progress: Progress = no_progress,
    **options: Any,
) -> CompressedVectors:
    """Compress words and vectors in memory.

    Args:
        words: n distinct strings, the most frequent first if it is known.
        vectors: shape (n, dim), finite numbers.
        method: a name from :func:`methods`, or a compressor object, which is fitted here.
        progress: called as ``progress(stage, done, total)``.
        **options: of the method, see ``embcomp methods``; such as ``bits=50`` or ``random_state=1``.

    Returns:
        What :func:`open` returns for a file; its method ``save(path)`` writes one.

    Raises:
        ParameterError: there is no such method or option, or a value is not allowed.
        InputError: words or vectors are not valid.
    """
    if not isinstance(method, str) and options:
        raise ParameterError(f"options belong to a method's name, got a compressor and {', '.join(options)}")
    compressor = make_compressor(method, **options) if isinstance(method, str) else method
    return CompressedVectors(EncodedEmbedding.encode(as_embedding(words, vectors), compressor, progress))


def read(
    source: str | Path,
    *,
    format: str | None = None,
    limit: int | None = None,
    duplicates: str = "first",
    bad_rows: str = "error",
    encoding_errors: str = "strict",
    words: Iterable[str] | None = None,
    word_list: str | Path | None = None,
    allow_pickle: bool = False,
    progress: Progress = no_progress,
) -> tuple[list[str], FloatArray]:
    """Read an embedding file: every format and option of the command line.

    Args:
        source: a file, plain or compressed; ``-`` for standard input.
        format: its format; ``None`` looks at the content.
        limit: read at most this many rows.
        duplicates: a word seen before: ``first`` keeps the first, ``error`` refuses.
        bad_rows: a row of wrong length, not of numbers, or not finite: ``error`` refuses, ``skip`` drops.
        encoding_errors: a word that is not valid UTF-8: ``strict`` refuses, ``replace`` or ``ignore`` the bytes.
        words: keep the rows of these words only.
        word_list: the file with the words of an ``.npy`` file, one per line.
        allow_pickle: read native gensim files, which can run code.
        progress: called as ``progress("read", bytes done, bytes in all)``.

    Returns:
        n distinct words, and their vectors: float32, C order, shape (n, dim).

    Raises:
        ParameterError: an option is not allowed.
        InputError: the file cannot be read.
    """
    from embcomp.formats import ReadOptions, read_embedding

    options = ReadOptions(
        format=format,
        limit=limit,
        duplicates=duplicates,
        bad_rows=bad_rows,
        encoding_errors=encoding_errors,
        words=None if words is None else frozenset(words),
        word_list=None if word_list is None else Path(word_list),
        allow_pickle=allow_pickle,
    )
    embedding = read_embedding(source, options, progress)
    return list(embedding.words), embedding.vectors


def open(path: str | Path, *, similarity: Similarity | None = None, processes: int = 1) -> CompressedVectors:
    """Open an ``.embc`` file or a collection as an object with the names of gensim's ``KeyedVectors``.

    This takes about a millisecond: nothing is decoded before it is asked for.

    Args:
        path: the file; or a collection, ``NAME.embcs``, or its address.
        similarity: what ``most_similar`` ranks by: ``decoded``, ``hamming`` or ``asymmetric``; ``None`` for the
            method's default.
        processes: how many processes search a collection; they stay. With 1, threads of this one do.

    Raises:
        InputError: there is no such file, or it cannot be read.
        ContainerError: the file is refused; the subclass says why.
        ParameterError: the method has no such similarity, or ``processes`` is given for a file.
    """
    if not is_collection(path):
        if processes != 1:
            raise ParameterError(f"`processes` must be 1 for one file, got {processes!r}")
        return open_vectors(path, similarity=similarity)
    from embcomp.collection.vectors import open_vectors as open_many

    return open_many(str(path), similarity=similarity, n_processes=processes)


def evaluate(
    target: Target,
    *,
    suites: Sequence[str] | None = None,
    data_dir: str | Path | None = None,
    baseline: Target | None = None,
    oov: OovPolicy = "mean",
    restrict_vocab: int = 30_000,
    random_state: int = 0,
    progress: Progress = no_progress,
) -> list[Score]:
    """Score vectors on word similarity, analogies, and every suite that has data.

    Args:
        target: a file, compressed or not; an opened file; gensim's KeyedVectors; or the pair (words, vectors).
        suites: their names; ``None`` for all that have data.
        data_dir: a folder with further data sets.
        baseline: what the target was made from, of the same kinds: adds the suite ``fidelity``, and to each score
            the baseline's own, with ``ratio`` and ``p_value``.
        oov: a missing word: the ``mean`` of all vectors, or ``skip`` its row.
        restrict_vocab: analogies search for answers among this many first words.
        random_state: seed of bootstrap, samples and clustering.
        progress: called before each data set.

    Returns:
        A score for each suite, data set and metric, ×100; a value of ``None`` is a gap, with a note.

    Raises:
        ParameterError: a suite does not exist or lacks data, or an argument is not allowed.
        InputError, ContainerError: a file cannot be read.
    """
    from embcomp.eval.run import choose, score
    from embcomp.eval.suite import Settings

    chosen = choose(suites, data_dir, has_baseline=baseline is not None)
    original = None if baseline is None else as_target(baseline)
    settings = Settings(oov, random_state, restrict_vocab, original, progress)
    name = Path(target).name if isinstance(target, str | Path) else "vectors"
    return score([(name, as_target(target))], chosen, settings)


def compare(
    source: Target,
    methods: Iterable[str] | None = None,
    *,
    bits: Sequence[int] = (),
    target_size: int | None = None,
    target_ratio: float | None = None,
    suites: Sequence[str] | None = None,
    data_dir: str | Path | None = None,
    oov: OovPolicy = "mean",
    random_state: int = 0,
    n_seeds: int = 1,
    cache_dir: str | Path | None = None,
    progress: Progress = no_progress,
) -> list[Result]:
    """Compress vectors with several methods and score the results.

    Args:
        source: as the target of :func:`evaluate`.
        methods: names, each with options after colons if need be: ``"iiq"``, ``"kd:dims=10:ways=64"``; ``None`` for
            all that do not take minutes.
        bits: run each method at each of these numbers of bits per word, or the next below that it can have.
        target_size, target_ratio: choose each method's options so that its file has at most this many bytes, or
            its vectors at most that share of what float32 takes; at most one of the three.
        suites, data_dir, oov: as for :func:`evaluate`.
        random_state: seed of all randomness.
        n_seeds: run each method with this many seeds, counted from ``random_state``.
        cache_dir: folder in which results are kept and looked up; ``None`` keeps nothing.
        progress: called with the current step, and how many steps of how many are done.

    Returns:
        The uncompressed vectors first, then each method: bytes, ratios, seconds and scores.

    Raises:
        ParameterError: there is no such method, option or suite, or a value is not allowed.
        InputError, ContainerError: a file cannot be read.
    """
    from embcomp.comparison.budget import Budget, run
    from embcomp.comparison.cache import opened_cache
    from embcomp.comparison.plan import candidates_for
    from embcomp.comparison.workbench import Evaluation, Workbench
    from embcomp.eval.run import choose

    if (len(bits) > 0) + (target_size is not None) + (target_ratio is not None) > 1:
        raise ParameterError("`bits`, `target_size` and `target_ratio` exclude each other")
    budget = Budget.given(target_size, target_ratio)
    candidates, _ = candidates_for(methods)
    evaluation = Evaluation(choose(suites, data_dir, has_baseline=True), oov, random_state)
    target = as_target(source)
    if not isinstance(target, Embedding):
        target = Embedding(target.words, target.decode_all(), target.source)
    with opened_cache(None if cache_dir is None else Path(cache_dir)) as cache:
        return run(Workbench(target, evaluation, cache), candidates, bits, budget, n_seeds, progress)[0]


def methods() -> dict[str, type[Compressor]]:
    """Return every method by its name: a class with ``summary`` and ``options``.

    Methods of other packages that cannot be used are left out, with a warning.
    """
    return compressor_classes()


def as_target(
    target: Any, options: ReadOptions | None = None, progress: Progress = no_progress
) -> Embedding | EncodedEmbedding:
    """Return what the suites take, for all that :func:`evaluate` takes; ``options`` are those of a file to be read.

    Raises:
        ParameterError: it is none of these.
        InputError, ContainerError: a file cannot be read.
    """
    if isinstance(target, str | Path):
        return _opened(target, options, progress)
    if isinstance(target, CompressedVectors):
        return target.encoded
    if isinstance(target, Embedding | EncodedEmbedding):
        return target
    if hasattr(target, "index_to_key") and hasattr(target, "vectors"):
        return as_embedding(target.index_to_key, target.vectors)
    if isinstance(target, tuple) and len(target) == 2:
        return as_embedding(*target)
    raise ParameterError(
        f"the target must be a file, an opened file, KeyedVectors or the pair (words, vectors), "
        f"got {type(target).__name__}"
    )


def _opened(path: str | Path, options: ReadOptions | None, progress: Progress) -> Embedding | EncodedEmbedding:
    """A container, or an original file, whichever it is."""
    from embcomp.formats import ReadOptions, files_of, open_stream, read_embedding

    if is_collection(path):
        from embcomp.collection.opened import open_collection

        return open_collection(str(path))
    if len(files_of(path)) > 1:
        return read_embedding(path, options or ReadOptions(), progress)
    with open_stream(path) as stream:
        if stream.peek(len(MAGIC)) == MAGIC:
            return open_container(path, None if stream.is_plain else stream)
        return read_embedding(stream, options or ReadOptions(), progress)
