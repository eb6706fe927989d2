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


def test_only_the_texts_that_hold_a_persons_record_are_left_out(project: SmallProject, warehouse: Warehouse):
    warehouse.deliver_hour(1, "OP,id,houseNote", f'U,a,"{SOMEBODY}"', "U,b,lamp", 'I,c,"[1, 2]"')
    said, _ = project.start(warehouse, "run", "--json").communicate()
    assert json.loads(said)[-1]["publish"]["made_from"] == 1
    assert published(warehouse) == {"a": None, "b": "lamp", "c": "[1, 2]"}
    assert b"maria@example.com" not in (warehouse.home / "fortress.duckdb").read_bytes()
