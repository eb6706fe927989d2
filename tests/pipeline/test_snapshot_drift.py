"""What a snapshot on top of a feed says of the feed: every case is an organization of its own, all in one load and one build."""

from collections.abc import Iterable
from typing import Any

import duckdb
import pytest

from tests.oracle.batches import Delivered
from tests.pipeline.harness import Warehouse
from tests.pipeline.test_traps import change, delivered, load

COLUMNS = "id status priority updatedAt"
OPERATIONS = f"OP {COLUMNS}"
EIGHT, NINE, TEN = (f"2026-06-01T{hour:02}:00:00Z" for hour in (8, 9, 10))


def feed(organization: str, clock: str, *rows: str) -> Delivered:
    return change(organization, clock, *rows, columns=OPERATIONS)


def snapshot(organization: str, clock: str, *rows: str) -> Delivered:
    return load(organization, clock, *rows, columns=COLUMNS)


NEWEST = f"9 OPEN LOW {TEN}"  # by which a snapshot is known to have seen what change files brought until then


def both(organization: str, second: Iterable[str], *feeds: Delivered) -> tuple[list[Delivered], list[Delivered]]:
    """A first snapshot of four records, the feed, and a second snapshot at noon."""
    first = snapshot(organization, "00:10:00", *(f"{n} OPEN LOW {EIGHT}" for n in (1, 2, 3)), NEWEST)
    return [first, *feeds], [snapshot(organization, "12:00:00", *second, NEWEST)]


FEED = ("U 1 DONE LOW " + NINE, "D 2 - - -", "I 4 OPEN LOW " + NINE)
AS_FED = (f"1 DONE LOW {NINE}", f"3 OPEN LOW {EIGHT}", f"4 OPEN LOW {NINE}")
CASES = {
    "agrees": both("agrees", AS_FED, feed("agrees", "09:30:00", *FEED)),
    "full-load": both("full-load", [f"1 DONE HIGH {TEN}"]),
    "missed": both("missed", [f"1 DONE HIGH {TEN}", *AS_FED[1:], f"5 OPEN LOW {TEN}"], feed("missed", "09:30:00", *FEED)),
    "undeleted": both("undeleted", [*AS_FED, f"2 OPEN LOW {EIGHT}"], feed("undeleted", "09:30:00", *FEED)),
    "lacks": both("lacks", AS_FED[:1], feed("lacks", "09:30:00", *FEED[:2])),
    # The snapshot's newest row is of ten o'clock, and the feed spoke after that.
    "stale": both("stale", [f"1 OPEN LOW {EIGHT}", f"2 OPEN LOW {EIGHT}", f"3 DONE LOW {EIGHT}"], feed("stale", "11:00:00", *FEED)),
    "late": both("late", [f"1 DONE HIGH {TEN}", f"3 OPEN LOW {EIGHT}", f"5 OPEN LOW {TEN}"], feed("late", "09:30:00", *FEED[:2])),
    "null": both("null", [f"1 DONE - {NINE}", *AS_FED[1:]], feed("null", "09:30:00", *FEED)),
}
CASES["late"][1].append(feed("late", "12:30:00", f"U 1 DONE HIGH {TEN}", f"I 5 OPEN LOW {TEN}"))
CASES["parts"] = (
    [delivered("parts", f"LOAD0000000{n}.csv", COLUMNS, f"{n} OPEN LOW {EIGHT}", NEWEST, modified="00:10:00") for n in (1, 2)]
    + [feed("parts", "09:30:00", "U 1 DONE LOW " + NINE, "I 3 OPEN LOW " + NINE)],
    [delivered("parts", f"LOAD0000000{n}.csv", COLUMNS, f"{n} DONE LOW {NINE}", NEWEST, modified="12:00:00") for n in (1, 2)],
)


@pytest.fixture(scope="module")
def drift(tmp_path_factory: pytest.TempPathFactory) -> dict[str, set[tuple[Any, ...]]]:
    """By organization: id, kind, column, what the feed had, what the snapshot says, whether the feed brings it later."""
    warehouse = Warehouse(tmp_path_factory.mktemp("drift"))
    for run in (0, 1):
        warehouse.deliver(delivered for case in CASES.values() for delivered in case[run])
        warehouse.sync()
    warehouse.build("--select", "+workorders_changes", "files", "snapshot_drift")
    found: dict[str, set[tuple[Any, ...]]] = {case: set() for case in CASES}
    with duckdb.connect(str(warehouse.home / "build.duckdb"), read_only=True) as connection:
        columns = "_organization_id, id, kind, column_name, feed_value, snapshot_value, is_brought_later"
        rows = connection.execute(f"select {columns} from audit.snapshot_drift").fetchall()
        traced = """
            select count(*) from audit.snapshot_drift as drift
            join audit.files on drift._file_id = files._file_id and files.kind = 'snapshot' and files.batch_at = drift._batch_at
        """
        assert connection.execute(traced).fetchone() == (len(rows),)
    for organization_id, *row in rows:
        assert tuple(row) not in found[organization_id]
        found[organization_id].add(tuple(row))
    return found


def updated(record: str, before: str, after: str, is_later: bool = False) -> tuple[Any, ...]:
    """The row for `updated_at`, as text."""
    return record, "different", "updated_at", *(moment.replace("T", " ").removesuffix("Z") for moment in (before, after)), is_later


@pytest.mark.parametrize("case", ["agrees", "full-load"])
def test_a_snapshot_that_agrees_with_its_feed_or_has_none_shows_no_drift(drift, case: str):
    assert drift[case] == set()


def test_what_the_feed_had_missed_is_listed_by_column_and_record(drift):
    assert drift["missed"] == {
        ("1", "different", "priority", "LOW", "HIGH", False),
        updated("1", NINE, TEN),
        ("5", "missing_in_feed", None, None, None, False),
    }


def test_a_record_that_the_feed_had_deleted_and_the_snapshot_holds(drift):
    assert drift["undeleted"] == {("2", "deleted_in_feed", None, None, None, False)}


def test_a_record_that_the_feed_has_and_the_snapshot_lacks(drift):
    assert drift["lacks"] == {("3", "missing_in_snapshot", None, None, None, False)}


def test_what_the_snapshot_cannot_have_seen_is_left_out(drift):
    assert drift["stale"] == {("3", "different", "status", "OPEN", "DONE", False)}


def test_what_a_later_change_file_brings_was_late_and_not_missed(drift):
    assert drift["late"] == {
        ("1", "different", "priority", "LOW", "HIGH", True),
        updated("1", NINE, TEN, is_later=True),
        ("5", "missing_in_feed", None, None, None, True),
    }


def test_a_value_that_the_snapshot_has_null_differs(drift):
    assert drift["null"] == {("1", "different", "priority", "LOW", None, False)}


def test_a_snapshot_in_parts_is_one(drift):
    assert drift["parts"] == {
        ("2", "different", "status", "OPEN", "DONE", False),
        updated("2", EIGHT, NINE),
        ("3", "missing_in_snapshot", None, None, None, False),
    }
