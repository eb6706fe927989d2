"""Columns whose names are code, in SQL, in Jinja or in HTML, through the whole pipeline: names and nothing else, everywhere."""

import csv
import os
import re
import sys
from pathlib import Path

import duckdb
import pytest

from tests import forked
from tests.pipeline.harness import Warehouse
from tests.pipeline.small_project import SmallProject

SECRET = "pl4nted-in-the-environment"

# Each delivered name, and what the marts call it. Those with one name in the marts are one column: the registry's spelling counts,
# else the first by the alphabet.
NAMES = {
    "unit_id": "unit_id",
    "unit Id": "unit_id",
    "unitId": "unit_id",  # the registry's, and here the last, so that it is the one whose value is looked for
    "mood-A": "mood_a",
    "mood+a": "mood_a",  # which nobody knows: `+` stands before `-`
    'say "hi"': "say_hi",
    "it's": "it_s",
    "x;drop table raw._files;--": "x_drop_table_raw__files",
    "'; drop schema marts cascade; --": "delivered__drop_schema_marts_cascade",
    '"); select 1; --': "delivered__select_1",
    "a,b": "a_b",
    "/* x */": "delivered__x",
    "_file_id": "delivered__file_id",
    "_op": "delivered__op",
    "_row_number": "delivered__row_number",
    "_organization_id": "delivered__organization_id",
    "select": "select",
    "from": "from",
    "order": "order",
    "null": "null",
    "true": "true",
    "exclude": "exclude",
    "image": "image",
    "rowid": "delivered_rowid",  # DuckDB finds rows by its own
    **{name: name for name in ("kind", "batch_order", "delivered", "log", "touched", "found", "filename", "old")},
    "isDeleted": "delivered_is_deleted",
    "validFrom": "delivered_valid_from",
    "outcome": "delivered_outcome",
    "іd": "іd",  # a Cyrillic letter
    "Straße": "straße",
    "état": "état",
    "ｉｄ": "ｉｄ",  # two wide ones
    "{{ env_var('FORTRESS_SSH_PASSWORD') }}": "delivered__env_var_fortress_ssh_password",
    "{% raw %}": "delivered__raw",
    "{# c": "delivered__c",
    "{{ 1/0 }}": "delivered__1_0",
    "$1": "delivered__1",
    "%s": "delivered__s",
    "a\\nb": "a_nb",
    "</script><script>alert(1)</script>": "delivered__script_script_alert_1_script",
    "x" * 300: "x" * 300,
    "🙂": "column",
}


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory, monkeypatch_module: pytest.MonkeyPatch) -> Warehouse:
    monkeypatch_module.setenv("FORTRESS_SSH_PASSWORD", SECRET)
    warehouse = Warehouse(tmp_path_factory.mktemp("columns"))
    folder = warehouse.exports / "acme" / "public" / "exported_workorders"
    folder.mkdir(parents=True)
    header = ["id", "status", "updatedAt", *NAMES]
    _write(folder / "LOAD.csv", header, ["r1", "OPEN", "2026-01-01T00:00:00Z", *(f"old {n}" for n in range(len(NAMES)))])
    warehouse.sync()
    warehouse.build()
    _write(folder / "20260101-080000000.csv", ["OP", *header], ["U", "r1", "DONE", "2026-01-01T08:00:00Z", *map(_value, range(len(NAMES)))])
    warehouse.sync()
    warehouse.build()  # on top: what is there is read back by these names
    return warehouse


@pytest.fixture(scope="module")
def monkeypatch_module():
    with pytest.MonkeyPatch.context() as patch:
        yield patch


def _value(number: int) -> str:
    return f"new {number}"


def _write(path: Path, header: list[str], row: list[str]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, lineterminator="\n", quoting=csv.QUOTE_ALL).writerows([header, row])


@pytest.mark.parametrize("mart", ["workorders", "workorders_history", "workorders_changes"])
def test_every_column_is_in_the_marts_under_its_tame_name_with_its_value(warehouse: Warehouse, mart: str):
    (row,) = (row for row in warehouse.rows(f"marts.{mart}") if row["status"] == "DONE")
    assert (row["id"], row["_organization_id"], row["_row_number"]) == ("r1", "acme", 1)
    assert {name: row[name] for name in NAMES.values()} == {name: _value(n) for n, name in enumerate(NAMES.values())}


def test_the_tests_of_the_marts_can_be_run_on_them(warehouse: Warehouse):
    warehouse.test("workorders workorders_history workorders_changes")


def test_raw_has_the_names_as_they_were_delivered(warehouse: Warehouse):
    (row,) = (row for row in warehouse.rows("raw.workorders") if row["status"] == "DONE")
    ours = {"_file_id", "_op", "_row_number", "_organization_id"}
    for number, name in enumerate(NAMES):
        assert row[f"delivered_{name}" if name in ours else name] == _value(number)
    assert (row["_organization_id"], row["_row_number"], row["_op"]) == ("acme", 1, "U")


def test_nothing_was_dropped_and_nothing_of_the_environment_was_rendered(warehouse: Warehouse):
    with duckdb.connect(str(warehouse.home / "build.duckdb"), read_only=True) as connection:
        assert connection.execute("select count(*) from raw._files where status = 'loaded'").fetchone() == (2,)
    for path in warehouse.home.rglob("*"):
        if path.is_file():
            assert SECRET.encode() not in path.read_bytes(), path


def test_the_docs_page_shows_the_names_as_text_and_runs_none(warehouse: Warehouse, project: SmallProject, tmp_path: Path):
    page = tmp_path / "docs.html"
    command = [sys.executable, "-m", "loaders", "docs", "--out", str(page)]
    environment = warehouse.environment() | {"FORTRESS_SSH_PASSWORD": SECRET}
    done = forked.run(command, cwd=project.folder, env=os.environ | environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    text = page.read_text(encoding="utf-8")
    assert "<script>alert(1)" not in text
    assert SECRET not in text + done.stdout + done.stderr
    assert re.search(r"alert\(1\)", text), "the name itself is in the page, as text"
