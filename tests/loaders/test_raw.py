"""What arrives, when, and again: which versions count, which rows are in raw, and what a killed run leaves."""

import os
import random
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from loaders.settings import Settings
from tests import forked
from tests.loaders.conftest import Home
from tests.loaders.test_readers import parquet

PROJECT = Path(__file__).resolve().parents[2]
LOAD, CHANGE, LATER = "acme/units/LOAD.csv", "acme/units/20260101-080000000.csv", "acme/units/20260101-090000000.csv"
A, B, BAD = "OP,id,a\nU,1,A\n", "OP,id,a\nU,1,B\n", "OP,id,a\nU,1\n"


def rows(home: Home, columns: str = "id, a") -> list[tuple[Any, ...]]:
    return home.ask(f"select {columns} from raw.units order by _file_id, _row_number")


def statuses(home: Home) -> list[str]:
    return [status for (status,) in home.ledger("status")]


def is_sound(home: Home) -> bool:
    """The ledger and raw agree: every row has its file, and every file that was read has all its rows, once."""
    held = "select _file_id, count(*) as rows, count(distinct _row_number) as numbers from raw.units group by _file_id"
    ledger = "select _file_id, row_count from raw._files where row_count > 0 and topic = 'units'"
    query = f"from ({held}) full join ({ledger}) using (_file_id) where rows is distinct from row_count or numbers <> rows"
    return home.ask(query) == []


# --- bad files and their repair


def test_a_repaired_file_is_loaded_and_the_bad_one_superseded(home: Home):
    home.deliver(CHANGE, BAD)
    home.deliver(LATER, A)
    home.sync()
    assert home.ledger("status, row_count") == [("quarantined", None), ("loaded", 1)]
    home.deliver(CHANGE, B, minute=1)
    home.sync()
    assert home.ledger() == [
        ("20260101-080000000.csv", "superseded"),
        ("20260101-090000000.csv", "loaded"),
        ("20260101-080000000.csv", "loaded"),
    ]
    assert rows(home) == [("1", "A"), ("1", "B")]


def test_a_bad_file_is_not_read_again_until_it_changes(home: Home):
    home.deliver(CHANGE, BAD)
    home.sync()
    assert home.sync().plan.wanted == ()
    home.deliver(CHANGE, BAD, minute=1)
    again = home.sync()
    assert (again.loaded, len(again.same_content), statuses(home)) == ([], 1, ["quarantined"])


def test_a_bad_revision_leaves_the_version_before_it_in_force(home: Home):
    for minute, content in enumerate((A, BAD)):
        home.deliver(CHANGE, content, minute)
        home.sync()
    assert (statuses(home), rows(home)) == (["loaded", "quarantined"], [("1", "A")])


def test_the_content_in_force_delivered_after_a_bad_one_is_nothing_but_the_end_of_the_bad_one(home: Home):
    for minute, content in enumerate((A, BAD, A)):
        home.deliver(CHANGE, content, minute)
        home.sync()
    assert (statuses(home), rows(home)) == (["loaded", "superseded", "duplicate"], [("1", "A")])


def test_a_bad_snapshot_leaves_the_snapshots_before_it(home: Home):
    for minute, content in enumerate((A, BAD, A, B)):
        home.deliver(LOAD, content, minute)
        home.sync()
    assert statuses(home) == ["loaded", "superseded", "duplicate", "loaded"]
    assert rows(home) == [("1", "A"), ("1", "B")]


def test_a_file_that_counts_as_a_duplicate_is_not_read(home: Home):
    home.deliver(CHANGE, A)
    home.sync()
    home.deliver(CHANGE.replace("csv", "parquet"), b"torn")
    assert home.sync().attention == []
    assert statuses(home) == ["loaded", "duplicate"]


# --- columns that come and go


def test_new_columns_are_added_and_missing_ones_stay(home: Home):
    home.deliver(CHANGE, "OP,id,a\nI,1,x\n")
    home.deliver(LATER, "OP,id,b\nI,2,y\n")
    home.deliver("acme/units/20260101-100000000.csv", "OP,b,a,id\nI,y,x,3\n")
    home.sync()
    assert home.columns("units") == ["id", "a", "b"]
    assert rows(home, "id, a, b") == [("1", "x", None), ("2", None, "y"), ("3", "x", "y")]


def test_types_are_never_guessed(home: Home):
    """A type guessed from ten files breaks on the eleventh."""
    values = [f"0{n}" for n in range(10)] + ["twelve", "2026-01-01", "true"]
    for hour, value in enumerate(values):
        home.deliver(f"acme/units/20260101-{hour:02}0000000.csv", f"OP,id,a\nU,1,{value}\n")
    home.sync()
    assert [a for _, a in rows(home)] == values


def test_a_topic_that_nobody_knows_is_loaded(home: Home):
    home.deliver("acme/NeverHeardOf2/LOAD.csv", "id\n1\n")
    home.deliver("acme/select/LOAD.csv", "id\n2\n")
    home.sync()
    assert home.ask('select id from raw.neverheardof2 union all select id from raw."select"') == [("1",), ("2",)]


