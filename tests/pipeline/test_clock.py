"""Runs of difficult feeds, by clocks that are set back or stand still: order is that of arrival, and what is published is new.

libfaketime gives a process its clock: Python, DuckDB and dbt all ask the system for it, and all of them are deceived. After each run
the published file, as far as it was made from an earlier one, is compared with one written anew.
"""

import json
import sys
from dataclasses import dataclass, field
from datetime import datetime
from importlib.metadata import files
from pathlib import Path

import duckdb
import pytest

from loaders.bases import kind_of_file_system
from loaders.privacy import Policy
from loaders.published_tables import write_published
from tests import forked
from tests.oracle.batches import Delivered
from tests.pipeline.harness import TOPIC, Warehouse, as_organization, differences, draw_cases
from tests.pipeline.small_project import SmallProject
from tests.pipeline.states import State, disorder, state_of

(_LIBRARY,) = [str(one.locate()) for one in files("libfaketime") or [] if one.name == "libfaketime.so.1"]
FEEDS, SEED = 25, 11  # with late files, revisions, reloads and snapshots delivered again among them
NOON = datetime(2026, 3, 1, 12)
CLOCKS = (None, "-6h", None, "-2h", None, "-6h", f"{NOON:%Y-%m-%d %H:%M:%S}")  # None: the system's; one without a sign stands still
BEGIN_AT = 4  # feeds begin with one of so many runs, and take as many at the most
# How long things take, and the times of files, stay the system's; so do the waits of Python's threads for each other.
_DECEIT = {"LD_PRELOAD": _LIBRARY, "FAKETIME_DONT_FAKE_MONOTONIC": "1", "FAKETIME_FORCE_MONOTONIC_FIX": "0", "NO_FAKE_STAT": "1"}


@dataclass(frozen=True, slots=True)
class Deceived(Warehouse):
    """A warehouse whose commands believe a clock."""

    clock: str | None = CLOCKS[-1]

    def environment(self) -> dict[str, str]:
        deceit = _DECEIT | {"FAKETIME": self.clock} if self.clock else {}
        return Warehouse.environment(self) | {"TZ": "UTC", "FORTRESS_KEEP_PUBLISHED": "2"} | deceit  # so that versions fall out soon


@dataclass(frozen=True, slots=True)
class Ran:
    """What a run said, the newest time in the ledger after it, the version that the published one was made from, what that one says, and
    what one written anew would; the current state as it is published, and as the build defines it."""

    said: str
    end: datetime
    made_from: int | None
    published: State
    anew: State
    current: tuple[list[tuple], list[tuple]]


@dataclass(frozen=True, slots=True)
class Played:
    """A warehouse after one run by each clock, and what was delivered to it."""

    project: SmallProject
    warehouse: Deceived
    delivered: list[Delivered] = field(default_factory=list)
    runs: list[Ran] = field(default_factory=list)


@pytest.fixture(scope="module")
def played(project: SmallProject, tmp_path_factory: pytest.TempPathFactory) -> Played:
    home = tmp_path_factory.mktemp("warehouse")
    cases = [as_organization(case, f"org-{number:04}") for number, case in enumerate(draw_cases(FEEDS, SEED))]
    assert max(len(case) for case in cases) == BEGIN_AT
    assert len(CLOCKS) == BEGIN_AT - 1 + BEGIN_AT
    found = Played(project, Deceived(home, (TOPIC,)))
    for number, clock in enumerate(CLOCKS):
        due = [(case, number - begin % BEGIN_AT) for begin, case in enumerate(cases)]
        arriving = [one for case, turn in due if turn >= 0 for run in case[turn : turn + 1] for one in run]
        warehouse = Deceived(home, (TOPIC,), clock)
        warehouse.deliver(arriving)
        if number == 1:
            (odd := warehouse.exports / "odd/public/exported_units").mkdir(parents=True)
            (odd / "LOAD.csv").write_text("id,petName,updatedAt\n1,Rex,soon\n2,Rex,later\n")
        found.delivered.extend(arriving)
        found.runs.append(ran(project, warehouse, tmp_path_factory.mktemp("anew") / "anew.duckdb"))
    return found


def ran(project: SmallProject, warehouse: Warehouse, anew: Path) -> Ran:
    process = project.start(warehouse, "run", "--json")
    document, said = process.communicate()
    assert process.returncode == 0, said
    with duckdb.connect(str(warehouse.home / "build.duckdb")) as connection:
        write_published(connection, anew, Policy("exclude"))
    ((end,),) = asked(warehouse, "select max(loaded_at) from raw._files")
    published, build = warehouse.home / "fortress.duckdb", warehouse.home / "build.duckdb"
    made_from = json.loads(document)[-1]["publish"]["made_from"]
    return Ran(said, end, made_from, state_of(published), state_of(anew), (current(published), current(build)))


def current(database: Path) -> list[tuple]:
    """The rows of the current state, by what names them: in the build a view, as it is defined."""
    with duckdb.connect(str(database), read_only=True) as connection:
        return connection.execute(f"select _file_id, _row_number, id, updated_at from marts.{TOPIC} order by all").fetchall()


