"""Expected columns that nobody has delivered: there, typed and described, and not stored until somebody delivers them."""

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pytest

from loaders.published_relations import IN_FORCE, read_relations
from tests.pipeline.harness import TOPIC, Warehouse
from tests.pipeline.small_project import SmallProject

LIVES = f"select id, version_number, status, priority from marts.{TOPIC}_history order by all"


@dataclass(frozen=True, slots=True)
class Home:
    """A warehouse of one topic, to which files come one after the other."""

    project: SmallProject
    warehouse: Warehouse

    def hour(self, hour: int, *lines: str) -> None:
        """Deliver the first snapshot, or the changes of an hour, and run."""
        self.warehouse.deliver_hour(hour, *lines)
        self.project.run(self.warehouse, "run")

    @property
    def build(self) -> Path:
        return self.warehouse.home / "build.duckdb"

    @property
    def published(self) -> Path:
        return self.warehouse.home / "fortress.duckdb"


def ask(file: Path, query: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(str(file), read_only=True) as connection:
        return connection.execute(query).fetchall()


def virtual(file: Path, table: str) -> set[str]:
    found = ask(file, f"select column_name from duckdb_columns() where schema_name = 'marts' and table_name = '{table}' and is_generated")
    return {name for (name,) in found}


def columns(file: Path, table: str) -> dict[str, tuple[str, str]]:
    """By name the type and the description of a relation's columns."""
    query = f"select column_name, data_type, comment from duckdb_columns() where schema_name = 'marts' and table_name = '{table}'"
    return {name: (data_type, comment) for name, data_type, comment in ask(file, query)}


@pytest.fixture(scope="module")
def home(project: SmallProject, tmp_path_factory: pytest.TempPathFactory) -> Home:
    """After a first snapshot without a priority."""
    home = Home(project, Warehouse(tmp_path_factory.mktemp("undelivered"), (TOPIC,)))
    home.hour(0, "id,status", "a,OPEN", "b,OPEN")
    return home


@pytest.fixture(scope="module")
def before(home: Home) -> dict[str, tuple[str, str]]:
    """Columns of the change log, where none of the virtual ones has been delivered."""
    assert {"priority", "unit_id", "due_date"} <= virtual(home.build, f"{TOPIC}_changes")
    assert {"priority", "unit_id", "due_date"} <= virtual(home.published, f"{TOPIC}_changes") & virtual(home.published, TOPIC)
    assert not {"id", "status"} & virtual(home.published, TOPIC)
    assert ask(home.published, LIVES) == [("a", 1, "OPEN", None), ("b", 1, "OPEN", None)]
    return columns(home.build, f"{TOPIC}_changes")


@pytest.fixture(scope="module")
def after(home: Home, before: dict[str, tuple[str, str]]) -> Home:
    """The same, once an hour's changes had a priority, and another hour's too."""
    home.hour(1, "OP,id,status,priority", "U,a,OPEN,HIGH")
    home.hour(2, "OP,id,status,priority", "U,b,DONE,LOW")
    return home


def test_a_column_is_stored_once_it_is_delivered(after: Home, before: dict[str, tuple[str, str]]):
    lives = [("a", 1, "OPEN", None), ("a", 2, "OPEN", "HIGH"), ("b", 1, "OPEN", None), ("b", 2, "DONE", "LOW")]
    for file in (after.build, after.published):
        assert ask(file, LIVES) == lives
        assert ask(file, f"select id, priority from marts.{TOPIC} order by all") == [("a", "HIGH"), ("b", "LOW")]
        assert "priority" not in virtual(file, f"{TOPIC}_changes") | virtual(file, TOPIC)
        assert "unit_id" in virtual(file, f"{TOPIC}_changes")
    assert columns(after.build, f"{TOPIC}_changes") == before


def test_what_is_stored_by_and_by_is_what_a_build_from_all_files_makes(after: Home, tmp_path: Path):
    anew = Warehouse(tmp_path, (TOPIC,))
    anew.exports.symlink_to(after.warehouse.exports)
    after.project.run(anew, "run")
    for kind in ("changes", "history"):
        names = ", ".join(sorted(columns(after.build, f"{TOPIC}_{kind}").keys() - {"_newest_file_id"}))
        query = f"select {names} from marts.{TOPIC}_{kind} order by all"
        assert ask(anew.home / "build.duckdb", query) == ask(after.build, query)


def test_a_log_whose_columns_are_virtual_survives_a_crash(home: Home, before: dict[str, tuple[str, str]], tmp_path: Path):
    """DuckDB binds virtual columns when it reads of a change to their table in its log, and knows no type of an extension by then."""
    build = tmp_path / "build.duckdb"
    build.write_bytes(home.build.read_bytes())
    crash = f"""
import duckdb, os
connection = duckdb.connect({str(build)!r})
connection.execute("set checkpoint_threshold = '1GB'")
connection.execute("comment on column marts.{TOPIC}_changes.status is 'said anew'")
connection.execute("alter table marts.{TOPIC}_changes add column later varchar")
os._exit(0)
"""
    subprocess.run([sys.executable, "-c", crash], check=True)
    assert (tmp_path / "build.duckdb.wal").stat().st_size > 0
    assert columns(build, f"{TOPIC}_changes")["status"] == ("VARCHAR", "said anew")


HISTORY = "create view marts.x_history as select id, {}, is_current, is_deleted from marts.x_changes where version_number is not null"


@pytest.mark.parametrize(("shade", "expected"), [("shade", ("shade",)), ("coalesce(shade, 'grey') as shade", ()), ("id as shade", ())])
def test_what_somebody_fills_in_a_view_is_written_out(shade: str, expected: tuple[str, ...]):
    with duckdb.connect() as connection:
        connection.execute("""
            create schema marts;
            create table marts.x_changes (
                id varchar,
                shade varchar generated always as (null::varchar) virtual,
                version_number bigint,
                is_current boolean,
                is_deleted boolean
            );
        """)
        connection.execute(HISTORY.format(shade))
        connection.execute(f"create view marts.x as select id, shade from marts.x_history where {IN_FORCE}")
        found = {one.name: one for one in read_relations(connection)}
    assert found["x_changes"].virtual == ("shade",)
    assert found["x"].virtual == expected
