"""The same models on Apache Spark: what they say of difficult feeds, delivered in several runs, is what they say on DuckDB.

``SPARK_FEEDS`` says how many feeds (default 12), ``FEED_SEED`` which.
"""

import json
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pytest
import yaml

from loaders.registry import REGISTRY
from tests.oracle.feeds import COLUMNS
from tests.pipeline.harness import PROJECT, Case, Warehouse, as_organization, draw_cases
from tests.pipeline.small_project import SmallProject, small_project

FEEDS = int(os.environ.get("SPARK_FEEDS", "12"))
FEED_SEED = int(os.environ.get("FEED_SEED", "1"))
PYTHON = PROJECT / ".venv" / "spark" / "bin" / "python"
TABLES = (
    *("marts.workorders", "marts.workorders_history", "marts.workorders_changes"),
    *("audit.files", "audit.quarantine", "audit.rule_disagreements", "audit.cast_failures"),
    *("audit.snapshot_drift", "audit.topic_freshness", "audit.unresolved_references", "audit.api_reconciliation"),
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

    def dbt(self, *arguments: str) -> None:
        folder = str(self.project.folder)
        self._ask(dbt=arguments, options=["--target", "spark", "--project-dir", folder, "--profiles-dir", folder, "--quiet"])

    def dump(self) -> Path:
        """All tables, as Parquet that DuckDB reads."""
        into = self.warehouse.home / "dumped"
        self._ask(dump=TABLES, into=str(into))
        return into

    def _ask(self, **what: object) -> None:
        assert self.process.stdin and self.process.stdout
        self.process.stdin.write(json.dumps(what) + "\n")
        self.process.stdin.flush()
        assert self.process.stdout.readline().strip() == "done", what


@pytest.fixture(scope="module")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Spark]:
    assert PYTHON.exists(), "make .venv/spark/ready sets Spark up"
    warehouse = Warehouse(tmp_path_factory.mktemp("spark"))
    project = narrow(small_project(tmp_path_factory.mktemp("project"), frozenset({"workorders"})), warehouse)
    own = {"FORTRESS_LAKE_URL": (warehouse.home / "lake").as_uri(), "FORTRESS_LAKE_BUCKETS": "2", "SPARK_LOCAL_IP": "127.0.0.1"}
    command = [str(PYTHON), str(Path(__file__).with_name("session.py"))]
    with subprocess.Popen(
        command, cwd=warehouse.home, env=warehouse.environment() | own, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        yield Spark(process, project, warehouse)
        process.stdin.close()


@pytest.fixture(scope="module")
def cases() -> list[Case]:
    return [as_organization(case, f"org-{number:04}") for number, case in enumerate(draw_cases(FEEDS, FEED_SEED))]


def test_spark_says_what_duckdb_says(spark: Spark, cases: list[Case]):
    for number, build in enumerate((["run", "--select", "+workorders_changes"], ["build"])):
        spark.warehouse.deliver(one for case in cases if number < len(case) for one in case[number])
        spark.project.run(spark.warehouse, "sync", "--lake", spark.lake)
        spark.dbt(*build)  # from nothing, with what is needed; then up to date, with all tests: late files and revisions have come
    spark.project.run(spark.warehouse, "run")
    assert differing(spark.warehouse.home / "build.duckdb", spark.dump()) == {}


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
            query = (
                f"select column_name, column_type from (describe {table}) where column_name <> '_newest_file_id'"  # which build wrote it
            )
            types = connection.execute(query).fetchall()
            own = ", ".join(f'epoch_us("{name}")' if kind == "INTERVAL" else f'"{name}"' for name, kind in types)
            theirs = ", ".join(f'"{name}"' for name, _ in types)
            ours, spark_s = f"(select {own} from {table})", f"(select {theirs} from '{dumped / table}/*.parquet')"
            rows = [("DuckDB", *row) for row in connection.execute(f"{ours} except all {spark_s}").fetchall()]
            rows += [("Spark", *row) for row in connection.execute(f"{spark_s} except all {ours}").fetchall()]
            found |= {table: rows} if rows else {}
        assert connection.execute("select count(*) from marts.workorders_history").fetchone() > (0,)
    return found
