"""Landing: real downloads from a real server, with files and servers that misbehave while they are read."""

import hashlib
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loaders.errors import LandingRefused, LoaderError, ServerUnreachable, StillGrowing, Vanished, WarehouseBusy
from loaders.landing import Received
from loaders.mirror import Landed, LeftForNextRun, landing_path, mirror, parse_landed
from loaders.names import parse_file
from loaders.remote import Remote, RemoteFile, open_remote
from loaders.settings import Settings
from loaders.sftp_server import serve

Write = Callable[..., Path]
UNITS = "acme/public/exported_units"


class Hooked:
    """A remote that lets something happen to a file between its last byte and the second look at it."""

    def __init__(self, remote: Remote, happen: Callable[[RemoteFile], object]):
        self.remote, self.happen, self.downloads = remote, happen, 0

    def download(self, wanted: Sequence[tuple[RemoteFile, Path]]) -> list[Received | LoaderError]:
        self.downloads += len(wanted)
        received = self.remote.download(wanted)
        for file, _ in wanted:
            self.happen(file)
        return received

    def stat(self, files: Sequence[RemoteFile]) -> list[tuple[int, datetime] | LoaderError]:
        return self.remote.stat(files)


def run(settings: Settings, happen: Callable[[RemoteFile], object] = lambda file: None) -> tuple[list[Landed | LeftForNextRun], int]:
    """One mirroring of all there is: its outcomes, and how many downloads it took."""
    with open_remote(settings) as remote:
        hooked = Hooked(remote, happen)
        return list(mirror(hooked, remote.list_exports().files, settings.landing)), hooked.downloads  # type: ignore[arg-type]


def left(outcomes: list[Landed | LeftForNextRun]) -> list[type[Exception]]:
    return [type(outcome.reason) for outcome in outcomes if isinstance(outcome, LeftForNextRun)]


def in_landing(settings: Settings) -> list[str]:
    return sorted(path.name for path in settings.landing.rglob("*") if path.is_file() and path.name != ".lock")


@pytest.fixture(params=["over_sftp", "locally"])
def source(request: pytest.FixtureRequest) -> Settings:
    return request.getfixturevalue(request.param)


# --- what stands where


@given(
    organization_id=st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}", fullmatch=True),
    topic=st.from_regex(r"[a-z0-9][a-z0-9_]{0,62}", fullmatch=True),
    stem=st.sampled_from(["LOAD", "LOAD0000000A", "20260101-000000000", "20260101-000000123456"]),
    file_format=st.sampled_from(["csv", "parquet"]),
    modified_at=st.datetimes(min_value=datetime(1970, 1, 1), max_value=datetime(2106, 1, 1), timezones=st.just(UTC)),
    sha256=st.from_regex(r"[0-9a-f]{64}", fullmatch=True),
)
def test_a_landed_path_says_all_that_it_was_made_of(organization_id, topic, stem, file_format, modified_at, sha256):
    name = parse_file(f"{stem}.{file_format}")
    assert name is not None
    landed = parse_landed(landing_path(Path("landing"), organization_id, topic, name, modified_at, sha256))
    assert landed is not None
    assert (landed.organization_id, landed.topic, landed.name, landed.modified_at) == (organization_id, topic, name, modified_at)
    assert sha256.startswith(landed.sha256_start) and len(landed.sha256_start) == 12


@pytest.mark.parametrize(
    "path",
    [
        "acme/units/LOAD.csv.part",
        "acme/units/LOAD.csv",
        "acme/units/LOAD@20260101T000000000000Z-0123456789ab.csv.part",
        "acme/units/LOAD@20260101T000000000000Z-0123456789AB.csv",
        "acme/units/LOAD@20261301T000000000000Z-0123456789ab.csv",
        "acme/units/LOAD@20260101T000000000000Z-0123456789ab.txt",
        "acme/units/other@20260101T000000000000Z-0123456789ab.csv",
        "acme/Units/LOAD@20260101T000000000000Z-0123456789ab.csv",
        "../units/LOAD@20260101T000000000000Z-0123456789ab.csv",
        "LOAD@20260101T000000000000Z-0123456789ab.csv",
    ],
)
def test_a_foreign_file_in_the_landing_folder_is_none_of_ours(path: str):
    assert parse_landed(Path(path)) is None


# --- the usual run


