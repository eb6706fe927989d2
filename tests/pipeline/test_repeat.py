"""A build says again what dbt said where dbt would say the same, and has dbt say it where it would not."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from textwrap import dedent
from typing import Any

import duckdb
import pytest

from tests import forked
from tests.oracle.batches import Delivered
from tests.pipeline.harness import STORED, TOPIC, Warehouse, as_organization, differences, draw_cases
from tests.pipeline.small_project import SmallProject
from tests.pipeline.states import state_of

SECRET = "Mr Sam Sample, flat 4b"
FEEDS = 6
EVERYTHING = 4  # the change log and the ledger's model, and the tests of both; this topic refers to one other


@dataclass(frozen=True, slots=True)
class Repeating:
    """A warehouse of one topic, which in time hears what dbt says of it. ``project`` is its own to change where a test says so."""

    project: SmallProject
    warehouse: Warehouse

    def deliver(self, hour: int, *lines: str) -> None:
        """One file of the topic: the first snapshot, or the changes of an hour."""
        self.warehouse.deliver_hour(hour, *lines)

    def run(self) -> dict[str, Any]:
        """What was built; the run has to go through."""
        process = self.project.start(self.warehouse, "run", "--json")
        said, errors = process.communicate()
        assert process.returncode == 0, errors
        (report,) = json.loads(said)
        return report["build"]

    def update(self, hour: int, *lines: str) -> dict[str, Any]:
        """Deliver an hour's changes, and run."""
        self.deliver(hour, "OP,id,status", *lines)
        return self.run()

    def ask(self, query: str) -> list[tuple]:
        with duckdb.connect(str(self.warehouse.home / "build.duckdb")) as connection:
            return connection.execute(query).fetchall()

    @property
    def kept(self) -> list[Path]:
        return sorted((self.warehouse.home / "rendered").iterdir())

    def now(self) -> dict[str, str]:
        return dict(self.ask(f"select id, status from marts.{TOPIC}"))


@pytest.fixture(scope="module")
def loaded(project: SmallProject, tmp_path_factory: pytest.TempPathFactory) -> Repeating:
    """A warehouse that has its first snapshot, and has never heard what dbt says of an hour."""
    loaded = Repeating(project, Warehouse(tmp_path_factory.mktemp("loaded"), (TOPIC,)))
    loaded.deliver(0, "id,status", "a,OPEN", "b,OPEN", "c,OPEN")
    loaded.run()
    return loaded


@pytest.fixture
def unheard(loaded: Repeating, tmp_path: Path) -> Repeating:
    """A copy of it."""
    return copied(loaded, tmp_path / "unheard")


@pytest.fixture(scope="module")
def heard(loaded: Repeating, tmp_path_factory: pytest.TempPathFactory) -> Repeating:
    """The same, after its first hour."""
    heard = copied(loaded, tmp_path_factory.mktemp("heard") / "home")
    first = heard.update(1, f'U,a,"{SECRET}"')
    assert (first["repeated"], first["models"] + first["tests"]) == (0, EVERYTHING + 1)
    return heard


@pytest.fixture
def repeating(heard: Repeating, tmp_path: Path) -> Repeating:
    """A copy of it."""
    return copied(heard, tmp_path / "home")


def copied(one: Repeating, home: Path) -> Repeating:
    shutil.copytree(one.warehouse.home, home, symlinks=True)
    return Repeating(one.project, Warehouse(home, (TOPIC,)))


@pytest.fixture
def with_own_project(repeating: Repeating, tmp_path: Path) -> Repeating:
    """The same, with a project that a test may change; the run after next repeats."""
    shutil.copytree(repeating.project.folder, tmp_path / "project", copy_function=shutil.copy2)
    return Repeating(SmallProject(tmp_path / "project"), repeating.warehouse)


def is_repeated(build: dict[str, Any]) -> bool:
    return build["repeated"] == build["models"] + build["tests"] > 0


def test_the_next_hour_takes_no_dbt(repeating: Repeating):
    assert is_repeated(repeating.update(2, "U,a,DONE", "I,d,OPEN", "D,b,"))
    assert repeating.now() == {"a": "DONE", "c": "OPEN", "d": "OPEN"}
    assert is_repeated(repeating.update(3, "U,c,DONE"))
    versions = f"select id, version_number, status, valid_to is null from marts.{TOPIC}_history where id in ('a', 'c') order by all"
    expected = [("a", 1, "OPEN", False), ("a", 2, SECRET, False), ("a", 3, "DONE", True), ("c", 1, "OPEN", False), ("c", 2, "DONE", True)]
    assert repeating.ask(versions) == expected
    with duckdb.connect(str((repeating.warehouse.home / "fortress.duckdb").resolve()), read_only=True) as reader:
        assert reader.execute(versions).fetchall() == expected


