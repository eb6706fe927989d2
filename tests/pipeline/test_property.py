"""The pipeline against the replay: many difficult feeds, in shuffled runs, row for row.

``FEEDS`` says how many (default 200), ``FEED_SEED`` which. A feed that differs is printed as small as it gets
within a few more builds (``FEED_REDUCTIONS``, default 6; 0 for none).
"""

import os
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.oracle.batches import Delivered
from tests.oracle.replay import RESOLUTIONS
from tests.pipeline.harness import TOPIC, Case, Difference, Warehouse, as_organization, differences, draw_cases, play
from tests.pipeline.reduce import readable, reduced

FEEDS = int(os.environ.get("FEEDS", "200"))
FEED_SEED = int(os.environ.get("FEED_SEED", "1"))
REDUCTIONS = int(os.environ.get("FEED_REDUCTIONS", "6"))


@pytest.fixture(scope="module")
def cases() -> list[Case]:
    return [as_organization(case, f"org-{number:04}") for number, case in enumerate(draw_cases(FEEDS, FEED_SEED))]


@pytest.fixture(scope="module")
def played(cases: list[Case], tmp_path_factory: pytest.TempPathFactory) -> tuple[Warehouse, dict[str, list[Difference]]]:
    warehouse = Warehouse(tmp_path_factory.mktemp("played"))
    return warehouse, play(warehouse, cases)


def smallest_failing(case: Case, folder: Path) -> str:
    """The case made small, with its differences, as text."""
    builds = iter(range(1_000))

    def played_alone(candidates: Sequence[Case]) -> dict[str, list[Difference]]:
        renamed = [as_organization(candidate, f"org-{number:04}") for number, candidate in enumerate(candidates)]
        return play(Warehouse(folder / f"reduction-{next(builds)}"), renamed)

    def failing(candidates: list[Case]) -> list[bool]:
        found = played_alone(candidates)
        return [f"org-{number:04}" in found for number in range(len(candidates))]

    small = reduced(case, failing, REDUCTIONS)
    return readable(small, next(iter(played_alone([small]).values()), []))


def test_after_every_run_the_marts_say_what_the_replay_says(played, cases: list[Case], tmp_path: Path):
    _, found = played
    if found and REDUCTIONS:
        smallest = min((cases[number_of(organization_id)] for organization_id in found), key=lambda case: sum(map(len, case)))
        pytest.fail(f"{summary(found, cases)}\n{smallest_failing(smallest, tmp_path)}", pytrace=False)
    report(found, cases)


@pytest.mark.parametrize("resolution", [*RESOLUTIONS[1:], RESOLUTIONS[0]])
def test_another_resolution_takes_effect_with_the_next_build(played, cases: list[Case], resolution: str):
    warehouse, _ = played
    warehouse.build(resolution=resolution)
    report(differences(warehouse, everything(cases), resolution), cases)


def test_a_full_refresh_in_portions_says_the_same(played, cases: list[Case]):
    warehouse, _ = played
    warehouse.build("--full-refresh", "--vars", "{rows_of_a_portion: 60}")
    (run,) = warehouse.home.glob(f"**/run/**/{TOPIC}_changes.sql")
    assert run.read_text(encoding="utf-8").count(f'insert into temp."{TOPIC}_changes') > 2
    report(differences(warehouse, everything(cases)), cases)


def test_the_rows_of_a_large_file_are_written_some_at_a_time(tmp_path: Path):
    first, later = datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 3, 2, tzinfo=UTC)
    snapshot = tuple((f"r{number}", "OPEN") for number in range(131))
    changes = tuple(("U", f"r{number}", "DONE") for number in range(0, 131, 2))
    feed = [
        Delivered("org-large", TOPIC, "LOAD.csv", first, ("id", "status"), snapshot),
        Delivered("org-large", TOPIC, "20260302-000000000.csv", later, ("OP", "id", "status"), changes),
    ]
    warehouse = Warehouse(tmp_path, (TOPIC,))
    warehouse.deliver(feed)
    warehouse.sync()
    warehouse.build("--vars", "{rows_of_a_portion: 50}")
    (run,) = warehouse.home.glob(f"**/run/**/{TOPIC}_changes.sql")
    assert "_row_number > 100 and _row_number <= 150" in run.read_text(encoding="utf-8")
    assert not differences(warehouse, feed)


def test_the_contracts_invariants_hold_for_them_all(played):
    warehouse, _ = played
    warehouse.test("one_row_per_key_stg_fortress__files__file_id workorders workorders_history workorders_changes")


def everything(cases: list[Case]) -> list[Delivered]:
    """All that was delivered, in order of arrival."""
    return [delivered for case in cases for run in case for delivered in run]


def number_of(organization_id: str) -> int:
    return int(organization_id.removeprefix("org-"))


def summary(found: dict[str, list[Difference]], cases: list[Case]) -> str:
    return f"{len(found)} of {len(cases)} feeds differ: {', '.join(sorted(found))}\nfor instance"


def report(found: dict[str, list[Difference]], cases: list[Case]) -> None:
    """Fail with the smallest feed that differs, as it was drawn."""
    if found:
        organization_id = min(found, key=lambda differing: sum(map(len, cases[number_of(differing)])))
        text = readable(cases[number_of(organization_id)], found[organization_id])
        pytest.fail(f"{summary(found, cases)}\n{text}", pytrace=False)
