"""Compressed embeddings in PyTorch models (``pip install '.[torch]'``): layers that learn codes with the model.

Nothing else in embcomp imports this package, or torch.
"""

from embcomp.plugins import extra

extra("torch", "torch")

from embcomp.torch.alone import ALONEEmbedding  # noqa: E402
from embcomp.torch.binary import BinaryEmbedding, BinaryLinear  # noqa: E402
from embcomp.torch.kd import KDEmbedding  # noqa: E402
from embcomp.torch.lstm import BinaryLSTM  # noqa: E402
from embcomp.torch.table import CompressedEmbedding, load  # noqa: E402
from embcomp.torch.training import ParamGroups, clamp, freeze, param_groups  # noqa: E402

__all__ = [
    "ALONEEmbedding",
    "BinaryEmbedding",
    "BinaryLSTM",
    "BinaryLinear",
    "CompressedEmbedding",
    "KDEmbedding",
    "ParamGroups",
    "clamp",
    "freeze",
    "load",
    "param_groups",
]
