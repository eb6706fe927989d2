"""A server that falls silent over one file, over many, or altogether: the others are loaded, and what is missing is said."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path

import asyncssh
import pytest

from loaders.errors import SettingsError
from loaders.limits import read_limits
from tests.loaders.hostile_server import Honest, serve_hostile
from tests.loaders.test_hostile import UNITS, Victim

CHANGE = "id,OP\n" + "1,I\n" * 500
NAMES = [f"20260101-0000000{number:02}" for number in range(24)]


@pytest.fixture
def victim(tmp_path: Path) -> Victim:
    (tmp_path / "exports").mkdir()
    victim = Victim(tmp_path / "home", tmp_path / "exports", tmp_path / "keys")
    for name in NAMES:
        victim.deliver(f"acme/units/{name}.csv", CHANGE)
    return victim


def hanging(hangs: Callable[[bytes, int], bool]) -> type[Honest]:
    """A server that hangs over some reads, and with them over all on that channel: like OpenSSH's, it takes one thing after the other."""

    class Hanging(Honest):
        def __init__(self, *arguments: object):
            super().__init__(*arguments)
            self.hung = False

        async def _in_its_turn(self) -> None:
            while self.hung:
                await asyncio.sleep(0.05)

        def open(self, path: bytes, pflags: int, attrs: asyncssh.SFTPAttrs):
            return path, super().open(path, pflags, attrs)

        async def read(self, file_obj: tuple, offset: int, size: int) -> bytes:
            path, file = file_obj
            self.hung = self.hung or hangs(path, offset)
            await self._in_its_turn()
            return super().read(file, offset, size)

        async def lstat(self, path: bytes):
            await self._in_its_turn()
            return super().lstat(path)

        def fstat(self, file_obj: tuple):
            return super().fstat(file_obj[1])

        def close(self, file_obj: tuple) -> None:
            super().close(file_obj[1])

    return Hanging


class Stalling(Honest):
    """Lists half of one organization's topic, and nothing of another one's folder, and then nothing more on that channel."""

    async def scandir(self, path: bytes):
        listed = 0
        async for name in super().scandir(path):
            if path == b"/beta/public" or (path == UNITS and listed > 10):
                await asyncio.sleep(3600)
            listed += 1
            yield name


def path_of(name: str) -> bytes:
    return UNITS + f"/{name}.csv".encode()


def test_a_file_that_the_server_hangs_over_is_left_and_all_others_are_loaded(victim: Victim):
    stuck = path_of(NAMES[3])
    victim.deliver(f"acme/units/{NAMES[3]}.csv", "id,OP\n" + "1,I\n" * 100_000)  # two blocks, so that there is a middle
    with serve_hostile(victim.exports, victim.keys, hanging(lambda path, offset: path == stuck and offset > 0)) as server:
        done = victim.run(server, "sync", FORTRESS_SILENCE_SECONDS="1")
    said = done.stdout.decode()
    assert done.returncode == 75, said
    assert f"{NAMES[3]}.csv: left for the next run" in said and "has sent nothing of this for 1 seconds" in said
    assert [name for *_, name in victim.loaded()] == [f"{name}.csv" for name in NAMES if name != NAMES[3]]
    assert "1 left for the next run" in said
    with serve_hostile(victim.exports, victim.keys) as server:
        done = victim.run(server, "sync")
    assert done.returncode == 0 and len(victim.loaded()) == len(NAMES)


def test_a_server_that_hangs_over_a_file_once_has_it_asked_for_again_at_once(victim: Victim):
    asked: list[bytes] = []

    def first_time(path: bytes, offset: int) -> bool:
        asked.append(path)
        return path == path_of(NAMES[5]) and asked.count(path) == 1

    with serve_hostile(victim.exports, victim.keys, hanging(first_time)) as server:
        done = victim.run(server, "sync", FORTRESS_SILENCE_SECONDS="1")
    assert done.returncode == 0, done.stdout
    assert len(victim.loaded()) == len(NAMES)


def test_a_server_that_hangs_over_file_after_file_is_not_waited_for_all_day(victim: Victim):
    with serve_hostile(victim.exports, victim.keys, hanging(lambda path, offset: True)) as server:
        done = victim.run(server, "sync", FORTRESS_SILENCE_SECONDS="1")
    assert done.returncode == 75
    assert "ServerUnreachable" in done.stderr.decode() and "11 files or folders were waited for in vain" in done.stderr.decode()
    assert victim.landed() == []


def test_an_organization_whose_listing_hangs_is_left_to_the_next_run_and_the_others_are_loaded(victim: Victim):
    for organization in ("beta", "gamma", "delta"):
        victim.deliver(f"{organization}/units/{NAMES[0]}.csv", "id,OP\n1,I\n")
    with serve_hostile(victim.exports, victim.keys) as server:
        assert victim.run(server, "sync").returncode == 0
    for organization in ("acme", "beta", "gamma", "delta"):
        victim.deliver(f"{organization}/units/{NAMES[1]}9.csv", "id,OP\n2,I\n")
    with serve_hostile(victim.exports, victim.keys, Stalling) as server:
        done = victim.run(server, "sync", "--json", FORTRESS_SILENCE_SECONDS="1")
        said = done.stderr.decode()
        assert done.returncode == 75, said
        assert "/acme/public/exported_units: the server answers, and has sent nothing of this for 1 seconds, twice" in said
        assert "/beta/public: the server answers" in said and "The next run looks again." in said
        assert victim.run(server, "status", "--json").returncode == 0, "nobody has to act"
    assert json.loads(done.stdout)["plan"]["vanished"] == [], "what was not listed is not gone"
    assert {organization for organization, _, name in victim.loaded() if name == f"{NAMES[1]}9.csv"} == {"gamma", "delta"}
    with serve_hostile(victim.exports, victim.keys) as server:
        assert victim.run(server, "sync").returncode == 0
    assert {organization for organization, _, name in victim.loaded() if name == f"{NAMES[1]}9.csv"} == {"acme", "beta", "gamma", "delta"}


@pytest.mark.parametrize("value", ["0", "-1", "a minute", "3601", "nan", "1e3"])
def test_a_silence_that_is_no_number_of_seconds_is_refused_by_its_name(value: str):
    with pytest.raises(SettingsError, match=f"FORTRESS_SILENCE_SECONDS={value}"):
        read_limits({"FORTRESS_SILENCE_SECONDS": value})