def test_files_land_in_the_order_wanted_with_their_bytes_times_and_hashes(source: Settings, write: Write):
    contents = {f"202601{day:02}-000000000.csv": os.urandom(day * 1000) for day in range(1, 29)}
    contents["LOAD.csv"] = b""
    contents["LOAD.parquet"] = os.urandom(3_000_000)
    for name, data in contents.items():
        os.utime(write(f"{UNITS}/{name}", data), (1_767_225_600, 1_767_225_600))
    outcomes, _ = run(source)
    assert [outcome.file.name.file_name for outcome in outcomes] == sorted(contents)
    for outcome in outcomes:
        assert isinstance(outcome, Landed)
        data = contents[outcome.file.name.file_name]
        assert outcome.path.read_bytes() == data
        assert outcome.sha256 == hashlib.sha256(data).hexdigest()
        assert outcome.path.stat().st_mtime == 1_767_225_600
        assert outcome.path.name.startswith(f"{outcome.file.name.stem}@20260101T000000000000Z-{outcome.sha256[:12]}.")
    assert len(in_landing(source)) == len(contents)


def test_what_landed_is_readable_by_its_owner_alone(over_sftp: Settings, write: Write):
    write(f"{UNITS}/LOAD.csv")
    run(over_sftp)
    modes = {path.stat().st_mode & 0o777 for path in over_sftp.landing.rglob("*") if path.is_file() and path.name != ".lock"}
    folders = {path.stat().st_mode & 0o777 for path in [over_sftp.landing, *over_sftp.landing.rglob("*")] if path.is_dir()}
    assert (modes, folders) == ({0o600}, {0o700})


def test_a_new_version_lands_beside_the_old_one(source: Settings, write: Write):
    write(f"{UNITS}/LOAD.csv", b"id\n1\n")
    run(source)
    write(f"{UNITS}/LOAD.csv", b"id\n1\n2\n")
    run(source)
    assert len(in_landing(source)) == 2


# --- files that move while they are read


def test_a_growing_file_is_left_for_the_next_run(source: Settings, write: Write):
    """The file is appended to by another thread for as long as it is listed and read."""
    path = write(f"{UNITS}/LOAD.csv", os.urandom(8_000_000))
    write(f"{UNITS}/20260101-000000000.csv")
    done = threading.Event()

    def grow() -> None:
        with path.open("ab", buffering=0) as file:
            while not done.is_set():
                file.write(b"x" * 1000)
                time.sleep(0.001)

    with open_remote(source) as remote:
        files = remote.list_exports().files
        writer = threading.Thread(target=grow)
        writer.start()
        outcomes = list(mirror(remote, files, source.landing))
        done.set()
        writer.join()
    assert left(outcomes) == [StillGrowing]
    assert [name.partition("@")[0] for name in in_landing(source)] == ["20260101-000000000"]
    assert not left(run(source)[0])
    assert len(in_landing(source)) == 2


def test_a_file_that_grew_after_its_last_byte_was_read_is_left(source: Settings, write: Write):
    path = write(f"{UNITS}/LOAD.csv")
    outcomes, _ = run(source, lambda file: path.write_bytes(path.read_bytes() + b"2\n"))
    assert (left(outcomes), in_landing(source)) == ([StillGrowing], [])


def test_a_file_replaced_while_it_is_read_is_left(source: Settings, write: Write, tmp_path: Path):
    path, other = write(f"{UNITS}/LOAD.csv", b"id\n1\n"), tmp_path / "other"
    os.utime(path, (1_767_225_600, 1_767_225_600))

    def replace(_: RemoteFile) -> None:
        other.write_bytes(b"id\n2\n")
        other.replace(path)

    outcomes, _ = run(source, replace)
    assert (left(outcomes), in_landing(source)) == ([StillGrowing], [])


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_file_that_vanishes_is_left_and_the_others_go_on(when: str, source: Settings, write: Write):
    gone, stays = write(f"{UNITS}/20260101-000000000.csv"), write(f"{UNITS}/20260102-000000000.csv")
    with open_remote(source) as remote:
        files = remote.list_exports().files
        hooked = Hooked(remote, lambda file: file.name.stem in gone.name and gone.unlink())
        if when == "before":
            gone.unlink()
            hooked.happen = lambda file: None
        outcomes = list(mirror(hooked, files, source.landing))  # type: ignore[arg-type]
    assert left(outcomes) == [Vanished]
    assert [name.partition("@")[0] for name in in_landing(source)] == [stays.stem]


# --- runs that end early


def test_a_file_landed_by_a_run_that_was_killed_before_loading_is_used_again(source: Settings, write: Write):
    write(f"{UNITS}/LOAD.csv")
    first, downloads = run(source)
    second, again = run(source)
    assert (downloads, again) == (1, 0)
    assert first == second


def test_a_landed_file_that_does_not_match_its_name_is_downloaded_again(source: Settings, write: Write):
    write(f"{UNITS}/LOAD.csv", b"id\n1\n")
    landed = run(source)[0][0]
    assert isinstance(landed, Landed)
    landed.path.write_bytes(b"id\n9\n")
    outcomes, downloads = run(source)
    assert downloads == 1
    assert outcomes == [landed]
    assert landed.path.read_bytes() == b"id\n1\n"


