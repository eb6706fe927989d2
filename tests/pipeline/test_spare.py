"""Which version that falls out of those that are kept is the one that the next is made from, and what becomes of it."""

import json
from pathlib import Path
from typing import Any

import duckdb
import pytest

from tests.pipeline.harness import TOPIC, Warehouse
from tests.pipeline.small_project import SmallProject


class Forgetful(Warehouse):
    """A warehouse that keeps two versions."""

    def environment(self) -> dict[str, str]:
        return super().environment() | {"FORTRESS_KEEP_PUBLISHED": "2"}


class Hours:
    """A warehouse that takes an hour after the other."""

    def __init__(self, project: SmallProject, home: Path):
        self.project, self.warehouse, self.taken = project, Forgetful(home, (TOPIC,)), 0

    def take(self, rows: int = 1) -> int | None:
        """One more, with so many new records; the version that what was published then was made from."""
        columns, operation = ("OP,id,status", "I,") if self.taken else ("id,status", "")
        self.warehouse.deliver_hour(self.taken, columns, *(f"{operation}{self.taken}-{number},OPEN" for number in range(rows)))
        self.taken += 1
        said, _ = self.project.start(self.warehouse, "run", "--json").communicate()
        published: dict[str, Any] = json.loads(said)[-1]["publish"]
        with duckdb.connect(str(self.warehouse.home / "fortress.duckdb"), read_only=True) as reader:
            (count,) = reader.execute(f"select count(*) from marts.{TOPIC}").fetchone()
        assert count == published["rows"][f"marts.{TOPIC}"]
        return published["made_from"]

    @property
    def spare(self) -> list[int]:
        return [int(path.stem) for path in self.warehouse.home.glob("spare/*.duckdb")]


@pytest.fixture
def hours(project: SmallProject, memory: Path) -> Hours:
    return Hours(project, memory)


def test_what_lacks_much_is_no_spare_as_a_copy_of_the_newest_takes_less(hours: Hours):
    many = 10_001
    assert [hours.take(), hours.take(), hours.take(many)] == [None, 1, 2]
    assert hours.spare == []  # 1 lacks them
    assert (hours.take(), hours.spare) == (3, [])  # 2 lacks them, too
    assert (hours.take(), hours.spare) == (4, [3])
    assert (hours.take(), hours.spare) == (3, [4])


def test_nothing_is_made_from_what_was_before_a_version_written_anew(hours: Hours):
    """``publish`` by hand takes the build as somebody has left it, which no mark of a run tells."""
    for _ in range(3):
        hours.take()
    assert hours.spare == [1]
    with duckdb.connect(str(hours.warehouse.home / "build.duckdb")) as by_hand:
        by_hand.execute(f"update marts.{TOPIC}_changes set status = 'by hand'")
    hours.project.run(hours.warehouse, "publish")
    assert hours.spare == []
    assert hours.take() == 4
    with duckdb.connect(str(hours.warehouse.home / "fortress.duckdb"), read_only=True) as reader:
        assert reader.execute(f"select count(*) from marts.{TOPIC} where status = 'by hand'").fetchone() == (3,)
