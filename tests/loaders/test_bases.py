"""What the next version is made from: begun ahead, taken once, made anew wherever it is not what is wanted; and nobody's who reads it."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from loaders import bases
from loaders.bases import Base, BaseAhead, is_open_somewhere, set_aside
from loaders.settings import Settings
from loaders.versions import numbers, path_of, put_in_force, stamp_of


@pytest.fixture
def settings(memory: Path) -> Settings:
    publish(Settings(memory), 1)
    return Settings(memory)


def publish(settings: Settings, number: int) -> None:
    finished = settings.home / "finished.duckdb"
    with duckdb.connect(str(finished)) as connection:
        connection.execute(f"create table version as select {number} as number")
    put_in_force(settings, finished, number)


def version(path: Path) -> int:
    with duckdb.connect(str(path), read_only=True) as reader:
        return reader.execute("select number from version").fetchone()[0]


def inode(path: Path) -> int:
    return path.stat().st_ino


class Bases:
    """How many bases were finished, and one to be taken."""

    def __init__(self, settings: Settings):
        self.made: list[Path] = []
        self.settings, self.ahead = settings, BaseAhead(settings, self.made.append)
        self.stamps = {1: stamp_of(path_of(settings, 1))}

    def publish(self, number: int) -> None:
        publish(self.settings, number)
        self.stamps[number] = stamp_of(path_of(self.settings, number))

    def begin(self) -> Path:
        self.ahead.begin()
        assert self.ahead._begun and self.ahead._begun.exception() is None
        return self.made[-1]

    def give(self, number: int, *usable: int) -> Path:
        target = self.settings.home / f"given-{number}.duckdb"
        assert self.ahead.give({one: self.stamps[one] for one in usable or [number]}, target) == number
        assert version(target) == number
        return target

    def spare(self) -> list[str]:
        return [path.name for path in (self.settings.home / "spare").glob("*")]


@pytest.fixture
def begun(settings: Settings) -> Iterator[Bases]:
    found = Bases(settings)
    with found.ahead:
        yield found
    assert not list((settings.home / "copying").glob("*"))  # whatever became of it


@pytest.fixture
def spare(begun: Bases) -> Bases:
    """Version 2 is in force, version 1 is the spare, and nothing is begun."""
    begun.publish(2)
    set_aside(begun.settings, 1)
    return begun


def test_a_copy_made_ahead_is_taken_and_another_one_made_for_the_next_version(begun: Bases):
    first = inode(begun.begin())
    begun.begin()  # is there already
    assert inode(begun.give(1)) == first and len(begun.made) == 1
    begun.publish(2)
    second = inode(begun.begin())
    assert inode(begun.give(2)) == second and len(begun.made) == 2


def test_a_copy_of_another_version_than_is_wanted_is_not_taken(begun: Bases):
    begun.begin()
    begun.publish(2)
    begun.give(2)
    assert len(begun.made) == 2


def test_a_version_that_came_meanwhile_is_copied_and_the_copy_before_is_let_go(begun: Bases):
    before = begun.begin()
    begun.publish(2)
    second = inode(begun.begin())
    assert inode(begun.give(2)) == second
    assert not before.exists()


def test_a_copy_that_another_command_took_for_one_left_by_a_killed_one_is_made_again(begun: Bases):
    begun.begin()
    with BaseAhead(begun.settings, lambda _: None):
        begun.give(1)
    assert len(begun.made) == 2


def test_a_copy_that_came_to_nothing_is_made_where_it_is_wanted(begun: Bases):
    shutil.rmtree(begun.settings.home / "copying", ignore_errors=True)
    (begun.settings.home / "copying").write_text("in the way")
    begun.ahead.begin()
    begun.give(1)
    (begun.settings.home / "copying").unlink()


def test_a_copy_is_its_owners_alone(begun: Bases):
    made = begun.begin()
    assert [path.stat().st_mode & 0o077 for path in (made, made.parent, made.parent.parent)] == [0, 0, 0]


def test_nothing_is_given_where_no_version_is_usable(begun: Bases):
    begun.begin()
    target = begun.settings.home / "given.duckdb"
    assert begun.ahead.give({}, target) is None and not target.exists()


@pytest.mark.parametrize("when", ["before it was begun", "after"])
def test_a_version_that_somebody_wrote_to_is_not_given(begun: Bases, when: str):
    if when == "after":
        begun.begin()
        made = len(begun.made)
    with duckdb.connect(str(path_of(begun.settings, 1))) as writer:
        writer.execute("insert into version values (666)")
    target = begun.settings.home / "given.duckdb"
    if when == "after":
        assert inode(begun.give(1)) and len(begun.made) == made  # what was begun is of before
    else:
        begun.begin()
        assert begun.ahead.give(begun.stamps, target) is None and not target.exists()


def test_a_version_that_somebody_is_writing_to_is_not_given(begun: Bases):
    target = begun.settings.home / "given.duckdb"
    with duckdb.connect(str(path_of(begun.settings, 1))) as writer:
        writer.execute("insert into version values (666)")
        begun.begin()
        for usable in ({}, begun.stamps):
            assert begun.ahead.give(usable, target) is None and not target.exists()


def test_the_spare_is_taken_instead_of_copying(spare: Bases):
    kept = inode(spare.settings.home / "spare/000001.duckdb")
    assert inode(spare.begin()) == kept and spare.spare() == []
    assert inode(spare.give(1, 1, 2)) == kept
    assert len(spare.made) == 1


def test_a_spare_that_nothing_can_be_made_from_gives_way_to_a_copy_of_the_newest(spare: Bases):
    spare.begin()
    spare.give(2)
    assert len(spare.made) == 2


def test_a_spare_that_somebody_wrote_to_gives_way_to_a_copy_of_the_newest(spare: Bases):
    with duckdb.connect(str(spare.settings.home / "spare/000001.duckdb")) as writer:
        writer.execute("insert into version values (666)")
    spare.begin()
    spare.give(2, 1, 2)


def test_the_spare_is_out_of_analysts_reach_and_there_is_one(spare: Bases):
    assert numbers(spare.settings) == [2]
    assert (spare.settings.home / "spare").stat().st_mode & 0o077 == 0
    spare.publish(3)
    set_aside(spare.settings, 2)
    assert spare.spare() == ["000002.duckdb"]
    set_aside(spare.settings, None)
    assert spare.spare() == []


def test_where_there_can_be_no_spare_the_version_stays_to_be_removed_like_the_others(begun: Bases):
    begun.publish(2)
    (begun.settings.home / "spare").write_text("in the way")
    assert set_aside(begun.settings, 1) is None
    assert numbers(begun.settings) == [1, 2]


READS = """
import duckdb, sys
reader = duckdb.connect(sys.argv[1], read_only=True)
print("open", flush=True)
sys.stdin.readline()
print(reader.execute("select number from version").fetchone()[0], flush=True)
"""


def test_a_version_that_falls_out_while_it_is_read_stays_as_it_is(begun: Bases):
    version = str(path_of(begun.settings, 1))
    with subprocess.Popen([sys.executable, "-c", READS, version], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as reader:
        assert reader.stdout and reader.stdin
        assert reader.stdout.readline() == "open\n"
        begun.publish(2)
        set_aside(begun.settings, 1)
        begun.begin()
        with duckdb.connect(str(begun.give(2, 1, 2))) as writer:  # a copy, not what is being read
            writer.execute("update version set number = 666")
        assert begun.spare() == []
        assert reader.communicate("read on\n")[0] == "1\n"


@pytest.mark.parametrize("how", ["open", "mapped", "second name"])
def test_who_has_a_file_open_is_found(memory: Path, how: str):
    """Readers of all kinds: whatever has a file open, or may open it by another name, keeps it from being written to."""
    path = memory / "000001.duckdb"
    path.write_bytes(b"x" * 4096)
    assert not is_open_somewhere(path)
    if how == "second name":
        os.link(path, memory / "second.duckdb")
        assert is_open_somewhere(path)
        return
    code = {
        "open": "file = open(sys.argv[1], 'rb')",
        "mapped": "file = open(sys.argv[1], 'rb'); kept = mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ); file.close()",
    }[how]
    holds = f"import mmap, sys; {code}; print('has it', flush=True); sys.stdin.readline()"
    with subprocess.Popen([sys.executable, "-c", holds, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout and holder.stdout.readline() == b"has it\n"
        assert is_open_somewhere(path)
        holder.communicate(b"\n")
    assert not is_open_somewhere(path)


def test_on_a_file_system_that_others_may_read_from_elsewhere_every_file_counts_as_open(memory: Path, monkeypatch: pytest.MonkeyPatch):
    path = memory / "000001.duckdb"
    path.touch()
    assert not is_open_somewhere(path)
    monkeypatch.setattr(bases, "kind_of_file_system", lambda _: "nfs4")
    assert is_open_somewhere(path)


def test_to_look_who_has_a_file_open_ends_nobody(memory: Path):
    """The kernel tells who holds a lease of others that come, by a signal that ends a process which does not expect it."""
    path = memory / "000001.duckdb"
    path.touch()
    before = signal.getsignal(signal.SIGIO), signal.getsignal(signal.SIGURG)
    looks = f"""