def test_dbt_is_not_even_loaded(repeating: Repeating):
    (repeating.warehouse.home / "logs" / "dbt.log").unlink()
    assert is_repeated(repeating.update(2, "U,a,DONE"))
    assert not (repeating.warehouse.home / "logs" / "dbt.log").exists()


def test_random_feeds_come_out_as_the_replay_has_them(project: SmallProject, tmp_path: Path):
    warehouse = Warehouse(tmp_path, (TOPIC,))
    repeating = Repeating(project, warehouse)
    cases = [as_organization(case, f"org-{number:04}") for number, case in enumerate(draw_cases(FEEDS, 38))]
    files = [[one for run in case for one in run] for case in cases]
    delivered: list[Delivered] = []
    repeated = 0
    for arriving in filter(None, zip_longest(*files)):
        batch = [one for one in arriving if one]
        warehouse.deliver(batch)
        built = repeating.run()
        delivered += batch
        assert not differences(warehouse, delivered), (
            f"after {len(delivered)} files; the last build repeated {built and built['repeated']} nodes"
        )
        repeated += bool(built) and is_repeated(built)
    assert repeated >= 3


def test_what_is_kept_holds_nothing_that_was_delivered_and_is_its_owners_alone(repeating: Repeating):
    assert is_repeated(repeating.update(2, f'U,c,"{SECRET}"'))
    assert len(repeating.kept) > EVERYTHING
    for path in repeating.kept:
        assert SECRET.encode() not in path.read_bytes()
        assert path.stat().st_mode & 0o077 == 0


def another_engine(repeating: Repeating) -> None:
    """The images are not what they would be anew: dbt renders a statement that reckons all of them."""
    repeating.ask(f"update marts.{TOPIC}_changes set _image = xor(_image, 12345)")


def a_revision(repeating: Repeating) -> None:
    """A file that was loaded counts no longer: dbt renders its number."""
    repeating.deliver(1, "OP,id,status", "U,a,REVISED")


def a_comment_by_hand(repeating: Repeating) -> None:
    repeating.ask(f"comment on column marts.{TOPIC}_changes.id is 'whose?'")


def a_table_by_hand(repeating: Repeating) -> None:
    repeating.ask("create table marts.by_hand as select 1 as one")


def garbage(repeating: Repeating) -> None:
    for path in repeating.kept:
        path.write_bytes(b'{"state": ["\xff')


def another_shape(repeating: Repeating) -> None:
    for path in repeating.kept:
        path.write_text(json.dumps(json.loads(path.read_text()) | {"node": {"name": 1}, "topics": {TOPIC: [1]}}))


def nothing_kept(repeating: Repeating) -> None:
    shutil.rmtree(repeating.warehouse.home / "rendered")


@pytest.mark.parametrize(
    "otherwise", [another_engine, a_revision, a_comment_by_hand, a_table_by_hand, garbage, another_shape, nothing_kept]
)
def test_dbt_builds_where_it_would_say_something_else(repeating: Repeating, otherwise: Callable[[Repeating], None]):
    otherwise(repeating)
    built = repeating.update(2, "U,c,DONE")
    assert not is_repeated(built)
    assert repeating.now() == {"a": "REVISED" if otherwise is a_revision else SECRET, "b": "OPEN", "c": "DONE"}
    comment = "select comment from duckdb_columns() where table_name = 'workorders_changes' and column_name = 'id'"
    assert repeating.ask(comment) != [("whose?",)]
    repeating.update(3, "U,c,CLOSED")  # what dbt said the last time is kept, and may be of something that happened once
    assert is_repeated(repeating.update(4, "U,c,OPEN"))
    assert repeating.now()["c"] == "OPEN"


def test_a_test_that_somebody_edits_is_run_as_it_is_now(with_own_project: Repeating):
    macro = with_own_project.project.folder / "macros/tests/sound_topic.sql"
    with_own_project.update(2, "U,a,DONE")
    macro.write_text(
        macro.read_text().replace(
            "{% test sound_topic(model, history, current, rows, files) %}",
            "{% test sound_topic(model, history, current, rows, files) %} select 1 union all",
        )
    )
    with_own_project.deliver(3, "OP,id,status", "U,a,OPEN")
    said = with_own_project.project.run(with_own_project.warehouse, "run", expected=1)
    assert "sound_workorders" in said


def test_a_failing_test_is_told_in_dbts_words(repeating: Repeating):
    again = f"select {STORED} from marts.{TOPIC}_changes where id = 'a' and version_number = 1"
    repeating.ask(f"insert into marts.{TOPIC}_changes by name {again}")
    repeating.deliver(2, "OP,id,status", "U,a,DONE")
    said = repeating.project.run(repeating.warehouse, "run", expected=1)
    assert "sound_workorders: Got" in said and "what was published before is untouched" in said


