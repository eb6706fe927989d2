"""Published versions on the disk: one that goes stays whole for who has it open, and gives back its room."""

import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import duckdb
import pytest

from loaders.settings import Settings
from loaders.versions import number_in_force, numbers, path_of, put_in_force, remove_all_but


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
