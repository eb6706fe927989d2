"""Traps that have cost others their data, each as a named test on the real pipeline.

Every trap is an organization of its own, delivered in two runs with a build after each, so that late files are late.
The loader's own traps (headers, empty strings, host keys) are tested in tests/loaders.
"""

import shutil
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest

from tests import forked
from tests.oracle.batches import Delivered
from tests.pipeline.harness import PROJECT, STORED, Warehouse

DAY = "20260601"
Rows = list[dict[str, Any]]


def at(clock: str) -> datetime:
    return datetime.fromisoformat(f"2026-06-01T{clock}").replace(tzinfo=UTC)


def delivered(organization: str, name: str, columns: str, *rows: str, modified: str = "23:00:00") -> Delivered:
    """``delivered("acme", "LOAD.csv", "id status", "1 OPEN")``; ``-`` is null."""
    values = tuple(tuple(None if value == "-" else value for value in row.split()) for row in rows)
    return Delivered(organization, "workorders", name, at(modified), tuple(columns.split()), values)


def change(organization: str, clock: str, *rows: str, columns: str = "OP id status", form: str = "csv") -> Delivered:
    return delivered(organization, f"{DAY}-{clock.replace(':', '')}000.{form}", columns, *rows, modified=clock)


def load(organization: str, clock: str, *rows: str, columns: str = "id status", form: str = "csv") -> Delivered:
    return delivered(organization, f"LOAD.{form}", columns, *rows, modified=clock)


FIRST_RUN = [
    load("name-order", "22:00:00", "1 OPEN"),
    change("name-order", "08:00:00", "U 1 DONE"),
    load("late", "00:10:00", "1 OPEN"),
    change("late", "10:00:00", "U 1 DONE"),
    load("equal-stamps", "00:10:00", "1 OPEN", "2 OPEN"),
    delivered("equal-stamps", f"{DAY}-080000123.csv", "OP id status", "U 1 DONE"),
    load("identical", "00:10:00", "9 OPEN"),
    change("identical", "08:00:00", "I 1 OPEN"),
    change("identical", "09:00:00", "D 1 -"),
    load("reload", "00:10:00", "1 OPEN", "2 OPEN"),
    load("full-load", "00:10:00", "1 OPEN", "2 OPEN"),
    load("formats", "00:10:00", "1 12.50 true", columns="id totalLaborCost isAlarmActive"),
    load("twin-a", "00:10:00", "1 OPEN"),
    load("twin-b", "00:10:00", "1 DONE"),
    load("many-files", "00:10:00", "1 v0"),
    *(change("many-files", f"{hour:02}:00:00", f"U 1 v{hour}") for hour in range(1, 13)),
    load("revised", "00:10:00", "1 OPEN"),
    change("revised", "08:00:00", "U 1 WRONG", "I 2 OPEN"),
    load("columns", "00:10:00", "1 OPEN"),
]
SECOND_RUN = [
    change("late", "09:00:00", "U 1 STARTED"),
    delivered("equal-stamps", f"{DAY}-0800001230.csv", "OP id status", "U 2 DONE"),
    change("identical", "10:00:00", "I 1 OPEN"),
    change("reload", "08:00:00", "D 1 -", "I 1 DONE", "I 2 DONE", "D 2 -"),
    load("full-load", "12:00:00", "2 OPEN", "3 OPEN"),
    change("formats", "08:00:00", "U 1 12.5 1", columns="OP id totalLaborCost isAlarmActive", form="parquet"),
    change("twin-a", "08:00:00", "D 1 -"),
    delivered("revised", f"{DAY}-080000000.csv", "OP id status", "U 1 RIGHT", modified="12:00:00"),
    change("columns", "08:00:00", "U 1 OPEN 7", columns="op id status neverHeardOf"),
    change("spelling", "08:00:00", "U 1 u1 2026-06-01T07:00:00Z", columns="OP ID UNITID UPDATEDAT"),
    load("spelling", "00:10:00", "1 u0 -", columns="iD unitid updatedat"),
]


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    found = Warehouse(tmp_path_factory.mktemp("traps"), topics=("workorders", "leases"))
    for run in (FIRST_RUN, SECOND_RUN):
        found.deliver(run)
        found.sync()
        found.build()
    return found


def current(warehouse: Warehouse, organization: str) -> dict[str, Any]:
    return {row["id"]: row["status"] for row in warehouse.rows("marts.workorders") if row["_organization_id"] == organization}


def history(warehouse: Warehouse, organization: str) -> Rows:
    rows = [row for row in warehouse.rows("marts.workorders_history") if row["_organization_id"] == organization]
    return sorted(rows, key=lambda row: (row["id"], row["version_number"]))


def test_load_comes_first_though_its_name_sorts_last_and_it_was_written_last(warehouse):
    assert current(warehouse, "name-order") == {"1": "DONE"}


def test_a_late_file_does_not_roll_the_state_back_and_makes_its_version(warehouse):
    assert current(warehouse, "late") == {"1": "DONE"}
    assert [row["status"] for row in history(warehouse, "late")] == ["OPEN", "STARTED", "DONE"]


def test_a_later_file_with_an_equal_time_is_not_lost(warehouse):
    assert current(warehouse, "equal-stamps") == {"1": "DONE", "2": "DONE"}


