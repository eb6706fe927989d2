"""The commands below ``python -m loaders market``: options in, reports out. Their exit codes are those of loaders/cli.py."""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import click

from loaders.commands import answer, as_command, progress
from loaders.errors import SettingsError
from loaders.market import report
from loaders.market.asking import request
from loaders.market.group import market
from loaders.market.jobs import FORMATS, REPORTS, Request
from loaders.market.ledger import Ledger, read_jobs
from loaders.market.listening import listen, listening
from loaders.market.loading import load
from loaders.market.market import Market, open_market
from loaders.market.polling import poll
from loaders.market.settings import load_market_settings
from loaders.market.workflow import MarketReport, cancel, carry_on, download_all, known_property_ids, last_complete_month, sync
from loaders.options import Duration
from loaders.progress import Line
from loaders.settings import load_settings
from loaders.summary import ATTENTION, FAILED, TEMPORARY
from loaders.warehouse import open_build
from loaders.web.waits import Pace

_IDS = click.argument("property_ids", nargs=-1, type=click.IntRange(min=1), metavar="[PROPERTY_ID]...")
_FILE = click.option("--ids-file", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="A file with one property id a line.")
_FORMAT = click.option(
    "--format", "file_format", type=click.Choice(FORMATS), default="jsonl", show_default=True, help="What the file is to be."
)
_AGAIN = click.option("--again", is_flag=True, help="Ask for what is loaded or under way, too. What comes replaces the same days.")
_NO_JOB = "no such job was asked for yet: `python -m loaders market sync` asks for the last complete month"
_DAY = click.DateTime(["%Y-%m-%d"])


def command(function: Callable[..., Any]) -> click.Command:
    """A command of this group."""
    return as_command(function, market)


def waiting(default: str) -> Callable[..., Any]:
    """How long a command waits for the service's jobs, and how often it asks."""

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        every = click.option(
            "--every", type=Duration(), default="5s", show_default=True, help="The first pause; they grow, up to two minutes."
        )
        wait = click.option("--wait", type=Duration(), default=default, show_default=True, help="For how long at most: 90s, 30m, 2h.")
        return wait(every(function))

    return decorate


@contextmanager
def _market(as_json: bool, every: timedelta | None = None) -> Iterator[Market]:
    pace = Pace(first_poll=every.total_seconds()) if every else Pace()
    with open_market(load_settings(), load_market_settings(), progress(as_json), pace) as opened:
        yield opened


@command
@_IDS
@_FILE
@click.option(
    "--report", "reports", type=click.Choice(REPORTS), multiple=True, required=True, help="Which report; more than once for several."
)
@_FORMAT
@click.option("--from", "start", type=_DAY, required=True, help="The first day.")
@click.option("--to", "end", type=_DAY, required=True, help="The last day; it is part of it.")
@_AGAIN
def request_(
    property_ids: tuple[int, ...],
    ids_file: Path | None,
    reports: tuple[str, ...],
    file_format: str,
    start: datetime,
    end: datetime,
    again: bool,
    as_json: bool,
) -> None:
    """Ask for exports: one job a report for all properties, parts only where the service takes fewer at once.

    Without PROPERTY_ID and --ids-file, for the properties of seeds/market_properties.csv. What is loaded or under way is left out.

    Example: python -m loaders market request --report property --from 2026-10-01 --to 2026-10-31 99001416 99001417
    """
    wanted = _requests(reports, file_format, start.date(), end.date(), _ids(property_ids, ids_file))
    with _market(as_json) as opened:
        done = [request(opened, one, again) for one in wanted]
    answer(as_json, done, lambda: [report.show_request(one) for one in done])
    sys.exit(TEMPORARY if any(one.unknown for one in done) else 0)


@command
@waiting("1s")
def poll_(wait: timedelta, every: timedelta, as_json: bool) -> None:
    """Ask after the jobs that are under way; with --wait, until they have ended. Nothing is downloaded.

    Ends with 75 while a job is under way, with 1 when one failed.

    Example: python -m loaders market poll --wait 30m
    """
    with _market(as_json, every) as opened:
        done = poll(opened, wait.total_seconds() if wait > timedelta(seconds=1) else 0)
    answer(as_json, done, lambda: report.show_jobs([*done.ended, *done.under_way], "no job is under way"))
    ended_badly = any(job.state != "succeeded" for job in done.ended)
    sys.exit(FAILED if ended_badly else TEMPORARY if done.under_way or done.errors else 0)


@command
def download_(as_json: bool) -> None:
    """Download the files of jobs that have succeeded, as far as they are not here yet.

    Example: python -m loaders market download
    """
    done = MarketReport()
    with _market(as_json) as opened:
        for _, error in download_all(opened):
            done.note(error)
        jobs = opened.ledger.read("landed")
    answer(as_json, jobs, lambda: report.show_jobs(jobs, "no downloaded file waits to be loaded"))
    report.show_errors(text for text, _ in done.errors)
    sys.exit(done.exit_code)


@command
def load_(as_json: bool) -> None:
    """Load what was downloaded into raw.market_property, raw.market_units and raw.market_floorplans. Asks nobody.

    After the database was lost: load what lies in the landing folder anew.

    Example: python -m loaders market load
    """
    settings = load_settings()
    done = load(settings, Ledger(settings), progress(as_json))
    answer(as_json, done, lambda: report.show_jobs(done, "nothing to load: no downloaded file waits"))
    sys.exit(ATTENTION if any(job.state == "unreadable" for job in done) else 0)


