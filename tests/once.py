"""What is made once in a run of tests, whichever of its processes needs it first."""

import fcntl
import os
from collections.abc import Callable
from pathlib import Path

import pytest


def made_once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], object]) -> Path:
    """A folder that ``make`` has filled, here or in another process of the same run; nobody writes to it afterwards."""
    of_this_process = factory.getbasetemp()
    root = of_this_process.parent if "PYTEST_XDIST_WORKER" in os.environ else of_this_process
    folder, made = root / name, root / f".{name}-made"
    with (root / f".{name}-lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not made.exists():
            folder.mkdir()
            make(folder)
            made.touch()
    return folder
