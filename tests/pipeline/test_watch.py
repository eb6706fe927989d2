"""The resident run, as a process of its own: files delivered while it waits are published, signals end it, errors do not."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from loaders.errors import SettingsError
from loaders.news import find_news
from loaders.remote import open_remote
from loaders.settings import Settings
from loaders.sync import sync
from loaders.warehouse import open_build
from loaders.watch import Stop, pause, watch
from tests import forked
from tests.pipeline.harness import PROJECT

Entry = dict[str, Any]
HEADER = "OP,id,name\n"


class Watching:
    """A ``watch`` in a process of its own, and what it says, entry by entry."""

    def __init__(self, home: Path, exports: Path, *arguments: str):
        own = {"FORTRESS_HOME": str(home), "FORTRESS_EXPORTS_URL": exports.as_uri(), "DBT_TARGET_PATH": str(home / "target")}
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("FORTRESS_")}
        command = [sys.executable, "-m", "loaders", "--log-json", "watch", *arguments]
        self.process = forked.Popen(command, cwd=PROJECT, env=inherited | own, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)

    def until(self, fits: Callable[[Entry], object]) -> Entry:
        """Read on to the first entry that fits; it must come."""
        assert self.process.stderr is not None
        said = "none"
        for line in self.process.stderr:
            if fits(entry := json.loads(line)):
                return entry
            said = line
        raise AssertionError(f"it ended with {self.process.wait()} before it said so; its last words: {said}")

    def rest(self) -> list[Entry]:
        """Everything it says until its end."""
        assert self.process.stderr is not None
        return [json.loads(line) for line in self.process.stderr]


Start = Callable[..., Watching]


@pytest.fixture
def start() -> Iterator[Start]:
    """``start(home, exports, "--every", "1s")``; what still runs at the end is killed."""
    begun: list[Watching] = []

    def begin(*arguments: Any) -> Watching:
        begun.append(Watching(*arguments))
        return begun[-1]

    yield begin
    for one in begun:
        one.process.kill()
        one.process.communicate()


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A warehouse that takes every topic for built: what is delivered first is then all there is to build, and not 33 topics."""
    with open_build(tmp_path / "home" / "build.duckdb") as connection:
        news = find_news(connection)
        for topic, file_id in news.newest.items():
            connection.execute("insert into raw._built values (?, ?, ?, now()::timestamp)", [topic, file_id, news.fingerprints[topic]])
    return tmp_path / "home"


@pytest.fixture
def exports(tmp_path: Path) -> Path:
    folder = tmp_path / "exports"
    folder.mkdir()
    return folder


def deliver(exports: Path, hour: int, row: str) -> None:
    folder = exports / "acme" / "public" / "exported_units"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"20260601-{hour:02d}0000000.csv").write_text(HEADER + row)


def published(home: Path) -> list[tuple[str]]:
    with duckdb.connect(str(home / "fortress.duckdb"), read_only=True) as reader:
        return reader.execute("select name from marts.units order by id").fetchall()


def write_by_hand(home: Path) -> bool:
    """As dbt by hand would. Between two rounds the build is free, once what was built is in the file."""
    try:
        with duckdb.connect(str(home / "build.duckdb")) as by_hand:
            by_hand.execute("create table marts.made_by_hand as select 1 as one")
    except duckdb.IOException:
        return False
    return True


def wait_until(happened: Callable[[], object]) -> None:
    until = time.monotonic() + 60
    while not happened():
        assert time.monotonic() < until
        time.sleep(0.02)


def summaries(entries: Sequence[Entry]) -> list[Entry]:
    return [one for one in entries if one.get("summary")]


