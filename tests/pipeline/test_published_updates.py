"""A published file that was made from the one before says what one written anew says; where it could not, it is written anew."""

import json
from pathlib import Path

import duckdb
import pytest

from loaders.privacy import Policy
from loaders.published_tables import write_published
from tests.pipeline.harness import TOPIC, Warehouse, as_organization, draw_cases
from tests.pipeline.small_project import SmallProject
from tests.pipeline.states import State, state_of

FEEDS, SEED = 25, 11  # feeds with late files, revisions, reloads and later snapshots among them


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    return Warehouse(tmp_path_factory.mktemp("warehouse"), (TOPIC,))


def publish(project: SmallProject, warehouse: Warehouse) -> int | None:
    """A run; the version that the published one was made from."""
    process = project.start(warehouse, "run", "--json")
    said, errors = process.communicate()
    assert process.returncode == 0, errors
    return json.loads(said)[-1]["publish"]["made_from"]


def written_anew(warehouse: Warehouse, folder: Path) -> State:
    target = folder / "anew.duckdb"
    target.unlink(missing_ok=True)
    with duckdb.connect(str(warehouse.home / "build.duckdb")) as connection:
        write_published(connection, target, Policy("exclude"))
    return state_of(target)


def current(database: Path) -> list[tuple]:
    """The rows of the current state, by what names them: in the build a view, as it is defined."""
    with duckdb.connect(str(database), read_only=True) as connection:
        return connection.execute(f"select _file_id, _row_number, id, updated_at from marts.{TOPIC} order by all").fetchall()


def test_each_version_says_what_one_written_anew_says(project: SmallProject, warehouse: Warehouse, tmp_path: Path):
    cases = [as_organization(case, f"org-{number:04}") for number, case in enumerate(draw_cases(FEEDS, SEED))]
    made_from, published = [], []
    for number in range(max(len(case) for case in cases)):
        warehouse.deliver(one for case in cases if number < len(case) for one in case[number])
        made_from.append(publish(project, warehouse))
        published.append(state_of(warehouse.home / "fortress.duckdb"))
        assert published[-1] == written_anew(warehouse, tmp_path), f"run {number + 1}"
        assert current(warehouse.home / "fortress.duckdb") == current(warehouse.home / "build.duckdb")
    assert made_from[0] is None and made_from[-1] == len(made_from) - 1  # a new column in between makes another shape
    assert len({json.dumps(state) for state in published}) == len(published)  # each run had changes to publish


def test_a_version_that_somebody_wrote_to_is_not_carried_on(project: SmallProject, warehouse: Warehouse, tmp_path: Path):
    with duckdb.connect(str((warehouse.home / "fortress.duckdb").resolve())) as reader:
        reader.execute(f"update marts.{TOPIC}_changes set outcome = 'forged'")
    warehouse.deliver(one for case in draw_cases(2, SEED + 1) for run in as_organization(case, "org-late") for one in run)
    assert publish(project, warehouse) is None
    assert state_of(warehouse.home / "fortress.duckdb") == written_anew(warehouse, tmp_path)
