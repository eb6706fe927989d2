"""What a process and all that it starts take: seconds, seconds of processor, and memory at its peak."""

import json
import os
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.contestants import PROJECT

_EVERY = 0.02  # seconds between two looks at the memory; the kernel's own peak would count the process before it became the command
_IDLE = 0.5  # seconds without a tick of the processor or a byte for the disk
_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")


class Failed(Exception):
    """A measured process ended with an exit code that is none of those expected."""


@dataclass(frozen=True, slots=True)
class Cost:
    """Seconds on the clock, seconds of processor, and MiB resident at the peak, of a process and its children together."""

    wall: float
    cpu: float
    peak_mib: float
    said: str = field(default="", compare=False)


class _Watcher(threading.Thread):
    """Sums up the resident memory of a process and its descendants, again and again."""

    def __init__(self, pid: int):
        super().__init__(daemon=True)
        self._pid, self._ended, self.peak = pid, threading.Event(), 0

    def run(self) -> None:
        while not self._ended.wait(_EVERY):
            pids = descendants(self._pid)
            self.peak = max(self.peak, sum(map(_resident, pids)))

    def end(self) -> int:
        self._ended.set()
        self.join()
        return self.peak


def descendants(pid: int) -> list[int]:
    """A process and all that it started, directly or not."""
    found = [pid]
    for one in found:
        for task in _tasks(one):
            with suppress(OSError):
                found += [int(child) for child in (task / "children").read_text().split()]
    return found


def _tasks(pid: int) -> list[Path]:
    try:
        return list(Path(f"/proc/{pid}/task").iterdir())
    except OSError:  # it has ended
        return []


def _resident(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE
    except (OSError, IndexError):
        return 0


def measure(command: Sequence[str], environment: Mapping[str, str], cwd: Path = PROJECT) -> Cost:
    """Run a command to its end; Failed, with its last words, when that is not 0."""
    began = time.monotonic()
    try:
        process = subprocess.Popen(
            command, cwd=cwd, env=os.environ | environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
    except OSError as error:
        raise Failed(f"{command[0]} cannot be started ({error.strerror}): `make bench` sets up what it needs") from error
    watcher = _Watcher(process.pid)
    watcher.start()
    errors: list[str] = []
    reader = threading.Thread(target=lambda: errors.append(process.stderr.read()), daemon=True)  # type: ignore[union-attr]
    reader.start()
    said = process.stdout.read() if process.stdout else ""
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.monotonic() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    peak = watcher.end()
    reader.join()
    if process.returncode:
        raise Failed(f"{' '.join(command)}: exit {process.returncode}\n{said[-2000:]}\n{''.join(errors)[-4000:]}")
    return Cost(wall, usage.ru_utime + usage.ru_stime, peak / 2**20, said)


class Resident:
    """A process that stays: it works once for each line it is given, and answers with one line of JSON."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str]):
        self._process = subprocess.Popen(
            command, cwd=PROJECT, env=os.environ | environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def work(self) -> Cost:
        """One round. The peak is of this round alone; the processor's seconds are also of what it then makes ready for the next."""
        assert self._process.stdin is not None and self._process.stdout is not None
        cpu = self._cpu()
        watcher = _Watcher(self._process.pid)
        watcher.start()
        began = time.monotonic()
        self._process.stdin.write("work\n")
        self._process.stdin.flush()
        said = self._process.stdout.readline()
        wall = time.monotonic() - began
        peak = watcher.end()
        if not said or json.loads(said).get("exit_code"):
            raise Failed(f"the resident process: {said or 'ended'}")
        self._until_idle()
        return Cost(wall, self._cpu() - cpu, peak / 2**20, said)

    def _until_idle(self) -> None:
        """Wait until it is at work no more, so that nobody who is measured next is disturbed."""
        before = -1.0
        while (now := self._written() + self._cpu()) != before:
            before = now
            time.sleep(_IDLE)

    def _written(self) -> float:
        return float(Path(f"/proc/{self._process.pid}/io").read_text().partition("write_bytes: ")[2].split()[0])

    def _cpu(self) -> float:
        fields = Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()
        return sum(int(ticks) for ticks in fields[11:15]) / _TICKS

    def end(self) -> None:
        """Let it go."""
        with suppress(BrokenPipeError):
            self._process.communicate("", timeout=60)


def spoken(cost: Cost) -> dict[str, Any]:
    """What a command said, as JSON: the last object of a list; empty when it is none."""
    try:
        found = json.loads(cost.said)
    except ValueError:
        return {}
    found = found[-1] if isinstance(found, list) and found else found
    return found if isinstance(found, dict) else {}
