from __future__ import annotations

import numpy as np
import torch
from torch import nn

from embcomp.torch import BinaryEmbedding
from embcomp.torch.classifier import TextClassifier, text_rows, trimmed


def texts_with_or_without(word: int, n_texts: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Texts of six words of ten; label 1 where ``word`` is among them."""
    rows = torch.randint(0, 10, (n_texts, 6))
    return rows, (rows == word).any(dim=1).long()


def test_texts_are_rows_of_known_words() -> None:
    rows = text_rows(["a b  a", "", "c x"], {"a": 0, "b": 1, "c": 2})
    assert rows.tolist() == [[0, 1, 0], [-1, -1, -1], [2, -1, -1]]
    assert trimmed(rows[1:]).tolist() == [[-1], [2]]
    assert trimmed(rows[1:2]).tolist() == [[-1]]


def test_logits_are_those_of_the_layers_one_after_the_other() -> None:
    model = TextClassifier(nn.Embedding(5, 4), filters=3).eval()
    words = [2, 0, 4]
    vectors = np.zeros((7, 4), dtype=np.float32)
    table = model.embedding.weight.detach().numpy()
    vectors[2:5] = table[words]
    kernel, bias = model.convolution.weight.detach().numpy(), model.convolution.bias.detach().numpy()
    places = [np.einsum("oct,tc->o", kernel, vectors[at : at + 3]) + bias for at in range(5)]
    hidden = model.hidden(torch.from_numpy(np.maximum(np.max(places, axis=0), 0)))
    expected = model.output(torch.relu(hidden))
    torch.testing.assert_close(model(torch.tensor([words])), expected)


def test_a_longer_batch_does_not_change_a_text() -> None:
    model = TextClassifier(nn.Embedding(5, 4)).eval()
    model.convolution.bias.data.fill_(0)  # places without words then give 0, which the ReLU gives at least
    torch.testing.assert_close(model(torch.tensor([[1, 2, 3]])), model(torch.tensor([[1, 2, 3, -1, -1, -1, -1]])))


def test_it_learns_with_a_table_of_numbers_or_of_signs() -> None:
    rows, labels = texts_with_or_without(3, 300)
    done: list[int] = []
    for table in (nn.Embedding(10, 8), BinaryEmbedding(10, 8)):
        model = TextClassifier(table, filters=16)
        model.fit(rows, labels, epochs=30, rate=3e-3, progress=lambda stage, n, total, note="": done.append(n))
        assert model.accuracy(*texts_with_or_without(3, 200)) > 0.95
    assert done == [*range(1, 31), *range(1, 31)]


def test_a_frozen_table_stays_as_it_is_and_a_seed_decides() -> None:
    rows, labels = texts_with_or_without(3, 50)
    table = torch.randn(10, 8)
    logits = []
    for _ in range(2):
        torch.manual_seed(1)
        model = TextClassifier(nn.Embedding.from_pretrained(table.clone()), filters=4)
        model.fit(rows, labels, epochs=1, random_state=5)
        assert torch.equal(model.embedding.weight, table)
        logits.append(model(rows))
    assert torch.equal(*logits)
