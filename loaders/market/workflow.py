"""The monthly workflow: what is missing of a month is asked for, waited for, downloaded and loaded. It may be stopped at any point."""

import csv
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path

from loaders.errors import AlreadyAsked, LoaderError, NoSuchJob, RequestRefused, SettingsError, TryAgain
from loaders.market.asking import in_words, known_properties, look_again, recover, request
from loaders.market.download import download
from loaders.market.jobs import Request
from loaders.market.ledger import COUNTS, ENDED_BADLY, MarketJob, utc_now
from loaders.market.loading import load
from loaders.market.market import Market
from loaders.market.polling import GROWTH, look_at, poll
from loaders.progress import Line
from loaders.settings import PROJECT
from loaders.summary import ATTENTION, FAILED, TEMPORARY, error_code

REST = timedelta(days=1)
MAPPING = PROJECT / "seeds" / "market_properties.csv"


@dataclass(slots=True)
class MarketReport:
    """What became of jobs in one command. ``errors``: in words, with the exit code that each stands for."""

    asked: list[MarketJob] = field(default_factory=list)
    loaded: list[MarketJob] = field(default_factory=list)
    under_way: list[MarketJob] = field(default_factory=list)
    errors: list[tuple[str, int]] = field(default_factory=list)

    @property
    def exit_code(self) -> int:
        """0 when all is loaded; what somebody has to mend comes before what passes by itself."""
        codes = {code for _, code in self.errors} | ({TEMPORARY} if self.under_way else set())
        return next((code for code in (FAILED, ATTENTION, TEMPORARY) if code in codes), 0)

    def note(self, error: LoaderError) -> None:
        """An error that ends one job's part, and not the command."""
        self.errors.append((f"{type(error).__name__}: {error}", error_code(error)))


def known_property_ids(path: Path = MAPPING) -> tuple[int, ...]:
    """The vendor's ids in the mapping of properties, ascending; SettingsError when it has none, or one that is no number."""
    try:
        with path.open(encoding="utf-8", newline="") as file:
            ids = [row["market_property_id"].strip() for row in csv.DictReader(file)]
        found = tuple(sorted({int(one) for one in ids if one}))
    except FileNotFoundError:
        found = ()
    except (KeyError, ValueError, AttributeError, OSError) as error:
        raise SettingsError(f"{path} cannot be read as the mapping of properties: {error}") from None
    if not found:
        raise SettingsError(f"no property is known: give ids, or map the properties in {path.relative_to(path.parents[1])}.")
    return found


def last_complete_month(today: date) -> tuple[date, date]:
    """Its first and its last day."""
    last = today.replace(day=1) - timedelta(days=1)
    return last.replace(day=1), last


def sync(market: Market, wanted: Sequence[Request], seconds: float, again: bool = False) -> MarketReport:
    """Ask for what is missing, then carry every job that is under way as far as it goes in so many seconds of waiting."""
    report = MarketReport()
    for one in wanted:
        _noting(report, lambda one=one: report.asked.extend(_asked(market, one, again)))
        _note_rests(market, report, one, again)
    return carry_on(market, report, seconds)


def _note_rests(market: Market, report: MarketReport, wanted: Request, again: bool) -> None:
    """What ended badly a short while ago is not asked for by this command, and should not be forgotten over that: unless another job,
    loaded or under way, makes up for it."""
    made_up = market.ledger.read(*COUNTS)
    for job in market.ledger.read(*ENDED_BADLY) if not again else ():
        is_recent = job.asked_at > utc_now() - REST
        if is_recent and _touches(job, wanted) and known_properties(job.request, made_up) != job.property_ids:
            code = ATTENTION if job.state == "unreadable" else FAILED
            text = f"{job.state}: {job.label}{': ' + job.message if job.message else ''}. Asked for again tomorrow; now, with --again."
            report.errors.append((text, code))


