"""Who looks into the build, or works on the warehouse by hand, while a run is about to write."""

import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from loaders.errors import WarehouseBusy
from loaders.landing import at_work
from loaders.restore import restore
from loaders.warehouse import open_build
from tests.loaders.conftest import Home
from tests.loaders.test_cli import CHANGE, GOOD, Done, at_home, loaders, project

__all__ = ["at_home", "loaders", "project"]  # fixtures

_LOOK = "import sys, duckdb; c = duckdb.connect(sys.argv[1], read_only=True); print('there', flush=True); sys.stdin.read()"


@contextmanager
def looking(home: Home) -> Iterator[subprocess.Popen[bytes]]:
    """Another process has the build open to read, as `status` has it, until its input ends."""
    command = [sys.executable, "-c", _LOOK, str(home.settings.build)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        yield process
        process.kill()


@pytest.fixture
def synced(home: Home) -> Home:
    home.deliver(CHANGE, GOOD)
    home.sync()
    return home


def test_a_run_waits_for_those_who_just_look(at_home: Callable[..., Done], synced: Home):
    synced.deliver("acme/units/LOAD.csv", "id\n1\n")
    with looking(synced) as process:
        threading.Timer(1.0, process.stdin.close).start()  # type: ignore[union-attr]
        done = at_home("sync")
    assert done.returncode == 0, done.stderr
    assert len(synced.ledger()) == 2


def test_a_run_does_not_wait_for_ever(at_home: Callable[..., Done], synced: Home):
    with looking(synced) as process:
        done = at_home("sync")
        assert process.poll() is None  # it went on looking
    assert done.returncode == 75 and "WarehouseBusy" in done.stderr


def test_those_who_look_do_not_wait_for_a_writer(at_home: Callable[..., Done], synced: Home):
    with open_build(synced.settings.build):
        assert at_home("status").returncode == 75


def test_a_restore_and_an_adoption_are_refused_while_another_command_works(at_home: Callable[..., Done], synced: Home):
    synced.deliver("acme/parkingspaces/LOAD.csv", "id\n1\n")
    synced.sync()
    with at_work(synced.settings.home):
        done = at_home("scaffold", "parkingspaces")
        assert done.returncode == 75 and "WarehouseBusy" in done.stderr
        synced.settings.build.unlink()
        with pytest.raises(WarehouseBusy):
            restore(synced.settings, print)
    assert not synced.settings.build.exists()
    assert restore(synced.settings, synced.said.append).files == 2
