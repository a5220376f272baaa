"""Rows of ``embcomp.torch.load`` beside other embedding layers: python benchmarks/torch_rows.py FILE.embc…

Prints a table: processor time of a forward pass on one thread, as a multiple of that of ``nn.Embedding``, and the
bytes of the layer. torchao and bitsandbytes take part where they are installed, with random tables of the same shape.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from torch import nn

from embcomp.threads import set_threads
from embcomp.torch import load

SHAPES = {"32 × 35": (32, 35), "512 × 128": (512, 128)}
ROUNDS = 7
ROWS = 20_000  # of a round, at least
PARTS = ("qdata", "scale", "zero_point")  # of torchao's tensors


def layers(files: list[Path]) -> Iterator[tuple[str, Any]]:
    """Yield names and layers, the first of which is the one to compare with."""
    ours = [(f"embcomp, {path.name}", load(path)) for path in files]
    table = torch.randn(ours[0][1].num_embeddings, ours[0][1].embedding_dim)
    yield "nn.Embedding, float32", nn.Embedding.from_pretrained(table)
    yield "nn.Embedding, float16", nn.Embedding.from_pretrained(table.half())
    yield from ours
    try:
        from bitsandbytes.nn import Embedding8bit, EmbeddingNF4

        for kind in (Embedding8bit, EmbeddingNF4):
            width = table.shape[1] if kind is Embedding8bit else -(-table.shape[1] // 64) * 64  # whole blocks
            layer = kind(len(table), width)
            layer.load_state_dict({"weight": torch.randn(len(table), width)})
            yield f"bitsandbytes, {kind.__name__}", layer.to("cpu")
    except ImportError as error:
        print(f"without bitsandbytes: {error}")
    try:
        from torchao.quantization import IntxWeightOnlyConfig, quantize_
        from torchao.quantization.granularity import PerAxis

        model = nn.Sequential(nn.Embedding.from_pretrained(table.clone()))
        config = IntxWeightOnlyConfig(weight_dtype=torch.int8, granularity=PerAxis(0))
        quantize_(model, config, lambda module, _: isinstance(module, nn.Embedding))
        yield "torchao, int8", model
    except ImportError as error:
        print(f"without torchao: {error}")


def n_bytes(layer: Any) -> int:
    """Bytes of all parameters and buffers."""
    total = 0
    for tensor in [*layer.parameters(), *layer.buffers()]:
        parts = [getattr(tensor, name) for name in PARTS if isinstance(getattr(tensor, name, None), torch.Tensor)]
        total += sum(part.nbytes for part in parts) if parts else tensor.nbytes
    return total


def seconds(function: Callable[[Any], Any], batches: list[Any]) -> float:
    """Processor time of a call, the mean over batches."""
    start = time.thread_time()
    for batch in batches:
        function(batch)
    return (time.thread_time() - start) / len(batches)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("files", nargs="+", type=Path)
    torch.set_num_threads(1)
    set_threads(1)
    named = list(layers(parser.parse_args().files))
    n_rows = named[0][1].num_embeddings
    times: dict[tuple[str, str], float] = {}
    with torch.no_grad():
        for shape, size in SHAPES.items():
            batches = [torch.randint(0, n_rows, size) for _ in range(-(-ROWS // (size[0] * size[1])))]
            for _ in range(ROUNDS):
                for name, layer in named:
                    some = batches[:1] if name.startswith("torchao") else batches  # it expands the whole table
                    each = seconds(layer, some)
                    times[name, shape] = min(each, times.get((name, shape), each))
    print(f"| layer | bytes | {' | '.join(f'{shape} rows' for shape in SHAPES)} |\n|{' --- |' * (2 + len(SHAPES))}")
    base, whole = named[0][0], n_bytes(named[0][1])
    for name, layer in named:
        ratios = [f"{times[name, shape] / times[base, shape]:.3g} ×" for shape in SHAPES]
        size_of = n_bytes(layer)
        print(f"| {name} | {size_of:,} (1/{whole / size_of:.1f}) | {' | '.join(ratios)} |")


if __name__ == "__main__":
    main()
