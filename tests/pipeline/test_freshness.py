"""How far the data is and which references lead nowhere: hand-made exports through the real loader and dbt, one warehouse for all.

Each situation is an organization of its own, on one day; what is expected can be worked out with a finger on the decisions 15 and 16.
"""

import json
import os
import random
import sys
from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from loaders.remote import open_remote
from loaders.settings import Settings
from loaders.sync import sync
from loaders.warehouse import open_build
from tests import forked
from tests.oracle import freshness
from tests.oracle.freshness import File
from tests.pipeline.harness import PROJECT, Warehouse

DAY = datetime(2026, 6, 1)
HOUR = timedelta(hours=1)
BROKEN = "U,1,too,many\n"
Row = dict[str, Any]


def at(clock: str, day: int = 0) -> datetime:
    """``at("05:00")``, or ``at("05:00:20", day=1)`` for the day after."""
    return datetime.fromisoformat(f"{DAY + timedelta(days=day):%Y-%m-%d}T{clock}")


class Exports:
    """The folder that the vendor fills."""

    def __init__(self, folder: Path):
        self.folder = folder

    def write(self, organization: str, topic: str, name: str, text: str, modified: datetime) -> None:
        path = self.folder / organization / "public" / f"exported_{topic}" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        seconds = (modified - datetime(1970, 1, 1)).total_seconds()
        os.utime(path, (seconds, seconds))

    def change(self, organization: str, topic: str, moment: datetime, *rows: str, columns: str = "OP,id") -> None:
        text = "".join(f"{line}\n" for line in (columns, *(rows or ("U,1",))))
        self.write(organization, topic, f"{moment:%Y%m%d-%H%M%S}000.csv", text, moment)

    def changes(self, organization: str, topic: str, *clocks: str) -> None:
        for clock in clocks:
            self.change(organization, topic, at(clock))

    def load(self, organization: str, topic: str, clock: str, *rows: str, columns: str = "id", day: int = 0) -> None:
        self.write(organization, topic, "LOAD.csv", "".join(f"{line}\n" for line in (columns, *(rows or ("1",)))), at(clock, day))


def write_rhythms(exports: Exports) -> None:
    exports.load("hourly", "units", "00:10")
    exports.changes("hourly", "units", "01:00", "02:00", "03:00", "06:00", "07:00", "08:00")
    exports.changes("bursts", "units", *(f"{hour:02}:00:{second:02}" for hour in (1, 2, 3, 4, 6) for second in (0, 20, 40)))
    for day in range(4):
        for hour in range(8, 12):
            exports.change("rests-at-night", "units", at(f"{hour:02}:00", day))
    exports.changes("irregular", "units", "00:07", "00:50", "03:30", "04:40", "09:00", "09:05", "17:00", "19:00", "23:00")
    exports.changes("young", "units", "01:00", "02:00", "03:00")


def write_completeness(exports: Exports) -> None:
    exports.load("whole", "units", "00:10")
    exports.load("whole", "leases", "00:20")
    exports.changes("whole", "units", "01:00", "02:00", "03:00")
    exports.changes("whole", "leases", "01:00", "02:00")
    exports.changes("late", "units", *(f"{hour:02}:00" for hour in range(1, 9)))
    exports.changes("late", "leases", *(f"{hour:02}:00" for hour in range(1, 6)))
    exports.changes("late", "rooms", "01:00")
    exports.changes("waiting", "units", "01:00", "02:00", "04:00", "05:00")
    exports.change("waiting", "units", at("03:00"), BROKEN)
    exports.changes("waiting", "leases", "05:00")
    exports.load("no-base", "units", "00:10", BROKEN)
    exports.changes("no-base", "units", "01:00")
    exports.load("copied", "units", "22:00")  # as copying a tree does: the snapshot was written after its change files
    exports.changes("copied", "units", "01:00", "02:00")
    exports.load("copied-and-waiting", "units", "22:00")
    exports.change("copied-and-waiting", "units", at("01:00"), BROKEN)
    exports.changes("copied-and-waiting", "units", "02:00")