from pathlib import Path
from loaders.bases import is_open_somewhere
for _ in range(20_000):
    is_open_somewhere(Path({str(path)!r}))
print("whole", flush=True)
"""
    with subprocess.Popen([sys.executable, "-c", looks], stdout=subprocess.PIPE) as looker:
        assert looker.stdout
        while looker.poll() is None:
            for _ in range(200):
                path.open("rb").close()
        assert (looker.stdout.read(), looker.returncode) == (b"whole\n", 0)
    assert (signal.getsignal(signal.SIGIO), signal.getsignal(signal.SIGURG)) == before


def test_the_spare_is_brought_nearer_while_nobody_waits(spare: Bases):
    spare.begin()

    def nearer(part: Path, base: Base) -> Base:
        assert base == Base(1, spare.stamps[1])
        with duckdb.connect(str(part)) as writer:
            writer.execute("update version set number = 2")
        return Base(2, spare.stamps[2])

    spare.ahead.bring_nearer(nearer)
    spare.give(2, 1, 2)
    assert len(spare.made) == 1


def test_a_spare_that_could_not_be_brought_nearer_is_dropped(spare: Bases):
    spare.begin()

    def fails(part: Path, base: Base) -> Base:
        raise OSError("no room")

    spare.ahead.bring_nearer(fails)
    assert not list((spare.settings.home / "copying").glob("*/*"))  # the room is back at once
    spare.give(2, 1, 2)
    assert len(spare.made) == 2


def test_a_copy_of_the_newest_is_near_enough(begun: Bases):
    begun.begin()
    begun.ahead.bring_nearer(lambda part, base: pytest.fail("nothing is nearer"))
    begun.give(1)
