"""What holds for all tests."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

os.environ.pop("PYTHONUNBUFFERED", None)  # commands buffer what they say, as in a user's shell; what a full disk refuses shows late then

# The files that take longest, in that order: a worker that begins one when the others are done keeps everybody waiting.
LONGEST = (
    *("pipeline/test_crash.py", "pipeline/test_property.py", "pipeline/test_clock.py", "loaders/test_faults.py", "pipeline/test_pages.py"),
    *("docs/test_docs_in_browser.py", "docs/test_docs_site.py", "pipeline/test_scaffold.py", "pipeline/test_run_faults.py"),
    *("loaders/test_publish.py", "loaders/test_publish_readers.py", "test_secrets.py"),
    *("market/test_tables.py", "market/test_asking.py", "loaders/test_cli.py", "pipeline/test_quarantine.py", "loaders/test_silence.py"),
    *("pipeline/test_watch.py", "pipeline/test_verify.py", "pipeline/test_explain.py", "loaders/test_gates.py", "loaders/test_bombs.py"),
    *("pipeline/test_analysis.py", "market/test_kills.py", "market/test_download.py", "loaders/test_readers.py"),
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest files first."""
    places = {Path(__file__).parent / name: place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: places.get(item.path, len(places)))


@pytest.fixture
def memory() -> Iterator[Path]:
    """A small folder in memory: wherever the tests run, its file system shares no blocks between files, and the kernel knows who has one
    of them open."""
    with TemporaryDirectory(dir="/dev/shm") as folder:
        yield Path(folder)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol() -> Iterator[object]:
    """What a command changes of a process when it is called in the tests' own is set back, and so is what a shell has changed that starts
    the tests in the background: they would ignore SIGINT, and so would every process that they start."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    os.umask(umask := os.umask(0))
    try:
        return (yield)
    finally:
        os.umask(umask)
