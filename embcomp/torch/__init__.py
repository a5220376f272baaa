"""Compressed embeddings in PyTorch models (``pip install '.[torch]'``): layers that learn codes with the model.

Nothing else in embcomp imports this package, or torch.
"""

try:
    import torch as _torch  # noqa: F401
except ImportError as error:
    raise ImportError(
        "embcomp.torch needs the package torch, which is not installed: pip install '.[torch]'"
    ) from error

from embcomp.torch.alone import ALONEEmbedding
from embcomp.torch.binary import BinaryEmbedding, BinaryLinear, BinaryLSTM
from embcomp.torch.kd import KDEmbedding
from embcomp.torch.straight_through import clamp, freeze, param_groups
from embcomp.torch.table import CompressedEmbedding, load

__all__ = [
    "ALONEEmbedding",
    "BinaryEmbedding",
    "BinaryLSTM",
    "BinaryLinear",
    "CompressedEmbedding",
    "KDEmbedding",
    "clamp",
    "freeze",
    "load",
    "param_groups",
]
