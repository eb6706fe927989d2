"""The command line as its users meet it: real processes, their output, their exit codes, and what they leave on the disk."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import duckdb
import pytest

from loaders.cli import exit_code, main
from loaders.errors import AccessRefused, ReadFailed, StillGrowing, Vanished
from loaders.settings import PROJECT
from loaders.sftp_server import ServerInfo
from loaders.sync import Plan, SyncReport
from tests import forked
from tests.loaders.conftest import Home

Done = "subprocess.CompletedProcess[str]"
GOOD, BAD = "OP,id,a\nU,1,A\n", "OP,id,a\nU,1\n"
CHANGE = "acme/units/20260101-080000000.csv"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project, so that neither its .env nor its warehouse has a part in this."""
    copy = tmp_path_factory.mktemp("project")
    shutil.copytree(PROJECT / "loaders", copy / "loaders")
    (copy / "models").symlink_to(PROJECT / "models")
    return copy


@pytest.fixture
def loaders(project: Path) -> Callable[..., Done]:
    """``loaders("sync", "--json", FORTRESS_HOME=...)`` runs the command with these settings alone."""

    def run(*arguments: str, **own: object) -> Done:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(("FORTRESS_", "PYTHONDONTWRITE"))}
        environment = inherited | {name: str(value) for name, value in own.items()}
        command = [sys.executable, "-m", "loaders", *arguments]
        done = forked.run(command, cwd=project, env=environment, capture_output=True, text=True, check=False, timeout=60)
        assert "Traceback" not in done.stderr, done.stderr
        return done

    return run


@pytest.fixture
def at_home(loaders: Callable[..., Done], home: Home) -> Callable[..., Done]:
    """The same, with the folder of exports and a home set."""

    def run(*arguments: str, **own: object) -> Done:
        places = {"FORTRESS_HOME": home.settings.home, "FORTRESS_EXPORTS_URL": home.settings.exports_url}
        return loaders(*arguments, **(places | own))

    return run


