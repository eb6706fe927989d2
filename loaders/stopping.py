"""Ctrl-C and SIGTERM end a command at once, with a line that says so.

The process ends as if it had been killed, which every step of the loader bears at any moment. Tidying up first would have to
wait for downloads in flight and for dbt, and could fail; the next command tidies up in any case. docs/decisions/0021.
"""

import os
import signal
import sys
from collections.abc import Callable
from types import FrameType

_SIGNALS = (signal.SIGINT, signal.SIGTERM)

Words = Callable[[str, int], str]  # of a signal's name and the exit code: what is written to standard error


def stop_when_told() -> None:
    """From now on, SIGINT ends the process with 130 and SIGTERM with 143. What the caller ignores (nohup) stays ignored."""
    sys.warnoptions.append("ignore:resource_tracker")  # of the process that tidies up after dbt, and would say that it had to
    for number in _SIGNALS:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _stop)


def in_other_words(words: Words) -> None:
    """Say it so from now on."""
    global _words
    _words = words


def _plainly(name: str, _: int) -> str:
    return f"\n{stopped_by(name)}\n"  # the stream may be in the middle of a line


def stopped_by(name: str) -> str:
    """The sentence for a signal."""
    return f"Stopped by {name}. What was finished stays, nothing half-done counts: the same command goes on from here."


_words: Words = _plainly


def _stop(number: int, _: FrameType | None) -> None:
    code = 128 + number
    os.write(sys.__stderr__.fileno() if sys.__stderr__ else 2, _words(signal.Signals(number).name, code).encode())
    os._exit(code)
