"""``--log-json``: what a command says on standard error, as one JSON object per line and nothing else.

Every object has ``time`` (UTC), ``level`` (info, warning, error), ``command``, ``step`` (null where there is none) and ``message``;
the facts of the line are fields beside them. docs/operations.md lists them.
"""

import json
import logging
import traceback
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import click

from loaders.errors import LoaderError
from loaders.plain import plain
from loaders.progress import Level, Line
from loaders.stopping import in_other_words, stopped_by


class JsonLog:
    """Progress as JSON lines. ``write`` takes one line of text."""

    def __init__(self, command: str, write: Callable[[str], None] = lambda line: click.echo(line, err=True)):
        self._command, self._write = command, write

    def __call__(self, line: str) -> None:
        """One line of progress; a line break in it is a pair of characters."""
        known = line if isinstance(line, Line) else Line(line)
        self._put(known.level, known.step, known.message.strip(), known.facts)

    def error(self, error: LoaderError, code: int) -> None:
        """A command gave up for a reason that it can name."""
        self._put("error", None, str(error), {"error": type(error).__name__, "exit_code": code})

    def crash(self, error: BaseException) -> None:
        """A command met what nobody had thought of."""
        text = "".join(traceback.format_exception(error))
        self._put("error", None, str(error), {"error": type(error).__name__, "exit_code": 1, "traceback": text})

    def stopped(self, name: str, code: int) -> str:
        """The line for a signal, which is written past everything else."""
        return self._entry("warning", None, stopped_by(name), {"signal": name, "exit_code": code}) + "\n"

    def listen(self) -> None:
        """From now on, what libraries log as a warning or worse, Python's warnings, and the last word after a signal come here too."""
        in_other_words(self.stopped)
        logging.captureWarnings(True)
        logging.getLogger().addHandler(_Handler(self))

    def library(self, level: Level, name: str, message: str) -> None:
        """What a library has to say."""
        self._put(level, None, message, {"library": name})

    def _put(self, level: Level, step: str | None, message: str, facts: dict[str, Any]) -> None:
        with suppress(OSError):  # a log on a full disk is no reason to stop
            self._write(self._entry(level, step, message, facts))

    def _entry(self, level: Level, step: str | None, message: str, facts: dict[str, Any]) -> str:
        moment = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        entry = {"time": moment, "level": level, "command": self._command, "step": step, "message": message}
        return json.dumps(entry | {name: plain(value) for name, value in facts.items()}, allow_nan=False)


class _Handler(logging.Handler):
    def __init__(self, log: JsonLog):
        super().__init__(logging.WARNING)
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        self._log.library("error" if record.levelno >= logging.ERROR else "warning", record.name, record.getMessage())