def write_references(exports: Exports) -> None:
    exports.load("refers", "units", "00:10", "here,", "deleted,", "soft,", columns="id,deletedAt")
    exports.change("refers", "units", at("03:00"), "D,deleted,", "U,soft,2026-06-01T02:00:00Z", columns="OP,id,deletedAt")
    exports.change("refers", "units", at("05:00"), "U,here,", columns="OP,id,deletedAt")
    early = ["I,1,here", 'I,2,""', "I,3,", "I,4,deleted", "I,5,soft", "I,6,never", "I,7,never", "I,8,elsewhere", "I,9,never"]
    exports.change("refers", "leases", at("05:00"), *early, columns="OP,id,unitId")
    exports.change("refers", "leases", at("06:00"), "I,10,tomorrow", "D,9,", columns="OP,id,unitId")
    exports.change("refers", "transactions", at("05:00"), "I,4,somebody", columns="OP,id,customerId")
    exports.load("neighbour", "units", "00:10", "elsewhere")
    exports.changes("holds-back", "units", "01:00", "05:00")
    exports.change("holds-back", "units", at("03:00"), BROKEN)
    exports.change("holds-back", "leases", at("02:00"), "I,a,never", columns="OP,id,unitId")
    exports.change("holds-back", "leases", at("01:00"), "I,b,never", columns="OP,id,unitId")


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    found = Warehouse(tmp_path_factory.mktemp("freshness"), ("units", "leases", "transactions", "customers"))
    exports = Exports(found.exports)
    write_rhythms(exports)
    write_completeness(exports)
    write_references(exports)
    settings = Settings(found.home, found.exports.as_uri())
    for day in range(6):  # full-load mode: the fourth snapshot is missing
        if day != 3:
            exports.load("full-load", "units", "06:00", f"{day}", day=day)
        with open_build(settings.build) as connection, open_remote(settings) as remote:
            sync(settings, connection, remote, lambda line: None)
    found.build()
    command = [sys.executable, "-m", "loaders", "publish"]  # tests what was built by hand
    forked.run(command, env=found.environment(), cwd=PROJECT, capture_output=True, check=True)
    return found


@pytest.fixture(scope="module")
def topics(warehouse: Warehouse) -> dict[tuple[str, str], Row]:
    return {(row["organization_id"], row["topic"]): row for row in rows(warehouse, "from audit.topic_freshness")}


def rows(warehouse: Warehouse, query: str) -> list[Row]:
    with duckdb.connect(str(warehouse.home / "build.duckdb"), read_only=True) as connection:
        found = connection.execute(query)
        names = [name for name, *_ in found.description or ()]
        return [dict(zip(names, values, strict=True)) for values in found.fetchall()]


def gaps(row: Row) -> tuple[Any, ...]:
    return tuple(row[name] for name in ("cadence", "gaps", "missing_deliveries", "latest_gap_from", "latest_gap_to"))


# --- the rhythm


def test_an_hourly_feed_is_hourly_and_its_gap_is_found(topics):
    row = topics["hourly", "units"]
    assert gaps(row) == (HOUR, 1, 2, at("03:00"), at("06:00"))
    assert (row["files"], row["last_file"], row["next_expected_at"]) == (7, "20260601-080000000.csv", at("09:00"))


def test_files_that_come_in_bursts_are_one_delivery(topics):
    assert gaps(topics["bursts", "units"]) == (HOUR, 1, 1, at("04:00:40"), at("06:00"))


def test_an_hourly_feed_that_rests_at_night_is_daily_and_its_nights_are_no_gaps(topics):
    assert gaps(topics["rests-at-night", "units"]) == (timedelta(days=1), 0, 0, None, None)


def test_in_full_load_mode_the_snapshots_have_the_rhythm(topics):
    assert topics["full-load", "units"]["last_batch_at"] == at("06:00", day=5)
    assert gaps(topics["full-load", "units"]) == (timedelta(days=1), 1, 1, at("06:00", day=2), at("06:00", day=4))


