"""Every topic with every expected column from first delivery to marts; and one that nobody knew, in a copy of a project of few topics."""

import json
import re
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml

from loaders.conventions import snake_case
from loaders.registry import Topic, topics
from tests import forked
from tests.oracle.batches import Delivered
from tests.pipeline.harness import PROJECT, Warehouse
from tests.pipeline.small_project import small_project

KNOWN = ("units", "workorders", "certifications")  # to the copy; the last is restricted
HOSTILE = "x'; drop table raw._files; --"
TEMPLATE = "{{ env_var('HOME') }}"
COLUMNS = (
    "id",
    "unitId",
    "inspectedAt",
    "isPassed",
    "score",
    "zipCode",
    "findings",
    "fineAmount",
    "contactEmail",
    "unit_id",
    HOSTILE,
    TEMPLATE,
)
ROWS = (
    ("a", "u1", "2026-05-01T10:00:00Z", "true", "7", "01234", '["rust"]', "1.50", "jane@example.com", None, "odd", "odder"),
    ("b", None, "2026-05-02T10:00:00Z", "false", "11", "98765", "[]", None, None, "u2", None, None),
)
VALUES = {
    "text": "some text",
    "timestamp": "2026-05-01T10:00:00.5Z",
    "date": "2026-05-01",
    "boolean": "true",
    "bigint": "7",
    "decimal(18,6)": "12.345678",
    "json": '{"a": [1]}',
}
WHEN = datetime(2026, 6, 1, 0, 10, tzinfo=UTC)


def export(topic: str, name: str, columns: tuple[str, ...], *rows: tuple[str | None, ...]) -> Delivered:
    return Delivered("acme", topic, name, WHEN, columns, rows)


def _everything_of(topic: Topic) -> Delivered:
    """One record with a value in every expected column."""
    values = tuple("u1" if column.name == "id" else VALUES[column.data_type] for column in topic.columns)
    return export(topic.name, "LOAD.csv", tuple(column.name for column in topic.columns), values)


