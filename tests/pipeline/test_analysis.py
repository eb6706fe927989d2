"""as_of and changes_between over random feeds: held against the contract's rule and against each other, in dbt and without it."""

import json
import shutil
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import duckdb
import pytest

from loaders.table_macros import create_table_macros
from tests.pipeline.harness import TOPIC, Warehouse, as_organization, draw_cases
from tests.pipeline.small_project import small_project

Row = dict[str, Any]
KEY = ("_organization_id", "id")
ALWAYS = (datetime(1970, 1, 1), datetime(2100, 1, 1))
MODELS = {
    "open_then": f"{{{{ as_of('{TOPIC}', '2026-06-01T12:00:00+02:00') }}}}",
    "known_now": f"select * from ({{{{ as_of('{TOPIC}', 'now()') }}}})",
    "of_that_year": f"with changed as ({{{{ changes_between('{TOPIC}', '2026-01-01', \"date '2026-12-31'\") }}}}) select * from changed",
}


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    """Forty random feeds, delivered and built at once."""
    made = Warehouse(tmp_path_factory.mktemp("analysis"))
    cases = [as_organization(case, f"org-{number:04}") for number, case in enumerate(draw_cases(40, 14))]
    made.deliver(delivered for case in cases for run in case for delivered in run)
    made.sync()
    made.build("--select", f"+{TOPIC}")
    return made


