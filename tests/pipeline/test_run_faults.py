"""Whole runs that meet each other, a full disk, a taken database or a signal: it is said, and the next run makes it good."""

import json
import os
import shutil
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest

from tests.oracle.batches import Delivered
from tests.pipeline.harness import TOPIC, Warehouse, as_organization, draw_cases
from tests.pipeline.small_project import SmallProject
from tests.pipeline.states import State, disorder, state_of

FEEDS, SEED = 10, 5
ROWS = 20_000  # of one snapshot more, so that a build has something to write


def delivered() -> list[Delivered]:
    cases = [as_organization(case, f"org-{number:04}") for number, case in enumerate(draw_cases(FEEDS, SEED))]
    return [one for case in cases for one in case[0]]


def deliver_all(warehouse: Warehouse) -> None:
    warehouse.deliver(delivered())
    folder = warehouse.exports / "large" / "public" / "exported_units"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "LOAD.csv").write_text("id,unitNumber\n" + "".join(f"{number},{number:0100}\n" for number in range(ROWS)))
    os.utime(folder / "LOAD.csv", (1_770_000_000, 1_770_000_000))


@pytest.fixture(scope="module")
def synced(project: SmallProject, tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    """All is delivered and loaded, and nothing built. For copies."""
    warehouse = Warehouse(tmp_path_factory.mktemp("synced"), (TOPIC,))
    deliver_all(warehouse)
    project.run(warehouse, "sync")
    return warehouse


@pytest.fixture(scope="module")
def undisturbed(project: SmallProject, synced: Warehouse, tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    """What a run makes of that. For copies."""
    warehouse = copied(synced, tmp_path_factory.mktemp("undisturbed"))
    project.run(warehouse, "run")
    return warehouse


def copied(warehouse: Warehouse, folder: Path) -> Warehouse:
    """A warehouse's copy, with its exports, which are no news for it."""
    shutil.copytree(warehouse.home, folder, symlinks=True, dirs_exist_ok=True)
    with duckdb.connect(str(folder / "build.duckdb")) as connection:
        connection.execute("update raw._remote set path = replace(path, ?, ?)", [str(warehouse.home), str(folder)])
    return Warehouse(folder, warehouse.topics)


@pytest.fixture(scope="module")
def calm(undisturbed: Warehouse) -> tuple[State, State]:
    """What an undisturbed run makes: the build, and the published file."""
    return states(undisturbed)


@pytest.fixture
def warehouse(tmp_path: Path) -> Warehouse:
    deliver_all(Warehouse(tmp_path, (TOPIC,)))
    return Warehouse(tmp_path, (TOPIC,))


def states(warehouse: Warehouse) -> tuple[State, State]:
    assert disorder(warehouse) == []
    return state_of(warehouse.home / "build.duckdb"), state_of(warehouse.home / "fortress.duckdb")


class Run:
    """A run in a process of its own, and what it says, entry by entry."""

    def __init__(self, project: SmallProject, warehouse: Warehouse, **options: Any):
        self.process = project.start(warehouse, "--log-json", "run", stdout=subprocess.DEVNULL, **options)
        self.said: list[dict[str, Any]] = []

    def until(self, fits: Callable[[dict[str, Any]], object]) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.said.append(json.loads(line))
            if fits(self.said[-1]):
                return
        raise AssertionError(f"it ended with {self.process.wait()} before it said so: {self.said[-3:]}")

    def end(self) -> int:
        assert self.process.stderr is not None
        self.said += [json.loads(line) for line in self.process.stderr]
        return self.process.wait()

    @property
    def errors(self) -> str:
        return json.dumps([entry for entry in self.said if entry["level"] == "error"])


def builds(entry: dict[str, Any]) -> bool:
    return entry.get("step") == "build"


def test_of_two_runs_at_once_one_goes_through_and_the_other_is_told_to_try_again(project: SmallProject, warehouse: Warehouse, calm):
    runs = [Run(project, warehouse) for _ in range(2)]
    assert sorted(run.end() for run in runs) == [0, 75]
    assert sum("WarehouseBusy" in run.errors for run in runs) == 1
    assert states(warehouse) == calm


def test_a_run_that_is_told_to_stop_while_dbt_builds_stops_and_the_next_goes_on(project: SmallProject, warehouse: Warehouse, calm):
    run = Run(project, warehouse)
    run.until(builds)
    run.process.send_signal(signal.SIGTERM)
    assert run.end() == 143
    assert run.said[-1]["signal"] == "SIGTERM"
    assert not (warehouse.home / "fortress.duckdb").exists()
    project.run(warehouse, "run")
    assert states(warehouse) == calm


def test_a_database_that_others_have_open_is_waited_for_by_trying_again_and_nobody_takes_it_between_loading_and_building(
    project: SmallProject, synced: Warehouse, tmp_path: Path, calm
):
    """The second time, somebody tries to open the build with a shell at the moment at which one step has ended and another begins."""
    warehouse = copied(synced, tmp_path)
    with duckdb.connect(str(warehouse.home / "build.duckdb")):
        run = Run(project, warehouse)
        assert run.end() == 75
    assert "WarehouseBusy" in run.errors
    again = Run(project, warehouse)
    again.until(builds)
    with pytest.raises(duckdb.IOException, match="Could not set lock"):
        duckdb.connect(str(warehouse.home / "build.duckdb")).close()
    assert again.end() == 0
    assert states(warehouse) == calm


@pytest.mark.parametrize("step", ["build", "publish"])
def test_a_disk_that_fills_up_is_named_and_costs_nothing_but_the_run(
    step: str, project: SmallProject, synced: Warehouse, undisturbed: Warehouse, tmp_path: Path, calm
):
    """A limit on the size of files stands in for the disk: a write beyond it fails as one to a full disk does."""
    warehouse = copied(synced if step == "build" else undisturbed, tmp_path)
    room = (warehouse.home / "build.duckdb").stat().st_size + 300_000
    if step == "publish":
        (warehouse.home / "fortress.duckdb").unlink()
        room = 1_000_000
    run = Run(project, warehouse, room=room)
    assert run.end() == 1
    assert "no space left" in run.errors and "Traceback" not in run.errors, run.errors
    assert not (warehouse.home / "fortress.duckdb").exists()
    project.run(warehouse, "run")
    assert states(warehouse) == calm
