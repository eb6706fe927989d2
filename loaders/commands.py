"""What every command has in common: ``--json``, ``--log-json``, and errors that become a message and an exit code."""

import errno
import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import wraps
from typing import Any

import click

from loaders.errors import LoaderError, OutputRefused
from loaders.logs import JsonLog
from loaders.options import log_json, wants_json_log
from loaders.plain import plain
from loaders.progress import Line, Progress
from loaders.seam import printable
from loaders.summary import FAILED, error_code


def as_command(function: Callable[..., Any], group: click.Group) -> click.Command:
    """A subcommand of ``group`` that takes ``--json`` and turns the loader's errors into a message and an exit code."""

    @log_json
    @click.option("--json", "as_json", is_flag=True, help="Print one JSON document; progress goes to standard error.")
    @wraps(function)
    def guarded(**options: Any) -> None:
        log = _log()
        if log:
            log.listen()
        try:
            function(**options)
        except LoaderError as error:
            if log:
                log.error(error, error_code(error))
            else:
                click.echo(printable(f"{type(error).__name__}: {error}"), err=True)
            sys.exit(error_code(error))
        except Exception as error:
            if not log:
                raise
            log.crash(error)
            sys.exit(FAILED)

    return group.command(name=function.__name__.rstrip("_"))(guarded)


def progress(as_json: bool) -> Progress:
    """Where a command's progress goes: to standard output, unless that is for one JSON document; as JSON lines, if they are wanted."""

    def say(line: str) -> None:
        with suppress(OSError):  # a log on a full disk is no reason to stop
            click.echo(printable(line), err=as_json or (isinstance(line, Line) and line.level == "error"))

    return _log() or say


def answer(as_json: bool, found: Any, show: Callable[[], None]) -> None:
    """What a command found, as one JSON document or as ``show`` shows it."""
    with writing_out():
        if as_json:
            click.echo(json.dumps(plain(found), allow_nan=False))
        else:
            show()


@contextmanager
def writing_out() -> Iterator[None]:
    """Within, an answer is written. OutputRefused when it cannot be; a reader that has gone away is nobody's fault."""
    try:
        yield
    except OSError as error:
        if error.errno == errno.EPIPE:
            raise
        raise OutputRefused(f"The answer could not be written: {error.strerror}. What the command has done is done.") from error


def drop_what_cannot_be_written() -> None:
    """What a full disk did not take is not tried again when the process ends: Python would end with 120, and say so in its own words."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _log() -> JsonLog | None:
    return JsonLog(click.get_current_context().info_name or "") if wants_json_log() else None
