"""The command line: options in, reports out. No logic lives here.

Exit codes: 0 all good; 3 a file is quarantined, held or refused and waits for somebody; 75 try again: another process is at
work, or the server did not hand over what it holds; 1 failed, and will fail again until somebody acts; 2 the command line
itself is wrong; 130 and 143 stopped by Ctrl-C and by SIGTERM. A watch that is told to stop ends with 0.
"""

import getpass
import sys
import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import click

from loaders import report
from loaders.commands import answer, as_command, progress, writing_out
from loaders.decisions import Ruling
from loaders.demonstration import demonstrate, step_aside
from loaders.docs_site import SITE, write_site
from loaders.examples import examples
from loaders.explain import explain
from loaders.explain_report import show_explanation
from loaders.lake import write_lake
from loaders.landing import at_work
from loaders.left_behind import for_somebody, read_left
from loaders.market.group import market
from loaders.market.status import read_market_status
from loaders.metrics import openmetrics
from loaders.options import Duration, log_json
from loaders.pipeline import RunReport, run
from loaders.private import keep_to_owner
from loaders.publish import count_published, publish, rollback
from loaders.query import MOST_ROWS, query_published
from loaders.raw import RawLoader
from loaders.reconcile.cli import command as reconcile
from loaders.remote import open_remote
from loaders.restore import restore
from loaders.rulings import rule
from loaders.scaffold import check_scaffold, write_scaffold
from loaders.settings import load_settings
from loaders.simulator import simulate
from loaders.status import read_arrived, read_ended, read_status
from loaders.summary import ATTENTION, FAILED, exit_code
from loaders.sync import make_plan, sync
from loaders.verify import verify
from loaders.waiting import WAITING, set_aside
from loaders.warehouse import open_build
from loaders.watch import watch

DIFFERS = 4


def command(function: Callable[..., Any]) -> click.Command:
    """A subcommand that takes ``--json`` and turns the loader's errors into a message and an exit code."""
    return as_command(function, main)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@log_json
def main() -> None:
    """Fortress Warehouse's loader: mirrors exports, loads them into DuckDB, publishes the finished tables.

    Settings come from the environment and from .env in the project's root; docs/operations.md explains each:

    \b
    where from      FORTRESS_EXPORTS_URL, FORTRESS_ORGANIZATION_ID
    who we are      FORTRESS_SSH_KEY, FORTRESS_SSH_PASSWORD, FORTRESS_KNOWN_HOSTS
    how politely    FORTRESS_SFTP_SESSIONS
    where to        FORTRESS_HOME
    personal data   FORTRESS_PII, FORTRESS_PII_KEY, FORTRESS_PII_KEY_FILE
    publishing      FORTRESS_KEEP_PUBLISHED
    limits          FORTRESS_MAX_FILE_BYTES, FORTRESS_MAX_RUN_BYTES, FORTRESS_MAX_FILE_ROWS,
                    FORTRESS_MAX_NAMES, FORTRESS_SILENCE_SECONDS, FORTRESS_MEMORY_LIMIT
    a lake          FORTRESS_LAKE_URL, FORTRESS_LAKE_FORMAT, FORTRESS_LAKE_BUCKETS
    a witness       FORTRESS_API_...: `python -m loaders reconcile --help`
    market data     FORTRESS_MARKET_...: `python -m loaders market --help`

    Example: FORTRESS_EXPORTS_URL=sftp://user@host/root python -m loaders run
    """
    keep_to_owner()


@command
@click.option("--lake", "lake_url", help="Then add it to a lake for Spark: a folder or any fsspec URL. FORTRESS_LAKE_URL if not said.")
def sync_(lake_url: str | None, as_json: bool) -> None:
    """Mirror what is new and load it.

    Example: FORTRESS_EXPORTS_URL=sftp://user@host/root python -m loaders sync --lake s3://bucket/fortress
    """
    settings = load_settings()
    settings.require_exports_url()
    with open_remote(settings) as remote:  # first: an address that is wrong shall leave everything as it is
        step_aside(settings, progress(as_json))
        with at_work(settings.home), open_build(settings.build, memory_limit=settings.limits.memory) as connection:
            found = sync(settings, connection, remote, progress(as_json))
            if lake_url := lake_url or settings.lake_url:
                found.lake = write_lake(connection, lake_url, settings.home, progress(as_json))
    answer(as_json, found, lambda: report.show_sync(found))
    sys.exit(exit_code([found]))


