"""Words are found with the extension and without."""

from tests.kernels.both import kernel

__all__ = ["kernel"]
