"""Settings that all tests share."""

from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile(
    "embcomp",
    deadline=None,  # other work on the machine is no failure
    derandomize=True,  # the same examples every time; `make fuzz` looks for new ones
    max_examples=60,
    suppress_health_check=[HealthCheck.too_slow],
    database=None,
)
settings.load_profile("embcomp")


@pytest.fixture(autouse=True)
def interruptible() -> Iterator[None]:
    """The command line ends the process on SIGINT when it is done; a run of the tests does not."""
    yield
    signal.signal(signal.SIGINT, signal.default_int_handler)
