"""What training needs beside the layers: parameters in two groups, clamping, freezing."""

from __future__ import annotations

from typing import Any, NamedTuple

from torch import nn

from embcomp.torch.straight_through import CodeLayer


class ParamGroups(NamedTuple):
    """The parameters of a model: those that codes are made of, and the others. Each is there once."""

    latent: list[Any]
    rest: list[Any]


def param_groups(model: nn.Module) -> ParamGroups:
    """Return the latent parameters of a model and the rest.

    Latent weights matter by their sign only, so their steps must not depend on the size of gradients: give them to
    Adam, and the rest to SGD.
    """
    layers = [module for module in model.modules() if isinstance(module, CodeLayer)]
    latent = [getattr(layer, name) for layer in layers for name in layer.latent]
    known = {id(parameter) for parameter in latent}
    return ParamGroups(
        [parameter for parameter in latent if parameter is not None],
        [parameter for parameter in model.parameters() if id(parameter) not in known],
    )


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
