from __future__ import annotations

import pickle
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

import embcomp
from embcomp.compressors.registry import make_compressor
from embcomp.encoded import EncodedEmbedding
from embcomp.errors import InputError, MissingWordError, ParameterError
from embcomp.keyed import CompressedVectors
from tests.keyed.conftest import sample


def test_a_missing_word_is_a_key_error(vectors: CompressedVectors) -> None:
    for ask in (
        lambda: vectors["no such word"],
        lambda: vectors[["king", "no such word"]],
        lambda: vectors.get_index("no such word"),
        lambda: vectors.key_to_index["no such word"],
        lambda: vectors.most_similar("no such word"),
        lambda: vectors.similarity("king", "no such word"),
    ):
        with pytest.raises(KeyError) as caught:
            ask()
        assert isinstance(caught.value, MissingWordError)
        assert str(caught.value) == "'no such word' is not in the vocabulary"
    with pytest.raises(KeyError):
        vectors[10**7]


def test_refusals(vectors: CompressedVectors, folder: Path) -> None:
    with pytest.raises(ValueError, match=r"^cannot compute mean with no input$"):
        vectors.most_similar()
    with pytest.raises(ValueError, match="must have the same length, got 1 and 2"):
        vectors.get_mean_vector(["king"], [1, 2])
    with pytest.raises(ZeroDivisionError):
        vectors.n_similarity([], ["king"])
    with pytest.raises(ValueError, match="cannot select a word from an empty list"):
        vectors.doesnt_match(["no such word"])
    with pytest.raises(ValueError, match="no input"):
        vectors.most_similar_cosmul(negative="king")
    with pytest.raises(ParameterError, match=r"^similarity must be 'hamming' or .* for iiq, got 'cosine'$"):
        embcomp.open(folder / "iiq.embc", similarity="cosine")  # type: ignore[arg-type]
    with pytest.raises(InputError):
        embcomp.open(folder / "absent.embc")


def test_hamming_looks_at_the_words_own_code(folder: Path) -> None:
    vectors = embcomp.open(folder / "itq.embc", similarity="hamming")
    code = vectors.encoded.codes_at(vectors.encoded.rows(["king"]))
    found = vectors.index.search_codes(code, 4)
    assert found.scores[0, 0] == 1
    expected = [
        (vectors.index_to_key[rank], score) for rank, score in zip(found.ranks[0], found.scores[0], strict=True)
    ]
    assert vectors.most_similar("king", topn=3) == expected[1:]
    assert vectors.most_similar(["king", "queen"], topn=2) != expected[:2]


def test_vectors_of_the_source_find_their_word(folder: Path) -> None:
    vectors = embcomp.open(folder / "itq.embc")
    source = sample().vectors[:200]
    aligned = vectors.align(source)
    found = vectors.index.search(aligned, 1)
    assert (found.ranks[:, 0] == np.arange(200)).mean() > 0.95
    assert vectors.offset is not None
    np.testing.assert_allclose(aligned, source - vectors.offset, atol=1e-5)  # ITQ removes no direction


@pytest.fixture(scope="session")
def whole(vectors: CompressedVectors) -> np.ndarray:
    return vectors.encoded.decode_all()


class TestMatrix:
    def test_looks_like_an_array(self, vectors: CompressedVectors, whole: np.ndarray) -> None:
        matrix = vectors.vectors
        assert (matrix.shape, matrix.dtype, matrix.ndim, matrix.size) == (
            whole.shape,
            whole.dtype,
            whole.ndim,
            whole.size,
        )
        assert len(matrix) == len(whole)
        assert np.array_equal(np.asarray(matrix), whole)
        assert np.asarray(matrix, dtype=np.float64).dtype == np.float64
        np.testing.assert_allclose(next(iter(matrix)), whole[0], atol=1e-6)
        with pytest.raises(TypeError):
            matrix[0] = 0  # type: ignore[index]
        with pytest.raises(ValueError, match="copy=False is not possible"):
            np.asarray(matrix, copy=False)

    @pytest.mark.parametrize(
        "key",
        [
            *(0, -1, slice(3), slice(8000, None), slice(None, None, -997), [1, -1, 1], (2, 5), (slice(4), 7)),
            *((slice(3), slice(2, 4)), np.array([[0, 1], [2, 3]]), ([0, 1], [2, 3]), (None, 0), ..., (0, slice(2))),
            *(np.int64(4), np.array([], dtype=np.int64), (slice(2), None)),
        ],
        ids=str,
    )
    def test_indexing(self, vectors: CompressedVectors, whole: np.ndarray, key: object) -> None:
        mine = vectors.vectors[key]
        assert mine.shape == whole[key].shape  # type: ignore[index]
        np.testing.assert_allclose(mine, whole[key], atol=1e-6)  # type: ignore[index]

    def test_mask(self, vectors: CompressedVectors, whole: np.ndarray) -> None:
        mask = np.arange(len(whole)) % 1000 == 3
        np.testing.assert_allclose(vectors.vectors[mask], whole[mask], atol=1e-6)

    def test_out_of_range(self, vectors: CompressedVectors) -> None:
        for key in (len(vectors), -len(vectors) - 1, [len(vectors)]):
            with pytest.raises(IndexError):
                vectors.vectors[key]

    def test_arithmetic(self, vectors: CompressedVectors, whole: np.ndarray) -> None:
        np.testing.assert_allclose(vectors.vectors @ whole[0], whole @ whole[0], rtol=1e-4, atol=1e-4)
        np.testing.assert_allclose(
            vectors.vectors / vectors.norms[:, None], whole / vectors.norms[:, None], rtol=1e-5
        )
        np.testing.assert_allclose(np.dot(vectors.vectors, whole[1]), whole @ whole[1], rtol=1e-4, atol=1e-4)
        np.testing.assert_allclose(np.linalg.norm(vectors.vectors, axis=1), vectors.norms, rtol=1e-4)
        with pytest.raises(TypeError):
            np.add(whole, 1, out=vectors.vectors)


