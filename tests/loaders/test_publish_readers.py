"""Analysts at work while new versions are published, and who may read what is on the disk. Real processes, real locks, real umasks."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import duckdb
import pytest

from loaders.publish import publish
from loaders.warehouse import open_build
from tests import forked
from tests.loaders.conftest import Home, moved
from tests.loaders.test_publish import loaders

# Asks two tables in two queries of one transaction, anew each time or on one connection, until its input ends.
READER = """
import json, select, sys, duckdb
path, keeps_open = sys.argv[1], sys.argv[2] == "keeps open"
seen, faults, held = [], [], None
print("ready", flush=True)
while not select.select([sys.stdin], [], [], 0.1)[0]:
    try:
        connection = held or duckdb.connect(path, read_only=True)
        connection.execute("begin")
        found = [connection.execute(f"select distinct {column} from marts.{table}").fetchall() for table, column in
                 (("customers", "favourite_colour"), ("workorders", "status"))]
        connection.execute("commit")
        if found[0] != found[1] or len(found[0]) != 1:
            faults.append(repr(found))
        seen.append(found[0][0][0])
        if keeps_open:
            held = connection
        else:
            connection.close()
    except Exception as error:
        faults.append(repr(error))
print(json.dumps({"seen": seen, "faults": faults[:5]}), flush=True)
"""

# Opens the published file as DuckDB does by default, writes to it, and goes on writing until its input ends.
WRITER = """
import select, sys, duckdb
connection = duckdb.connect(sys.argv[1])
connection.execute("create table mine (number int)")
connection.execute("update marts.customers_changes set favourite_colour = 'scribbled'")
print("ready", flush=True)
while not select.select([sys.stdin], [], [], 0.05)[0]:
    connection.execute("insert into mine values (1)")
print(connection.execute("select count(*) > 0 from mine").fetchone()[0], flush=True)
"""


@contextmanager
def running(code: str, *arguments: object) -> Iterator["subprocess.Popen[str]"]:
    command = [sys.executable, "-c", code, *map(str, arguments)]
    with forked.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None and process.stdout.readline() == "ready\n"
        yield process
        process.kill()


def told(process: "subprocess.Popen[str]") -> str:
    """End a process's input and read its last line."""
    assert process.stdin is not None and process.stdout is not None
    process.stdin.close()
    return process.stdout.readline()


def paint(home: Home, colour: str) -> None:
    """One state of the build: the same word in two tables."""
    with open_build(home.settings.build) as build:
        build.execute("update marts.customers_changes set favourite_colour = ?", [colour])
        build.execute("update marts.workorders_changes set status = ?", [colour])


def colour_of(path: Path) -> str:
    with duckdb.connect(str(path), read_only=True) as reader:
        ((colour,),) = reader.execute("select distinct favourite_colour from marts.customers").fetchall()
    return colour