@pytest.mark.parametrize("organization", ["irregular", "young"])
def test_of_an_irregular_or_young_feed_no_rhythm_is_claimed(topics, organization):
    row = topics[organization, "units"]
    assert (*gaps(row), row["next_expected_at"], row["is_overdue"]) == (None,) * 7
    assert row["complete_until"] == row["last_batch_at"] is not None


# --- what is complete


def complete(topics: dict[tuple[str, str], Row], organization: str, topic: str = "units") -> tuple[Any, ...]:
    row = topics[organization, topic]
    return row["complete_until"], row["organization_complete_until"], row["organization_complete_if_quiet_until"]


def test_an_organization_is_complete_as_far_as_the_least_of_its_topics(topics):
    assert complete(topics, "whole") == (at("03:00"), at("02:00"), at("03:00"))
    assert complete(topics, "whole", "leases") == (at("02:00"), at("02:00"), at("03:00"))
    assert [topics["whole", topic]["lag"] for topic in ("units", "leases")] == [timedelta(0), HOUR]


def test_the_silence_of_an_overdue_topic_is_not_taken_for_having_nothing_to_say(topics):
    assert [topics["late", topic]["is_overdue"] for topic in ("units", "leases", "rooms")] == [False, True, None]
    assert complete(topics, "late", "rooms") == (at("01:00"), at("01:00"), at("05:00"))


def test_a_file_that_waits_is_a_hole_from_which_on_nothing_is_complete(topics):
    row = topics["waiting", "units"]
    assert (row["waiting_files"], row["last_batch_at"]) == (1, at("05:00"))
    assert gaps(row) == (HOUR, 0, 0, None, None)  # it came, though it cannot be read
    assert complete(topics, "waiting") == (at("02:00"), at("02:00"), at("02:00"))


def test_without_its_snapshot_a_topic_and_its_organization_are_complete_up_to_no_time(topics):
    assert complete(topics, "no-base") == (None, None, None)


def test_the_first_snapshot_does_not_count_as_last_because_it_was_written_last(topics):
    row = topics["copied", "units"]
    assert (row["last_file"], row["last_batch_at"], row["complete_until"]) == ("20260601-020000000.csv", at("02:00"), at("02:00"))
    assert topics["copied-and-waiting", "units"]["complete_until"] == at("01:00") - timedelta(milliseconds=1)


def test_every_topic_that_was_ever_delivered_has_one_row(warehouse, topics):
    delivered = rows(warehouse, "select distinct organization_id, topic from raw._files")
    assert sorted(topics) == sorted((row["organization_id"], row["topic"]) for row in delivered)
    assert len(rows(warehouse, "from audit.topic_freshness")) == len(topics)


# --- random ledgers against the oracle


def random_times(choose: random.Random) -> Iterable[datetime]:
    """A regular feed, with jitter, holes, bursts and late starts; or none at all."""
    moment, step = DAY, timedelta(minutes=choose.choice((1, 15, 60, 1440)))
    jitter, holes = choose.choice((0, 0, 0.02, 0.2, 0.9)), choose.choice((0, 0.1, 0.5))
    for _ in range(choose.randint(0, 14)):
        moment += step
        if choose.random() >= holes:
            for burst in range(choose.choice((1, 1, 1, 3))):
                yield moment + step * jitter * choose.random() + timedelta(seconds=burst)


def random_files(choose: random.Random) -> list[File]:
    statuses = ("loaded",) * choose.choice((1, 8, 30)) + ("quarantined", "held", "superseded", "duplicate", "discarded")
    files = [File(f"{moment:%Y%m%d-%H%M%S%f}.csv", moment, choose.choice(statuses)) for moment in random_times(choose)]
    for number in range(choose.choice((0, 1, 1, 2, 5))):
        name = choose.choice(("LOAD.csv", "LOAD.csv", "LOAD00000001.csv", f"LOAD0000000{number}.parquet"))
        files.append(File(name, DAY + timedelta(minutes=choose.randint(0, 3000)), choose.choice(statuses)))
    return files


