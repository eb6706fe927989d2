"""A record is found again, and has changed when one of its values has, however its rows' hashes were reckoned when they came."""

import os
from datetime import datetime
from pathlib import Path

import duckdb
import pytest

from tests.pipeline.harness import TOPIC, Warehouse
from tests.pipeline.small_project import SmallProject

FOLDER = f"3925b293-d3a3-42bb-ad6f-ff866141c8c4/public/exported_{TOPIC}"


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    return Warehouse(tmp_path_factory.mktemp("warehouse"), (TOPIC,))


def run_with(project: SmallProject, warehouse: Warehouse, name: str, *lines: str) -> None:
    """Deliver a file of these lines, and have it loaded, built and published."""
    path = warehouse.exports / FOLDER / f"{name}.csv"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    written = datetime(2026, 6, 1, 0, 10) if name == "LOAD" else datetime.strptime(name[:15], "%Y%m%d-%H%M%S")
    os.utime(path, (written.timestamp(), written.timestamp()))
    process = project.start(warehouse, "run", "--json")
    _, errors = process.communicate()
    assert process.returncode == 0, errors


def ask(warehouse: Warehouse, query: str) -> list[tuple]:
    with duckdb.connect(str(warehouse.home / "build.duckdb")) as connection:
        return connection.execute(query).fetchall()


def outcomes(warehouse: Warehouse, name: str) -> list[tuple]:
    file = f"(select max(_file_id) from raw._files where file_name = '{name}.csv')"
    return ask(warehouse, f"select id, outcome from marts.{TOPIC}_changes where _file_id = {file} order by id")


def images(warehouse: Warehouse) -> list[tuple]:
    return ask(warehouse, f"select _file_id, _row_number, _image, _bucket from marts.{TOPIC}_changes order by all")


def test_a_new_column_makes_no_version_of_records_that_lack_it(project: SmallProject, warehouse: Warehouse):
    run_with(project, warehouse, "LOAD", "id,status", "a,OPEN", "b,OPEN", "c,OPEN")
    run_with(project, warehouse, "20260601-010000000", "OP,id,status,shadeOfDoor", "U,a,OPEN,blue")
    assert outcomes(warehouse, "20260601-010000000") == [("a", "applied")]
    run_with(project, warehouse, "20260601-020000000", "OP,id,status,shadeOfDoor", "U,a,OPEN,blue", "U,b,OPEN,", "U,c,DONE,")
    assert outcomes(warehouse, "20260601-020000000") == [("a", "no_effect"), ("b", "no_effect"), ("c", "applied")]


@pytest.mark.parametrize(
    ("column", "file", "of_b"), [("_image", "20260601-030000000", "applied"), ("_bucket", "20260601-040000000", "no_effect")]
)
def test_hashes_that_another_engine_reckoned_are_reckoned_anew(
    project: SmallProject, warehouse: Warehouse, column: str, file: str, of_b: str
):
    right = images(warehouse)
    with duckdb.connect(str(warehouse.home / "build.duckdb")) as connection:
        connection.execute(f"update marts.{TOPIC}_changes set {column} = xor({column}, 12345)")
    run_with(project, warehouse, file, "OP,id,status,shadeOfDoor", "U,a,OPEN,blue", "U,b,DONE,")
    assert outcomes(warehouse, file) == [("a", "no_effect"), ("b", of_b)]
    assert images(warehouse)[: len(right)] == right


def test_an_update_finds_all_that_was_delivered_in_the_row_before_it(project: SmallProject, warehouse: Warehouse):
    query = f"select id, status, shade_of_door, version_number, valid_to is null from marts.{TOPIC}_history order by id, version_number"
    expected = [
        *[("a", "OPEN", None, 1, False), ("a", "OPEN", "blue", 2, True)],
        *[("b", "OPEN", None, 1, False), ("b", "DONE", None, 2, True)],
        *[("c", "OPEN", None, 1, False), ("c", "DONE", None, 2, True)],
    ]
    assert ask(warehouse, query) == expected
    with duckdb.connect(str(Path(warehouse.home / "fortress.duckdb").resolve()), read_only=True) as reader:
        assert reader.execute(query).fetchall() == expected
        assert not {"_image", "_bucket"} & {name for name, *_ in reader.execute(f"describe marts.{TOPIC}_changes").fetchall()}
