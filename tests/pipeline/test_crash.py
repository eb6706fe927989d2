"""Killed, and killed again: with the next run the warehouse is what it would have been, and nobody has repaired anything.

``KILLS`` says how many times the real commands get a real SIGKILL (default 60), ``CRASH_SEED`` where. Each warehouse takes
three deliveries of random feeds. At each, the commands are killed twenty times in a row while the files still arrive; then they
are left alone, and the warehouse has to be that of another one that was never disturbed. The product has no hooks for this: a
kill waits for something that can be seen from outside, and then for a random part of the time that is left.
"""

import os
import random
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.oracle.batches import Delivered
from tests.pipeline.harness import TOPIC, Warehouse, as_organization, draw_cases
from tests.pipeline.small_project import SmallProject, small_project
from tests.pipeline.states import State, disorder, landed, state_of

KILLS = int(os.environ.get("KILLS", "60"))
SEED = int(os.environ.get("CRASH_SEED", "1"))
PER_WAREHOUSE = 60
FEEDS, DELIVERIES = 12, 3
TRIES = 8  # for one kill: a command may be quicker than its killer
BETWEEN_LOOKS = 0.005  # seconds

Watch = Callable[[Warehouse], Callable[[], bool]]  # given the warehouse as it is now: whether something has happened since


def at_once(_: Warehouse) -> Callable[[], bool]:
    return lambda: True


def a_file_lands(warehouse: Warehouse) -> Callable[[], bool]:
    """A whole file is in the landing folder that was not; its rows are not loaded yet, or about to be."""
    before = landed(warehouse)
    return lambda: any(not path.endswith(".part") for path in landed(warehouse) - before)


def rows_are_loaded(warehouse: Warehouse) -> Callable[[], bool]:
    """DuckDB's log is being written: something was committed, and the next file is on its way."""
    log = warehouse.home / "build.duckdb.wal"
    before = log.stat().st_size if log.exists() else 0

    def happened() -> bool:
        try:
            return log.stat().st_size not in (0, before)
        except FileNotFoundError:
            return False

    return happened


def models_are_built(warehouse: Warehouse) -> Callable[[], bool]:
    """dbt has said so of one, two, three or four models: another number each time, by the size of its log."""
    log = warehouse.home / "logs" / "dbt.log"
    before = log.stat().st_size if log.exists() else 0
    return lambda: log.exists() and log.read_bytes()[before:].count(b" OK created") > before % 4


def a_new_file_is_published(warehouse: Warehouse) -> Callable[[], bool]:
    """It is being written beside the one that analysts read."""
    return lambda: (warehouse.home / "publishing").exists()


@dataclass(frozen=True, slots=True)
class Point:
    """Where a command is killed: at a random moment after something is seen, before it would have ended. ``times`` per delivery."""

    name: str
    command: str
    watch: Watch
    times: int


ARRIVING = (
    Point("sync, at any moment", "sync", at_once, 2),
    Point("sync, files landing", "sync", a_file_lands, 4),
    Point("sync, rows loading", "sync", rows_are_loaded, 6),
)
BUILDING = (  # in this order: what a kill leaves undone the next one finds to do
    Point("run, at any moment", "run", at_once, 1),
    Point("run, between models", "run", models_are_built, 2),
    Point("run, publishing", "run", a_new_file_is_published, 1),
)
PUBLISHING = (Point("publish, at any moment", "publish", at_once, 1), Point("publish, writing", "publish", a_new_file_is_published, 3))
POINTS = (*ARRIVING, *BUILDING, *PUBLISHING)


def wait_for(process: subprocess.Popen[str], happened: Callable[[], bool]) -> bool:
    """Whether it happened before the process ended."""
    while process.poll() is None:
        if happened():
            return True
        time.sleep(BETWEEN_LOOKS)
    return False


