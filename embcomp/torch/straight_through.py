"""What layers that learn codes share: straight-through gradients, packed bits, what training needs beside them."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

MOST_AT_ONCE = 2**20  # numbers of a matrix of signs that are unpacked at once: 4 MB


def straight_through(value: Tensor, surrogate: Tensor) -> Tensor:
    """Return ``value``, whose gradient goes to ``surrogate`` as it is [Bengio 2013]; both have one shape."""
    return value.detach() + (surrogate - surrogate.detach())


def binarize(latent: Tensor, scale: Tensor) -> Tensor:
    """Return ``scale`` where ``latent`` is above 0, else −``scale`` [Liu 2018, eq. 8]; gradients as in eq. 7."""
    return straight_through(torch.where(latent > 0, scale, -scale), latent)


def pack_bits(bits: Tensor) -> Tensor:
    """Pack truth values, shape (n, width), into loose rows (:mod:`embcomp.bits`), uint8."""
    padded = functional.pad(bits.to(torch.uint8), (0, -bits.shape[1] % 8)).unflatten(1, (-1, 8))
    return (padded << _shifts(bits.device)).sum(dim=2, dtype=torch.uint8)


def unpack_bits(loose: Tensor, width: int) -> Tensor:
    """Undo :func:`pack_bits`: bool, shape (…, width)."""
    bits = (loose[..., None] >> _shifts(loose.device)) & 1
    return bits.flatten(-2)[..., :width].bool()


def _shifts(device: Any) -> Tensor:
    return torch.arange(7, -1, -1, dtype=torch.uint8, device=device)


class CodeLayer(nn.Module):
    """Base of layers that learn codes.

    While codes are learned there are float *latent* parameters, which have the names in ``latent``; frozen, there are
    packed codes in the buffer ``codes`` in their place. A frozen state can be loaded into a layer that is not frozen.
    """

    latent: tuple[str, ...] = ("weight",)

    @property
    def frozen(self) -> bool:
        """Whether codes are fixed and packed."""
        return self.codes is not None

    def freeze(self) -> CodeLayer:
        """Drop latent parameters and keep the packed codes that they stand for."""
        if not self.frozen:
            with torch.no_grad():
                self.codes = self.packed()
            for name in self.latent:
                setattr(self, name, None)
        return self

    def clamp(self) -> None:
        """Bring latent parameters back into their range; does nothing where they have none."""

    def packed(self) -> Tensor:
        """Return the codes as loose rows."""
        raise NotImplementedError

    def _load_from_state_dict(self, state_dict: Any, prefix: str, *arguments: Any) -> None:
        if prefix + "codes" in state_dict:
            self.freeze()
        super()._load_from_state_dict(state_dict, prefix, *arguments)


def param_groups(model: nn.Module) -> tuple[list[Any], list[Any]]:
    """Return the latent parameters of a model, of which codes are made, and the rest; each is there once.

    Latent weights matter by their sign only, so their steps must not depend on the size of gradients: give them to
    Adam, and the rest to SGD.
    """
    layers = [module for module in model.modules() if isinstance(module, CodeLayer)]
    found = [getattr(layer, name) for layer in layers for name in layer.latent]
    latent = {id(each): each for each in found if each is not None}
    return [*latent.values()], [each for each in model.parameters() if id(each) not in latent]


def clamp(model: nn.Module) -> None:
    """Bring latent weights back to their range, [Liu 2018, Algorithm 2, line 6]: to be called after each step.

    An optimizer calls it itself after ``optimizer.register_step_post_hook(lambda *_: clamp(model))``.
    """
    for module in model.modules():
        if isinstance(module, CodeLayer):
            module.clamp()


def freeze(model: nn.Module) -> nn.Module:
    """Replace all latent parameters of a model by packed codes; return the model."""
    for module in model.modules():
        if isinstance(module, CodeLayer):
            module.freeze()
    return model