def on_disk(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


# --- help


@pytest.mark.parametrize("name", ["", *sorted(main.commands)])
def test_help_shows_an_example(loaders: Callable[..., Done], name: str):
    done = loaders(*name.split(), "--help")
    assert done.returncode == 0
    assert "Example:" in done.stdout and "python -m loaders" in " ".join(done.stdout.split())


# --- exit codes


def test_a_sync_that_loaded_everything_ends_with_0(at_home: Callable[..., Done], home: Home):
    home.deliver(CHANGE, GOOD)
    done = at_home("sync")
    assert (done.returncode, home.ledger("status")) == (0, [("loaded",)])
    assert "1 file loaded (1 row)" in done.stdout


def test_a_quarantined_file_ends_sync_and_status_with_3_and_says_why(at_home: Callable[..., Done], home: Home):
    home.deliver(CHANGE, BAD)
    for command in ("sync", "status", "quarantine"):
        done = at_home(command)
        assert done.returncode == 3
        assert f"quarantined: {CHANGE}: line 2: 2 fields where the header has 3: values are missing" in done.stdout
        assert ("U,1" in done.stdout) == (command != "sync")  # what a run says may end in a log
        assert "discard" in done.stdout or command == "sync"
    assert at_home("sync").returncode == 3  # as long as it waits


@pytest.fixture
def held(home: Home) -> Iterator[Path]:
    """Another process has the warehouse open."""
    home.deliver(CHANGE, GOOD)
    home.sync()
    code = "import sys, duckdb; c = duckdb.connect(sys.argv[1]); print('held', flush=True); sys.stdin.read()"
    command = [sys.executable, "-c", code, str(home.settings.build)]
    with forked.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        yield home.settings.home
        process.kill()


def test_a_warehouse_in_use_ends_with_75_and_nothing_is_changed(at_home: Callable[..., Done], held: Path):
    before = on_disk(held)
    for command in ("sync", "plan", "status", "publish"):
        done = at_home(command)
        assert (done.returncode, done.stdout) == (75, "")
        assert "in use by another process" in done.stderr
    assert on_disk(held) == before


@pytest.mark.parametrize("command", [["sync"], ["plan"], ["status"], ["publish"], ["query", "select 1"]])
def test_a_command_without_anything_to_work_on_ends_with_1_and_leaves_nothing(
    loaders: Callable[..., Done], command: list[str], tmp_path: Path
):
    done = loaders(*command, FORTRESS_HOME=tmp_path / "home")
    assert (done.returncode, done.stdout) == (1, "")
    assert "FORTRESS_EXPORTS_URL" in done.stderr or "`python -m loaders run`" in done.stderr
    assert not (tmp_path / "home").exists()


def test_an_unknown_host_key_ends_with_1_and_leaves_nothing(loaders: Callable[..., Done], server: ServerInfo, tmp_path: Path):
    (tmp_path / "known_hosts").touch()
    own = {"FORTRESS_EXPORTS_URL": server.url, "FORTRESS_SSH_KEY": server.client_key, "FORTRESS_KNOWN_HOSTS": tmp_path / "known_hosts"}
    done = loaders("sync", FORTRESS_HOME=tmp_path / "home", **own)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("HostKeyRefused: ")
    assert not (tmp_path / "home").exists()


def test_a_warehouse_that_cannot_be_opened_ends_with_1(at_home: Callable[..., Done], home: Home, tmp_path: Path):
    home.deliver(CHANGE, GOOD)
    home.settings.home.mkdir()
    home.settings.build.write_bytes(b"no database" * 1000)
    for command in ("sync", "plan", "status"):
        assert at_home(command).returncode == 1
    (tmp_path / "file").touch()
    assert at_home("sync", FORTRESS_HOME=tmp_path / "file").returncode == 1


def test_files_left_for_the_next_run_end_with_3_or_75_unless_they_are_still_being_written():
    def left(*reasons: type[Exception]) -> SyncReport:
        return SyncReport(Plan((), 0, (), ()), left=[(None, reason("why")) for reason in reasons])  # type: ignore[misc]

    assert exit_code([left(), left(StillGrowing, Vanished)]) == 0
    assert exit_code([left(), left(StillGrowing, ReadFailed)]) == 75
    assert exit_code([left(ReadFailed, AccessRefused)]) == 3


# --- JSON


@pytest.mark.parametrize("command", ["sync", "plan", "status"])
def test_json_is_one_document_on_standard_output_and_progress_goes_elsewhere(at_home: Callable[..., Done], home: Home, command: str):
    home.deliver(CHANGE, GOOD)
    home.deliver("acme/units/LOAD.csv", "no,key\n1,2\n")
    if command == "status":
        home.sync()
    done = at_home(command, "--json")
    found = json.loads(done.stdout)
    assert isinstance(found, dict)
    if command == "sync":
        assert [(one["file_name"], one["status"]) for one in found["loaded"]] == [("LOAD.csv", "quarantined"), (CHANGE[11:], "loaded")]
        assert "LOAD.csv: QUARANTINED" in done.stderr
    if command == "plan":
        assert [one["name"]["stem"] for one in found["wanted"]] == ["LOAD", "20260101-080000000"]
    if command == "status":
        assert [one["quarantined"] for one in found["topics"]] == [1]
        assert found["set_aside"][0]["reason"].startswith("line 1: there is no column id")


def test_an_error_leaves_standard_output_to_nobody(loaders: Callable[..., Done], tmp_path: Path):
    done = loaders("sync", "--json", FORTRESS_HOME=tmp_path / "home")
    assert (done.stdout, done.returncode) == ("", 1)


# --- plan


def test_a_plan_is_what_the_sync_then_does_in_its_order(at_home: Callable[..., Done], home: Home):
    home.deliver("beta/units/LOAD.csv", "id\n1\n")
    home.deliver("acme/units/20260102-080000000.csv", GOOD)
    home.deliver("acme/units/20260101-0900000001.csv", GOOD)
    home.deliver("acme/units/LOAD.csv", "id\n1\n")
    planned = [one["path"] for one in json.loads(at_home("plan", "--json").stdout)["wanted"]]
    assert not home.settings.home.exists()
    at_home("sync")
    names = home.ledger("organization_id, file_name")
    assert [(path.split("/")[-4], path.split("/")[-1]) for path in planned] == names


def test_a_plan_changes_nothing(at_home: Callable[..., Done], home: Home):
    gone = home.deliver(CHANGE, GOOD)
    home.sync()
    gone.unlink()
    home.deliver("acme/units/LOAD.csv", "id\n1\n")
    before = on_disk(home.settings.home)
    done = at_home("plan")
    assert done.returncode == 0
    assert "LOAD.csv" in done.stdout and f"gone from the server (its rows stay): {gone}" in done.stdout
    assert on_disk(home.settings.home) == before


def test_plan_and_status_read_what_a_killed_run_left_and_change_nothing(at_home: Callable[..., Done], home: Home):
    home.deliver(CHANGE, GOOD)
    home.sync()
    code = (
        "import sys, os, duckdb; c = duckdb.connect(sys.argv[1]); "
        "c.execute('update raw._remote set size_bytes = 7'); os.kill(os.getpid(), 9)"
    )
    forked.run([sys.executable, "-c", code, str(home.settings.build)], check=False)
    assert home.settings.build.with_name("build.duckdb.wal").stat().st_size > 0
    before = on_disk(home.settings.home)
    assert [at_home("plan").stdout.count("20260101-080000000.csv"), at_home("status").returncode] == [1, 0]
    assert on_disk(home.settings.home) == before


# --- query


@pytest.fixture
def published(home: Home) -> Path:
    home.settings.home.mkdir()
    with duckdb.connect(str(home.settings.published)) as connection:
        connection.execute(
            "create schema marts; create table marts.units as select 'u1' as id, 12.50 as rent, timestamp '2026-01-01' as at"
        )
    return home.settings.published


def test_a_query_shows_the_published_tables(at_home: Callable[..., Done], published: Path):
    done = at_home("query", "from marts.units")
    assert done.returncode == 0
    assert [line.split() for line in done.stdout.splitlines() if line.strip()][-1] == ["u1", "12.50", "2026-01-01", "00:00:00"]


def test_a_query_as_json_is_valid_whatever_the_values(at_home: Callable[..., Done], published: Path):
    odd = "'nan'::double as share, map {date '2026-01-01': [1, null]} as days, '\\xFF'::blob as bytes, null as nothing"
    sql = f"select *, {odd} from marts.units"
    (row,) = json.loads(at_home("query", sql, "--json").stdout)
    assert row | {"bytes": ""} == {
        "id": "u1",
        "rent": "12.50",
        "at": "2026-01-01T00:00:00",
        "share": "nan",
        "days": {"2026-01-01": [1, None]},
        "bytes": "",
        "nothing": None,
    }


@pytest.mark.parametrize("sql", ["from marts.nowhere", "selec 1", "", "/* nothing */", "drop table marts.units"])
def test_a_query_that_cannot_run_ends_with_1_and_changes_nothing(at_home: Callable[..., Done], published: Path, sql: str):
    before = published.read_bytes()
    done = at_home("query", sql)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("QueryRefused: ")
    assert published.read_bytes() == before


# --- secrets


@pytest.mark.parametrize(
    "url",
    [
        "sftp://user:S3cret@127.0.0.1:1/root",
        "sftp://user:S3cret@[127.0.0.1/root",
        "sftp://user:12/S3cret@127.0.0.1/root",
        "user:S3cret@127.0.0.1/root",
        "simplecache::sftp://user:S3cret@127.0.0.1:1/root",
    ],
)
def test_no_password_of_the_url_is_in_any_output(loaders: Callable[..., Done], url: str, tmp_path: Path):
    done = loaders("sync", FORTRESS_EXPORTS_URL=url, FORTRESS_HOME=tmp_path / "home", FORTRESS_KNOWN_HOSTS="/dev/null")
    assert done.returncode in (1, 75)
    assert done.stderr
    assert "S3cret" not in done.stdout + done.stderr


def test_no_password_of_the_environment_is_in_any_output(loaders: Callable[..., Done], server: ServerInfo, tmp_path: Path):
    own = {"FORTRESS_SSH_PASSWORD": "S3cret", "FORTRESS_KNOWN_HOSTS": server.known_hosts, "FORTRESS_HOME": tmp_path / "home"}
    done = loaders("sync", FORTRESS_EXPORTS_URL=server.url, **own)
    assert (done.returncode, "S3cret" in done.stdout + done.stderr) == (1, False)
    assert done.stderr.startswith("AccessRefused: ")


# --- .env


def test_a_dotenv_file_is_read_and_the_real_environment_wins(loaders: Callable[..., Done], project: Path, home: Home, tmp_path: Path):
    home.deliver(CHANGE, GOOD)
    dotenv = project / ".env"
    dotenv.write_text(f"FORTRESS_EXPORTS_URL={home.settings.exports_url}\nFORTRESS_HOME={home.settings.home}\n")
    try:
        assert loaders("sync", FORTRESS_EXPORTS_URL=f"file://{tmp_path}/nowhere").returncode == 1
        assert loaders("sync").returncode == 0
    finally:
        dotenv.unlink()
    assert home.ledger("status") == [("loaded",)]
