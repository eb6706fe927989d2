"""docs/operations.md and what it speaks of must agree; and what it says of a lost database must be true."""

import re
import shlex
import shutil
from pathlib import Path

import pytest

from loaders import errors
from loaders.cli import main
from loaders.decisions import LOG
from loaders.errors import LoaderError, Never, RestoreRefused, StillGrowing, TryAgain, UnreadableFile, Vanished
from loaders.raw import RawLoader
from loaders.restore import restore
from loaders.rulings import rule
from loaders.settings import PROJECT
from loaders.summary import error_code, exit_code
from loaders.sync import Plan, SyncReport
from loaders.warehouse import open_build
from tests.loaders.conftest import Home

GUIDE = (PROJECT / "docs" / "operations.md").read_text()
NAMED = re.compile(r"\b(?:FORTRESS|DBT)_[A-Z_]*[A-Z]\b")
CODE = [
    *(PROJECT / "loaders").rglob("*.py"),
    *(PROJECT / one for one in ("profiles.yml", "dbt_project.yml")),
    *(PROJECT / "macros").rglob("*.sql"),
]
DEPLOYED = sorted((PROJECT / "deploy").iterdir())


def rows(heading: str) -> list[list[str]]:
    """The cells of the table below a heading."""
    lines = GUIDE.split(f"## {heading}\n")[1].split("\n## ")[0].splitlines()
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines if line.startswith("| `")]


def ends_with(kind: type[LoaderError]) -> int:
    """The exit code of a command that meets such an error; with a file that it concerns alone, of the run that goes on."""
    if kind in (StillGrowing, Vanished):
        return exit_code([SyncReport(Plan((), 0, (), ()), left=[(None, kind("why"))])])  # type: ignore[list-item]
    return 3 if kind is UnreadableFile else error_code(kind("why"))


def test_every_error_is_listed_with_its_exit_code():
    kinds = {one for one in vars(errors).values() if isinstance(one, type) and issubclass(one, LoaderError)} - {
        LoaderError,
        TryAgain,
        Never,
    }
    listed = {cells[0].strip("`"): cells[-1] for cells in rows("What it says, and what to do")}
    assert listed == {kind.__name__: str(ends_with(kind)) for kind in kinds}


def test_every_setting_that_the_code_reads_is_listed_and_no_other():
    read = {name for path in CODE for name in NAMED.findall(path.read_text()) if name.startswith("FORTRESS_")}
    listed = {name for cells in rows("Settings") for name in NAMED.findall(cells[0])}
    assert {name for name in listed if name.startswith("FORTRESS_")} == read


@pytest.mark.parametrize("path", DEPLOYED, ids=lambda path: path.name)
def test_what_is_deployed_starts_commands_and_sets_variables_that_there_are(path: Path):
    text = path.read_text()
    listed = {name for cells in rows("Settings") for name in NAMED.findall(cells[0])}
    assert set(NAMED.findall(text)) <= listed
    started = re.findall(r"^ExecStart=\S+ -m loaders (.*)$", text, re.M)
    if path.name == "Containerfile":
        started = [" ".join(re.findall(r'"([^"]+)"', line)) for line in re.findall(r"^CMD (.*)$", text, re.M)]
        copied = [name for line in re.findall(r"^COPY (.*)$", text, re.M) for name in shlex.split(line)[:-1]]
        assert copied and all((PROJECT / name).exists() for name in copied)
    for arguments in started:
        option, name, *rest = arguments.split()
        assert option == "--log-json"
        main.commands[name].make_context(name, rest)  # which refuses options that it does not know
    assert started or path.suffix == ".timer"


# --- a lost database


def everything(home: Home) -> list[list[tuple]]:
    ledger = "select organization_id, topic, file_name, remote_mtime, sha256, row_count, status from raw._files order by all"
    units = """
        select file_name, remote_mtime, rows.* exclude (_file_id)
        from raw.units as rows join raw._files using (_file_id) where status = 'loaded' order by all
    """
    return [home.ask(ledger), home.ask(units)]


@pytest.fixture
def lost(home: Home) -> tuple[Home, list[list[tuple]]]:
    """A warehouse without its database, of whose files the server has only some; and what it had said."""
    home.deliver("acme/units/LOAD.csv", "id,a\n1,A\n2,B\n", minute=1)
    first = home.deliver("acme/units/20260101-080000000.csv", "OP,id,a\nU,1,C\n", minute=480)
    for minute, name in ((490, "20260101-081000000"), (500, "20260101-082000000")):
        home.deliver(f"acme/units/{name}.csv", "OP,id,a\nU,1\n", minute=minute)
    home.sync()
    home.deliver("acme/units/20260101-080000000.csv", "OP,id,a\nU,1,D\n", minute=520)  # a revision
    home.sync()
    with open_build(home.settings.build) as connection:
        rule(RawLoader(connection, home.settings.landing), "discard", ["acme/units/20260101-081000000.csv"], "Ann", "a test")
    before = everything(home)
    assert [row[-1] for row in before[0]].count("discarded") == 1 and len(before[0]) == 5
    first.unlink()
    home.settings.build.unlink()
    return home, before


def test_landing_alone_gives_back_the_ledger_the_rows_and_the_decisions(lost: tuple[Home, list[list[tuple]]]):
    home, before = lost
    assert (home.settings.landing / LOG).exists()
    done = restore(home.settings, home.said.append)
    assert done.files == 5
    assert everything(home) == before
    assert home.said[-1] == "[5/5] landed files loaded"
    report = home.sync()
    ledger, rows_now = everything(home)
    assert [row for row in ledger if row[-1] != "duplicate"] == before[0]  # a snapshot that the server still has came again
    assert rows_now == before[1]
    assert (report.plan.vanished, len(report.loaded) + len(report.same_content)) == ((), len(report.plan.wanted))


def test_a_database_that_is_there_is_left_alone(home: Home):
    home.deliver("acme/units/LOAD.csv", "id,a\n1,A\n")
    home.sync()
    before = home.settings.build.read_bytes()
    with pytest.raises(RestoreRefused, match="move it away"):
        restore(home.settings, print)
    assert home.settings.build.read_bytes() == before


def test_without_landed_files_there_is_nothing_to_restore(home: Home):
    with pytest.raises(RestoreRefused, match="backup"):
        restore(home.settings, print)
    assert not home.settings.home.exists()


def test_a_restore_that_was_stopped_starts_over(lost: tuple[Home, list[list[tuple]]]):
    home, before = lost
    shutil.copy(__file__, home.settings.home / "restore.duckdb")  # half-written
    restore(home.settings, print)
    assert everything(home) == before