def _touches(job: MarketJob, wanted: Request) -> bool:
    """Whether a job was asked for something of what is wanted."""
    is_same = job.report == wanted.report and not set(job.property_ids).isdisjoint(wanted.property_ids)
    return is_same and job.start_date <= wanted.end and job.end_date >= wanted.start


def _asked(market: Market, wanted: Request, again: bool) -> list[MarketJob]:
    try:
        done = request(market, wanted, again, REST)
    except AlreadyAsked as error:
        market.say(Line(str(error), step="market"))
        return []
    return [*done.found, *done.asked]


def carry_on(market: Market, report: MarketReport, seconds: float) -> MarketReport:
    """Poll, download and load until no job is under way or time is up. A job that ends badly does not keep the others."""
    until, pause = time.monotonic() + seconds, market.pace.first_poll
    _noting(report, lambda: _recovered(market, report))
    while True:
        unknown = _unknown(market, report)
        polled = poll(market, 0)
        for job in polled.ended:
            _note_end(report, job)
        unfetched = download_all(market)
        report.loaded += _loaded(market, report)
        errors = [*polled.errors, *(error for _, error in unfetched)]
        left = until - time.monotonic()
        if left <= 0 or not (polled.under_way or unknown or any(isinstance(one, TryAgain) for one in errors)):
            break
        market.pause(min(pause, left))
        pause = min(pause * GROWTH, market.pace.slowest_poll)
    report.under_way = [*polled.under_way, *(job for job, error in unfetched if isinstance(error, TryAgain)), *unknown]
    for error in errors:
        report.note(error)
    for job in unknown:
        market.say(Line(in_words(market, job), step="market", level="warning"))
    return report


def _recovered(market: Market, report: MarketReport) -> None:
    if market.ledger.read("asking"):
        with market.alone():
            report.asked += recover(market)


def _unknown(market: Market, report: MarketReport) -> list[MarketJob]:
    """The requests whose answers got lost, after another look for what came of them."""
    if any(job.sent_at for job in market.ledger.read("asking")):
        with suppress(TryAgain), market.alone():  # another command may be about to ask
            report.asked += look_again(market)
    return [job for job in market.ledger.read("asking") if job.sent_at]


def _note_end(report: MarketReport, job: MarketJob) -> None:
    if job.state in ("failed", "cancelled", "lost"):
        report.errors.append((f"{job.state}: {job.label}{': ' + job.message if job.message else ''}", FAILED))


def download_all(market: Market) -> list[tuple[MarketJob, LoaderError]]:
    """Fetch what is ready; what could not be fetched, and why."""
    failed = []
    for job in market.ledger.read("succeeded"):
        try:
            download(market, job)
        except LoaderError as error:
            market.say(Line(f"{job.label}: {error}", step="market", level="warning", job_id=job.job_id))
            failed.append((job, error))
    return failed


def _loaded(market: Market, report: MarketReport) -> list[MarketJob]:
    done = load(market.settings, market.ledger, market.say)
    for job in done:
        if job.state == "unreadable":
            report.errors.append((f"UnreadableFile: {job.label}: {job.message}", ATTENTION))
    return [job for job in done if job.state == "loaded"]


def _noting(report: MarketReport, step: Callable[[], None]) -> None:
    try:
        step()
    except LoaderError as error:
        report.note(error)


def cancel(market: Market, job_ids: Sequence[str]) -> list[MarketJob]:
    """Cancel jobs, and write down how they are then: one that ended meanwhile is what it is."""
    known = {job.job_id: job for job in market.ledger.read()}
    if unknown := [one for one in job_ids if one not in known]:
        raise NoSuchJob(f"not asked for by this warehouse: {', '.join(unknown)}. `market list` shows its jobs.")
    done = []
    for job_id in job_ids:
        job = known[job_id]
        if job.state != "submitted":
            done.append(job)
            continue
        try:
            market.client.cancel(job_id)
        except (RequestRefused, NoSuchJob) as error:
            market.say(Line(str(error), step="market", level="warning"))
        done.append(look_at(market, job))
    return done
