"""verify: says nothing of a sound warehouse, however it came about, and finds every row that somebody edited by hand."""

import json
import shutil
import sys
from pathlib import Path
from typing import Any

import duckdb
import pytest

from tests import forked
from tests.pipeline.harness import PROJECT, TOPIC, Warehouse, as_organization, draw_cases


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    """Twenty random feeds with late files, revisions and new snapshots, in up to three runs."""
    made = Warehouse(tmp_path_factory.mktemp("sound"))
    cases = [as_organization(case, f"org-{number:02}") for number, case in enumerate(draw_cases(20, 4))]
    for run in range(3):
        made.deliver(delivered for case in cases for delivered in (case[run] if run < len(case) else []))
        made.sync()
        made.build()
    return made


@pytest.fixture
def warehouse(sound: Warehouse, tmp_path: Path) -> Warehouse:
    """A copy to do harm to."""
    shutil.copy(sound.home / "build.duckdb", tmp_path)
    shutil.copytree(sound.home / "landing", tmp_path / "landing")
    return Warehouse(tmp_path)


def verify(warehouse: Warehouse, expected: int) -> dict[str, Any]:
    command = [sys.executable, "-m", "loaders", "verify", "--json"]
    done = forked.run(command, cwd=PROJECT, env=warehouse.environment(), capture_output=True, text=True, check=False)
    assert done.returncode == expected, done.stdout + done.stderr
    assert [path.name for path in warehouse.home.glob("verify-*")] == []
    return json.loads(done.stdout)


def edit(warehouse: Warehouse, *statements: str) -> None:
    with duckdb.connect(str(warehouse.home / "build.duckdb")) as connection:
        for statement in statements:
            connection.execute(statement)


def test_a_warehouse_that_came_about_in_three_runs_is_what_one_run_gives(sound):
    found = verify(sound, expected=0)
    assert found["differences"] == [] and found["tables"] >= 5 and found["files"] > 60


def test_every_edited_table_is_found_with_the_file_whose_rows_differ(warehouse):
    edit(
        warehouse,
        f"update raw.{TOPIC} set status = 'EDITED' where rowid = (select max(rowid) from raw.{TOPIC})",
        f"delete from marts.{TOPIC}_changes where rowid = (select min(rowid) from marts.{TOPIC}_changes)",
        f"create table tampered as select * replace ('x' as status) from marts.{TOPIC}",
        f"create or replace view marts.{TOPIC} as from main.tampered",
        "update audit.files set reason = 'nobody knows' where _file_id = (select min(_file_id) from audit.files)",
        "update raw._files set batch_at = batch_at - interval 1 day where _file_id = (select max(_file_id) from raw._files)",
    )
    found = verify(warehouse, expected=4)["differences"]
    edited = {"raw._files", "audit.files", f"raw.{TOPIC}", f"marts.{TOPIC}_changes", f"marts.{TOPIC}"}
    assert edited <= {one["table"] for one in found} <= edited | {f"marts.{TOPIC}_history"}  # if the deleted row made a version
    assert all(one["file"].startswith("org-") for one in found)


def test_a_landed_file_that_was_changed_or_lost_is_named(warehouse):
    first, second, *_ = sorted((warehouse.home / "landing").rglob("*.csv"))
    first.chmod(0o600)
    first.write_bytes(first.read_bytes() + b"\n")
    second.unlink()
    found = verify(warehouse, expected=4)["differences"]
    assert {one["table"] for one in found} == {"landing"}
    assert {one["what"].split()[0] for one in found} == {str(first), str(second)}


def test_what_is_loaded_and_not_built_is_no_difference(warehouse):
    edit(warehouse, f"delete from marts.{TOPIC}_changes where _file_id = (select max(_file_id) from marts.{TOPIC}_changes)")
    command = [sys.executable, "-m", "loaders", "verify"]
    done = forked.run(command, cwd=PROJECT, env=warehouse.environment(), capture_output=True, text=True, check=False)
    assert done.returncode == 1 and "loaded but not built: workorders" in done.stderr