@command
@click.option(
    "--state", "states", multiple=True, help="Only jobs in this state: submitted, loaded, failed, ...; more than once for several."
)
def list_(states: tuple[str, ...], as_json: bool) -> None:
    """List the jobs that were asked for, and how far each is. Asks nobody.

    Example: python -m loaders market list --state submitted
    """
    settings = load_settings()
    settings.require_warehouse()
    with open_build(settings.build, read_only=True) as connection:
        jobs = read_jobs(connection, *states)
    answer(as_json, jobs, lambda: report.show_jobs(jobs, _NO_JOB))


@command
@click.argument("job_ids", nargs=-1, required=True, metavar="JOB_ID...")
def cancel_(job_ids: tuple[str, ...], as_json: bool) -> None:
    """Cancel jobs that are under way. One that has ended meanwhile stays what it is.

    Example: python -m loaders market cancel 0b6f3c1e-7c1d-4c8e-9a53-3f0f6f1f7a11
    """
    with _market(as_json) as opened:
        jobs = cancel(opened, job_ids)
    answer(as_json, jobs, lambda: report.show_jobs(jobs, _NO_JOB))
    sys.exit(TEMPORARY if any(job.state == "submitted" for job in jobs) else 0)


@command
@_IDS
@_FILE
@click.option("--report", "reports", type=click.Choice(REPORTS), multiple=True, help="Which report; all three, if not said.")
@_FORMAT
@click.option("--month", type=click.DateTime(["%Y-%m"]), help="Which month; the last complete one, if not said.")
@waiting("30m")
@_AGAIN
def sync_(
    property_ids: tuple[int, ...],
    ids_file: Path | None,
    reports: tuple[str, ...],
    file_format: str,
    month: datetime | None,
    wait: timedelta,
    every: timedelta,
    again: bool,
    as_json: bool,
) -> None:
    """The monthly workflow: ask for what is missing of a month, wait, download, load. Stopped at any point, it goes on when called again.

    Without PROPERTY_ID and --ids-file, for the properties of seeds/market_properties.csv. Jobs asked for before are carried on, too.

    Example: python -m loaders market sync --month 2026-10
    """
    start, end = last_complete_month(_month_after(month.date()) if month else datetime.now(UTC).date())
    wanted = _requests(reports or REPORTS, file_format, start, end, _ids(property_ids, ids_file))
    with _market(as_json, every) as opened:
        done = sync(opened, wanted, wait.total_seconds(), again)
    _end(done, as_json)


@command
@click.option(
    "--bind", default="127.0.0.1", show_default=True, help="The address to listen on; what others reach should be a proxy with TLS."
)
@click.option("--port", type=click.IntRange(0, 65535), default=8765, show_default=True, help="The port; 0 takes any free one.")
@click.option("--until-done", is_flag=True, help="End when no job is under way.")
@waiting("365d")
def listen_(bind: str, port: int, until_done: bool, wait: timedelta, every: timedelta, as_json: bool) -> None:
    """Wait for the service to call back, then look at the job, download and load it. What is called is believed in nothing.

    FORTRESS_MARKET_CALLBACK_URL is the public address that leads here; the path's secret part is appended to it. A call that got lost is
    made up for every five minutes.

    Example: python -m loaders market listen --port 8765
    """
    with _market(as_json, every) as opened, listening(opened, bind, port) as (url, hints):
        opened.say(Line(f"listening on {url.rpartition('/')[0]}, at a path that {opened.shelf / '.callback'} holds", step="market"))
        done = listen(
            opened, hints, wait.total_seconds(), 300, lambda: until_done and not opened.ledger.read("asking", "submitted", "succeeded")
        )
    _end(done, as_json)


@command
@waiting("30m")
def resume(wait: timedelta, every: timedelta, as_json: bool) -> None:
    """Carry the jobs on that are under way, whoever asked for them, and ask for no others.

    Example: python -m loaders market resume --wait 10m
    """
    with _market(as_json, every) as opened:
        done = carry_on(opened, MarketReport(), wait.total_seconds())
    _end(done, as_json)


def _end(done: MarketReport, as_json: bool) -> None:
    answer(as_json, done, lambda: report.show_market(done))
    sys.exit(done.exit_code)


def _requests(reports: Sequence[str], file_format: str, start: date, end: date, ids: tuple[int, ...]) -> list[Request]:
    if end < start:
        raise SettingsError(f"the last day, {end}, is before the first, {start}.")
    return [Request(one, file_format, start, end, ids) for one in dict.fromkeys(reports)]


def _ids(given: Sequence[int], path: Path | None) -> tuple[int, ...]:
    """Ascending, each once: the same question is then the same request."""
    if path:
        lines = path.read_text(encoding="utf-8").split()
        if wrong := [line for line in lines if not (line.isascii() and line.isdigit())]:
            raise SettingsError(f"{path}: {wrong[0]!r} is no property id, which is a whole number.")
        given = [*given, *map(int, lines)]
    return tuple(sorted(set(given))) or known_property_ids()


def _month_after(day: date) -> date:
    return (day.replace(day=1) + timedelta(days=32)).replace(day=1)