@pytest.fixture(scope="module")
def of_two_topics(peopled: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A warehouse of two topics, so that twenty publications take seconds, painted and published. For copies."""
    home = moved(peopled, tmp_path_factory.mktemp("of-two-topics"))
    with open_build(home.settings.build) as build:
        for kind in ("view", "table"):
            found = build.execute(
                f"select schema_name, {kind}_name from duckdb_{kind}s() where schema_name in ('marts', 'audit')"
            ).fetchall()
            for schema, name in found:
                if not name.startswith(("customers", "workorders")):
                    build.execute(f'drop {kind} {schema}."{name}"')
    paint(home, "state 0")
    publish(home.settings)
    return home.exports.parent


@pytest.fixture
def painted(of_two_topics: Path, tmp_path: Path) -> Home:
    return moved(of_two_topics, tmp_path)


def test_readers_and_publishing_are_in_nobodys_way_through_twenty_publications(painted: Home):
    published = painted.settings.published
    with ExitStack() as stack:
        steady = stack.enter_context(running(READER, published, "keeps open"))
        coming = [stack.enter_context(running(READER, published, "opens anew")) for _ in range(2)]
        for number in range(1, 21):
            paint(painted, f"state {number}")
            publish(painted.settings)
        assert colour_of(published) == "state 20"
        kept, fresh = json.loads(told(steady)), [json.loads(told(reader)) for reader in coming]
    assert kept["faults"] == [] and set(kept["seen"]) == {"state 0"}
    for reader in fresh:
        numbers = [int(state.removeprefix("state ")) for state in reader["seen"]]
        assert reader["faults"] == [] and numbers == sorted(numbers) and len(set(numbers)) > 2


def test_a_reader_who_writes_stands_in_nobodys_way_and_changes_nothing_that_is_published_later(painted: Home):
    published = painted.settings.published
    with running(WRITER, published) as writer:
        done = loaders(painted, "run", FORTRESS_PII="include")  # publishes, and then counts what is published
        assert done.returncode == 3 and "what the marts hold" in done.stdout, done.stderr
        for number in range(1, 4):
            paint(painted, f"state {number}")
            publish(painted.settings)
            assert colour_of(published) == f"state {number}"
        assert told(writer) == "True\n"
    assert colour_of(published) == "state 3"


def test_what_a_reader_who_was_killed_had_written_is_in_nobodys_way(painted: Home):
    published = painted.settings.published
    with running(WRITER, published) as writer:
        writer.kill()
        writer.wait()
    assert list(painted.settings.versions.glob("*.wal"))
    for number in range(1, 4):
        paint(painted, f"state {number}")
        publish(painted.settings)
        assert colour_of(published) == f"state {number}"
    assert list(painted.settings.versions.glob("*.wal")) == []  # gone with its version


def test_the_name_leads_to_the_file_wherever_the_warehouse_is_moved(painted: Home):
    moved = painted.settings.home.rename(painted.settings.home.with_name("moved"))
    assert colour_of(moved / "fortress.duckdb") == "state 0"


# --- who may read what


def modes(folder: Path) -> dict[str, int]:
    paths = [folder, *folder.rglob("*")]
    return {str(path.relative_to(folder)): path.stat().st_mode & 0o777 for path in paths if not path.is_symlink()}


def check_modes(home: Path) -> None:
    found = modes(home)
    for name, mode in found.items():
        if name in (".", "published"):
            assert mode == 0o750, name
        elif name.startswith("published/"):
            assert mode == 0o640, name
        else:
            assert mode & 0o077 == 0, f"{name}: {mode:o}"
    assert {"build.duckdb", "landing/acme/units", "published"} <= found.keys()


def test_nothing_but_the_published_file_can_be_read_by_others_though_the_umask_forbids_nothing(peopled: Path):
    check_modes(peopled / "home")  # built under umask 000


def test_the_published_file_can_be_reached_by_the_group_though_the_umask_forbids_everything(household: Home, tmp_path: Path):
    home = Home(household.settings, household.exports)
    assert loaders(home, "publish", umask=0o077).returncode == 0
    check_modes(home.settings.home)
    own = {"FORTRESS_HOME": str(tmp_path / "another")}
    assert loaders(home, "sync", umask=0o077, **own).returncode == 3
    assert modes(tmp_path / "another")["."] == 0o750


def test_a_folder_that_was_there_keeps_its_rights(household: Home, tmp_path: Path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine").chmod(0o700)
    assert loaders(household, "sync", umask=0, FORTRESS_HOME=str(tmp_path / "mine")).returncode == 3
    assert modes(tmp_path / "mine")["."] == 0o700


def test_dbt_by_hand_leaves_nothing_for_others_to_read(household: Home):
    """DuckDB's log and temporary files come with the umask of whoever runs dbt; here they are looked at while it is at work."""
    code = "import sys, duckdb; c = duckdb.connect(sys.argv[1]); c.execute('create table raw.t as select 1'); print('ready', flush=True)"
    home, command = household.settings.home, [sys.executable, "-c", f"{code}; input()", str(household.settings.build)]
    with forked.Popen(command, umask=0, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None and process.stdout.readline() == b"ready\n"
        log = home / "build.duckdb.wal"
        assert (log.stat().st_mode & 0o077, log.stat().st_size > 0) == (0, True)
        process.kill()
