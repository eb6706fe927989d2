"""Files that would change too much at once are held: every case is a whole sync."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from loaders.errors import SettingsError
from loaders.gate_settings import NO_GATES, Gates, GateSettings, load_gates
from loaders.remote import open_remote
from loaders.settings import PROJECT
from loaders.sync import make_plan
from loaders.warehouse import open_build
from tests import forked
from tests.loaders.conftest import Home
from tests.loaders.units import HELD, LOAD, LOADED, arrive, change, changes, decide, operations, reason, snapshot, statuses

# --- columns


def wide(columns: int, header: str = "OP,id,status", row: str = "U,1,DONE") -> str:
    return header + "".join(f",junk{n}" for n in range(columns)) + "\n" + row + ",x" * columns + "\n"


def test_a_file_that_brings_columns_by_the_hundred_is_held_and_widens_nothing_until_it_is_released(home: Home):
    arrive(
        home,
        (LOAD, snapshot(range(5))),
        (change(8), wide(300)),
        (change(9), wide(200, row="U,2,DONE")),
        (change(10), changes("U,3,DONE,NEW\n", header="OP,id,status,floor")),
    )
    assert statuses(home) == ["loaded", "held", "loaded", "loaded"]
    assert reason(home) == "the file would bring 300 columns that the topic does not have; the limit is 200"
    table = "select count(*) from duckdb_columns() where schema_name = 'raw' and table_name = 'units'"
    assert home.ask(table) == [(2 + 200 + 1 + 4,)]
    (released,) = decide(home, "release", change(8))
    assert released.version.status == "loaded"
    assert home.ask(table) == [(2 + 300 + 1 + 4,)]


def test_the_registrys_columns_are_known_before_they_come_and_a_topic_that_nobody_knows_may_begin_with_any(home: Home):
    arrive(home, ("acme/units/LOAD.csv", wide(300, "id", "1")), ("acme/keyfobs/LOAD.csv", wide(300, "id", "1")))
    assert sorted(home.ledger("topic, status")) == [("keyfobs", "loaded"), ("units", "held")]
    assert home.ask("select count(*) from duckdb_tables() where schema_name = 'raw' and table_name = 'units'") == [(0,)]


@pytest.mark.parametrize(("limit", "expected"), [(None, LOADED), (10, HELD), (11, LOADED)])
def test_how_many_columns_a_file_may_bring_can_be_set(home: Home, limit: int | None, expected: list[str]):
    arrive(home, (LOAD, snapshot(range(5))), (change(8), wide(11)), gates=GateSettings(Gates(columns_added=limit)))
    assert statuses(home) == expected


# --- snapshots


def test_a_snapshot_with_far_fewer_records_than_the_topic_is_held_and_the_old_rows_stand(home: Home):
    arrive(home, (LOAD, snapshot(range(200))), ("beta/units/LOAD.csv", snapshot(range(5))), (LOAD, snapshot(range(88))))
    assert sorted(home.ledger("organization_id, status")) == [("acme", "held"), ("acme", "loaded"), ("beta", "loaded")]
    assert "the snapshot holds 88 records where the topic has 200, 56% fewer; the limit is 30%" in reason(home)
    assert "the snapshot would delete 112 of the 200 records that are known; the limit is 50%" in reason(home)
    assert home.ask("select count(*) from raw.units where _organization_id = 'acme'") == [(200,)]


@pytest.mark.parametrize(("before", "after", "expected"), [(200, 140, LOADED), (200, 139, HELD), (99, 1, LOADED), (100, 1, HELD)])
def test_a_snapshot_at_the_limit_or_of_a_small_topic_passes(home: Home, before: int, after: int, expected: list[str]):
    arrive(home, (LOAD, snapshot(range(before))), (LOAD, snapshot(range(after))))
    assert statuses(home) == expected


def test_a_snapshot_is_compared_with_what_change_files_have_made_of_the_one_before(home: Home):
    arrive(home, (LOAD, snapshot(range(200))))
    home.deliver(change(1), changes(operations("D", range(50)), operations("I", range(200, 210))))
    home.deliver(change(2), changes(operations("D", range(50, 90))))
    home.deliver(LOAD, snapshot(range(90, 200)), minute=200)
    home.sync()
    assert statuses(home) == ["loaded"] * 4
    home.deliver(LOAD, snapshot(range(1000, 1110)), minute=210)
    home.sync()
    assert reason(home) == "the snapshot would delete 110 of the 110 records that are known; the limit is 50%"


def test_a_snapshot_whose_ids_are_others_is_held_though_it_has_as_many_rows(home: Home):
    arrive(home, (LOAD, snapshot(range(200))), (LOAD, snapshot(range(101, 301))))
    assert reason(home) == "the snapshot would delete 101 of the 200 records that are known; the limit is 50%"
    arrive(home, (LOAD, snapshot(range(100, 300))))
    assert statuses(home) == ["loaded", "superseded", "loaded"]


def test_soft_deleted_records_are_none(home: Home):
    text = "id,deletedAt\n" + "".join(f"{n},\n" for n in range(100)) + "".join(f"{n},2026-01-01T00:00:00Z\n" for n in range(100, 500))
    arrive(home, (LOAD, text), (LOAD, "id,deletedAt\n" + "".join(f"{n},\n" for n in range(75))))
    assert statuses(home) == LOADED
    everything_deleted = "id,deletedAt\n" + "".join(f"{n},2026-01-01T00:00:00Z\n" for n in range(100))
    home.deliver("beta/units/LOAD.csv", text, minute=1)
    home.sync()
    home.deliver("beta/units/LOAD.csv", everything_deleted, minute=2)
    home.sync()
    assert "holds 0 records where the topic has 100" in reason(home)


def test_a_first_snapshot_passes_whatever_change_files_came_before_it(home: Home):
    home.deliver(change(1), changes(operations("I", range(300))))
    home.sync()
    home.deliver(LOAD, snapshot(range(10)), minute=500)
    home.sync()
    assert statuses(home) == LOADED


def test_a_snapshot_in_parts_is_judged_part_by_part(home: Home):
    one, two = LOAD.replace("LOAD", "LOAD00000001"), LOAD.replace("LOAD", "LOAD00000002")
    arrive(home, (one, snapshot(range(200))), (two, snapshot(range(200, 400))))
    home.deliver(one, snapshot(range(200, 390)), minute=11)  # which ids stand in which part means nothing
    home.deliver(two, snapshot(range(20)), minute=12)
    home.sync()
    assert statuses(home) == ["loaded", "loaded", "loaded", "held"]
    assert reason(home) == "the snapshot holds 20 records where the part before it had 200, 90% fewer; the limit is 30%"


# --- change files


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        (operations("D", range(61)), "the file would delete 61 of 200 records; the limit is 30%"),
        (operations("D", range(60)), None),
        (operations("D", range(500, 900)), None),
        (operations("D", range(200)) + operations("I", range(200), "NEW"), None),
        (operations("I", range(200), "NEW") + operations("D", range(200)), None),
        (operations("D", range(40)) + operations("D", range(40)), None),
    ],
    ids=["beyond the limit", "at the limit", "of unknown records", "a reload", "a reload, the other way round", "the same ones twice"],
)
def test_a_change_file_that_deletes_a_large_share_is_held(home: Home, rows: str, expected: str | None):
    arrive(home, (LOAD, snapshot(range(200))), (change(1), changes(rows)))
    assert statuses(home) == (HELD if expected else LOADED)
    assert expected is None or reason(home) == expected


def test_a_soft_delete_is_a_deletion(home: Home):
    arrive(home, (LOAD, "id,deletedAt\n" + "".join(f"{n},\n" for n in range(200))))
    home.deliver(change(1), "OP,id,deletedAt\n" + "".join(f"U,{n},2026-01-01T00:30:00Z\n" for n in range(100)))
    home.sync()
    assert reason(home) == "the file would delete 100 of 200 records; the limit is 30%"


def test_what_the_files_before_it_in_the_same_sync_did_counts(home: Home):
    home.deliver(LOAD, snapshot(range(200)))
    home.deliver(change(1), changes(operations("I", range(200, 600))))
    home.deliver(change(2), changes(operations("D", range(100))))
    home.deliver(change(3), changes(operations("D", range(100, 300))))
    home.sync()
    assert statuses(home) == ["loaded", "loaded", "loaded", "held"]
    assert reason(home) == "the file would delete 200 of 500 records; the limit is 30%"


def test_a_late_file_is_judged_at_its_own_place(home: Home):
    arrive(home, (LOAD, snapshot(range(200))), (change(10), changes(operations("I", range(200, 1200)))))
    home.deliver(change(9), changes(operations("D", range(100))))
    home.sync()
    assert reason(home) == "the file would delete 100 of 200 records; the limit is 30%"


def test_a_held_revision_leaves_the_version_before_it_in_force(home: Home):
    revised = changes(operations("U", range(5), "DONE")), changes(operations("D", range(150)))
    arrive(home, (LOAD, snapshot(range(200))), *((change(1), content) for content in revised))
    assert statuses(home) == ["loaded", "loaded", "held"]
    decide(home, "release", change(1))
    assert home.ledger("file_name, status") == [("LOAD.csv", "loaded"), (change(1)[11:], "superseded"), (change(1)[11:], "loaded")]


def test_files_after_a_held_one_go_on_and_are_judged_without_it(home: Home):
    arrive(home, (LOAD, snapshot(range(200))), (change(1), changes(operations("D", range(100)))))
    arrive(home, (change(2), changes(operations("D", range(40)))))
    assert statuses(home) == ["loaded", "held", "loaded"]


# --- columns that turn null


@pytest.mark.parametrize(
    ("updates", "expected"),
    [
        (changes(operations("U", range(20))), HELD),
        ("OP,id\n" + "".join(f"U,{n}\n" for n in range(20)), HELD),
        (changes(operations("U", range(19))), LOADED),
        (changes(operations("U", range(19)), "U,19,OPEN\n"), LOADED),
        (changes(operations("I", range(200, 260))), LOADED),
    ],
    ids=["null in all", "not delivered", "too few", "filled once", "inserts"],
)
def test_a_column_that_no_update_fills_and_that_was_mostly_filled_holds_the_file(home: Home, updates: str, expected: list[str]):
    arrive(home, (LOAD, snapshot(range(50))), (change(1), updates))
    assert statuses(home) == expected
    assert expected is LOADED or reason(home) == "none of the file's 20 updates fills 'status' (100% before); the limit is 50%"


def test_a_column_that_was_mostly_null_may_be_so_on(home: Home):
    arrive(home, (LOAD, "id,status\n" + "".join(f"{n},{'OPEN' if n % 2 else ''}\n" for n in range(100))))
    arrive(home, (change(1), changes(operations("U", range(30)))))
    assert statuses(home) == LOADED


def test_once_released_an_empty_column_is_what_the_next_file_is_compared_with(home: Home):
    arrive(home, (LOAD, snapshot(range(50))), (change(1), changes(operations("U", range(30)))))
    arrive(home, (change(2), changes(operations("U", range(30), "DONE"))), (change(3), changes(operations("U", range(30)))))
    assert statuses(home) == ["loaded", "held", "loaded", "held"]
    decide(home, "release", change(3))
    arrive(home, (change(4), changes(operations("U", range(30)))))
    assert home.ledger("file_name, status")[-2:] == [(change(3)[11:], "loaded"), (change(4)[11:], "loaded")]


# --- files cut off in their last value


def test_a_last_line_that_does_not_end_holds_the_file_where_all_others_do(home: Home):
    for hour in range(10):
        home.deliver(change(hour), changes("U,1,OPEN\n"))
        home.deliver(change(hour, "beta"), changes("U,1,OPEN\n") if hour else changes("U,1,OPEN"))
        home.deliver(change(hour, "gamma"), changes("U,1,OPEN\n") if hour else "")
    home.sync()
    for organization in ("acme", "beta", "gamma"):
        home.deliver(change(10, organization), changes("U,1,OPEN\n", "U,2,OP"))
    home.sync()
    found = dict(home.ask("select organization_id, status from raw._files where hour(batch_at) = 10"))
    assert found == {"acme": "held", "beta": "loaded", "gamma": "loaded"}
    why = home.ask("select reason from raw._files where status = 'held'")
    assert why[0][0].startswith("the last line does not end, as it does in 10 of the organization's 10 CSV files before")


# --- settings


def test_every_limit_can_be_set_and_switched_off_by_topic(home: Home):
    strict = GateSettings(Gates(minimum_records=10, changes_delete=0.0), {"leases": NO_GATES})
    for topic in ("units", "leases"):
        arrive(home, (f"acme/{topic}/LOAD.csv", snapshot(range(10))), gates=strict)
        arrive(home, (change(1, topic=topic), changes(operations("D", [1, 2]))), gates=strict)
    assert home.ledger("topic, status")[1::2] == [("units", "held"), ("leases", "loaded")]


def project(folder: Path, variables: str) -> Path:
    path = folder / "dbt_project.yml"
    path.write_text(f"vars:\n{variables}")
    return path


def test_settings_are_read_from_the_project_with_the_defaults_for_all_that_they_do_not_name(tmp_path: Path):
    text = "  gates: {changes_delete: 0.1}\n  gates_by_topic: {units: {column_empties: null}, leases: off}\n"
    found = load_gates(project(tmp_path, text))
    assert found.default == Gates(changes_delete=0.1)
    assert found.of("units") == Gates(changes_delete=0.1, column_empties=None)
    assert found.of("leases") == NO_GATES
    assert load_gates(tmp_path / "nowhere.yml") == GateSettings()


@pytest.mark.parametrize(
    "variables",
    [
        *("gates: {changes_deletes: 0.1}", "gates: {changes_delete: 30}", "gates: {changes_delete: true}", "gates: [1]"),
        *("gates: {minimum_records: null}", "gates_by_topic: {units: 0.3}"),
    ],
)
def test_a_setting_that_is_none_is_refused(tmp_path: Path, variables: str):
    with pytest.raises(SettingsError, match=r"^dbt_project.yml: gates"):
        load_gates(project(tmp_path, f"  {variables}\n"))


def test_an_exception_for_a_topic_that_does_not_exist_is_refused(home: Home):
    arrive(home, ("acme/NeverHeardOf/LOAD.csv", "id\n1\n"), gates=GateSettings(by_topic={"neverheardof": NO_GATES}))
    with pytest.raises(SettingsError, match="names neverheardoff, and there is no such topic"):
        arrive(home, (LOAD, "id\n1\n"), gates=GateSettings(by_topic={"neverheardoff": NO_GATES}))


# --- what a held file leaves, and where it is seen


def test_a_held_file_leaves_no_row_no_column_and_no_table(home: Home):
    arrive(home, (LOAD, snapshot(range(200))))
    home.deliver(change(1), "OP,id,status,new\n" + "".join(f"D,{n},,x\n" for n in range(100)))
    home.sync()
    assert home.columns("units") == ["id", "status"]
    assert home.ask("select count(*) from raw.units") == [(200,)]
    decide(home, "release", change(1))
    assert home.columns("units") == ["id", "status", "new"]


def command(home: Home, *arguments: str) -> "subprocess.CompletedProcess[str]":
    own = {
        "FORTRESS_HOME": str(home.settings.home),
        "FORTRESS_EXPORTS_URL": str(home.settings.exports_url),
        "USER": "ana",
        "LOGNAME": "ana",
    }
    arguments = (sys.executable, "-m", "loaders", *arguments)
    return forked.run(arguments, cwd=PROJECT, env=os.environ | own, capture_output=True, text=True, check=False)


def test_commands_say_what_is_held_and_end_with_3_until_it_is_released(home: Home):
    arrive(home, (LOAD, snapshot(range(200))))
    home.deliver(change(1), changes(operations("D", range(100))))
    figures = f"held: {change(1)}: the file would delete 100 of 200 records; the limit is 30%"
    for name in ("sync", "status", "quarantine"):
        done = command(home, name)
        assert (done.returncode, figures in done.stdout) == (3, True)
    assert "the file would delete 100 of 200 records" in command(home, "plan").stdout
    assert command(home, "release", change(1)).returncode == 2  # without a reason
    done = command(home, "release", change(1), "--reason", "sold")
    assert (done.returncode, f"loaded: {change(1)}: released by ana on " in done.stdout) == (0, True)
    assert (command(home, "sync").returncode, command(home, "status").returncode) == (0, 0)


# --- the order of a sync


def test_a_sync_loads_in_the_contracts_order(home: Home):
    home.deliver(LOAD, snapshot(range(3)))
    home.sync()
    home.deliver(LOAD, snapshot(range(4)), minute=150)
    home.deliver("beta/units/LOAD.csv", snapshot(range(4)), minute=150)
    for hour in (1, 2, 3):
        home.deliver(change(hour), changes())
        home.deliver(change(hour, "beta"), changes())
    with open_build(home.settings.build, read_only=True) as connection, open_remote(home.settings) as remote:
        planned = [f"{one.organization_id} {one.name.stem[-9:-7]}" for one in make_plan(connection, remote.list_exports()).wanted]
    assert planned == ["acme 01", "acme 02", "acme ", "acme 03", "beta ", "beta 01", "beta 02", "beta 03"]