@command
def plan(as_json: bool) -> None:
    """Show what sync would do, in the order it would do it. Changes nothing.

    Example: python -m loaders plan --json
    """
    settings = load_settings()
    settings.require_exports_url()
    with open_remote(settings) as remote:
        listing = remote.list_exports()
    with open_build(settings.build, read_only=True) as connection:
        found = make_plan(connection, listing)
    answer(as_json, found, lambda: report.show_plan(found))


@command
@click.option("--openmetrics", "as_metrics", is_flag=True, help="Print OpenMetrics text, for Prometheus and the like.")
def status(as_metrics: bool, as_json: bool) -> None:
    """Show, per organization and topic, how far the data is and what needs attention.

    Example: python -m loaders status --openmetrics
    """
    settings = load_settings()
    settings.require_warehouse()
    with open_build(settings.build, read_only=True) as connection:
        topics, aside, ended, left = read_status(connection), set_aside(connection), read_ended(connection), read_left(connection)
        market_data = read_market_status(connection)
    if as_metrics:
        with writing_out():
            click.echo(openmetrics(topics, ended, market_data, left), nl=False)
    else:
        found = {"topics": topics, "set_aside": aside, "last_success": ended, "left": left, "market": market_data}
        answer(as_json, found, lambda: report.show_status(topics, aside, ended, market_data, left))
    sys.exit(ATTENTION if aside or for_somebody(left) else 0)


@command
def quarantine(as_json: bool) -> None:
    """List the files that wait for somebody: why, since when, what in them offends, and what can be done.

    Example: python -m loaders quarantine
    """
    settings = load_settings()
    settings.require_warehouse()
    with open_build(settings.build, read_only=True) as connection:
        aside = set_aside(connection)
    answer(as_json, aside, lambda: report.show_quarantine(aside))
    sys.exit(ATTENTION if aside else 0)


def ruling(function: Callable[..., Any]) -> Callable[..., Any]:
    """The arguments of a decision on files that wait."""
    for option in (
        click.option("--by", default=getpass.getuser, show_default="your user name", help="Who decides."),
        click.option("--reason", required=True, help="Why; the ledger keeps it, and publishes it."),
        click.argument("files", nargs=-1, required=True, metavar="FILE..."),
    ):
        function = option(function)
    return function


@command
@ruling
def release(files: tuple[str, ...], reason: str, by: str, as_json: bool) -> None:
    """Let a held file through: it is loaded at once, at its own place in the order. FILE as `status` names it.

    The next run builds and publishes it. A file that was given up by mistake can be released too.

    Example: python -m loaders release acme/units/LOAD.csv --reason "the vendor confirmed that the west side was sold"
    """
    _rule("release", files, reason, by, as_json)


@command
@ruling
def discard(files: tuple[str, ...], reason: str, by: str, as_json: bool) -> None:
    """Give a quarantined or held file up: it waits no more, and is never loaded. FILE as `status` names it.

    The same content delivered again stays given up; other content is judged anew.

    Example: python -m loaders discard acme/units/20260301-140000123.csv --reason "empty test file, says the vendor"
    """
    _rule("discard", files, reason, by, as_json)


def _rule(what: Ruling, files: tuple[str, ...], reason: str, by: str, as_json: bool) -> None:
    settings = load_settings()
    settings.require_warehouse()
    with at_work(settings.home), open_build(settings.build, memory_limit=settings.limits.memory) as connection:
        done = rule(RawLoader(connection, settings.landing, limits=settings.limits), what, files, by, reason)
    answer(as_json, done, lambda: report.show_rulings(done))
    sys.exit(ATTENTION if any(one.version.status in WAITING for one in done) else 0)