def test_a_file_that_equals_an_earlier_one_to_the_byte_is_applied(warehouse):
    assert current(warehouse, "identical") == {"9": "OPEN", "1": "OPEN"}


def test_a_reload_in_either_row_order_is_not_a_deletion(warehouse):
    assert current(warehouse, "reload") == {"1": "DONE", "2": "DONE"}
    assert [row["change_type"] for row in history(warehouse, "reload")] == ["snapshot", "replace", "snapshot", "replace"]


def test_in_full_load_mode_what_a_snapshot_lacks_is_deleted(warehouse):
    assert current(warehouse, "full-load") == {"2": "OPEN", "3": "OPEN"}


def test_a_switch_from_csv_to_parquet_and_from_12_50_to_12_5_makes_no_version(warehouse):
    assert len(history(warehouse, "formats")) == 1


def test_two_organizations_with_the_same_ids_do_not_touch_each_other(warehouse):
    assert (current(warehouse, "twin-a"), current(warehouse, "twin-b")) == ({}, {"1": "DONE"})


def test_versions_between_files_that_came_together_are_all_there(warehouse):
    assert [row["status"] for row in history(warehouse, "many-files")] == [f"v{hour}" for hour in range(13)]


def test_a_revision_takes_back_all_that_the_old_content_did(warehouse):
    assert current(warehouse, "revised") == {"1": "RIGHT"}
    assert [row["status"] for row in history(warehouse, "revised")] == ["OPEN", "RIGHT"]


def test_a_column_that_nobody_expected_reaches_every_mart(warehouse):
    for table in ("marts.workorders", "marts.workorders_history", "marts.workorders_changes"):
        assert {row["never_heard_of"] for row in warehouse.rows(table) if row["_organization_id"] == "columns"} >= {"7"}


def test_names_that_differ_in_case_are_the_registrys_columns_whoever_came_first(warehouse):
    assert [(row["unit_id"], row["valid_from"].hour) for row in history(warehouse, "spelling")] == [("u0", 0), ("u1", 7)]


def test_the_models_unit_tests_pass(warehouse):
    warehouse.test_units()


def test_tables_that_are_rewritten_have_no_index_and_no_constraint(warehouse):
    with duckdb.connect(str(warehouse.home / "build.duckdb"), read_only=True) as connection:
        assert connection.execute("select * from duckdb_indexes()").fetchall() == []
        assert connection.execute("select * from duckdb_constraints() where schema_name in ('raw', 'marts', 'audit')").fetchall() == []


def test_a_topic_that_was_never_delivered_is_there_and_empty(warehouse):
    with duckdb.connect(str(warehouse.home / "build.duckdb"), read_only=True) as connection:
        assert connection.execute("select count(*), count(rent_amount) from marts.leases").fetchone() == (0, 0)


BREAKAGES = {
    "one row per place in a file": f"insert into marts.workorders_changes by name select {STORED} from marts.workorders_changes limit 1",
    "intervals are sound": "update marts.workorders_changes set valid_to = valid_from - interval 1 hour where not is_current",
    "the history as of now is current": """
        create or replace view marts.workorders as from marts.workorders_history where is_current and status <> 'DONE'
    """,
    "the log holds what was delivered": "delete from raw.workorders where _organization_id = 'twin-b'",
}


def test_the_test_of_a_topic_passes_on_sound_tables_and_names_each_invariant_that_is_broken(warehouse, tmp_path: Path):
    warehouse.test("sound_workorders")
    broken = Warehouse(tmp_path)
    shutil.copy(warehouse.home / "build.duckdb", broken.home / "build.duckdb")
    with duckdb.connect(str(broken.home / "build.duckdb")) as connection:
        for statement in BREAKAGES.values():
            connection.execute(statement)
    at_once, in_portions = findings(broken), findings(broken, "--vars", "{rows_of_a_portion: 1}")
    assert {invariant for invariant, _ in at_once} >= set(BREAKAGES)
    assert in_portions == at_once


def findings(broken: Warehouse, *options: str) -> list[tuple[str, str]]:
    with pytest.raises(RuntimeError):
        broken.test("sound_workorders", "--store-failures", *options)
    with duckdb.connect(str(broken.home / "build.duckdb")) as connection:
        return connection.execute("from dbt_test__audit.sound_workorders order by all").fetchall()


def test_the_published_file_stands_alone_and_says_what_the_build_says(warehouse):
    forked.run([sys.executable, "-m", "loaders", "publish"], env=warehouse.environment(), cwd=PROJECT, check=True, capture_output=True)
    elsewhere = shutil.copy(warehouse.home / "fortress.duckdb", warehouse.home / "copied-under-another-name.duckdb")
    with duckdb.connect(str(elsewhere), read_only=True) as connection:
        schemas = {name for (name,) in connection.execute("select distinct schema_name from duckdb_tables()").fetchall()}
        assert schemas == {"marts", "audit"}
        for table in ("marts.workorders", "marts.workorders_history", "marts.workorders_changes"):
            (count,) = connection.execute(f"select count(*) from {table}").fetchone()
            assert count == len(warehouse.rows(table))