@dataclass(frozen=True, slots=True)
class Undisturbed:
    """What a warehouse that nobody disturbs says after each delivery, and how long each point's command goes on after its event."""

    published: list[State]
    built: list[State]
    landed: list[set[str]]
    seconds: dict[str, list[float]]


def undisturbed(project: SmallProject, warehouse: Warehouse, deliveries: list[list[Delivered]]) -> Undisturbed:
    found = Undisturbed([], [], [], {point.name: [] for point in POINTS})
    for arriving in deliveries:
        warehouse.deliver(arriving)
        for command in ("sync", "run", "publish"):
            points = [point for point in POINTS if point.command == command]
            for name, seconds in timed(project, warehouse, command, points).items():
                found.seconds[name].append(seconds)
        found.published.append(state_of(warehouse.home / "fortress.duckdb"))
        found.built.append(state_of(warehouse.home / "build.duckdb"))
        found.landed.append(landed(warehouse))
    return found


def timed(project: SmallProject, warehouse: Warehouse, command: str, points: list[Point]) -> dict[str, float]:
    """Run a command to its good end: for each point that it came by, the seconds from there."""
    waiting = {point.name: point.watch(warehouse) for point in points}
    process = project.start(warehouse, command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    seen: dict[str, float] = {}
    while process.poll() is None:
        seen |= {name: time.monotonic() for name, happened in waiting.items() if name not in seen and happened()}
        time.sleep(BETWEEN_LOOKS)
    assert process.returncode == 0
    return {name: time.monotonic() - moment for name, moment in seen.items()}


@dataclass(slots=True)
class Killer:
    """Kills one warehouse's commands, and looks after each kill whether analysts still have one of the ``whole`` states."""

    project: SmallProject
    warehouse: Warehouse
    chance: random.Random
    seconds: dict[str, list[float]]
    whole: list[State] = field(default_factory=list)
    to_come: list[Delivered] = field(default_factory=list)
    killed: Counter[str] = field(default_factory=Counter)
    left: Counter[str] = field(default_factory=Counter)  # what kills left behind
    seen: tuple[Path, int] | None = None  # the published file that was looked at last; a kill that left it alone changed nothing in it
    seen_state: State | None = None

    def strike(self, points: list[Point], quota: Iterator[int]) -> None:
        """Kill a command at each of the points; one that got away is struck again, sooner, with new work to do."""
        for point in points:
            if next(quota, None) is None:
                return
            for missed in range(TRIES):
                self.let_arrive()
                if missed and point in BUILDING:
                    self.change_the_project()
                if self.kill(point, missed):
                    break

    def let_arrive(self) -> None:
        """Some of the files that the server does not have yet."""
        some = max(1, len(self.to_come) // 8)
        self.warehouse.deliver(self.to_come[:some])
        del self.to_come[:some]

    def change_the_project(self) -> None:
        """In a remark alone: the topic is built anew, and says the same."""
        with (self.project.folder / "models" / "marts" / "changes" / f"{TOPIC}_changes.sql").open("a") as model:
            model.write("-- one more remark\n")

    def kill(self, point: Point, missed: int) -> bool:
        """Start the command and kill it at the point; False when it came to its end before."""
        happened = point.watch(self.warehouse)
        process = self.project.start(self.warehouse, point.command)
        if wait_for(process, happened):
            process.poll() is None and time.sleep(self.chance.uniform(0, self.patience(point) / 2**missed))
        process.kill()
        said = "".join(process.communicate())
        assert process.returncode in (0, -signal.SIGKILL), said
        self.check_published()
        if process.returncode == 0:
            return False
        self.killed[point.name] += 1
        self.note_what_is_left()
        return True

    def patience(self, point: Point) -> float:
        """At most half of what is left, lest the command ends; and little once something was seen: its like is to come again."""
        half = min(self.seconds[point.name]) / 2
        return half if point.watch is at_once else min(half, 0.3)

    def check_published(self) -> None:
        published = self.warehouse.home / "fortress.duckdb"
        if not published.exists():
            assert None in self.whole, "the published file is gone"
        elif (version := (published.resolve(), published.stat().st_mtime_ns)) != self.seen or self.seen_state not in self.whole:
            self.seen, self.seen_state = version, state_of(published)
            assert self.seen_state in self.whole, "the published file is no whole state"

    def note_what_is_left(self) -> None:
        home = self.warehouse.home
        self.left["a log of the build"] += (home / "build.duckdb.wal").exists()
        self.left["a half-published file"] += a_new_file_is_published(self.warehouse)()


def deliveries_of(seed: int) -> list[list[Delivered]]:
    cases = [as_organization(case, f"org-{number:04}") for number, case in enumerate(draw_cases(FEEDS, seed))]
    runs = [[one for case in cases for one in (case[number] if number < len(case) else [])] for number in range(4)]
    return [runs[0], runs[1], runs[2] + runs[3]] if not clash(runs[2], runs[3]) else runs[:DELIVERIES]


def clash(first: list[Delivered], second: list[Delivered]) -> bool:
    """Whether two versions of one stem would be delivered at once."""
    return bool({(one.organization_id, one.stem) for one in first} & {(one.organization_id, one.stem) for one in second})


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> SmallProject:
    return small_project(tmp_path_factory.mktemp("project"))


@dataclass(slots=True)
class Story:
    """A warehouse that went through it all."""

    warehouse: Warehouse
    delivered: list[Delivered]
    killed: Counter[str]
    left: Counter[str]


def live_through(project: SmallProject, folder: Path, seed: int, kills: int) -> Story:
    deliveries, chance = deliveries_of(seed), random.Random(seed)
    calm = undisturbed(project, Warehouse(folder / "calm", (TOPIC,)), deliveries)
    warehouse = Warehouse(folder / "killed", (TOPIC,))
    killer = Killer(project, warehouse, chance, calm.seconds)
    story = Story(warehouse, [], killer.killed, killer.left)
    quota = iter(range(kills))
    arriving_points = [point for point in ARRIVING for _ in range(point.times)]
    for number, arriving in enumerate(deliveries):
        killer.whole = [calm.published[number - 1] if number else None, calm.published[number]]
        killer.to_come = list(arriving)
        chance.shuffle(arriving_points)
        killer.strike(arriving_points, quota)
        warehouse.deliver(killer.to_come)
        killer.to_come = []
        killer.strike([point for point in BUILDING for _ in range(point.times)], quota)
        project.run(warehouse, "run")
        story.delivered += arriving
        killer.strike([point for point in PUBLISHING for _ in range(point.times)], quota)
        assert disorder(warehouse) == []
        assert state_of(warehouse.home / "build.duckdb") == calm.built[number]
        assert state_of(warehouse.home / "fortress.duckdb") == calm.published[number]
        assert landed(warehouse) == calm.landed[number]
    return story


@pytest.fixture(scope="module")
def stories(project: SmallProject, tmp_path_factory: pytest.TempPathFactory) -> list[Story]:
    found = []
    for number, first in enumerate(range(0, KILLS, PER_WAREHOUSE)):
        seed = SEED + number
        print(f"\nCRASH_SEED={seed}", end="", flush=True)
        found.append(live_through(project, tmp_path_factory.mktemp("story"), seed, min(PER_WAREHOUSE, KILLS - first)))
        print(f": {dict(found[-1].killed)}; left behind: {dict(found[-1].left)}", flush=True)
    return found


def test_whatever_is_killed_the_next_run_makes_what_an_undisturbed_one_makes(stories: list[Story]):
    """The states are compared after each delivery; here, that the commands really died, in every way, and left something to mend."""
    killed = sum((story.killed for story in stories), Counter())
    left = sum((story.left for story in stories), Counter())
    assert set(killed) == {point.name for point in POINTS}
    assert sum(killed.values()) >= KILLS * 0.9, killed  # a command may now and then be quicker than its killer
    assert all(left.values()) and left, left