def asked(warehouse: Warehouse, query: str, database: str = "build.duckdb") -> list[tuple]:
    with duckdb.connect(str(warehouse.home / database), read_only=True) as connection:
        return connection.execute(query).fetchall()


def is_kept(home: Path) -> bool:
    """Whether a version that falls out is made the next one from there: not where the newest is had for nothing, or nobody knows its
    readers."""
    return kind_of_file_system(home) in {"ext4", "tmpfs"}


def log(warehouse: Warehouse, database: str) -> set[tuple]:
    """The change log's rows, by what no rule on personal data withholds."""
    return set(
        asked(warehouse, f"select _file_id, _row_number, outcome, valid_from, valid_to, status from marts.{TOPIC}_changes", database)
    )


def test_a_clock_that_is_set_back_changes_nothing_that_the_tables_say(played: Played):
    assert differences(played.warehouse, played.delivered) == {}
    assert disorder(played.warehouse) == []


def test_arrivals_stand_in_the_ledger_in_their_order_whatever_the_clock_said(played: Played):
    by_arrival = asked(played.warehouse, "select loaded_at from raw._files order by _file_id")
    assert by_arrival == sorted(set(by_arrival))
    said = asked(played.warehouse, "select ended_at from raw._ended where step = 'run'")
    assert said == [(NOON,)]  # the last run did believe its clock
    ends = [run.end for run in played.runs]
    assert ends == sorted(set(ends)) and ends[0] > datetime(2026, 4, 1)  # and the first one its own


def test_each_run_published_what_it_had_built(played: Played):
    assert log(played.warehouse, "fortress.duckdb") == log(played.warehouse, "build.duckdb")
    assert asked(played.warehouse, "select max(number) from raw._published") == [(len(CLOCKS),)]


def test_each_version_says_what_one_written_anew_says(played: Played):
    made_from = [run.made_from for run in played.runs]
    assert made_from[:4] == [None, None, 2, 3]  # the second run brings a new column, and with it another shape
    assert made_from[4:] == ([2, 3, 4] if is_kept(played.warehouse.home) else [4, 5, 6])
    for number, run in enumerate(played.runs, start=1):
        assert run.published == run.anew, f"run {number}"
        published, built = run.current
        assert published == built, f"run {number}"
    assert len({json.dumps(run.published) for run in played.runs}) == len(played.runs)  # each run had changes to publish


BETWEEN_ROUNDS = """
import sys
from loaders.pipeline import between_rounds
from loaders.settings import load_settings
with between_rounds(load_settings()) as between:
    between.begin()
    (begun,) = load_settings().home.glob("copying/*/next.duckdb")
    begun.rename(sys.argv[1])
"""


def test_what_a_watch_has_begun_between_two_rounds_says_what_is_published(played: Played, tmp_path: Path):
    home, begun = played.warehouse.home, tmp_path / "begun.duckdb"
    spare = [path.name for path in home.glob("spare/*")]
    assert spare == (["000005.duckdb"] if is_kept(home) else [])
    command = [sys.executable, "-c", BETWEEN_ROUNDS, str(begun)]
    forked.run(command, cwd=played.project.folder, env=played.warehouse.environment(), check=True)
    assert not list(home.glob("spare/*")) and not list(home.glob("copying/*"))
    assert state_of(begun) == state_of(home / "fortress.duckdb")
    assert current(begun) == current(home / "fortress.duckdb")


def test_a_repair_at_the_very_time_of_the_build_before_is_published(played: Played):
    """Somebody edits the build and publishes it; the repair is built while the clock still says what it said then."""
    with duckdb.connect(str(played.warehouse.home / "build.duckdb")) as connection:
        connection.execute(f"update marts.{TOPIC}_changes set status = 'forged'")
    played.project.run(played.warehouse, "publish")
    assert {status for *_, status in log(played.warehouse, "fortress.duckdb")} == {"forged"}
    played.project.run(played.warehouse, "run", "--full")
    assert "forged" not in {status for *_, status in log(played.warehouse, "fortress.duckdb")}
    assert log(played.warehouse, "fortress.duckdb") == log(played.warehouse, "build.duckdb")


def test_a_run_says_which_columns_are_new_and_what_did_not_fit_once(played: Played):
    columns = "units: 1 column that the registry does not know: petName."
    casts = "units.updated_at: 2 values did not fit the type: null in the marts, listed in audit.cast_failures"
    said = [run.said for run in played.runs]
    assert [(columns in one, casts in one) for one in said] == [(False, False), (True, True), *[(False, False)] * (len(CLOCKS) - 2)]
    assert "Rex" not in "".join(said) and "later" not in "".join(said)


def test_a_version_that_somebody_wrote_to_is_not_carried_on(played: Played, tmp_path: Path):
    with duckdb.connect(str((played.warehouse.home / "fortress.duckdb").resolve())) as reader:
        reader.execute(f"update marts.{TOPIC}_changes set outcome = 'forged'")
    warehouse = Deceived(played.warehouse.home, (TOPIC,), None)
    warehouse.deliver(one for case in draw_cases(2, SEED + 1) for run in as_organization(case, "org-late") for one in run)
    run = ran(played.project, warehouse, tmp_path / "anew.duckdb")
    assert (run.made_from, run.published) == (None, run.anew)
