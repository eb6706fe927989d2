"""Who looks into the build, or works on the warehouse by hand, while a run is about to write."""

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pytest

from loaders.errors import WarehouseBusy, WarehouseRefused
from loaders.landing import at_work
from loaders.restore import restore
from loaders.warehouse import open_build
from tests import forked
from tests.loaders.conftest import Home
from tests.loaders.test_cli import CHANGE, GOOD, Done, at_home, loaders, project

__all__ = ["at_home", "loaders", "project"]  # fixtures

LATER = CHANGE.replace("08", "09")
_LOOK = "import sys, duckdb; c = duckdb.connect(sys.argv[1], read_only=True); print('there', flush=True); sys.stdin.read()"


@contextmanager
def looking(home: Home) -> Iterator[subprocess.Popen[bytes]]:
    """Another process has the build open to read, as `status` has it, until its input ends."""
    command = [sys.executable, "-c", _LOOK, str(home.settings.build)]
    with forked.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
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


# --- a warehouse that somebody has been at


ALTERED = {
    "alter table raw._files drop column reason": "raw._files has other columns than the loader gave it",
    "alter table raw._files alter _file_id type varchar": "raw._files has other columns than the loader gave it",
    "alter table raw._measures drop column filled": "raw._measures has other columns than the loader gave it",
    "drop table raw._files": "raw._files, the ledger, is gone",
}


@pytest.mark.parametrize("statement", ALTERED)
def test_a_warehouse_whose_own_tables_were_altered_is_refused_and_left_as_it_is(synced: Home, statement: str):
    with duckdb.connect(str(synced.settings.build)) as connection:
        connection.execute(statement)
    before = synced.settings.build.read_bytes()
    for read_only in (True, False):
        with (
            pytest.raises(WarehouseRefused, match=f"{ALTERED[statement]}.*`python -m loaders restore`"),
            open_build(synced.settings.build, read_only),
        ):
            pass
    assert synced.settings.build.read_bytes() == before


def test_a_ledger_that_says_what_no_loader_writes_is_named_by_the_command_that_stumbles_over_it(at_home: Callable[..., Done], synced: Home):
    with duckdb.connect(str(synced.settings.build)) as connection:
        connection.execute("update raw._files set file_name = '../../etc/passwd'")
    done = at_home("explain", "units", "1")
    assert done.returncode == 1
    assert "WarehouseRefused" in done.stderr and "the ledger, has 1 entries that no loader wrote" in done.stderr


@pytest.mark.parametrize("arguments", ["status", "status --openmetrics", "sync --json"])
def test_an_answer_that_cannot_be_written_is_named_and_what_was_done_is_done(project: Path, home: Home, arguments: str):
    home.deliver(CHANGE, GOOD)
    home.sync()
    home.deliver(LATER, GOOD)
    places = {"FORTRESS_HOME": str(home.settings.home), "FORTRESS_EXPORTS_URL": str(home.settings.exports_url)}
    command = [sys.executable, "-m", "loaders", *arguments.split()]
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(command, cwd=project, env=os.environ | places, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("OutputRefused: The answer could not be written: No space left on device.")
    assert "Traceback" not in done.stderr
    assert len(home.ledger("file_name")) == (2 if "sync" in arguments else 1)
