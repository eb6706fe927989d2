"""Lines that break, servers that restart, files that move, disks that are full: it says so, and the next run makes it good.

The server is a real one, and so is the loader; between them is a proxy that lets the line fail at a chosen byte.
"""

import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from loaders import ssh
from loaders.errors import LoaderError, ServerUnreachable, StillGrowing, TryAgain
from loaders.landing import parse_landed
from loaders.limits import Limits
from loaders.settings import PROJECT, Settings
from loaders.sftp_server import ServerInfo, serve
from loaders.warehouse import open_build
from tests import forked, limited
from tests.loaders.conftest import Home
from tests.loaders.proxy import Proxy, proxied

SEED = int(os.environ.get("FAULT_SEED", "1"))
DROPS = int(os.environ.get("DROPS", "10"))
STALLS = int(os.environ.get("STALLS", "3"))

FIRST = "id,unitNumber\n" + "".join(f"{number},{number:0100}\n" for number in range(2_000))
CHANGES = {f"20260101-0{hour}0000000.csv": f"OP,id,unitNumber\nU,{hour},new\nI,n{hour},\nD,{hour + 100},\n" for hour in range(1, 9)}
LEDGER = "organization_id, topic, file_name, batch_at, remote_mtime, size_bytes, sha256, row_count, status, reason"


def deliver_all(home: Home) -> None:
    for topic in ("units", "leases"):
        home.deliver(f"acme/{topic}/LOAD.csv", FIRST)
        for name, text in CHANGES.items():
            home.deliver(f"acme/{topic}/{name}", text, minute=60)


def held(home: Home) -> dict[str, list[tuple[Any, ...]]]:
    """All that a sync makes, but for the numbers and times of its own."""
    query = "select table_name from duckdb_tables() where schema_name = 'raw' and table_name[1] <> '_'"
    topics = [topic for (topic,) in home.ask(query)]
    rows = {
        topic: home.ask(f"""
            select rows.* exclude (_file_id), file_name, sha256 from raw.{topic} as rows join raw._files using (_file_id) order by all
        """)
        for topic in topics
    }
    landing = sorted(path.relative_to(home.settings.landing).as_posix() for path in home.settings.landing.rglob("*") if path.is_file())
    return {"ledger": home.ask(f"select {LEDGER} from raw._files order by all"), "landing": [(path,) for path in landing], **rows}


def assert_nothing_half_done(home: Home) -> None:
    """Every row has its ledger entry, every entry its rows, and every landed file is whole."""
    for path in home.settings.landing.rglob("*.*"):
        landed = parse_landed(path)
        assert landed or path.name == ".lock", f"{path.name} was left behind"
    if home.settings.build.exists():
        for (topic,) in home.ask("select distinct topic from raw._files where row_count > 0"):
            counted = home.ask(f"select _file_id, row_count from raw._files where topic = '{topic}' and row_count > 0 order by all")
            assert home.ask(f"select _file_id, count(*) from raw.{topic} group by all order by all") == counted


@pytest.fixture
def line(over_sftp: Settings, server: ServerInfo, tmp_path: Path) -> Iterator[tuple[Proxy, Settings]]:
    with proxied(server, over_sftp, tmp_path) as (proxy, settings):
        yield proxy, settings


@pytest.fixture
def calm(line: tuple[Proxy, Settings], exports: Path, tmp_path: Path) -> tuple[int, dict[str, list[tuple[Any, ...]]]]:
    """All files delivered; how many bytes an undisturbed sync of them is, and what it makes."""
    proxy, settings = line
    home = Home(replace(settings, home=tmp_path / "calm"), exports)
    deliver_all(home)
    home.sync()
    return proxy.carried, held(home)