def test_what_is_delivered_while_it_waits_is_published_and_a_signal_ends_it_after_the_step_in_work(start: Start, home: Path, exports: Path):
    deliver(exports, 8, "I,1,first\n")
    watching = start(home, exports, "--every", "5s")
    first = watching.until(lambda entry: entry.get("summary"))
    assert (first["files"], first["exit_code"], list(first["seconds"])) == (1, 0, ["sync", "build", "publish"])
    assert published(home) == [("first",)]

    wait_until(lambda: list(home.glob("copying/*/next.duckdb")))  # the next version is begun while there is nothing to do
    (begun,) = home.glob("copying/*/next.duckdb")
    begun_as = begun.stat().st_ino

    deliver(exports, 9, "I,2,second\n")
    watching.until(lambda entry: entry.get("summary") and entry["files"])
    assert published(home) == [("first",), ("second",)]
    assert (home / "fortress.duckdb").stat().st_ino == begun_as
    wait_until(lambda: write_by_hand(home))

    deliver(exports, 10, "I,3,third\n")
    watching.until(lambda entry: entry["step"] == "build" and "topics" in entry)
    watching.process.send_signal(signal.SIGTERM)
    last = watching.rest()
    assert watching.process.wait() == 0
    (summary,) = summaries(last)
    assert list(summary["seconds"]) == ["sync", "build"] and summary["models"] > 0  # the build went through, and nothing was begun after it
    assert published(home) == [("first",), ("second",)]

    assert start(home, exports, "--rounds", "1").process.wait() == 0  # goes on from there
    assert published(home) == [("first",), ("second",), ("third",)]
    assert not list(home.glob("copying/*"))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_while_it_waits_a_signal_ends_it_without_another_round(start: Start, tmp_path: Path, exports: Path, number: signal.Signals):
    watching = start(tmp_path / "home", exports, "--every", "1d")
    watching.until(lambda entry: "the next round is in" in entry["message"])  # the exports are empty, which somebody has to mend
    watching.process.send_signal(number)
    assert watching.process.wait(timeout=120) == 0  # the wait itself would take a day
    assert watching.rest() == []


def test_errors_end_a_round_and_not_the_watch_and_refusals_are_not_repeated_at_once(start: Start, tmp_path: Path, exports: Path):
    watching = start(tmp_path / "home", exports, "--every", "1s", "--rounds", "3")
    found = watching.rest()
    assert watching.process.wait() == 1  # the last round's
    errors = [one["error"] for one in found if "error" in one]
    assert errors == ["NothingThere"] * 3
    assert [one["message"].rsplit(" ", 1)[1] for one in found if "failures" in one] == ["2s", "4s"]
    assert all(one["level"] == "error" for one in found if "failures" in one)


def test_a_warehouse_in_use_is_tried_again_at_the_next_round(start: Start, home: Path, exports: Path):
    deliver(exports, 8, "")  # a header alone: nothing to build but the audit
    with duckdb.connect(str(home / "build.duckdb")):
        watching = start(home, exports, "--every", "1s", "--rounds", "600")
        busy = watching.until(lambda entry: entry.get("error"))
    assert (busy["error"], busy["level"], busy["exit_code"]) == ("WarehouseBusy", "warning", 75)
    loaded = watching.until(lambda entry: entry.get("organization") == "acme")
    assert (loaded["topic"], loaded["files"]) == ("units", 1)


def test_a_wrong_setting_ends_it_at_once(start: Start, tmp_path: Path, exports: Path):
    with pytest.raises(SettingsError):
        watch(Settings(tmp_path / "home", "nonsense://somewhere"), print, timedelta(days=1))


def test_a_sync_that_is_told_to_stop_leaves_the_rest_to_the_next(home: Path, exports: Path):
    for hour in (8, 9, 10):
        deliver(exports, hour, f"I,{hour},x\n")
    settings = Settings(home, exports.as_uri())
    with open_build(settings.build) as connection, open_remote(settings) as remote:
        first = sync(settings, connection, remote, print, stopping=lambda: True)
        second = sync(settings, connection, remote, print)
    assert ([one.file_name[9:11] for one in first.loaded], [one.file_name[9:11] for one in second.loaded]) == (["08"], ["09", "10"])


def test_signals_are_what_they_were_before_and_the_second_one_is_already():
    before = signal.getsignal(signal.SIGINT)
    stop = Stop()
    with stop.on_signals():
        signal.raise_signal(signal.SIGINT)
        assert stop()
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is before


def test_the_pause_doubles_up_to_an_hour_and_is_never_shorter_than_usual():
    minutes = [pause(timedelta(minutes=5), failures).total_seconds() / 60 for failures in (0, 1, 2, 3, 4, 1000)]
    assert minutes == [5, 10, 20, 40, 60, 60]
    assert pause(timedelta(hours=6), 3) == timedelta(hours=6)