class Project:
    """A project in a folder, with the loader's commands run in it on a warehouse."""

    def __init__(self, folder: Path, home: Path):
        self.folder = folder
        self.warehouse = Warehouse(home)

    def loaders(self, *arguments: str, expected: int = 0) -> "subprocess.CompletedProcess[str]":
        command = [sys.executable, "-m", "loaders", *arguments]
        environment = self.warehouse.environment()
        done = forked.run(command, cwd=self.folder, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == expected, done.stdout + done.stderr
        return done

    def ask(self, query: str) -> list[tuple[Any, ...]]:
        with duckdb.connect(str(self.warehouse.home / "fortress.duckdb"), read_only=True) as connection:
            return connection.execute(query).fetchall()

    def entry(self, topic: str) -> dict[str, Any]:
        (source,) = yaml.safe_load((self.folder / "models/staging/fortress/_fortress__sources.yml").read_text())["sources"]
        (found,) = [table for table in source["tables"] if table["name"] == topic]
        return found


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The project as it is; every topic of its registry delivered, and run."""
    found = Project(PROJECT, tmp_path_factory.mktemp("whole"))
    found.warehouse.deliver(_everything_of(topic) for topic in topics().values())
    found.loaders("run")
    return found


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Every topic of a small project delivered, and inspections; run; inspections adopted."""
    folder = tmp_path_factory.mktemp("scaffold")
    made = Project(small_project(folder / "project", frozenset(KNOWN)).folder, folder)
    made.warehouse.deliver([*(_everything_of(topics()[name]) for name in KNOWN), export("inspections", "LOAD.csv", COLUMNS, *ROWS)])
    first = made.loaders("run")
    assert "inspections is in raw and has no marts yet" in first.stdout
    made.adopted = made.loaders("scaffold", "inspections")
    return made


def test_every_topic_arrives_with_every_expected_column_in_its_type(whole):
    columns = "select column_name, lower(data_type) from duckdb_columns() where schema_name = 'marts' and table_name = ?"
    with duckdb.connect(str(whole.warehouse.home / "build.duckdb"), read_only=True) as connection:
        for topic in topics().values():
            expected = {snake_case(column.name): column.data_type.replace("text", "varchar") for column in topic.columns}
            types = dict(connection.execute(columns, [topic.name]).fetchall())
            assert {name: types[name] for name in expected} == expected, topic.name
            filled = " and ".join(f'"{name}" is not null' for name in expected)
            assert connection.execute(f"select count(*) from marts.{topic.name}_history where {filled}").fetchone() == (1,), topic.name
        assert connection.execute("select * from audit.cast_failures").fetchall() == []


def test_one_command_takes_an_unknown_topic_from_raw_to_published_marts(copy):
    assert copy.ask("select id, unit_id, is_passed, score, zip_code, fine_amount::double from marts.inspections order by id") == [
        ("a", "u1", True, 7, "01234", 1.5),
        ("b", "u2", False, 11, "98765", None),
    ]
    assert copy.ask("select count(*) from marts.inspections_history") == [(2,)]


def test_only_the_new_topic_is_built_for_it(copy):
    assert "from the raw rows: inspections" in copy.adopted.stdout + copy.adopted.stderr or "build    inspections" in copy.adopted.stdout


def test_the_entry_says_what_was_seen_and_quotes_no_value(copy):
    entry = copy.entry("inspections")
    types = {column["name"]: column["data_type"] for column in entry["columns"]}
    assert types["inspectedAt"] == "timestamp" and types["findings"] == "json" and types["score"] == "bigint" and types["zipCode"] == "text"
    assert all(column["description"] for column in entry["columns"])
    text = " ".join(column["description"] for column in entry["columns"])
    assert not [value for row in ROWS for value in row if value and len(value) > 3 and value in text]


def test_what_names_a_person_is_marked_in_the_entry_and_was_never_published(copy):
    (column,) = [column for column in copy.entry("inspections")["columns"] if column["name"] == "contactEmail"]
    assert column["config"]["meta"]["pii"] == "identifier"
    assert copy.ask("select column_name from audit.withheld where table_name = 'marts.inspections'") == [("contact_email",)]


def test_the_audit_of_references_is_published_though_topics_and_columns_are_withheld(copy):
    assert ("units", "missing") in copy.ask("select distinct target, kind from audit.unresolved_references where topic = 'inspections'")


def test_what_two_columns_spell_alike_is_listed_once(copy):
    assert [column["name"] for column in copy.entry("inspections")["columns"]].count("unit_id") == 0


def test_a_reference_is_recognised_by_its_name(copy):
    (column,) = [column for column in copy.entry("inspections")["columns"] if column["name"] == "unitId"]
    assert column["config"]["meta"]["references"] == "units"


def test_names_that_dbt_would_render_stay_out_of_the_registry_and_reach_the_marts(copy):
    assert TEMPLATE not in {column["name"] for column in copy.entry("inspections")["columns"]}
    names = {name for (name,) in copy.ask("select column_name from duckdb_columns() where table_name = 'inspections'")}
    assert {"env_var_home", "x_drop_table_raw__files"} <= {name.lstrip("_").removeprefix("delivered_").lstrip("_") for name in names}


def test_check_passes_after_scaffold_and_names_what_was_changed_by_hand(copy):
    copy.loaders("scaffold", "--check")
    model = copy.folder / "models/marts/current/units.sql"
    text = model.read_text()
    model.write_text(text + "-- by hand\n")
    try:
        found = json.loads(copy.loaders("scaffold", "--check", "--json", expected=1).stdout)
        assert found["files"] == ["models/marts/current/units.sql"]
    finally:
        model.write_text(text)


def test_a_topic_that_was_never_delivered_cannot_be_adopted(copy):
    assert "nothing of that name was delivered yet" in copy.loaders("scaffold", "nowhere", expected=1).stderr


def test_a_run_builds_the_topics_with_news_and_no_other_and_nothing_when_there_is_none(copy):
    assert "nothing built" in copy.loaders("run").stdout
    log = copy.warehouse.home / "logs" / "dbt.log"
    before = log.stat().st_size
    copy.warehouse.deliver([export("units", "20260601-080000000.csv", ("OP", "id", "unitNumber"), ("U", "u1", "12b"))])
    copy.loaders("run")
    built = set(re.findall(r"OK created \w+ \w+ model (\S+)", log.read_bytes()[before:].decode()))
    assert {"marts.units_changes", "marts.units"} <= built
    assert {name for name in built if any(other in name for other in ("workorders", "certifications", "inspections"))} == set()
    assert copy.ask("select unit_number from marts.units") == [("12b",)]
