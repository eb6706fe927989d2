"""The same models on Apache Spark: what they say of difficult feeds, delivered in several runs, is what they say on DuckDB.

Three topics: a wide one and a restricted one, of which the registry knows next to no column, by random feeds; one with JSON and parts by
hand. ``SPARK_FEEDS`` says how many feeds of each (default 6), ``FEED_SEED`` which.
"""

import json
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import duckdb
import pytest
import yaml

from loaders.registry import REGISTRY
from tests.oracle.batches import Delivered
from tests.oracle.feeds import COLUMNS
from tests.pipeline.harness import PROJECT, Warehouse, as_organization, draw_cases
from tests.pipeline.small_project import SmallProject, small_project
from tests.spark.traps import FIRST, SECOND

FEEDS = int(os.environ.get("SPARK_FEEDS", "6"))
FEED_SEED = int(os.environ.get("FEED_SEED", "1"))
PYTHON = PROJECT / ".venv" / "spark" / "bin" / "python"
DRAWN = ("workorders", "balances")  # by lot; balances are restricted, and unpublished
TOPICS = (*DRAWN, "deposits")
MERGED = "balances_changes"
AUDIT = ("files", "quarantine", "rule_disagreements", "cast_failures", "snapshot_drift", "topic_freshness", "unresolved_references")
TABLES = (
    *(f"{schema}{topic}{suffix}" for topic in TOPICS for schema, suffix in (("staging.stg_fortress__", ""), ("marts.", ""))),
    *(f"marts.{topic}_{what}" for topic in TOPICS for what in ("history", "changes")),
    *(f"audit.{name}" for name in (*AUDIT, "api_reconciliation")),
)

pytestmark = pytest.mark.spark