# --- what counts


def test_a_late_file_is_loaded_however_old_its_name(home: Home):
    home.deliver(LATER, A)
    home.sync()
    home.deliver("acme/units/19990101-000000000.csv", B)
    home.sync()
    assert rows(home) == [("1", "A"), ("1", "B")]


def test_identical_change_files_under_two_names_both_count(home: Home):
    """Content is no identity: `I 1`, `D 1`, `I 1` would end as a deleted record."""
    home.deliver(CHANGE, A)
    home.deliver(LATER, A)
    home.sync()
    assert (statuses(home), rows(home)) == (["loaded", "loaded"], [("1", "A")] * 2)


def test_the_same_content_delivered_again_is_nothing(home: Home):
    for minute in range(3):
        home.deliver(CHANGE, A, minute)
        home.deliver(LOAD, A, minute)
        home.sync()
    assert sorted(home.ledger("kind, status, row_count")) == [
        ("change", "loaded", 1),
        ("snapshot", "duplicate", None),
        ("snapshot", "duplicate", None),
        ("snapshot", "loaded", 1),
    ]
    assert len(rows(home)) == 2


def test_a_revision_supersedes_and_keeps_the_old_rows_and_so_does_going_back(home: Home):
    for minute, content in enumerate((A, B, A)):
        home.deliver(CHANGE, content, minute)
        home.sync()
    assert statuses(home) == ["superseded", "superseded", "loaded"]
    assert rows(home) == [("1", "A"), ("1", "B"), ("1", "A")]


def test_a_revision_counts_by_its_delivery_and_not_by_its_time(home: Home):
    for minute, content in ((5, A), (1, B)):
        home.deliver(CHANGE, content, minute)
        home.sync()
    assert statuses(home) == ["superseded", "loaded"]


@pytest.mark.parametrize("stem", ["LOAD", "20260101-080000000"])
def test_one_stem_in_two_formats_is_one_batch(home: Home, stem: str):
    home.deliver(f"acme/units/{stem}.csv", A)
    home.sync()
    home.deliver(f"acme/units/{stem}.parquet", parquet({"OP": ["U"], "id": ["1"], "a": ["P"]}))
    home.sync()
    assert (statuses(home), rows(home)) == (["loaded", "duplicate"], [("1", "A")])


def test_the_format_that_was_first_is_replaced_by_its_own_revision(home: Home):
    home.deliver(CHANGE, A)
    home.sync()
    home.deliver(CHANGE.replace("csv", "parquet"), parquet({"OP": ["U"], "id": ["1"]}))
    home.deliver(CHANGE, B, minute=1)
    home.sync()
    assert sorted(home.ledger()) == [
        ("20260101-080000000.csv", "loaded"),
        ("20260101-080000000.csv", "superseded"),
        ("20260101-080000000.parquet", "duplicate"),
    ]


def test_snapshots_that_go_to_and_fro_are_three(home: Home):
    for minute, content in enumerate((A, B, A)):
        home.deliver(LOAD, content, minute)
        home.sync()
    assert (statuses(home), rows(home)) == (["loaded"] * 3, [("1", "A"), ("1", "B"), ("1", "A")])


def arrive(home: Home, *versions: tuple[int, str], path: str = LOAD) -> None:
    for minute, content in versions:
        home.deliver(path, content, minute)
        home.sync()


def test_a_snapshot_that_comes_to_stand_between_two_equal_ones_makes_the_later_one_count(home: Home):
    arrive(home, (3, A), (1, A))
    assert home.ledger("_file_id, status, minute(remote_mtime)") == [(1, "duplicate", 3), (2, "loaded", 1)]
    arrive(home, (2, B))
    assert home.ledger("_file_id, status, minute(remote_mtime)") == [(2, "loaded", 1), (3, "loaded", 2), (4, "loaded", 3)]
    assert rows(home, "_file_id, id, a") == [(2, "1", "A"), (3, "1", "B"), (4, "1", "A")]
    assert is_sound(home)


def test_a_snapshot_that_counts_again_and_cannot_be_read_is_quarantined_and_hurts_no_other(home: Home):
    """The Parquet twin of a CSV snapshot is not read; its later copy counts once another stands between them."""
    home.deliver(LOAD, A)
    home.sync()
    twin = LOAD.replace("csv", "parquet")
    arrive(home, (5, "torn"), (7, "torn"), path=twin)
    home.deliver(twin, parquet({"id": ["9"]}), minute=6)
    home.sync()
    assert sorted(home.ledger("status, minute(remote_mtime)")) == [("duplicate", 5), ("loaded", 0), ("loaded", 6), ("quarantined", 7)]
    assert is_sound(home)


def test_parts_of_a_snapshot_get_its_time_and_its_number(home: Home):
    one, two = LOAD.replace("LOAD", "LOAD00000001"), LOAD.replace("LOAD", "LOAD00000002")
    home.deliver(one, A, minute=1)
    home.sync()
    home.deliver(two, B, minute=2)
    home.sync()
    home.deliver(one, B, minute=11)
    home.deliver(two, A, minute=12)
    home.sync()
    assert home.ledger("minute(batch_at), minute(remote_mtime), snapshot_number") == [(2, 1, 1), (2, 2, 1), (12, 11, 2), (12, 12, 2)]


