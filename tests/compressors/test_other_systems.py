"""NLB, DCCL and pruning: the systems that the papers compare with."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest

from embcomp import bits
from embcomp.compressors.dccl import DcclCompressor, Network, relaxed_loss
from embcomp.compressors.nlb import NlbCompressor
from embcomp.compressors.prune import PruneCompressor
from embcomp.container.reader import open_container
from embcomp.container.writer import save
from embcomp.embedding import Embedding
from embcomp.encoded import EncodedEmbedding
from embcomp.errors import CorruptError, ParameterError


def clusters(n_rows: int = 600, dim: int = 12, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    centres = rng.normal(0, 0.5, (8, dim))
    return (centres[rng.integers(0, 8, n_rows)] + rng.normal(0, 0.05, (n_rows, dim))).astype(np.float32)


# NLB


def test_nlb_codes_and_vectors_are_those_of_the_paper() -> None:
    vectors = clusters()
    nlb = NlbCompressor(bits=20, epochs=1).fit(vectors)
    code = (np.clip(vectors, -1, 1) @ nlb.weights_.T > 0).astype(np.float32)
    codes = nlb.encode(vectors)
    assert np.array_equal(bits.unpack(codes, 20), code)
    assert np.allclose(nlb.decode(codes), np.tanh(code @ nlb.weights_ + nlb.bias_), atol=1e-6)


def test_nlb_takes_the_step_of_its_gradient() -> None:
    """One step on one minibatch, against the derivative of the loss with the code held fixed."""
    vectors = 0.5 * clusters(10, 4)
    assert np.abs(vectors).max() < 1
    start = NlbCompressor(bits=6, epochs=0).fit(vectors)
    weights, bias = start.weights_.astype(float), start.bias_.astype(float)
    code = (vectors @ weights.T > 0).astype(float)

    def loss(weights: np.ndarray, bias: np.ndarray) -> float:
        decoded = np.tanh(code @ weights + bias)
        gram = weights.T @ weights - np.eye(4)
        return float(((decoded - vectors) ** 2).sum() / len(vectors) + 3 * 0.5 * (gram**2).sum())

    step = NlbCompressor(bits=6, epochs=1, batch_size=10, learning_rate=0.01, orthogonality=3).fit(vectors)
    epsilon = 1e-6
    for index in np.ndindex(weights.shape):
        moved = weights.copy()
        moved[index] += epsilon
        gradient = (loss(moved, bias) - loss(weights, bias)) / epsilon
        assert step.weights_[index] == pytest.approx(weights[index] - 0.01 * gradient, abs=2e-5)
    for index in range(4):
        moved = bias.copy()
        moved[index] += epsilon
        gradient = (loss(weights, moved) - loss(weights, bias)) / epsilon
        assert step.bias_[index] == pytest.approx(bias[index] - 0.01 * gradient, abs=2e-5)


def test_nlb_training_lowers_the_error_and_keeps_columns_orthonormal() -> None:
    vectors = clusters(2000)
    nlb = NlbCompressor(bits=24, epochs=20).fit(vectors)
    assert len(nlb.report["losses"]) == 20
    assert nlb.report["losses"][-1] < 0.7 * nlb.report["losses"][0]
    assert np.abs(nlb.weights_.T @ nlb.weights_ - np.eye(12)).max() < 0.3


@pytest.mark.parametrize("n_bits", [5, 12, 100])
def test_nlb_keeps_every_bit_that_is_asked_for(n_bits: int) -> None:
    nlb = NlbCompressor(bits=n_bits, epochs=1)
    codes = nlb.fit_encode(clusters(50))
    assert nlb.layout.row_bits == n_bits
    assert codes.shape == (50, bits.row_bytes(n_bits))


def test_nlb_bounds_may_clip_or_scale() -> None:
    vectors = 10 * clusters(200)
    clipped = NlbCompressor(epochs=1).fit(vectors)
    assert np.abs(clipped.decode(clipped.encode(vectors))).max() <= 1
    scaled = NlbCompressor(epochs=1, bounds="scale").fit(vectors)
    assert scaled.bound_[0] == np.abs(vectors).max()
    assert np.abs(scaled.decode(scaled.encode(vectors))).max() > 1


def test_nlb_says_when_it_diverges() -> None:
    with pytest.raises(ParameterError, match=r"^nlb: training diverged, epoch \d+: lower `learning_rate` \(50\)"):
        NlbCompressor(learning_rate=50.0, epochs=5).fit(clusters())


# DCCL


def test_dccl_gradients_are_those_of_finite_differences() -> None:
    rng = np.random.default_rng(1)
    network = Network.random(5, 3, 4, rng)
    network = Network(*[array + rng.normal(0, 0.3, array.shape) for array in network.arrays])
    x = rng.normal(0, 1, (7, 5))
    noise = rng.gumbel(0, 1, (7, 12))

    def loss() -> float:
        value, _ = relaxed_loss(network, x, noise, ways=4, temperature=0.8)  # type: ignore[arg-type]
        return value

    _, gradients = relaxed_loss(network, x, noise, ways=4, temperature=0.8)  # type: ignore[arg-type]
    epsilon = 1e-6
    for array, gradient in zip(network.arrays, gradients, strict=True):
        for index in np.ndindex(array.shape):
            kept = array[index]
            array[index] = kept + epsilon
            above = loss()
            array[index] = kept - epsilon
            below = loss()
            array[index] = kept
            assert gradient[index] == pytest.approx((above - below) / (2 * epsilon), abs=1e-6)


def test_dccl_learns_clusters_and_keeps_its_best_epoch() -> None:
    vectors = clusters(2000)
    dccl = DcclCompressor(codebooks=4, ways=8, epochs=120, patience=20)
    decoded = dccl.decode(dccl.fit_encode(vectors)) + dccl.offset
    error = ((decoded - vectors) ** 2).sum() / ((vectors - vectors.mean(axis=0)) ** 2).sum()
    assert error < 0.15
    assert min(dccl.report["losses"]) < 0.15


def test_dccl_sums_one_vector_of_each_codebook() -> None:
    vectors = clusters(300)
    dccl = DcclCompressor(codebooks=3, ways=5, epochs=2)
    codes = dccl.fit_encode(vectors)
    assert (dccl.layout.symbols, dccl.layout.symbol_bits) == (3, 3)
    symbols = bits.unpack_symbols(codes, 3, 3)
    assert symbols.max() < 5
    expected = [sum(dccl.network_.codebooks[5 * i + s] for i, s in enumerate(row)) for row in symbols.tolist()]
    assert np.allclose(dccl.decode(codes), np.array(expected) * dccl.scale_[0], atol=1e-5)


def test_dccl_defaults_to_one_bit_a_dimension() -> None:
    assert DcclCompressor(epochs=0).fit(clusters(20, 100)).layout.row_bits == 100


def test_dccl_stops_when_validation_does_not_improve() -> None:
    noise = np.random.default_rng(0).normal(0, 1, (80, 10)).astype(np.float32)
    dccl = DcclCompressor(epochs=500, patience=2, learning_rate=0.05).fit(noise)
    assert len(dccl.report["losses"]) < 100


def test_dccl_says_when_it_diverges() -> None:
    with pytest.raises(ParameterError) as caught:
        DcclCompressor(learning_rate=1e30).fit(clusters())
    assert str(caught.value) == "dccl: training diverged, epoch 1: lower `learning_rate` (1e+30)"


# Pruning

SMALL = np.array([[1, -5, 2, 0], [9, 3, -4, 6], [0, 0, 0, 0], [-8, 7, 0.5, 0.1]], dtype=np.float32)


def test_pruning_keeps_the_largest_numbers_of_all() -> None:
    prune = PruneCompressor(fraction=0.75)
    decoded = prune.decode(prune.fit_encode(SMALL), np.arange(4))
    expected = [[0, 0, 0, 0], [9, 0, 0, 6], [0, 0, 0, 0], [-8, 7, 0, 0]]
    assert decoded.tolist() == expected
    assert prune.report == {"numbers_kept": 4, "rows_without_numbers": 2}


def test_pruning_per_word_keeps_as_many_of_each_row() -> None:
    prune = PruneCompressor(fraction=0.5, per_word=True)
    decoded = prune.decode(prune.fit_encode(SMALL), np.arange(4))
    assert decoded.tolist() == [[0, -5, 2, 0], [9, 0, 0, 6], [0, 0, 0, 0], [-8, 7, 0, 0]]


@pytest.mark.parametrize(("fraction", "kept"), [(0.0, 16), (1.0, 0)])
def test_pruning_nothing_and_everything(fraction: float, kept: int) -> None:
    for per_word in (False, True):
        prune = PruneCompressor(fraction=fraction, per_word=per_word)
        decoded = prune.decode(prune.fit_encode(SMALL), np.arange(4))
        assert np.array_equal(decoded, SMALL if kept else np.zeros_like(SMALL))


def test_pruned_rows_decode_in_any_order_and_from_a_file(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    vectors = rng.normal(0, 1, (500, 300)).astype(np.float32)
    words = [f"w{i}" for i in range(500)]
    encoded = EncodedEmbedding.encode(Embedding(words, vectors), PruneCompressor())
    save(encoded, tmp_path / "pruned.embc")
    opened = open_container(tmp_path / "pruned.embc")
    threshold = np.sort(np.abs(vectors).ravel())[round(0.95 * vectors.size) - 1]
    expected = np.where(np.abs(vectors) > threshold, vectors, 0)
    assert np.array_equal(opened.decode_all(), expected)
    assert np.array_equal(opened.vector("w77"), expected[77])
    assert opened.compressor.get_state()["columns"].dtype == np.uint16


def test_a_pruned_file_counts_its_indices(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    vectors = rng.normal(0, 1, (1000, 100)).astype(np.float32)
    prune = PruneCompressor()
    prune.fit(vectors)
    size = sum(array.nbytes for array in prune.get_state().values())
    assert size == 5000 * (4 + 1) + 1000 * 4 + 4


def test_inconsistent_sparse_matrices_are_corrupt() -> None:
    prune = PruneCompressor(fraction=0.5)
    prune.fit(SMALL)
    good = prune.get_state()
    for name, value in [
        ("ends", good["ends"][::-1].copy()),
        ("ends", good["ends"] + np.uint32(1)),
        ("columns", good["columns"] + np.uint8(200)),
        ("values", good["values"][:-1]),
    ]:
        with pytest.raises(CorruptError):
            PruneCompressor().set_state(good | {name: value})


def test_new_vectors_cannot_be_pruned_into_a_file() -> None:
    prune = PruneCompressor()
    prune.fit(SMALL)
    with pytest.raises(ParameterError, match=r"^prune: new vectors cannot be encoded"):
        prune.encode(SMALL)


def test_a_container_of_each_is_the_same_twice(tmp_path: Path) -> None:
    embedding = Embedding([f"w{i}" for i in range(200)], clusters(200))
    for compressor in (NlbCompressor, DcclCompressor, PruneCompressor):
        files = []
        for number in range(2):
            target = tmp_path / f"{compressor.name}{number}.embc"
            save(EncodedEmbedding.encode(embedding, compressor()), target)
            files.append(target.read_bytes())
        assert files[0] == files[1]
        assert io.BytesIO(files[0]).read(5) == b"\x89EMBC"
