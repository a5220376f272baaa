"""What there is where torch is not installed."""

from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec

import pytest


def test_all_other_tests_of_this_folder() -> None:
    if find_spec("torch") is None:
        pytest.skip("torch is not installed: `make test-torch` runs the tests of embcomp.torch")


def test_the_error_names_the_extra() -> None:
    program = (
        "import sys; sys.modules['torch'] = None\n"
        "try:\n    import embcomp.torch\n"
        "except ImportError as error:\n    print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "embcomp.torch needs the package torch, which is not installed: pip install '.[torch]'\n"
