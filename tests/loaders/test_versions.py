"""The copy that the next version is begun with: made ahead, taken once, and made anew wherever it is not what is wanted."""

import shutil
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import duckdb
import pytest

from loaders.settings import Settings
from loaders.versions import CopyAhead, number_in_force, numbers, path_of, put_in_force, remove_all_but


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    (tmp_path / "home").mkdir()
    publish(Settings(tmp_path / "home"), 1)
    return Settings(tmp_path / "home")


def publish(settings: Settings, number: int) -> None:
    finished = settings.home / "finished.duckdb"
    with duckdb.connect(str(finished)) as connection:
        connection.execute(f"create table version as select {number} as number")
    put_in_force(settings, finished, number)


def version(path: Path) -> int:
    with duckdb.connect(str(path), read_only=True) as reader:
        return reader.execute("select number from version").fetchone()[0]


class Copies:
    """How many copies were finished, and one to be taken."""

    def __init__(self, settings: Settings):
        self.made: list[Path] = []
        self.settings, self.ahead = settings, CopyAhead(settings, self.made.append)

    def begin(self) -> Path:
        self.ahead.begin()
        assert self.ahead._copied and self.ahead._copied.exception() is None
        return self.made[-1]

    def give(self, number: int) -> Path:
        target = self.settings.home / f"given-{number}.duckdb"
        self.ahead.give(number, target)
        assert version(target) == number
        return target


@pytest.fixture
def copies(settings: Settings) -> Iterator[Copies]:
    found = Copies(settings)
    with found.ahead:
        yield found
    assert not list((settings.home / "copying").glob("*"))  # whatever became of it


def test_a_copy_made_ahead_is_taken_and_another_one_made_for_the_next_version(settings: Settings, copies: Copies):
    first = copies.begin().stat().st_ino
    copies.begin()  # is there already
    assert copies.give(1).stat().st_ino == first and len(copies.made) == 1
    publish(settings, 2)
    second = copies.begin().stat().st_ino
    assert copies.give(2).stat().st_ino == second and len(copies.made) == 2


def test_a_copy_of_another_version_than_is_wanted_is_not_taken(settings: Settings, copies: Copies):
    copies.begin()
    publish(settings, 2)
    copies.give(2)
    assert len(copies.made) == 2


def test_a_version_that_came_meanwhile_is_copied_and_the_copy_before_is_let_go(settings: Settings, copies: Copies):
    before = copies.begin()
    publish(settings, 2)
    second = copies.begin().stat().st_ino
    assert copies.give(2).stat().st_ino == second
    assert not before.exists()


def test_a_copy_that_another_command_took_for_one_left_by_a_killed_one_is_made_again(settings: Settings, copies: Copies):
    copies.begin()
    with CopyAhead(settings, lambda _: None):
        copies.give(1)
    assert len(copies.made) == 2


def test_a_copy_that_came_to_nothing_is_made_where_it_is_wanted(settings: Settings, copies: Copies):
    shutil.rmtree(settings.home / "copying", ignore_errors=True)
    (settings.home / "copying").write_text("in the way")
    copies.ahead.begin()
    copies.give(1)
    (settings.home / "copying").unlink()


def test_a_copy_is_its_owners_alone(copies: Copies):
    made = copies.begin()
    assert [path.stat().st_mode & 0o077 for path in (made, made.parent, made.parent.parent)] == [0, 0, 0]


def test_a_version_that_goes_stays_whole_for_who_reads_it(settings: Settings):
    with duckdb.connect(str(path_of(settings, 1)), read_only=True) as reader:
        publish(settings, 2)
        remove_all_but(settings, {2})
        assert (numbers(settings), number_in_force(settings)) == ([2], 2)
        assert reader.execute("select number from version").fetchone() == (1,)


def test_the_room_of_a_version_that_goes_comes_back(settings: Settings):
    publish(settings, 2)
    remove_all_but(settings, {2})
    until = time.monotonic() + 30
    while any(str(path_of(settings, 1)) in name for name in open_files()):
        assert time.monotonic() < until, "somebody still holds it"
        time.sleep(0.01)


def open_files() -> Iterator[str]:
    for descriptor in Path("/proc/self/fd").iterdir():
        with suppress(FileNotFoundError):
            yield str(descriptor.readlink())