@command
@click.option("--rollback", "to_the_one_before", is_flag=True, help="Put the version before into force again, until there is news.")
def publish_(as_json: bool, to_the_one_before: bool) -> None:
    """Check the build and swap fortress.duckdb for it, in one step.

    With --rollback, the version that was published before comes back. Runs leave it in force until they have news; publish
    without the option publishes the build again at once.

    Example: python -m loaders publish --rollback
    """
    settings = load_settings()
    settings.require_warehouse()
    with at_work(settings.home):
        done = rollback(settings) if to_the_one_before else publish(settings)
    answer(as_json, done, lambda: report.show_publish(done))


@command
@click.option("--full", is_flag=True, help="Build every table from the raw rows instead of bringing it up to date.")
def run_(as_json: bool, full: bool) -> None:
    """Sync, build what has news, publish. Without FORTRESS_EXPORTS_URL: the demonstration.

    Example: FORTRESS_EXPORTS_URL=file:///srv/exports python -m loaders run
    """
    settings = load_settings()
    say = progress(as_json)
    if settings.exports_url:
        step_aside(settings, say)
        done = [run(settings, say, full_refresh=full)]
    else:
        say("FORTRESS_EXPORTS_URL is not set: this is the demonstration, a simulated vendor behind a real SFTP server on this machine.")
        done = demonstrate(settings, say)
    answer(as_json, done, lambda: _show_runs(done))
    sys.exit(exit_code([one.sync for one in done]))


@command
@click.option("--every", type=Duration(), default="5m", show_default=True, help="How long to wait between two rounds: 30s, 5m, 1h.")
@click.option("--rounds", type=click.IntRange(min=1), help="End after so many rounds, with the last one's exit code.")
def watch_(every: timedelta, rounds: int | None, as_json: bool) -> None:
    """Run again and again in one process. SIGTERM and Ctrl-C end it between two steps, with exit code 0; a second one at once.

    Between rounds it holds nothing: `dbt` and other commands work. A round that fails does not end it.

    Example: python -m loaders watch --every 5m
    """
    settings = load_settings()
    settings.require_exports_url()
    say = progress(as_json)
    step_aside(settings, say)
    done = watch(settings, say, every, rounds)
    answer(as_json, done, lambda: None)
    sys.exit(done.exit_code)


@command
def restore_(as_json: bool) -> None:
    """Make build.duckdb again from the landing folder alone, when it is lost. `python -m loaders run` then builds the tables.

    Example: python -m loaders restore
    """
    done = restore(load_settings(), progress(as_json))
    answer(as_json, done, lambda: report.show_restore(done))


def _show_runs(done: list[RunReport]) -> None:
    settings = load_settings()
    with open_build(settings.build, read_only=True) as connection:
        arrived, rows = read_arrived(connection), count_published(settings, connection)
    report.show_run(done[-1], arrived, rows)
    report.show_next_steps(settings.published, examples(rows, is_demonstration=not settings.exports_url))


@command
def verify_(as_json: bool) -> None:
    """Build everything anew from the landing folder, in a scratch database, and compare every table with the live one.

    Exit code 4 when one differs; the first file that does is named. Takes the time of a first build, and its space on the disk.

    Example: python -m loaders verify
    """
    found = verify(load_settings(), progress(as_json))
    answer(as_json, found, lambda: report.show_verification(found))
    sys.exit(DIFFERS if found.differences else 0)


@command
@click.argument("topic", required=False)
@click.option("--check", is_flag=True, help="Write nothing; exit 1 and name the files when they do not say what the registry asks for.")
@click.option("--no-build", is_flag=True, help="Leave TOPIC's tables to the next run.")
def scaffold(topic: str | None, check: bool, no_build: bool, as_json: bool) -> None:
    """Write the models of every topic from the registry. With a TOPIC that was delivered and that the registry does not
    know, write its entry first, from what was seen; then build its tables and publish them.

    Example: python -m loaders scaffold parkingspaces
    """
    settings = load_settings()
    done = check_scaffold() if check else write_scaffold(settings, topic, not no_build, progress(as_json))
    answer(as_json, done, lambda: report.show_scaffold(done, check))
    sys.exit(FAILED if check and done.files else 0)


