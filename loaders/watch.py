"""The main job, again and again in one process: what takes time to start is started once.

Nothing is held between two rounds: no connection, no lock, no database, once what nobody has to wait for is done: what was built is
moved from DuckDB's log into the file, the next version begun, and heard what dbt would say of the next hour.
docs/decisions/0023 says what ends it and what does not.
"""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import FrameType
from typing import Any

from loaders.build import get_ready
from loaders.durations import in_words
from loaders.errors import LoaderError, Never, SettingsError
from loaders.pipeline import BetweenRounds, between_rounds, run
from loaders.progress import Line, Progress, heading
from loaders.settings import Settings
from loaders.summary import error_code, exit_code
from loaders.words import counted

_LONGEST_WAIT = timedelta(hours=1)
_SIGNALS = (signal.SIGTERM, signal.SIGINT)


@dataclass(frozen=True, slots=True)
class WatchReport:
    """How many rounds were begun, and the exit code: the last round's, or 0 when the watch was told to stop."""

    rounds: int
    exit_code: int


class Stop:
    """Whether somebody wants the watch to end. Calling it asks."""

    def __init__(self) -> None:
        self._told = threading.Event()

    def __call__(self) -> bool:
        """Whether it was told."""
        return self._told.is_set()

    def tell(self) -> None:
        """Tell it."""
        self._told.set()

    def wait(self, duration: timedelta) -> None:
        """Sleep, until told at the latest."""
        self._told.wait(duration.total_seconds())

    @contextmanager
    def on_signals(self) -> Iterator[None]:
        """Within: SIGTERM and SIGINT tell it. The second of them does what it did before, which ends the process at once."""
        before = {number: signal.getsignal(number) for number in _SIGNALS}

        def heard(_number: int, _frame: FrameType | None) -> None:
            self.tell()
            _restore(before)

        for number, handler in before.items():
            if handler is not signal.SIG_IGN:  # as under nohup
                signal.signal(number, heard)
        try:
            yield
        finally:
            _restore(before)


def _restore(handlers: dict[signal.Signals, Any]) -> None:
    for number, handler in handlers.items():
        signal.signal(number, handler)


def watch(settings: Settings, progress: Progress, every: timedelta, rounds: int | None = None, stop: Stop | None = None) -> WatchReport:
    """Run, wait, run, until told to stop or for so many rounds. An error ends a round and not the watch, but for SettingsError."""
    stop, number, failures, code = stop or Stop(), 0, 0, 0
    with stop.on_signals(), between_rounds(settings) as between:
        while not stop():
            number += 1
            moment = datetime.now(UTC)
            progress(heading("watch", f"round {number}, {moment:%Y-%m-%d %H:%M:%S} UTC", round=number))
            code, refused = _round(settings, progress, stop, between)
            failures = failures + 1 if refused else 0
            if number == rounds or stop():
                break
            wait = pause(every, failures)
            if refused:
                progress(
                    Line(f"somebody has to act; the next round is in {in_words(wait)}", step="watch", level="error", failures=failures)
                )
            if rehearsed := between.begin(stop):
                progress(Line(f"the next files of {counted(rehearsed, 'topic')} will take no dbt", step="watch", rehearsed=rehearsed))
            if number == 1:
                get_ready(settings)  # for the first news: a round without any does not load dbt
            stop.wait(wait)
    return WatchReport(number, 0 if stop() else code)


def _round(settings: Settings, progress: Progress, stop: Stop, between: BetweenRounds) -> tuple[int, bool]:
    """One run: its exit code, and whether it failed in a way that somebody has to mend."""
    try:
        return exit_code([run(settings, progress, stopping=stop, between=between).sync]), False
    except SettingsError:  # the environment of a process does not change any more
        raise
    except LoaderError as error:
        refused, code = isinstance(error, Never), error_code(error)
        text = f"{type(error).__name__}: {error}"
        progress(Line(text, step="watch", level="error" if refused else "warning", error=type(error).__name__, exit_code=code))
        return code, refused


def pause(every: timedelta, failures: int) -> timedelta:
    """How long to wait for the next round: twice as long after each refusal in a row, up to an hour, and never less than usual."""
    return max(every, min(every * 2 ** min(failures, 20), _LONGEST_WAIT))
