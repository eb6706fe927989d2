"""A copy of somebody's record that comes with an hour, in a column that held none before, stays out of a version made from the last one."""

import json
from pathlib import Path
from typing import Any

import duckdb
import pytest

from tests.pipeline.harness import TOPIC, Warehouse
from tests.pipeline.small_project import SmallProject

SOMEBODY = json.dumps({"email": "maria@example.com"}).replace('"', '""')
NOTES = {"a": "bell", "b": "key"}


def published(warehouse: Warehouse) -> dict[str, Any]:
    """By record the text in force, as analysts see it."""
    with duckdb.connect(str(warehouse.home / "fortress.duckdb"), read_only=True) as reader:
        found = reader.execute(f"select id, house_note from marts.{TOPIC} order by id").fetchall()
        assert reader.execute(f"select id, house_note from marts.{TOPIC}_history where is_current order by id").fetchall() == found
    return dict(found)


@pytest.fixture
def warehouse(project: SmallProject, tmp_path: Path) -> Warehouse:
    """After a first snapshot whose notes are words."""
    found = Warehouse(tmp_path, (TOPIC,))
    found.deliver_hour(0, "id,houseNote", *(f"{key},{note}" for key, note in NOTES.items()))
    project.run(found, "run")
    assert published(found) == NOTES
    return found


def hour(project: SmallProject, warehouse: Warehouse, number: int, *lines: str) -> int | None:
    """Deliver an hour's changes, and run. The version that the new one was made from."""
    warehouse.deliver_hour(number, "OP,id,houseNote", *lines)
    said, _ = (process := project.start(warehouse, "run", "--json")).communicate()
    assert process.returncode == 0
    return json.loads(said)[-1]["publish"]["made_from"]


def test_only_the_texts_that_hold_a_persons_record_are_left_out(project: SmallProject, warehouse: Warehouse):
    assert hour(project, warehouse, 1, "U,a,rope") == 1
    assert published(warehouse) == {"a": "rope", "b": "key"}
    assert hour(project, warehouse, 2, f'U,a,"{SOMEBODY}"', "U,b,lamp", 'I,c,"[1, 2]"') == 2
    assert published(warehouse) == {"a": None, "b": "lamp", "c": "[1, 2]"}
    assert b"maria@example.com" not in (warehouse.home / "fortress.duckdb").read_bytes()
    assert hour(project, warehouse, 3, "U,b,mat") == 3
    assert published(warehouse) == {"a": None, "b": "mat", "c": "[1, 2]"}
