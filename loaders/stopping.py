"""Ctrl-C and SIGTERM end a command at once, with a line that says so.

The process ends as if it had been killed, which every step of the loader bears at any moment. Tidying up first would have to
wait for downloads in flight and for dbt, and could fail; the next command tidies up in any case. docs/decisions/0021.
"""

import os
import signal
import sys
from types import FrameType

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


def stop_when_told() -> None:
    """From now on, SIGINT ends the process with 130 and SIGTERM with 143. What the caller ignores (nohup) stays ignored."""
    for number in _SIGNALS:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _stop)


def _stop(number: int, _: FrameType | None) -> None:
    name = signal.Signals(number).name
    line = f"\nStopped by {name}. What was finished stays, nothing half-done counts: the same command goes on from here.\n"
    os.write(sys.__stderr__.fileno() if sys.__stderr__ else 2, line.encode())  # the stream itself may be in the middle of a line
    os._exit(128 + number)
