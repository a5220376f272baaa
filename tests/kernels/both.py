"""Tests of a module that imports `kernel` run with the extension and without; with it only where it is built."""

from __future__ import annotations

import pytest

from embcomp import kernels

BUILT = kernels.native


@pytest.fixture(autouse=True, scope="module", params=["extension", "numpy"])
def kernel(request: pytest.FixtureRequest) -> object:
    if request.param == "extension" and BUILT is None:
        pytest.skip("the extension is not built, or EMBCOMP_NO_EXTENSION is set")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kernels, "native", BUILT if request.param == "extension" else None)
        yield request.param