def command(settings: Settings, *arguments: str, room: int | None = None) -> subprocess.Popen[str]:
    """One of the loader's commands as a process of its own. ``room``: bytes beyond which no file that it writes can grow."""
    environment = {
        "FORTRESS_HOME": str(settings.home),
        "FORTRESS_EXPORTS_URL": settings.exports_url or "",
        "FORTRESS_SSH_KEY": str(settings.ssh_key or ""),
        "FORTRESS_KNOWN_HOSTS": str(settings.known_hosts),
    }
    return forked.Popen(
        [sys.executable, *limited.loaders(room), *arguments],
        cwd=PROJECT,
        env=os.environ | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def ended(process: subprocess.Popen[str]) -> tuple[int, str]:
    said, _ = process.communicate()
    return process.returncode, said


# --- the line


def test_a_connection_dropped_at_any_byte_costs_a_run_and_nothing_else(line, calm, exports: Path, tmp_path: Path):
    proxy, settings = line
    total, expected = calm
    chance = random.Random(SEED)
    failed = 0
    for number, at in enumerate(sorted(chance.randrange(total) for _ in range(DROPS))):
        home = Home(replace(settings, home=tmp_path / f"drop-{number}"), exports)
        proxy.break_at("drop", at)
        failed += fails(home, f"FAULT_SEED={SEED} byte {at} of {total}")
        assert_nothing_half_done(home)
        proxy.heal()
        home.sync()
        assert held(home) == expected, f"FAULT_SEED={SEED} byte {at}"
    assert failed > DROPS * 3 / 4  # the last bytes are the parting's


def fails(home: Home, where: str) -> bool:
    """One sync over a broken line: it may have had what it needs before; if not, it says that it is to be tried again."""
    try:
        report = home.sync()
    except LoaderError as error:
        assert isinstance(error, ServerUnreachable), f"{where}: {error!r}"
        return True
    assert all(isinstance(error, TryAgain) for _, error in report.left), where
    return bool(report.left)


def test_a_server_that_falls_silent_at_any_byte_is_given_up(line, calm, exports: Path, tmp_path: Path, monkeypatch):
    proxy, settings = line
    total, expected = calm
    chance = random.Random(SEED)
    for number, at in enumerate(chance.randrange(total * 9 // 10) for _ in range(STALLS)):
        patient = Home(replace(settings, home=tmp_path / f"stall-{number}"), exports)
        home = Home(replace(patient.settings, limits=Limits(silence=1.0)), exports)
        proxy.break_at("stall", at)
        with monkeypatch.context() as patience, pytest.raises(ServerUnreachable):
            patience.setattr(ssh, "CONNECT_SECONDS", 2.0)
            home.sync()
        proxy.drop_all()
        proxy.heal()
        assert_nothing_half_done(home)
        patient.sync()
        assert held(home) == expected, f"FAULT_SEED={SEED} byte {at}"


def test_a_server_that_restarts_between_two_files_is_gone_on_with(exports: Path, over_sftp: Settings, server: ServerInfo, tmp_path: Path):
    """The server stops when the first files are loaded, and a new one with the same key takes its place."""
    home = Home(over_sftp, exports)
    deliver_all(home)
    with proxied(server, over_sftp, tmp_path) as (proxy, settings):
        proxy.break_at("stall", 400_000)  # behind the first snapshot, which is 200 KB
        process = command(settings, "sync")
        assert proxy.failed.wait(60)
        proxy.break_at("drop", 0)
        proxy.drop_all()
        code, said = ended(process)
        assert code == 75, said
        assert "ServerUnreachable" in said and "Traceback" not in said
        with serve(exports, server.host_key_path.parent) as again:
            proxy.target = (again.host, again.port)
            proxy.heal()
            code, said = ended(command(settings, "sync"))
            assert code == 0, said
    assert len(home.ledger()) == 2 + 2 * len(CHANGES)
    assert_nothing_half_done(home)


# --- what the server holds moves


def test_files_that_vanish_are_reported_and_delete_nothing(over_sftp: Settings, exports: Path):
    home = Home(over_sftp, exports)
    deliver_all(home)
    home.sync()
    before = held(home)
    gone = [*sorted((exports / "acme/public/exported_units").iterdir())[:5], *(exports / "acme/public/exported_leases").iterdir()]
    kept = {path: path.read_bytes() for path in gone}
    for path in gone:
        path.unlink()
    report = home.sync()
    assert len(report.plan.vanished) == len(gone) and not report.loaded
    assert held(home) == before
    assert len(home.sync().plan.vanished) == 0, "it is news once"
    for path, data in kept.items():
        home.deliver(f"acme/{path.parent.name.removeprefix('exported_')}/{path.name}", data, minute=0 if path.name == "LOAD.csv" else 60)
    assert not home.sync().loaded
    assert home.ask("select count(*) from raw._remote where vanished_at is not null") == [(0,)]
    assert held(home) == before


def wide(rows: int) -> str:
    """A snapshot with a thousand bytes a row."""
    return "id,unitNumber\n" + "".join(f"{number},{number:0990}\n" for number in range(rows))


BIG = wide(20_000)  # 20 MB: more than is asked for ahead


@pytest.mark.parametrize("happens", ["grows", "shrinks", "is replaced", "is gone"])
def test_a_file_that_moves_while_it_is_read_is_taken_by_the_next_run(happens: str, line, exports: Path):
    """The line stands still in the middle of the file, the vendor does something to it, and the line goes on."""
    proxy, settings = line
    home = Home(settings, exports)
    path = home.deliver("acme/units/LOAD.csv", BIG)
    home.deliver("acme/units/20260101-010000000.csv", CHANGES["20260101-010000000.csv"])
    proxy.break_at("stall", 10_000_000)
    outcome: list[Any] = []
    running = threading.Thread(target=lambda: outcome.append(home.sync()))
    running.start()
    assert proxy.failed.wait(60)
    whole = path.read_bytes()
    change_under_way(home, path, happens, whole)
    proxy.heal()
    running.join()
    (report,) = outcome
    assert [file.name.file_name for file, _ in report.left] == ["LOAD.csv"]
    assert isinstance(report.left[0][1], TryAgain)
    assert (happens in ("is gone",)) or isinstance(report.left[0][1], StillGrowing) or happens == "shrinks"
    assert_nothing_half_done(home)
    assert home.ledger() == [("20260101-010000000.csv", "loaded")]
    home.deliver("acme/units/LOAD.csv", whole, minute=5)
    home.sync()
    assert home.ledger()[-1] == ("LOAD.csv", "loaded")
    assert home.ask("select count(*), count(distinct unitNumber) from raw.units where _op is null") == [(20_000, 20_000)]


def change_under_way(home: Home, path: Path, happens: str, whole: bytes) -> None:
    if happens == "grows":
        with path.open("ab") as file:
            file.write(b"one more,\n")
    elif happens == "shrinks":
        os.truncate(path, 12_000_000)
    elif happens == "is replaced":
        other = path.with_name("other")
        other.write_bytes(whole.replace(b"id,unitNumber", b"id,unitnumber"))
        other.replace(path)
    else:
        path.unlink()


# --- signals


LARGE_ROWS = 6_000
LARGE = wide(LARGE_ROWS)  # 6 MB: several times what is written at once


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_sync_that_is_told_to_stop_ends_at_once_and_says_so(number: signal.Signals, code: int, line, exports: Path):
    """In the middle of a download from a server that has fallen silent: nothing that would end by itself is waited for."""
    proxy, settings = line
    home = Home(settings, exports)
    home.deliver("acme/units/LOAD.csv", LARGE)
    proxy.break_at("stall", 4_000_000)
    process = command(settings, "sync")
    assert proxy.failed.wait(60)
    process.send_signal(number)
    assert process.wait(20) == code  # the server's silence counts as an end after a minute
    said = process.stdout.read()
    assert f"Stopped by {number.name}" in said and "Traceback" not in said
    proxy.drop_all()
    proxy.heal()
    home.sync()
    assert home.ledger() == [("LOAD.csv", "loaded")]
    assert_nothing_half_done(home)


@pytest.mark.parametrize("times", range(5))
def test_a_sync_killed_in_the_middle_of_a_download_leaves_a_part_that_the_next_clears_away(times: int, line, exports: Path):
    proxy, settings = line
    home = Home(settings, exports)
    home.deliver("acme/units/LOAD.csv", LARGE)
    proxy.break_at("stall", random.Random(SEED + times).randrange(1_500_000, 5_500_000))
    process = command(settings, "sync")
    part = settings.landing / "acme/units/LOAD.csv.part"
    assert proxy.failed.wait(60)
    until(lambda: part.exists() and part.stat().st_size)
    process.kill()
    ended(process)
    assert part.exists()
    proxy.drop_all()
    proxy.heal()
    home.sync()
    assert home.ledger("file_name, status, row_count") == [("LOAD.csv", "loaded", LARGE_ROWS)]
    assert_nothing_half_done(home)


def until(happened: Callable[[], object]) -> None:
    """Wait for something; a minute is longer than anything takes."""
    for _ in range(3000):
        if happened():
            return
        time.sleep(0.02)
    raise AssertionError("it did not happen within a minute")


# --- two at once


def test_a_second_command_is_refused_while_one_is_at_work(line, exports: Path):
    proxy, settings = line
    home = Home(settings, exports)
    home.deliver("acme/units/LOAD.csv", LARGE)
    proxy.break_at("stall", 4_000_000)
    first = command(settings, "sync")
    assert proxy.failed.wait(60)
    until(lambda: list(settings.landing.rglob("*.part")))
    for arguments in (["sync"], ["run"], ["publish"]):
        local = replace(settings, exports_url=f"file://{exports}")  # the line is down, and the refusal must come of the other command
        code, said = ended(command(local, *arguments))
        assert code == 75, said
        assert "WarehouseBusy" in said and "Traceback" not in said
    proxy.heal()
    code, said = ended(first)
    assert code == 0, said
    assert home.ledger() == [("LOAD.csv", "loaded")]


@pytest.mark.parametrize("times", range(4))
def test_of_two_that_start_at_the_same_moment_neither_harms_the_other(times: int, locally: Settings, exports: Path, tmp_path: Path):
    home, alone = Home(locally, exports), Home(replace(locally, home=tmp_path / "alone"), exports)
    deliver_all(home)
    both = [command(locally, "sync") for _ in range(2)]
    answers = [ended(process) for process in both]
    assert {code for code, _ in answers} <= {0, 75}, answers
    assert any(code == 0 for code, _ in answers), answers
    assert not any("Traceback" in said for _, said in answers), answers
    alone.sync()
    assert held(home) == held(alone)


# --- disks


@dataclass(frozen=True, slots=True)
class Disk:
    """A small disk at ``folder``. Where the machine lets nobody mount one, a limit on the size of files stands in for it."""

    folder: Path
    is_mounted: bool

    @contextmanager
    def full(self, but_for: int) -> Iterator[dict[str, Any]]:
        """Leave room for so many bytes; gives what a command has to be started with to find it so."""
        if not self.is_mounted:
            yield {"room": but_for}
            return
        ballast = self.folder / "ballast"
        free = os.statvfs(self.folder)
        with ballast.open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, max(free.f_bavail * free.f_frsize - but_for, 1))
        yield {}
        ballast.unlink()


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    folder = tmp_path / "disk"
    folder.mkdir()
    is_mounted = mount("-t", "tmpfs", "-o", "size=64m", "tmpfs", str(folder))
    try:
        yield Disk(folder, is_mounted)
    finally:
        if is_mounted:
            subprocess.run(["umount", "--lazy", str(folder)], check=True)


def mount(*arguments: str) -> bool:
    return subprocess.run(["mount", *arguments], capture_output=True, check=False).returncode == 0


@pytest.mark.parametrize("source", ["line", "locally"])
def test_a_full_disk_under_the_landing_folder_is_named_and_nothing_is_lost(source: str, request, exports: Path, disk: Disk):
    settings = request.getfixturevalue(source)
    settings = replace(settings[1] if source == "line" else settings, home=disk.folder / "home")
    home = Home(settings, exports)
    home.deliver("acme/units/20260101-010000000.csv", CHANGES["20260101-010000000.csv"])
    home.sync()
    before = held(home)
    home.deliver("acme/units/LOAD.csv", LARGE)
    if disk.is_mounted:
        with disk.full(but_for=3_000_000):
            code, said = ended(command(settings, "sync"))
        assert code == 3 and "bytes do not fit" in said and "Traceback" not in said, said
        assert held(home) == before
    with Disk(disk.folder, is_mounted=False).full(but_for=3_000_000) as options:  # there is room at first, and it ends on the way
        code, said = ended(command(settings, "sync", **options))
    assert code == 1, said
    assert "LandingRefused" in said and "landing" in said and "free space" in said and "Traceback" not in said
    assert held(home) == before
    assert ended(command(settings, "sync"))[0] == 0
    assert home.ledger("file_name, row_count") == [("20260101-010000000.csv", 3), ("LOAD.csv", LARGE_ROWS)]
    assert_nothing_half_done(home)


def test_a_full_disk_under_the_build_is_named_and_nothing_is_lost(locally: Settings, exports: Path, tmp_path: Path, disk: Disk):
    """The landing folder is on another disk, which has room."""
    settings = replace(locally, home=disk.folder / "home")
    (tmp_path / "roomy").mkdir()
    settings.home.mkdir()
    settings.landing.symlink_to(tmp_path / "roomy")
    home = Home(settings, exports)
    home.deliver("acme/units/20260101-010000000.csv", CHANGES["20260101-010000000.csv"])
    home.sync()
    before = home.ledger(), home.ask("from raw.units order by all")
    home.deliver("acme/units/LOAD.csv", LARGE)
    with disk.full(but_for=600_000) as options:
        code, said = ended(command(settings, "sync", **options))
        assert code == 1, said
        assert "WarehouseRefused" in said and "free some and run again" in said and "Traceback" not in said
    assert (home.ledger(), home.ask("from raw.units order by all")) == before
    assert ended(command(settings, "sync"))[0] == 0
    assert home.ledger("file_name, row_count") == [("20260101-010000000.csv", 3), ("LOAD.csv", LARGE_ROWS)]
    assert_nothing_half_done(home)


def test_a_landing_folder_that_may_not_be_written_is_named(locally: Settings, exports: Path):
    """Read-only by a mount, as an administrator's modes do not bind him; where nobody may mount, a file stands where the folder should."""
    home = Home(locally, exports)
    home.deliver("acme/units/20260101-010000000.csv", CHANGES["20260101-010000000.csv"])
    home.sync()
    before = held(home)
    home.deliver("acme/units/LOAD.csv", FIRST)
    with read_only(locally.landing):
        code, said = ended(command(locally, "sync"))
    assert code == 1, said
    assert "LandingRefused" in said and "landing" in said and "mend the rights" in said and "Traceback" not in said
    assert held(home) == before
    assert ended(command(locally, "sync"))[0] == 0
    assert home.ledger() == [("20260101-010000000.csv", "loaded"), ("LOAD.csv", "loaded")]


@contextmanager
def read_only(folder: Path) -> Iterator[None]:
    if mount("--bind", str(folder), str(folder)):
        assert mount("-o", "remount,ro,bind", str(folder))
        try:
            yield
        finally:
            subprocess.run(["umount", "--lazy", str(folder)], check=True)
    else:
        aside = folder.with_name("aside")
        folder.rename(aside)
        folder.touch()
        yield
        folder.unlink()
        aside.rename(folder)


# --- clocks


def test_a_clock_that_was_set_back_does_not_turn_the_order_of_arrival_round(home: Home):
    """What a clock set back looks like: everything known is dated in the future. A revision is still the newest version."""
    name = "20260101-010000000.csv"
    home.deliver(f"acme/units/{name}", "OP,id,status\nI,1,first\n")
    home.deliver("acme/units/LOAD.csv", "id,status\n1,before\n")
    home.sync()
    with open_build(home.settings.build) as connection:
        connection.execute("update raw._files set loaded_at = loaded_at + interval 10 years")
    for minute, status in enumerate(("second", "third", "second"), start=1):
        home.deliver(f"acme/units/{name}", f"OP,id,status\nI,1,{status}\n", minute)
        home.sync()
        query = (
            "select rows.status from raw.units as rows join raw._files as file using (_file_id) where _op = 'I' and file.status = 'loaded'"
        )
        assert home.ask(query) == [(status,)]
    moments = [moment for (moment,) in home.ledger("loaded_at")]
    assert moments == sorted(set(moments))
