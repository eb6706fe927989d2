"""A clock that is set back between runs, or stands still, decides nothing: order is that of arrival, and what is published is new.

libfaketime gives a process its clock: Python, DuckDB and dbt all ask the system for it, and all of them are deceived.
"""

from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import files

import duckdb
import pytest

from tests.oracle.batches import Delivered
from tests.pipeline.harness import TOPIC, Warehouse, as_organization, differences, draw_cases
from tests.pipeline.small_project import SmallProject
from tests.pipeline.states import disorder

(_LIBRARY,) = [str(one.locate()) for one in files("libfaketime") or [] if one.name == "libfaketime.so.1"]
FEEDS, SEED = 25, 11  # with late files, revisions and snapshots delivered again among them
NOON = datetime(2026, 3, 1, 12)
CLOCKS = ("+0", "-6h", f"{NOON:%Y-%m-%d %H:%M:%S}")  # one without a sign stands still
# How long things take, and the times of files, stay the system's; so do the waits of Python's threads for each other.
_DECEIT = {"LD_PRELOAD": _LIBRARY, "FAKETIME_DONT_FAKE_MONOTONIC": "1", "FAKETIME_FORCE_MONOTONIC_FIX": "0", "NO_FAKE_STAT": "1"}


@dataclass(frozen=True, slots=True)
class Deceived(Warehouse):
    """A warehouse whose commands believe a clock."""

    clock: str = CLOCKS[-1]

    def environment(self) -> dict[str, str]:
        return Warehouse.environment(self) | _DECEIT | {"FAKETIME": self.clock, "TZ": "UTC"}


@dataclass(frozen=True, slots=True)
class Played:
    """A warehouse after one run by each clock, what was delivered to it, and the newest time in the ledger after each run."""

    project: SmallProject
    warehouse: Deceived
    delivered: list[Delivered]
    ends: list[datetime]
    said: list[str]


@pytest.fixture(scope="module")
def played(project: SmallProject, tmp_path_factory: pytest.TempPathFactory) -> Played:
    home = tmp_path_factory.mktemp("warehouse")
    drawn = [case for case in draw_cases(FEEDS, SEED) if len(case) <= len(CLOCKS)]
    cases = [as_organization(case, f"org-{number:04}") for number, case in enumerate(drawn)]
    found = Played(project, Deceived(home, (TOPIC,)), [], [], [])
    for number, clock in enumerate(CLOCKS):
        arriving = [one for case in cases for run in case[number : number + 1] for one in run]
        warehouse = Deceived(home, (TOPIC,), clock)
        warehouse.deliver(arriving)
        if number == 1:
            (odd := warehouse.exports / "odd/public/exported_units").mkdir(parents=True)
            (odd / "LOAD.csv").write_text("id,petName,updatedAt\n1,Rex,soon\n2,Rex,later\n")
        found.said.append(project.run(warehouse, "run"))
        found.delivered.extend(arriving)
        found.ends.append(asked(warehouse, "select max(loaded_at) from raw._files")[0][0])
    return found


def asked(warehouse: Warehouse, query: str, database: str = "build.duckdb") -> list[tuple]:
    with duckdb.connect(str(warehouse.home / database), read_only=True) as connection:
        return connection.execute(query).fetchall()


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
    assert played.ends == sorted(set(played.ends)) and played.ends[0] > datetime(2026, 4, 1)  # and the first one its own


def test_each_run_published_what_it_had_built(played: Played):
    assert log(played.warehouse, "fortress.duckdb") == log(played.warehouse, "build.duckdb")
    assert asked(played.warehouse, "select max(number) from raw._published") == [(len(CLOCKS),)]


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
    assert [(columns in said, casts in said) for said in played.said] == [(False, False), (True, True), (False, False)]
    assert "Rex" not in "".join(played.said) and "later" not in "".join(played.said)
