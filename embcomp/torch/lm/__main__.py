"""``python -m embcomp.torch.lm``: train language models with compressed tables, and measure them."""

from embcomp.cli.main import run
from embcomp.torch.lm.commands import group

run(command=group, name="python -m embcomp.torch.lm")
