"""Which deliveries count, and in which order: the decisions about versions, formats, parts and equal instants."""

from tests.oracle.test_replay import at, change, file, load, pick, run


def whole(name: str, clock: str, value: str):
    return file(name, "id name", f"1 {value}", modified=at(clock))


def test_the_last_version_to_arrive_counts_even_with_an_older_modification_time():
    tables = run(change("10:00:00", "U 1 a", modified=at("16:00:00")), change("10:00:00", "U 1 b", modified=at("15:00:00")))
    assert pick(tables.changes, "name", "outcome") == [("a", "revised"), ("b", "applied")]


def test_a_version_equal_to_the_one_in_force_is_nothing():
    tables = run(change("10:00:00", "U 1 a", modified=at("15:00:00")), change("10:00:00", "U 1 a", modified=at("16:00:00")))
    assert pick(tables.changes, "outcome", "modified_at") == [("applied", at("15:00:00"))]


def test_of_the_second_format_of_a_snapshot_the_first_version_is_a_duplicate_and_later_ones_are_snapshots():
    tables = run(whole("LOAD.parquet", "10:00:00", "p"), whole("LOAD.csv", "11:00:00", "c1"), whole("LOAD.csv", "12:00:00", "c2"))
    assert pick(tables.history, "name", "valid_from") == [("p", at("10:00:00")), ("c2", at("12:00:00"))]
    assert len(tables.changes) == 2


def test_snapshots_are_walked_by_modification_time_and_not_by_arrival():
    tables = run(whole("LOAD.csv", "12:00:00", "b"), whole("LOAD.csv", "10:00:00", "a"), whole("LOAD.csv", "14:00:00", "b"))
    assert pick(tables.history, "name", "valid_from") == [("a", at("10:00:00")), ("b", at("12:00:00"))]
    assert len(tables.changes) == 2  # the last one is what stood just before it in time


def test_snapshots_of_one_moment_stand_in_order_of_arrival():
    earlier = whole("LOAD.csv", "09:00:00", "a")
    again = whole("LOAD.csv", "12:00:00", "csv"), whole("LOAD.parquet", "10:00:00", "x"), whole("LOAD.parquet", "12:00:00", "parquet")
    assert pick(run(earlier, *again).current, "name") == [("parquet",)]
    assert pick(run(earlier, *again[1:], again[0]).current, "name") == [("csv",)]


def test_a_snapshot_stands_before_a_change_file_of_the_same_instant():
    tables = run(load("09:00:00", "1 a -"), change("10:00:00", "U 1 change"), load("10:00:00", "1 snapshot -"))
    spans = pick(tables.history, "name", "valid_from", "valid_to")
    assert spans == [
        ("a", at("09:00:00"), at("10:00:00")),
        ("snapshot", at("10:00:00"), at("10:00:00")),  # the formula to the letter: an empty interval
        ("change", at("10:00:00"), None),
    ]


def test_two_stems_of_one_instant_are_two_batches_in_order_of_the_stems():
    files = [file(f"20260301-{digits}.csv", "OP id name", f"U 1 {digits}") for digits in ("1000001230", "100000123", "1000001230009")]
    assert pick(run(*files).history, "name") == [("100000123",), ("1000001230",), ("1000001230009",)]


def test_two_byte_identical_change_files_are_two_batches():
    tables = run(change("10:00:00", "I 1 a"), change("11:00:00", "D 1 -"), change("12:00:00", "I 1 a"))
    assert pick(tables.current, "name", "_batch_at") == [("a", at("12:00:00"))]


def test_of_one_id_twice_in_a_snapshot_the_last_row_counts():
    tables = run(load("09:00:00", "1 first -", "1 last -"))
    assert pick(tables.changes, "name", "outcome") == [("first", "superseded_in_batch"), ("last", "applied")]


def test_a_new_snapshot_begins_when_a_part_number_repeats():
    parts = [("2", "09:00:00", "a"), ("1", "09:00:01", "b"), ("1", "12:00:00", "c"), ("2", "12:00:01", "d")]
    tables = run(*(whole(f"LOAD0000000{part}.csv", clock, value) for part, clock, value in parts))
    assert pick(tables.history, "name", "valid_from") == [("a", at("09:00:01")), ("d", at("12:00:01"))]
    assert pick(tables.changes, "outcome") == [("superseded_in_batch",), ("applied",)] * 2


def test_columns_may_be_missing_and_come_back():
    full, short = "OP id name amount", "op id name"
    tables = run(
        change("10:00:00", "I 1 a 1.5", columns=full),
        change("11:00:00", "u 1 a", columns=short),
        change("12:00:00", "U 1 a 1.5", columns=full),
    )
    assert [row["amount"] and float(row["amount"]) for row in tables.history] == [1.5, None, 1.5]