def test_word_list(vectors: CompressedVectors) -> None:
    words = sample().words
    assert vectors.index_to_key == words
    assert vectors.index_to_key != words[:-1]
    assert vectors.index_to_key[5] == words[5]
    assert vectors.index_to_key[-1] == words[-1]
    assert vectors.index_to_key[2:9:3] == words[2:9:3]
    assert vectors.index_to_key.index("king") == vectors.key_to_index["king"] == words.index("king")
    assert "king" in vectors.index_to_key
    assert list(reversed(vectors.index_to_key))[:2] == [words[-1], words[-2]]
    with pytest.raises(IndexError):
        vectors.index_to_key[len(words)]
    assert vectors.key_to_index.get("no such word") is None
    assert vectors.key_to_index.get(3, -1) == -1
    assert len(vectors.key_to_index) == len(words)


def test_threads_share_one_object(folder: Path) -> None:
    alone = embcomp.open(folder / "itq.embc")
    words = sample().words[:60]
    expected = [alone.most_similar(word, topn=3) for word in words]
    shared = embcomp.open(folder / "itq.embc")  # nothing is built yet
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(lambda word: shared.most_similar(word, topn=3), words)) == expected


def test_a_pickled_object_opens_its_file_again(vectors: CompressedVectors) -> None:
    data = pickle.dumps(vectors)
    assert len(data) < 1000
    again = pickle.loads(data)
    np.testing.assert_array_equal(again["king"], vectors["king"])
    assert again.default_similarity == vectors.default_similarity
    in_memory = CompressedVectors(EncodedEmbedding.encode(sample(), make_compressor("sign")))
    with pytest.raises(TypeError, match=r"only an object made by embcomp\.open can be pickled"):
        pickle.dumps(in_memory)


def test_opening_imports_nothing_heavy(folder: Path) -> None:
    code = (
        f"import sys, embcomp; assert 'numpy' not in sys.modules; kv = embcomp.open({str(folder / 'iiq.embc')!r});"
        "kv['king']; kv.most_similar('king'); heavy = {'scipy', 'gensim', 'pandas', 'matplotlib', 'tqdm'};"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_one_vector_and_several_are_new_arrays(vectors: CompressedVectors) -> None:
    one, many = vectors["king"], vectors[["king"]]
    one += 1
    many += 1
    assert np.array_equal(one, many[0])
    assert not np.array_equal(vectors["king"], one)


def test_align_takes_one_vector(vectors: CompressedVectors) -> None:
    rows = np.ones((2, vectors.vector_size), dtype=np.float32)
    np.testing.assert_allclose(vectors.align(rows[0]), vectors.align(rows)[0], atol=1e-6)
    with pytest.raises(ParameterError, match=rf"^vectors must have shape \(any, {vectors.vector_size}\) or "):
        vectors.align(np.ones(vectors.vector_size + 1, dtype=np.float32))


def test_the_matrix_has_the_methods_of_an_array(vectors: CompressedVectors) -> None:
    matrix, whole = vectors.vectors, np.asarray(vectors.vectors)
    assert np.array_equal(matrix.T, whole.T)
    assert np.array_equal(matrix.copy(), whole)
    assert matrix.astype(np.float64).dtype == np.float64
    assert np.array_equal(matrix.mean(axis=0), whole.mean(axis=0))


@pytest.mark.parametrize("binary", [False, True])
def test_word2vec_files(vectors: CompressedVectors, tmp_path: Path, binary: bool) -> None:
    from gensim.models import KeyedVectors

    vectors.save_word2vec_format(tmp_path / "v", binary=binary)
    again = KeyedVectors.load_word2vec_format(str(tmp_path / "v"), binary=binary)
    assert again.index_to_key == list(vectors.index_to_key)
    assert np.array_equal(again.vectors, np.asarray(vectors.vectors))


def test_a_pickled_object_notices_another_file(vectors: CompressedVectors, tmp_path: Path) -> None:
    path = tmp_path / "v.embc"
    vectors.save(path)
    data = pickle.dumps(embcomp.open(path))
    assert len(pickle.loads(data)) == len(vectors)
    words = list(vectors.index_to_key)[:5]
    embcomp.compress(words, vectors[words], method="sign").save(path, force=True)
    with pytest.raises(
        InputError, match=r"v\.embc: was replaced after the object was pickled, expected the same file$"
    ):
        pickle.loads(data)


def test_without_order_the_first_words_are_not_known(vectors: CompressedVectors, tmp_path: Path) -> None:
    vectors.save(tmp_path / "v.embc", drop_order=True)
    opened = embcomp.open(tmp_path / "v.embc")
    assert len(opened.most_similar("king", restrict_vocab=len(opened))) == 10
    with pytest.raises(ParameterError, match=r"^`restrict` must be absent: the order of the source was dropped"):
        opened.most_similar("king", restrict_vocab=20)