def test_a_vanished_file_is_reported_and_its_rows_stay_and_coming_back_is_nothing(home: Home):
    path = home.deliver(CHANGE, A)
    home.deliver(LATER, B)
    home.sync()
    path.unlink()
    assert [Path(gone).name for gone in home.sync().plan.vanished] == [path.name]
    assert home.sync().plan.vanished == ()
    assert home.ask("select file_name from raw._remote where vanished_at is not null") == [(path.name,)]
    assert len(rows(home)) == 2
    home.deliver(CHANGE, A)
    assert home.sync().plan.wanted == ()
    assert home.ask("select count(*) from raw._remote where vanished_at is not null") == [(0,)]


def test_a_second_run_loads_nothing(home: Home):
    home.deliver(LOAD, A)
    home.deliver(CHANGE, B)
    home.sync()
    before = home.ledger("*"), rows(home, "*")
    assert home.sync().loaded == []
    assert (home.ledger("*"), rows(home, "*")) == before


# --- runs that are killed


def deliver_much(home: Home) -> None:
    """Five organizations, each with a large snapshot, parts, change files, and a column that comes late."""
    for number in range(5):
        start = number * 1_000_000
        body = "".join(f'{start + n},"text, {n}"\n' for n in range(20_000))
        home.deliver(f"o{number}/units/LOAD.csv", "id,a\n" + body, minute=30)
        home.deliver(f"o{number}/units/LOAD00000001.csv", "id,a\n" + body[:50_000].rpartition("\n")[0] + "\n", minute=31)
        home.deliver(f"o{number}/units/LOAD00000002.csv", f"id,a,late{number}\n{start},x,y\n", minute=32)
        for hour in range(4):
            home.deliver(f"o{number}/units/20260101-{hour:02}0000000.csv", f"OP,id,a\nU,{start},{hour}\nD,{start + 1},\n")
        home.deliver(f"o{number}/units/20260101-230000000.csv", "OP,id\nX,1\n")


def state(home: Home) -> tuple[Any, ...]:
    """All that a run leaves, but for the ids and times that tell one run from another."""
    ledger = home.ask("select * exclude (_file_id, loaded_at) from raw._files order by all")
    digest = "count(*), bit_xor(hash(id, a, _organization_id, _row_number, _op, late3))"
    return ledger, home.ask(f"select file_name, {digest} from raw.units join raw._files using (_file_id) group by all order by all")


def start_sync(home: Home) -> "subprocess.Popen[str]":
    own = {"FORTRESS_HOME": str(home.settings.home), "FORTRESS_EXPORTS_URL": str(home.settings.exports_url)}
    command = [sys.executable, "-m", "loaders", "sync"]
    return forked.Popen(command, cwd=PROJECT, env=os.environ | own, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def kill_after(process: "subprocess.Popen[str]", lines: int, seconds: float) -> None:
    assert process.stdout is not None
    for _ in range(lines):
        process.stdout.readline()
    time.sleep(seconds)
    process.kill()
    process.communicate()


def test_after_any_number_of_kills_a_rerun_gives_what_an_undisturbed_run_gives(home: Home, tmp_path: Path):
    deliver_much(home)
    undisturbed = Home(Settings(tmp_path / "undisturbed", home.settings.exports_url), home.exports)
    undisturbed.sync()
    chance = random.Random(5)
    for lines in (1, 1, 2):
        kill_after(start_sync(home), lines, chance.random() * 0.1)
        assert is_sound(home)
    assert 0 < len(home.ledger()) < len(undisturbed.ledger())
    output, _ = (last := start_sync(home)).communicate()
    assert last.returncode == 3, output
    assert state(home) == state(undisturbed)
    (again := start_sync(home)).communicate()
    assert again.returncode == 3  # a bad file goes on waiting; nothing else is new
    assert state(home) == state(undisturbed)


def test_a_kill_while_a_snapshot_comes_to_count_again_leaves_all_or_nothing(home: Home, tmp_path: Path):
    """Both snapshots, the new one and the one that counts again, are written in one transaction."""
    large = "id,a\n" + "".join(f"{n},{'x' * 50}\n" for n in range(60_000))
    arrive(home, (3, large), (1, large))
    home.deliver(LOAD, large + "0,between\n", minute=2)
    wal = home.settings.build.with_name("build.duckdb.wal")
    for size in (1, 4_000_000):
        process = start_sync(home)
        while process.poll() is None and not (wal.exists() and wal.stat().st_size >= size):
            time.sleep(0.002)
        process.kill()
        process.communicate()
        assert is_sound(home)
        assert statuses(home) in (["duplicate", "loaded"], ["loaded"] * 3)
    (last := start_sync(home)).communicate()
    assert (last.returncode, statuses(home)) == (0, ["loaded"] * 3)
    assert is_sound(home)
