"""These tests need torch: ``make test-torch`` installs it. Without it only ``test_without_torch.py`` is collected."""

from __future__ import annotations

from importlib.util import find_spec

import pytest

collect_ignore_glob = [] if find_spec("torch") else ["test_[!w]*.py"]


@pytest.fixture(autouse=True)
def seeded() -> None:
    if find_spec("torch"):
        import torch

        torch.manual_seed(0)
        torch.set_num_threads(1)  # tensors are small: several threads only wait for each other
