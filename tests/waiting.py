"""What a command says, and how long it waits, in tests of those that wait for a service."""

import time
from collections.abc import Callable

import pytest


@pytest.fixture
def slept() -> list[float]:
    """How long was waited, in the place of waiting; what is shorter than a second is waited for."""
    return []


@pytest.fixture
def said() -> list[str]:
    """What the command has said."""
    return []


def barely(slept: list[float]) -> Callable[[float], None]:
    """A sleep that notes what it was asked for, and is soon over."""

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        time.sleep(min(seconds, 0.05))

    return sleep