def test_a_file_that_somebody_put_beside_a_landed_one_is_neither_taken_nor_removed(source: Settings, write: Write):
    write(f"{UNITS}/LOAD.csv", b"id\n1\n")
    landed = run(source)[0][0]
    assert isinstance(landed, Landed)
    beside = landed.path.rename(landed.path.with_name(landed.path.name.replace(landed.sha256[:12], "mine")))
    outcomes, downloads = run(source)
    assert (outcomes, downloads) == ([landed], 1)
    assert beside.read_bytes() == b"id\n1\n"


def test_what_a_killed_run_left_half_written_is_cleared_away(over_sftp: Settings, write: Write):
    """A process is killed while it downloads: it leaves a .part, and no lock."""
    with write(f"{UNITS}/LOAD.csv").open("wb") as file:
        file.truncate(2_000_000_000)
    folder = over_sftp.landing / "acme/units"
    code = (
        "from pathlib import Path; from loaders.settings import Settings\n"
        "from loaders.mirror import mirror; from loaders.remote import open_remote\n"
        f"s = Settings(Path({str(over_sftp.home)!r}), {over_sftp.exports_url!r}, Path({str(over_sftp.ssh_key)!r}), "
        f"known_hosts=Path({str(over_sftp.known_hosts)!r}))\n"
        "with open_remote(s) as r: list(mirror(r, r.list_exports().files, s.landing))"
    )
    process = subprocess.Popen([sys.executable, "-c", code], cwd=Path(__file__).parents[2])
    part = folder / "LOAD.csv.part"
    while process.poll() is None and not (part.exists() and part.stat().st_size):
        time.sleep(0.01)
    process.kill()
    process.wait()
    assert in_landing(over_sftp) == ["LOAD.csv.part"]
    write(f"{UNITS}/LOAD.csv")
    assert not left(run(over_sftp)[0])
    assert [name.partition("@")[0] for name in in_landing(over_sftp)] == ["LOAD"]


def test_a_server_that_stops_in_the_middle_ends_the_run_after_what_had_landed(exports: Path, write: Write, tmp_path: Path):
    write(f"{UNITS}/20260101-000000000.csv")
    with write(f"{UNITS}/LOAD.csv").open("wb") as file:
        file.truncate(2_000_000_000)
    serving = serve(exports, tmp_path / "keys")
    info = serving.__enter__()
    settings = Settings(tmp_path / "home", info.url, ssh_key=info.client_key, known_hosts=info.known_hosts)
    part = settings.landing / "acme/units/LOAD.csv.part"
    with open_remote(settings) as remote:
        outcomes = mirror(remote, remote.list_exports().files, settings.landing)
        assert isinstance(next(outcomes), Landed)
        while not (part.exists() and part.stat().st_size):
            time.sleep(0.01)
        serving.__exit__(None, None, None)
        with pytest.raises(ServerUnreachable):
            next(outcomes)
    assert [name.partition("@")[0] for name in in_landing(settings)] == ["20260101-000000000"]


def test_two_runs_never_write_into_one_landing_folder(over_sftp: Settings, write: Write):
    write(f"{UNITS}/LOAD.csv")
    with open_remote(over_sftp) as remote:
        files = remote.list_exports().files
        first = mirror(remote, files, over_sftp.landing)
        next(first)
        with pytest.raises(WarehouseBusy):
            next(mirror(remote, files, over_sftp.landing))
        first.close()
        assert len(list(mirror(remote, files, over_sftp.landing))) == 1


def test_a_landing_folder_that_cannot_be_written_is_named(over_sftp: Settings, write: Write):
    write(f"{UNITS}/LOAD.csv")
    over_sftp.home.write_text("a file where the folder should be")
    with pytest.raises(LandingRefused, match="landing"):
        run(over_sftp)


def test_downloads_run_ahead_but_not_without_bound(over_sftp: Settings, write: Write):
    start = datetime(2026, 1, 1)
    for minute in range(100):
        write(f"{UNITS}/{start + timedelta(minutes=minute):%Y%m%d-%H%M%S}000.csv")
    with open_remote(over_sftp) as remote:
        hooked = Hooked(remote, lambda file: None)
        outcomes = mirror(hooked, remote.list_exports().files, over_sftp.landing, at_once=1)  # type: ignore[arg-type]
        next(outcomes)
        time.sleep(0.3)
        assert 1 < hooked.downloads <= 48
        assert len(list(outcomes)) == 99