@pytest.fixture(scope="module")
def connection(warehouse: Warehouse, tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    """A copy of what was built, with the table macros that publishing makes."""
    path = tmp_path_factory.mktemp("copy") / "copy.duckdb"
    shutil.copy(warehouse.home / "build.duckdb", path)
    with duckdb.connect(str(path)) as opened:
        create_table_macros(opened)
        yield opened


def ask(connection: duckdb.DuckDBPyConnection, query: str, *values: Any) -> list[Row]:
    found = connection.execute(query, list(values))
    names = [name for name, *_ in found.description or ()]
    return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


@pytest.fixture(scope="module")
def history(connection: duckdb.DuckDBPyConnection) -> list[Row]:
    return ask(connection, f"from marts.{TOPIC}_history order by _organization_id, id, version_number")


@pytest.fixture(scope="module")
def moments(history: list[Row]) -> list[datetime]:
    """Moments at which something happens, and a microsecond before and after: where an interval could be off by one."""
    happened = sorted({row[name] for row in history for name in ("valid_from", "valid_to") if row[name]})
    chosen = [*happened[:: max(1, len(happened) // 8)], happened[-1]]
    return sorted({at + timedelta(microseconds=shift) for at in chosen for shift in (-1, 0, 1)})


def key(row: Row) -> tuple:
    return tuple(row[name] for name in KEY)


def lived_at(row: Row, moment: datetime) -> bool:
    return moment >= row["valid_from"] and (row["valid_to"] is None or moment < row["valid_to"]) and not row["is_deleted"]


def as_of(connection: duckdb.DuckDBPyConnection, moment: datetime) -> list[Row]:
    return ask(connection, f"from marts.{TOPIC}_as_of(?)", moment)


def changes(connection: duckdb.DuckDBPyConnection, since: datetime, before: datetime) -> list[Row]:
    in_order = "_organization_id, id, coalesce(version_after, version_before + 0.5), column_name"
    return ask(connection, f"from marts.{TOPIC}_changes_between(?, ?) order by {in_order}", since, before)


def steps_of(rows: list[Row]) -> dict[tuple, list[Row]]:
    """A record's steps, each once, in order."""
    steps: dict[tuple, dict] = defaultdict(dict)
    for row in rows:
        steps[key(row)][row["version_before"], row["version_after"]] = row
    return {record: list(found.values()) for record, found in steps.items()}


def test_as_of_is_the_contracts_rule(connection, history, moments):
    for moment in moments:
        expected = Counter((key(row), row["_file_id"], row["_row_number"]) for row in history if lived_at(row, moment))
        assert Counter((key(row), row["_file_id"], row["_row_number"]) for row in as_of(connection, moment)) == expected, moment


def test_as_of_now_is_the_current_table(connection):
    now, current = (f"select * from {source}" for source in (f"marts.{TOPIC}_as_of(now())", f"marts.{TOPIC}"))
    assert ask(connection, f"select count(*) as rows from marts.{TOPIC}")[0]["rows"] > 50
    assert ask(connection, f"({now} except all {current}) union all ({current} except all {now})") == []
    assert names_of(connection, now) == names_of(connection, current)


def names_of(connection: duckdb.DuckDBPyConnection, query: str) -> list[str]:
    return [name for name, *_ in connection.execute(query).description or ()]


def test_every_version_and_every_hard_delete_is_a_step_of_its_own(connection, history, moments):
    found = [row for steps in steps_of(changes(connection, *ALWAYS)).values() for row in steps]
    begun = Counter((key(row), row["version_number"], row["valid_from"], row["change_type"]) for row in history)
    assert (
        Counter((key(row), row["version_after"], row["changed_at"], row["change_type"]) for row in found if row["version_after"]) == begun
    )
    followed = {(key(old), old["version_number"]) for old, new in pairwise(history) if key(old) == key(new) and follows(old, new)}
    ended = {(key(row), row["version_number"]) for row in history if row["valid_to"]} - followed
    assert {(key(row), row["version_before"]) for row in found if row["change_type"] == "delete"} == ended
    assert len(ended) > 20


def follows(old: Row, new: Row) -> bool:
    """Whether a version took the place of the one before it, with no delete between."""
    return old["valid_to"] == new["valid_from"] and new["change_type"] != "insert"


def test_adjacent_intervals_share_no_step_and_together_have_all(connection, moments):
    parts = [row for since, before in pairwise(moments) for row in changes(connection, since, before)]
    whole = changes(connection, moments[0], moments[-1])
    assert Counter(map(frozen, parts)) == Counter(map(frozen, whole))


def frozen(row: Row) -> tuple:
    return tuple(row.items())


def test_what_existed_and_what_came_without_what_went_is_what_exists(connection, moments):
    for since, before in zip(moments, moments[5:], strict=False):
        alive = {key(row) for row in as_of(connection, since - timedelta(microseconds=1))}
        for record, steps in steps_of(changes(connection, since, before)).items():
            assert steps[0]["existed_before"] == (record in alive), (record, since)
            assert all(one["exists_after"] == next_one["existed_before"] for one, next_one in pairwise(steps)), (record, since)
            alive = alive | {record} if steps[-1]["exists_after"] else alive - {record}
        assert alive == {key(row) for row in as_of(connection, before - timedelta(microseconds=1))}, (since, before)


def test_the_changed_columns_lead_from_one_image_to_the_next(connection, history):
    business = [name for name in names_of(connection, f"from marts.{TOPIC}") if not name.startswith("_")]
    query = f"select columns(* exclude (version_number))::varchar, version_number from marts.{TOPIC}_history"
    images = {(*key(row), row["version_number"]): {name: row[name] for name in business} for row in ask(connection, query)}
    rows = changes(connection, *ALWAYS)
    told: dict[tuple, Row] = defaultdict(dict)
    for row in rows:
        if row["column_name"] is not None:
            told[*key(row), row["version_before"], row["version_after"]][row["column_name"]] = (row["old_value"], row["new_value"])
    followed = [(old, new) for old, new in pairwise(history) if key(old) == key(new) and follows(old, new)]
    expected = {}
    for old, new in followed:
        before, after = (images[*key(row), row["version_number"]] for row in (old, new))
        differing = {name: (before[name], after[name]) for name in before if before[name] != after[name]}
        expected[*key(old), old["version_number"], new["version_number"]] = differing
    assert dict(told) == expected
    assert len(expected) > 50


def test_a_model_of_ones_own_says_the_same_and_stands_on_the_history(warehouse, connection, tmp_path):
    project = small_project(tmp_path / "project").folder
    (project / "models" / "own").mkdir()
    for name, sql in MODELS.items():
        (project / "models" / "own" / f"{name}.sql").write_text("{{ config(schema='own', materialized='table') }}\n" + sql)
    warehouse.dbt("run", "--select", "path:models/own", "--project-dir", str(project), "--profiles-dir", str(project))

    manifest = json.loads((warehouse.home / "target" / "manifest.json").read_text())
    for name in MODELS:
        assert manifest["nodes"][f"model.fortress_warehouse.{name}"]["depends_on"]["nodes"] == [f"model.fortress_warehouse.{TOPIC}_history"]
    pairs = {
        "open_then": f"{TOPIC}_as_of('2026-06-01 10:00')",
        "known_now": f"{TOPIC}_as_of('2100-01-01')",
        "of_that_year": f"{TOPIC}_changes_between('2026-01-01', '2026-12-31')",
    }
    connection.execute(f"attach '{warehouse.home / 'build.duckdb'}' as built (read_only)")
    for name, macro in pairs.items():
        assert ask(connection, f"select count(*) as rows from built.own.{name}")[0]["rows"] > 0, name
        for one, other in ((f"built.own.{name}", f"marts.{macro}"), (f"marts.{macro}", f"built.own.{name}")):
            assert ask(connection, f"from {one} except all from {other}") == [], name
    connection.execute("detach built")