@command
@click.argument("out", type=click.Path(file_okay=False, path_type=Path))
@click.option("--organizations", default=2, show_default=True, help="How many organizations deliver.")
@click.option("--rows", default=200, show_default=True, help="Work orders in an organization's first snapshot; other topics follow.")
@click.option("--seed", default=7, show_default=True, help="The same seed writes the same bytes.")
@click.option("--steps", default=3, show_default=True, help="Steps of simulated time to write, from the first.")
@click.option("--serve", "port", type=int, help="Then serve OUT over SFTP on this port of 127.0.0.1 (0: any) until interrupted.")
def simulate_(out: Path, organizations: int, rows: int, seed: int, steps: int, port: int | None, as_json: bool) -> None:
    """Write a realistic, seeded export tree to OUT, in steps of time; with --serve, offer it over SFTP.

    Example: python -m loaders simulate /tmp/exports --rows 1000 --steps 3 --serve 2222
    """
    out.mkdir(parents=True, exist_ok=True)
    written = [one for step in range(1, steps + 1) for one in simulate(out, organizations=organizations, rows=rows, seed=seed, step=step)]
    answer(as_json, written, lambda: click.echo(f"{len(written)} files written to {out}"))
    if port is not None:
        _serve(out, port)


def _serve(out: Path, port: int) -> None:
    from loaders.sftp_server import serve

    with serve(out, out.with_name(out.name + "-keys"), port) as server:
        click.echo(
            f"serving {out}; interrupt to stop. To read it:\n  export FORTRESS_EXPORTS_URL={server.url} "
            f"FORTRESS_SSH_KEY={server.client_key} FORTRESS_KNOWN_HOSTS={server.known_hosts}",
            err=True,
        )
        threading.Event().wait()


@command
@click.argument("topic")
@click.argument("record_id", metavar="ID")
@click.option("--organization", help="Whose record it is, where several organizations have one of this id.")
@click.option("--values", is_flag=True, help="Show the values of columns that may hold personal data, too.")
def explain_(topic: str, record_id: str, organization: str | None, values: bool, as_json: bool) -> None:
    """Show a record's whole life: each delivered row with its file and line, what it did, and why.

    Example: python -m loaders explain workorders 0b6f3c1e-7c1d-4c8e-9a53-3f0f6f1f7a11
    """
    settings = load_settings()
    settings.require_warehouse()
    with open_build(settings.build, read_only=True) as connection:
        found = explain(connection, settings.landing, topic, record_id, organization, show_values=values)
    answer(as_json, found, lambda: show_explanation(found))


@command
@click.argument("sql")
def query(sql: str, as_json: bool) -> None:
    """Run one query on the published tables and show the first 50 rows; with --json, all of them.

    Example: python -m loaders query "from marts.workorders limit 5"
    """
    columns, rows, is_cut = query_published(load_settings(), sql, None if as_json else MOST_ROWS)
    answer(as_json, [dict(zip(columns, row, strict=True)) for row in rows], lambda: report.show_query(columns, rows, is_cut))


@command
@click.option(
    "--out", type=click.Path(dir_okay=False, path_type=Path), default=SITE, help="Where to write it; target/fortress-docs.html if not said."
)
def docs(out: Path, as_json: bool) -> None:
    """Write the docs site: every table, column and macro described, in one HTML file that needs no network.

    Example: python -m loaders docs --out fortress-docs.html
    """
    done = write_site(load_settings(), out)
    answer(
        as_json,
        done,
        lambda: click.echo(
            f"{done.models} models and {done.columns:,} columns described in {done.path}\nopen it in a browser; it needs no network"
        ),
    )


main.add_command(market)
main.add_command(reconcile)