@dataclass(frozen=True, slots=True)
class Spark:
    """A Spark session in a process of its own, and the project and lake that it works on."""

    process: "subprocess.Popen[str]"
    project: SmallProject
    warehouse: Warehouse

    @property
    def lake(self) -> str:
        return (self.warehouse.home / "lake").as_uri()

    def dbt(self, *arguments: str, file_format: str = "parquet") -> str:
        """What came of a command of dbt: ``done``, or the models that failed and why."""
        folder = str(self.project.folder)
        options = ["--target", "spark", "--project-dir", folder, "--profiles-dir", folder, "--quiet"]
        return self._ask(dbt=arguments, options=options, settings={"FORTRESS_LAKE_FORMAT": file_format})

    def dump(self, folder: str, *tables: str) -> Path:
        """Tables, as Parquet that DuckDB reads."""
        into = self.warehouse.home / folder
        assert self._ask(dump=tables, into=str(into)) == "done"
        return into

    def _ask(self, **what: object) -> str:
        assert self.process.stdin and self.process.stdout
        self.process.stdin.write(json.dumps(what) + "\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().strip()


@pytest.fixture(scope="module")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Spark]:
    assert PYTHON.exists(), "make .venv/spark/ready sets Spark up"
    warehouse = Warehouse(tmp_path_factory.mktemp("spark"))
    project = narrow(small_project(tmp_path_factory.mktemp("project"), frozenset(TOPICS)), warehouse)
    own = {"FORTRESS_LAKE_URL": (warehouse.home / "lake").as_uri(), "FORTRESS_LAKE_BUCKETS": "2", "SPARK_LOCAL_IP": "127.0.0.1"}
    command = [str(PYTHON), str(Path(__file__).with_name("session.py"))]
    with subprocess.Popen(
        command, cwd=warehouse.home, env=warehouse.environment() | own, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        yield Spark(process, project, warehouse)
        process.stdin.close()


@pytest.fixture(scope="module")
def deliveries() -> list[list[Delivered]]:
    """What is there for the first build, and what comes until the second."""
    runs = [[*FIRST], [*SECOND]]
    for number, case in enumerate(draw_cases(FEEDS * len(DRAWN), FEED_SEED)):
        for run, files in zip(runs, as_organization(case, f"org-{number:04}"), strict=False):
            run += [replace(one, topic=DRAWN[number % len(DRAWN)]) for one in files]
    return runs


@dataclass(frozen=True, slots=True)
class Built:
    """Spark's tables after the second build as Parquet, and the statement that a format with transactions would have been sent for it."""

    dumped: Path
    merge: str


@pytest.fixture(scope="module")
def built(spark: Spark, deliveries: list[list[Delivered]]) -> Built:
    """From nothing, then up to date, with all tests of the data: late files and revisions have come. DuckDB has built the same by then."""
    merge = ""
    for files, build in zip(deliveries, (["run", "--select", *(f"+{topic}_changes" for topic in TOPICS)], ["build"]), strict=True):
        spark.warehouse.deliver(files)
        spark.project.run(spark.warehouse, "sync", "--lake", spark.lake)
        merge = build_merging(spark) if build == ["build"] else ""
        assert spark.dbt(*build) == "done"
    spark.project.run(spark.warehouse, "run")
    return Built(spark.dump("dumped", *TABLES), merge)


def build_merging(spark: Spark) -> str:
    """Build a log as if its format could merge. Spark reads the statement, and then says that a table of Parquet cannot."""
    assert "MERGE INTO TABLE" in spark.dbt("run", "--select", MERGED, file_format="delta")
    spark.dump("merging", f"marts.{MERGED}", f"{MERGED}__dbt_tmp")
    (statement,) = (spark.warehouse.home / "target" / "run").rglob(f"{MERGED}.sql")
    return statement.read_text(encoding="utf-8")


def test_spark_says_what_duckdb_says(spark: Spark, built: Built):
    build = spark.warehouse.home / "build.duckdb"
    assert differing(build, built.dumped) == {}
    with duckdb.connect(str(build), read_only=True) as connection:  # each trap did what it is for, and each topic has something to say
        versions = [connection.execute(f"select count(*) from marts.{topic}_history").fetchone() or (0,) for topic in TOPICS]
        later_columns = connection.execute("select note, received_date, is_final from marts.deposits where note is not null").fetchall()
        uncast = connection.execute("select column_name, value from audit.cast_failures where topic = 'deposits' order by all").fetchall()
    assert min(versions) > (0,)
    assert later_columns == [("naïve 🐎", date(2026, 3, 2), None)]
    assert uncast == [("is_final", "maybe"), ("property", "not json"), ("total", "1e400"), ("total", "not a sum")]


def test_merging_what_spark_selects_into_the_log_before_gives_what_duckdb_says(spark: Spark, built: Built):
    home = spark.warehouse.home
    with duckdb.connect() as connection:
        connection.execute(f"attach '{home}/build.duckdb' as build (read_only); create schema marts")
        connection.execute(f"create table marts.{MERGED} as from '{home}/merging/marts.{MERGED}/*.parquet'")
        columns = ", ".join(f'"{row[0]}"' for row in connection.execute(f"describe marts.{MERGED}").fetchall())
        connection.execute(f"create table {MERGED}__dbt_tmp as select {columns} from '{home}/merging/{MERGED}__dbt_tmp/*.parquet'")
        connection.execute(built.merge)
        counts = "select _file_id from build.raw._files where status in ('loaded', 'superseded')"
        connection.execute(f"delete from marts.{MERGED} where _file_id not in ({counts})")  # as the hook does
        own = "_organization_id, id, _file_id, _row_number, outcome, valid_from, valid_to, is_deleted, change_type, version_number"
        logs = [
            connection.execute(f"select {own} from {log} order by all").fetchall() for log in (f"marts.{MERGED}", f"build.marts.{MERGED}")
        ]
    assert "merge into" in built.merge
    assert logs[0] == logs[1] != []


def narrow(project: SmallProject, warehouse: Warehouse) -> SmallProject:
    """Leave in the registry the columns that feeds deliver: Spark plans a statement the longer, the more columns it has."""
    path = project.folder / REGISTRY.relative_to(PROJECT)
    document = yaml.safe_load(path.read_text(encoding="utf-8"))
    for table in document["sources"][0]["tables"]:
        if table["name"] == "workorders":
            table["columns"] = [column for column in table["columns"] if column["name"] in ("id", *COLUMNS)]
    path.write_text(yaml.safe_dump(document, sort_keys=False), encoding="utf-8")
    project.run(warehouse, "scaffold", "--no-build")
    return project


def differing(build: Path, dumped: Path) -> dict[str, list[tuple]]:
    """Rows that only one of the two has, by table."""
    found = {}
    with duckdb.connect(str(build), read_only=True) as connection:
        for table in TABLES:
            described = f"(describe {table}) where column_name not in ('_newest_file_id', '_image', '_bucket')"  # a build's own
            query = f"select column_name, column_type from {described}"
            types = connection.execute(query).fetchall()
            own = ", ".join(f'epoch_us("{name}")' if kind == "INTERVAL" else f'"{name}"' for name, kind in types)
            theirs = ", ".join(f'"{name}"' for name, _ in types)
            ours, spark_s = f"(select {own} from {table})", f"(select {theirs} from '{dumped / table}/*.parquet')"
            rows = [("DuckDB", *row) for row in connection.execute(f"{ours} except all {spark_s}").fetchall()]
            rows += [("Spark", *row) for row in connection.execute(f"{spark_s} except all {ours}").fetchall()]
            found |= {table: rows} if rows else {}
    return found
