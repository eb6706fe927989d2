"""The replay on examples worked out by hand, from the contract and from what others have published."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.oracle.batches import Delivered
from tests.oracle.replay import RESOLUTIONS, Tables, replay

TYPES = {"id": "text", "created_at": "timestamp", "updated_at": "timestamp", "deleted_at": "timestamp", "name": "text", "amount": "decimal"}
DAY = datetime(2026, 3, 1)


def at(clock: str) -> datetime:
    return datetime.fromisoformat(f"2026-03-01T{clock}")


def file(name: str, columns: str, *rows: str | tuple, modified: datetime | None = None) -> Delivered:
    """Columns and rows as blank-separated words; ``-`` is null."""
    values = [tuple(None if value == "-" else value for value in (row.split() if isinstance(row, str) else row)) for row in rows]
    stem = name.split(".")[0]
    moment = modified or (DAY if stem.startswith("LOAD") else datetime.strptime(stem[:18] + "000", "%Y%m%d-%H%M%S%f"))
    return Delivered("org", "units", name, moment.replace(tzinfo=UTC), tuple(columns.split()), tuple(values))


def change(clock: str, *rows: str, columns: str = "OP id name", **more: Any) -> Delivered:
    return file(f"20260301-{clock.replace(':', '')}000.csv", columns, *rows, **more)


def run(*files: Delivered, types: dict[str, str] = TYPES, resolution: str = "precedence") -> Tables:
    return replay(files, types, resolution)


def pick(rows: list[dict[str, Any]], *columns: str) -> list[tuple]:
    return [tuple(row[column] for column in columns) for row in rows]


LOAD = file("LOAD.csv", "id name", "1 old")


@pytest.mark.parametrize("rows", [("D 1 -", "I 1 new"), ("I 1 new", "D 1 -")])
def test_a_reload_ends_as_a_replaced_record_in_whatever_row_order(rows):
    tables = run(LOAD, change("10:00:00", *rows))
    assert pick(tables.current, "id", "name") == [("1", "new")]
    assert pick(tables.history, "name", "change_type", "valid_to", "version_number") == [
        ("old", "snapshot", at("10:00:00"), 1),
        ("new", "replace", None, 2),
    ]
    assert sorted(pick(tables.changes, "_op", "outcome"), key=str) == [("D", "superseded_in_batch"), ("I", "applied"), (None, "applied")]


# userId, name, city, operation, sequenceNum: the published example of AUTO CDC. A sequence number is one change file here.
AUTO_CDC = {
    1: ("I 124 Raul Oaxaca", "I 123 Isabel Monterrey"),
    2: ("I 125 Mercedes Tijuana", "I 126 Lily Cancun"),
    5: ("U 125 Mercedes Mexicali", "U 123 Isabel Chihuahua"),
    6: ("D 123 - -", "U 125 Mercedes Guadalajara"),
}


@pytest.mark.parametrize("arrival", [(1, 2, 5, 6), (1, 2, 6, 5), (6, 5, 2, 1)])
def test_the_published_auto_cdc_example_gives_its_scd_1_and_scd_2_tables(arrival):
    types = {"id": "text", "name": "text", "city": "text", "deleted_at": "timestamp"}
    tables = run(*(change(f"10:00:0{n}", *AUTO_CDC[n], columns="OP id name city") for n in arrival), types=types)
    assert sorted(pick(tables.current, "id", "name", "city")) == [
        ("124", "Raul", "Oaxaca"),
        ("125", "Mercedes", "Guadalajara"),
        ("126", "Lily", "Cancun"),
    ]
    spans = sorted((r["id"], r["valid_from"].second, r["valid_to"] and r["valid_to"].second, r["city"]) for r in tables.history)
    assert spans == [
        ("123", 1, 5, "Monterrey"),
        ("123", 5, 6, "Chihuahua"),
        ("124", 1, None, "Oaxaca"),
        ("125", 2, 5, "Tijuana"),
        ("125", 5, 6, "Mexicali"),
        ("125", 6, None, "Guadalajara"),
        ("126", 2, None, "Cancun"),
    ]


def test_the_published_snapshot_example_of_orders_pending_then_shipped():
    columns = "id name updatedAt"
    rows = ("1 pending 2024-01-01T10:47:00Z", "1 shipped 2024-01-01T11:05:00Z", "2 pending 2024-01-01T11:05:00Z")
    pending = file("LOAD.csv", columns, rows[0], modified=datetime(2024, 1, 1, 11))
    shipped = file("LOAD.csv", columns, *rows[1:], modified=datetime(2024, 1, 1, 12))
    ordered, changed = datetime(2024, 1, 1, 10, 47), datetime(2024, 1, 1, 11, 5)
    assert pick(run(pending, shipped).history, "id", "name", "valid_from", "valid_to") == [
        ("1", "pending", ordered, changed),
        ("1", "shipped", changed, None),
        ("2", "pending", changed, None),
    ]


def test_the_supplier_who_moved_from_california_to_illinois_has_two_versions():
    columns = "OP id name updatedAt"
    start = file("20000101-000000000.csv", columns, "I ABC CA 2000-01-01T00:00:00Z")
    move = file("20041222-000000000.csv", columns, "U ABC IL 2004-12-22T00:00:00Z")
    assert pick(run(start, move).history, "name", "valid_from", "valid_to", "is_current", "version_number") == [
        ("CA", datetime(2000, 1, 1), datetime(2004, 12, 22), False, 1),
        ("IL", datetime(2004, 12, 22), None, True, 2),
    ]


def test_a_late_file_takes_its_own_place_and_does_not_roll_state_back():
    late = change("10:00:00", "U 1 late")
    tables = run(LOAD, change("11:00:00", "U 1 newest"), late)
    assert pick(tables.history, "name", "valid_from") == [("old", DAY), ("late", at("10:00:00")), ("newest", at("11:00:00"))]


def test_a_delete_in_a_later_file_beats_an_insert_in_an_earlier_one():
    tables = run(change("10:00:00", "I 1 a"), change("11:00:00", "D 1 -"), change("12:00:00", "I 1 a"))
    assert pick(tables.history, "change_type", "valid_from", "valid_to") == [
        ("insert", at("10:00:00"), at("11:00:00")),
        ("insert", at("12:00:00"), None),
    ]


def test_a_revision_replaces_the_old_content_and_the_old_rows_stay_in_the_change_log():
    first, second = change("10:00:00", "U 1 wrong", "I 2 wrong"), change("10:00:00", "U 1 right", modified=at("15:00:00"))
    tables = run(LOAD, first, second)
    assert pick(tables.current, "id", "name") == [("1", "right")]
    assert pick(tables.changes, "name", "outcome") == [("old", "applied"), ("wrong", "revised"), ("wrong", "revised"), ("right", "applied")]
    back = run(LOAD, first, second, change("10:00:00", "U 1 wrong", "I 2 wrong", modified=at("16:00:00")))
    assert pick(back.current, "id", "name") == [("1", "wrong"), ("2", "wrong")]


def test_the_other_format_of_a_change_file_is_a_duplicate_of_which_nothing_is_seen():
    first = change("10:00:00", "U 1 csv")
    second = file("20260301-100000000.parquet", "OP id name", "U 1 parquet")
    assert pick(run(LOAD, first, second).changes, "name") == [("old",), ("csv",)]
    assert pick(run(LOAD, second, first).changes, "name") == [("old",), ("parquet",)]


def load(clock: str, *rows: str) -> Delivered:
    return file("LOAD.csv", "id name updatedAt", *rows, modified=at(clock))


def test_a_later_snapshot_leaves_alone_what_a_change_file_touched_after_its_high_water_mark():
    first = load("09:00:00", "1 a -", "2 a -", "3 a -", "4 a -")
    seen = change("10:00:00", "U 3 seen")
    unseen = change("11:00:00", "U 1 unseen", "D 2 -", "I 5 unseen")
    later = load("12:00:00", "1 a -", "2 a -", "3 again 2026-03-01T10:00:00Z")
    tables = run(first, seen, unseen, later)
    assert sorted(pick(tables.current, "id", "name")) == [("1", "unseen"), ("3", "again"), ("5", "unseen")]  # 4 is gone, 5 is not
    outcomes = [row["outcome"] for row in tables.changes if row["modified_at"] == at("12:00:00")]
    assert outcomes == ["stale_snapshot", "stale_snapshot", "applied"]


def test_a_snapshot_without_any_updated_at_has_seen_everything_before_it():
    tables = run(load("09:00:00", "1 a -"), change("11:00:00", "I 2 x"), load("11:00:00", "1 b -"), change("12:00:00", "I 3 x"))
    assert sorted(pick(tables.current, "id", "name")) == [("1", "b"), ("2", "x"), ("3", "x")]
    tables = run(load("09:00:00", "1 a -"), change("11:00:00", "I 2 x"), load("11:00:01", "1 b -"))
    assert pick(tables.current, "id", "name") == [("1", "b")]


def test_the_first_snapshot_comes_before_every_change_file_and_a_millisecond_before_the_records_next_step():
    tables = run(change("10:00:00", "U 1 new"), load("15:00:00", "1 old -", "2 old -"))
    assert pick(tables.history, "id", "name", "valid_from", "valid_to") == [
        ("1", "old", at("10:00:00") - timedelta(milliseconds=1), at("10:00:00")),
        ("1", "new", at("10:00:00"), None),
        ("2", "old", at("15:00:00"), None),
    ]
    assert pick(tables.history, "_batch_at") == [(at("15:00:00"),), (at("10:00:00"),), (at("15:00:00"),)]


def test_a_rows_own_time_is_believed_between_the_previous_batch_of_the_record_and_its_own():
    columns = "OP id name createdAt updatedAt"
    tables = run(
        change("10:00:00", "I 1 a 2026-03-01T09:00:00Z -", columns=columns),  # createdAt stands in
        change("11:00:00", "U 1 b - 2026-03-01T12:30:00+02:00", columns=columns),  # 10:30 UTC: believed
        change("12:00:00", "U 1 c - 2026-03-01T11:00:00Z", columns=columns),  # not after the previous batch
        change("13:00:00", "U 1 d - 2026-03-01T13:00:00.001Z", columns=columns),  # after its own batch
        change("14:00:00", "D 1 2026-03-01T13:59:00Z", columns="OP id deletedAt"),
    )
    assert pick(tables.history, "valid_from") == [(at("09:00:00"),), (at("10:30:00"),), (at("12:00:00"),), (at("13:00:00"),)]
    assert tables.history[-1]["valid_to"] == at("13:59:00")


def test_there_is_no_version_without_a_change_of_a_typed_value():
    columns = "OP id amount"
    parquet = file("20260301-120000000.parquet", columns, "D 1 -", "I 1 12.500000")
    tables = run(change("10:00:00", "I 1 12.5", columns=columns), change("11:00:00", "U 1 12.50", columns=columns), parquet)
    assert len(tables.history) == 1
    assert pick(tables.changes, "outcome") == [("applied",), ("no_effect",), ("superseded_in_batch",), ("no_effect",)]


def test_a_soft_delete_ends_in_history_and_not_in_current():
    tables = run(LOAD, change("10:00:00", "U 1 old 2026-03-01T09:59:00Z", columns="OP id name deletedAt"))
    assert tables.current == []
    assert pick(tables.history, "is_current", "is_deleted", "change_type") == [(False, False, "snapshot"), (True, True, "update")]


def test_snapshots_a_b_a_are_three_and_the_same_again_is_nothing():
    tables = run(load("09:00:00", "1 a -"), load("10:00:00", "1 b -"), load("11:00:00", "1 b -"), load("12:00:00", "1 a -"))
    assert pick(tables.history, "name", "valid_from") == [("a", at("09:00:00")), ("b", at("10:00:00")), ("a", at("12:00:00"))]
    assert len(tables.changes) == 3


def test_parts_are_one_snapshot_and_a_part_delivered_alone_deletes_nothing_of_the_others():
    one, two = (file(f"LOAD0000000{n}.csv", "id name", f"{n} a", f"{n}{n} a", modified=at(f"09:00:0{n}")) for n in (1, 2))
    again = file("LOAD00000002.csv", "id name", "2 b", modified=at("12:00:00"))
    tables = run(two, again, one)
    assert sorted(pick(tables.current, "id", "name", "_batch_at")) == [
        ("1", "a", at("09:00:02")),
        ("11", "a", at("09:00:02")),
        ("2", "b", at("12:00:00")),
    ]


def test_a_delete_of_what_is_not_there_has_no_effect_and_stays_in_the_change_log():
    tables = run(change("10:00:00", "d 1 -"), change("11:00:00", "U 1 a"))
    assert pick(tables.changes, "_op", "outcome") == [("D", "no_effect"), ("U", "applied")]
    assert pick(tables.history, "change_type") == [("insert",)]


def test_the_three_resolutions_differ_and_the_disagreement_is_listed():
    rows = ("I 1 first 2026-03-01T09:01:00Z", "U 1 second 2026-03-01T09:09:00Z", "I 1 third 2026-03-01T09:02:00Z", "D 1 - -")
    batch = change("10:00:00", *rows, columns="OP id name updatedAt")
    names = {rule: pick(run(batch, resolution=rule).current, "name") for rule in RESOLUTIONS}
    assert names == {"precedence": [("third",)], "row_order": [], "newest_image": [("second",)]}
    same_image = change("11:00:00", "I 2 x", "U 2 x")
    [listed] = run(batch, same_image).rule_disagreements
    assert [listed[f"{rule}_row_number"] for rule in RESOLUTIONS] == [3, 4, 2]
    assert [listed[f"{rule}_is_delete"] for rule in RESOLUTIONS] == [False, True, False]


def test_names_are_compared_as_times_and_other_names_are_left_alone():
    files = [file(f"20260301-{digits}.csv", "OP id name", f"U 1 {digits}") for digits in ("1000001234", "100000123", "1000005", "100000")]
    assert pick(run(*files).history, "name", "valid_from") == [
        ("100000123", at("10:00:00.123")),
        ("1000001234", at("10:00:00.123400")),
    ]
