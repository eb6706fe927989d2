"""Killed in the middle of each step and started again: no job is lost, none is asked for twice, every row is there once."""

import os
import random
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from loaders.settings import Settings
from loaders.web.service import Call, Reply
from tests.market.conftest import ask
from tests.market.odd_service import CREATE, HANG_UP, RESULTS, STORAGE, OddService, Proceed

PROJECT = Path(__file__).parents[2]


class Runs:
    """Starts the command again until it ends by itself."""

    def __init__(self, service: OddService, home: Path):
        self.service, self.home, self.kills = service, home, 0
        self.process: subprocess.Popen[bytes] | None = None
        self.lock = threading.Lock()

    def start(self) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "tests.market.drive", str(self.home), self.service.url]
        secrets = [self.service.client_id, self.service.client_secret]
        with self.lock:
            self.process = subprocess.Popen([*command, *secrets], cwd=PROJECT, stdout=subprocess.DEVNULL)
        return self.process

    def kill(self) -> None:
        assert self.process is not None
        os.kill(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self.kills += 1

    def to_the_end(self) -> int:
        for _ in range(40):
            if (code := self.start().wait(60)) >= 0:
                return code
        raise AssertionError("it was killed every time")


@pytest.fixture
def runs(service: OddService, tmp_path: Path) -> Runs:
    return Runs(service, tmp_path / "home")


def check(runs: Runs) -> None:
    """Two jobs were wanted, of three properties and three days each."""
    assert len(runs.service.jobs) == 2
    assert {job["report_type"] for job in runs.service.jobs} == {"property", "units"}
    settings = Settings(runs.home)
    assert ask(settings, "select state, count(*) from raw._market_jobs group by all") == [("loaded", 2)]
    for report in ("property", "units"):
        found = ask(settings, f"select count(*), count(distinct (property_id, report_generation_date)) from raw.market_{report}")
        assert found == [(9, 9)]
    left = [path.name for path in (settings.landing / ".market").rglob("*.part")]
    assert left == []


def test_killed_in_the_middle_of_every_call(runs: Runs):
    """Before and after the service has done what it was asked for, and in the middle of the file."""

    def before(_call: Call, _proceed: Proceed) -> Reply:
        runs.kill()
        return HANG_UP

    def after(_call: Call, proceed: Proceed) -> Reply:
        reply = proceed()
        runs.kill()
        return reply

    def once_it_has_read() -> None:
        time.sleep(0.1)
        runs.kill()

    def between(_call: Call, proceed: Proceed) -> Reply:
        reply = proceed()
        return Reply(reply.status, reply.body, reply.headers, cut=len(reply.body) // 2, meanwhile=once_it_has_read)

    runs.service.plan(CREATE, before, after)
    runs.service.plan(RESULTS, after)
    runs.service.plan(STORAGE, between, after)
    assert runs.to_the_end() == 0
    assert runs.kills == 5 and runs.service.odd == []
    check(runs)


def test_killed_at_any_moment(runs: Runs):
    """Wherever it is: also between a file's landing and its entry in the ledger, or while its rows are being loaded."""
    dice = random.Random(7)
    runs.service.looks = 2
    for _ in range(3):
        process = runs.start()
        time.sleep(0.5 + 0.8 * dice.random())
        if process.poll() is None:
            runs.kill()
    assert runs.to_the_end() == 0
    check(runs)


def test_two_commands_at_once_ask_for_nothing_twice(runs: Runs):
    first = runs.start()
    second = runs.start()
    codes = {first.wait(60), second.wait(60)}
    assert codes <= {0, 75}
    assert runs.to_the_end() == 0
    check(runs)
