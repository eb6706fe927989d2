"""What the market commands found, as people read it."""

from collections.abc import Iterable, Sequence

import click

from loaders.market.asking import RequestReport
from loaders.market.ledger import MarketJob
from loaders.market.workflow import MarketReport
from loaders.report import console, table
from loaders.seam import visible

_COLUMNS = ("job", "report", "days", "properties", "format", "state", "asked", "rows")


def show_jobs(jobs: Sequence[MarketJob], none: str) -> None:
    """A table of jobs, and below it what is to be said of single ones; ``none`` says that there is no job to show."""
    if not jobs:
        click.echo(none)
        return
    console().print(table("", _COLUMNS, [_row(job) for job in jobs]))
    for job in jobs:
        if job.message and job.state in ("failed", "refused", "lost", "unreadable"):
            click.echo(visible(f"{job.state}: {job.label}: {job.message}"))


def _row(job: MarketJob) -> list[str]:
    rows = "" if job.row_count is None else f"{job.row_count:,}"
    days = f"{job.start_date} to {job.end_date}"
    return [
        job.job_id or "(none yet)",
        job.report,
        days,
        f"{len(job.property_ids):,}",
        job.format,
        job.state,
        f"{job.asked_at:%Y-%m-%d %H:%M}",
        rows,
    ]


def show_request(done: RequestReport) -> None:
    """What was asked for, and what was not."""
    for word, jobs in (("found again", done.found), ("asked for", done.asked)):
        for job in jobs:
            click.echo(visible(f"{word}: {job.label}"))
    for job in done.unknown:
        click.echo(visible(f"not known yet: {job.label}"))
    if done.known:
        click.echo(f"{len(done.known):,} properties are loaded or under way already; --again asks for them too")
    click.echo("next: python -m loaders market sync --wait 30m, or poll, download and load one by one")


def show_market(done: MarketReport) -> None:
    """How far the jobs are."""
    rows = sum(job.row_count or 0 for job in done.loaded)
    click.echo(f"{len(done.asked)} jobs asked for, {len(done.loaded)} loaded ({rows:,} rows), {len(done.under_way)} under way")
    show_errors(text for text, _ in done.errors)
    if done.loaded:
        click.echo("next: python -m loaders run, which builds the tables and publishes them")
    elif done.under_way:
        click.echo("next: the same command again, which goes on from here")


def show_errors(texts: Iterable[str]) -> None:
    """One line each, on standard error."""
    for text in texts:
        click.echo(visible(text), err=True)