def test_random_ledgers_say_what_the_oracle_says(warehouse):
    choose = random.Random(15)
    ledgers = {(f"org-{number // 3}", f"topic-{number % 3}"): random_files(choose) for number in range(900)}
    (view,) = rows(warehouse, "select sql from duckdb_views() where schema_name = 'audit' and view_name = 'topic_freshness'")
    lines = [(number, *key, file) for number, (key, file) in enumerate((key, file) for key, files in ledgers.items() for file in files)]
    ledger = pa.table(
        {
            "_file_id": [number for number, *_ in lines],
            "organization_id": [organization for _, organization, *_ in lines],
            "topic": [topic for _, _, topic, _ in lines],
            "file_name": [file.file_name for *_, file in lines],
            "kind": ["snapshot" if file.is_snapshot else "change" for *_, file in lines],
            "batch_at": [file.batch_at for *_, file in lines],
            "status": [file.status for *_, file in lines],
        }
    )
    with duckdb.connect() as scratch:
        scratch.register("ledger", ledger)
        scratch.execute("create schema audit; create table audit.files as from ledger")
        scratch.execute(view["sql"])
        found = scratch.execute("""
            select organization_id, topic, last_batch_at, complete_until, cadence, gaps, missing_deliveries, latest_gap_from, latest_gap_to
            from audit.topic_freshness
        """).fetchall()
    expected = {key: expectation(files) for key, files in ledgers.items() if files}
    assert {(organization, topic): tuple(rest) for organization, topic, *rest in found} == expected
    assert sum(values[2] is not None for values in expected.values()) > 100  # else the rhythms drawn prove little
    assert sum(values[2] is None for values in expected.values()) > 100
    assert sum(values[0] != values[1] for values in expected.values()) > 100


def expectation(files: list[File]) -> tuple[Any, ...]:
    learned = freshness.rhythm(files)
    early, late = (learned and learned.latest) or (None, None)
    numbers = (learned.cadence, learned.gaps, learned.missing) if learned else (None, None, None)
    return freshness.last_batch_at(files), freshness.complete_until(files), *numbers, early, late


# --- references


def test_references_that_lead_nowhere_are_told_apart(warehouse):
    found = {
        (row["_organization_id"], row["topic"], row["column_name"], row["kind"]): (row["records"], row["keys"], row["example_id"])
        for row in rows(warehouse, "from audit.unresolved_references")
    }
    assert found == {
        ("refers", "leases", "unit_id", "deleted"): (2, 2, "4"),
        ("refers", "leases", "unit_id", "missing"): (3, 2, "6"),
        ("refers", "leases", "unit_id", "not_arrived_yet"): (1, 1, "10"),
        ("refers", "transactions", "customer_id", "not_arrived_yet"): (1, 1, "4"),  # customers were never delivered
        ("holds-back", "leases", "unit_id", "not_arrived_yet"): (1, 1, "a"),  # it may be in the file that waits
        ("holds-back", "leases", "unit_id", "missing"): (1, 1, "b"),
    }


def test_a_topics_test_warns_of_what_is_missing_or_deleted_and_not_of_what_has_not_arrived(warehouse):
    results = json.loads((warehouse.home / "target" / "run_results.json").read_text())["results"]
    found = {result["unique_id"].split(".")[2]: (result["status"], result["failures"]) for result in results}
    assert found["references_of_leases_arrive"] == ("warn", 6)
    assert found["references_of_transactions_arrive"] == ("pass", 0)


def test_the_published_file_answers_both_questions(warehouse):
    with duckdb.connect(str(warehouse.home / "fortress.duckdb"), read_only=True) as connection:
        for view in ("topic_freshness", "unresolved_references"):
            published = connection.execute(f"from audit.{view} order by all").fetchall()
            assert published == [tuple(row.values()) for row in rows(warehouse, f"from audit.{view} order by all")] != []