def test_a_project_that_asks_for_the_time_is_rendered_each_time(with_own_project: Repeating):
    macro = with_own_project.project.folder / "macros/cdc/current_state.sql"
    macro.write_text(macro.read_text() + "{# begun at {{ run_started_at }} #}")
    for hour in (2, 3, 4):
        assert not is_repeated(with_own_project.update(hour, f"U,a,{hour}"))


def test_a_variable_that_the_project_reads_is_read_anew(with_own_project: Repeating, monkeypatch: pytest.MonkeyPatch):
    macro = with_own_project.project.folder / "macros/tests/one_row_per_key.sql"
    macro.write_text(macro.read_text() + "{# {{ env_var('WHO_ASKS', 'nobody') }} #}")
    with_own_project.update(2, "U,a,2")
    assert is_repeated(with_own_project.update(3, "U,a,3"))
    monkeypatch.setenv("WHO_ASKS", "somebody")
    assert not is_repeated(with_own_project.update(4, "U,a,4"))
    assert is_repeated(with_own_project.update(5, "U,a,5"))
    monkeypatch.setenv("DBT_FULL_REFRESH", "true")  # dbt's own
    assert not is_repeated(with_own_project.update(6, "U,a,6"))


def test_a_watch_hears_while_it_waits_so_that_no_hour_takes_dbt(unheard: Repeating):
    watching = unheard.project.start(unheard.warehouse, "--log-json", "watch", "--every", "1s")
    said = (json.loads(line) for line in watching.stderr)
    assert next(one for one in said if "rehearsed" in one)["rehearsed"] == 1
    unheard.deliver(1, "OP,id,status", "U,a,DONE", "D,b,", "I,d,OPEN")
    assert is_repeated(next(one for one in said if "repeated" in one))
    next(one for one in said if one.get("summary") and one["files"])
    watching.terminate()
    assert watching.wait() == 0
    assert unheard.now() == {"a": "DONE", "c": "OPEN", "d": "OPEN"}


def rehearsed(repeating: Repeating, *turns: str) -> list[int]:
    """How many topics are heard in each turn, by one process: ``go on``, be told to ``stop``, or come while others are ``at work``."""
    code = f"""
        from contextlib import nullcontext
        from loaders.landing import at_work
        from loaders.rehearsal import Rehearsal
        from loaders.settings import load_settings

        settings = load_settings()
        rehearsal = Rehearsal(settings)
        for turn in {turns!r}:
            with at_work(settings.home) if turn == "at work" else nullcontext():
                print(rehearsal.begin(lambda: turn == "stop"))
    """
    command = [sys.executable, "-c", dedent(code)]
    done = forked.run(
        command, cwd=repeating.project.folder, env=repeating.warehouse.environment(), check=True, stdout=subprocess.PIPE, text=True
    )
    return [int(line) for line in done.stdout.splitlines()]


def test_a_rehearsal_gives_way_is_held_once_and_changes_nothing(unheard: Repeating):
    home = unheard.warehouse.home
    unheard.run()  # the copied exports are another server's
    before, built = state_of(home / "build.duckdb"), unheard.ask("from raw._built order by all")
    assert rehearsed(unheard, "at work", "stop", "go on", "go on") == [0, 0, 1, 0]
    assert (state_of(home / "build.duckdb"), unheard.ask("from raw._built order by all")) == (before, built)
    assert unheard.run() is None  # there is nothing to build, nor to publish
    assert is_repeated(unheard.update(1, "U,a,DONE"))


def test_what_cannot_be_heard_is_tried_once(unheard: Repeating, tmp_path: Path):
    shutil.copytree(unheard.project.folder, tmp_path / "project", copy_function=shutil.copy2)
    own = Repeating(SmallProject(tmp_path / "project"), unheard.warehouse)
    macro = own.project.folder / "macros/tests/sound_topic.sql"
    text = macro.read_text()
    macro.write_text(text + "{# begun at {{ run_started_at }} #}")  # rendered each time
    own.run()
    invocations = (own.warehouse.home / "logs" / "dbt.log").read_text().count("Running with dbt")
    assert rehearsed(own, "go on", "go on") == [0, 0]
    assert (own.warehouse.home / "logs" / "dbt.log").read_text().count("Running with dbt") == invocations + 1
    macro.write_text(text.replace("{%- elif until -%}", "{%- elif until -%} select 1 union all"))  # a test that fails, and dbt with it
    own.run()
    assert rehearsed(own, "go on", "go on") == [0, 0]
    macro.write_text(text)
    assert rehearsed(own, "go on", "go on") == [1, 0]
