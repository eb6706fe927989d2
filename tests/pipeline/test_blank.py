"""Topics of which nothing was delivered: laid out by one macro, their tables are those that their models make."""

import subprocess
import sys

import duckdb
import pytest

from tests import forked
from tests.dbt_command import DBT, UNRECORDED
from tests.pipeline.harness import Warehouse
from tests.pipeline.small_project import SmallProject, small_project

TOPICS = frozenset({"workorders", "units", "leases"})
BY_HAND = "\nand 'somebody' <> 'nobody'\n"
CATALOG = (
    "select schema_name, table_name, column_name, column_index, data_type, comment, generation_expression from duckdb_columns()",
    "select schema_name, table_name, comment, null, null, null, null from duckdb_tables()",
    "select schema_name, view_name, comment, sql, null, null, null from duckdb_views()",
)


class Catalog:
    """What a build says of itself, by topic."""

    def __init__(self, warehouse: Warehouse):
        with duckdb.connect(str(warehouse.home / "build.duckdb"), read_only=True) as connection:
            found = [row for query in CATALOG for row in connection.execute(f"{query} where schema_name <> 'raw' order by all").fetchall()]
            self.seen = dict(connection.execute("from raw._seen").fetchall())
        self.rows = found

    def of(self, topic: str) -> list[tuple[object, ...]]:
        names = {f"stg_fortress__{topic}", f"{topic}_changes", f"{topic}_history", topic}
        return [row for row in self.rows if row[1] in names]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> SmallProject:
    """Three topics; a model of leases was edited by hand."""
    made = small_project(tmp_path_factory.mktemp("blank"), TOPICS)
    edited = made.folder / "models/marts/current/leases.sql"
    edited.write_text(edited.read_text() + BY_HAND)
    return made


@pytest.fixture(scope="module")
def warehouse(project: SmallProject, tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    """After a first run, with a file of work orders alone."""
    found = Warehouse(tmp_path_factory.mktemp("warehouse"))
    _deliver(found, "workorders")
    project.run(found, "run")
    return found


def _deliver(warehouse: Warehouse, topic: str) -> None:
    folder = warehouse.exports / "org-1" / "public" / f"exported_{topic}"
    folder.mkdir(parents=True)
    (folder / "LOAD.csv").write_text("id,createdAt,unitId\nA,2026-06-01T10:00:00Z,B\n")


@pytest.fixture(scope="module")
def first(warehouse: Warehouse) -> Catalog:
    return Catalog(warehouse)


@pytest.fixture(scope="module")
def by_hand(first: Catalog, warehouse: Warehouse, project: SmallProject) -> Catalog:
    """After dbt itself has built every model anew."""
    command = [sys.executable, *DBT, "run", *UNRECORDED, "--full-refresh", "--profiles-dir", str(project.folder)]
    done = forked.run(command, cwd=project.folder, env=warehouse.environment(), stdout=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 0, done.stdout
    return Catalog(warehouse)


def test_columns_types_comments_and_views_are_those_that_the_models_make(first: Catalog, by_hand: Catalog):
    assert len(first.of("units")) > 100
    assert first.rows == by_hand.rows
    assert first.seen == by_hand.seen


def test_dbt_was_not_asked_for_them(first: Catalog, warehouse: Warehouse):
    said = (warehouse.home / "logs" / "dbt.log").read_text()
    assert "marts.workorders_history" in said and "marts.leases_history" in said
    assert "units_history" not in said


def test_a_model_that_somebody_edited_is_built_as_it_stands(first: Catalog):
    views = [row for row in first.of("leases") if row[1] == "leases" and row[3] and "somebody" in str(row[3])]
    assert len(views) == 1


def test_once_delivered_a_topic_is_built_like_any_other(by_hand: Catalog, warehouse: Warehouse, project: SmallProject):
    _deliver(warehouse, "units")
    project.run(warehouse, "run")
    assert [row["id"] for row in warehouse.rows("marts.units")] == ["A"]
    assert [row["outcome"] for row in warehouse.rows("marts.units_changes")] == ["applied"]
