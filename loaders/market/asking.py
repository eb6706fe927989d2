"""Asking for jobs, such that none is lost and none is asked for twice, whatever stops us when.

The intent is written down, with the moment, before the request leaves. If the answer never comes, the job is looked for in the service's
list, and asked for again only when it has not turned up there for some time (``Pace.settle``): a request that was cut off may still be
at work on the other side. docs/decisions/0024-market-jobs.md.
"""

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

from loaders.errors import (
    AccessRefused,
    AlreadyAsked,
    CertificateRefused,
    LoaderError,
    Never,
    NoSuchJob,
    QuotaUsedUp,
    RequestRefused,
    ServerUnreachable,
    TryAgain,
)
from loaders.market.client import TooManyAtOnce, Unanswered
from loaders.market.jobs import Request, ServiceJob
from loaders.market.ledger import COUNTS, MarketJob, utc_now
from loaders.market.market import Market
from loaders.progress import Line

_CLOCKS = timedelta(minutes=2)  # how far the service's clock may be from what its answers say it is
_FIRST_LOOK = 2.0


@dataclass(frozen=True, slots=True)
class RequestReport:
    """``asked``: jobs that were asked for just now. ``found``: asked for by a command that was stopped, and settled now.
    ``known``: properties that were left out, because theirs is loaded or under way."""

    asked: tuple[MarketJob, ...]
    found: tuple[MarketJob, ...]
    known: tuple[int, ...]


def request(market: Market, wanted: Request, again: bool = False) -> RequestReport:
    """Ask for what is wanted and not there yet (``again``: for all of it). AlreadyAsked when nothing is left to ask for."""
    with market.alone():
        found = recover(market)
        known = () if again else known_properties(wanted, [job for job in market.ledger.read() if job.state in COUNTS])
        missing = tuple(one for one in wanted.property_ids if one not in set(known))
        if not missing and not found:
            raise AlreadyAsked(f"{wanted.label}: all of it is loaded or under way (`market list`). With --again it is asked for once more.")
        asked = ask(market, intent(replace(wanted, property_ids=missing))) if missing else []
    return RequestReport(tuple(asked), tuple(found), known)


def known_properties(wanted: Request, jobs: Iterable[MarketJob]) -> tuple[int, ...]:
    """The properties whose every wanted day is loaded or under way, in whatever format."""
    spans: dict[int, list[tuple[date, date]]] = {}
    for job in jobs:
        if job.report == wanted.report:
            for one in job.property_ids:
                spans.setdefault(one, []).append((job.start_date, job.end_date))
    return tuple(one for one in wanted.property_ids if _covers(spans.get(one, []), wanted.start, wanted.end))


def _covers(spans: Sequence[tuple[date, date]], start: date, end: date) -> bool:
    for first, last in sorted(spans):
        if first <= start <= last:
            start = last + timedelta(days=1)
    return start > end


def recover(market: Market) -> list[MarketJob]:
    """Settle what a stopped command left open: find its jobs at the service, or ask for them now. Holding ``market.alone``."""
    done = []
    for job in market.ledger.read("asking"):
        market.say(Line(f"a command was stopped while it asked for {job.request.label}: looking for the job", step="market"))
        found = look_for(market, job) if job.sent_at else None
        done += [_adopted(market, job, found)] if found else ask(market, job)
    return done


def intent(wanted: Request) -> MarketJob:
    """What is about to be asked for, under an id of our own."""
    return MarketJob(
        request_id=str(uuid.uuid4()),
        report=wanted.report,
        format=wanted.format,
        start_date=wanted.start,
        end_date=wanted.end,
        property_ids=wanted.property_ids,
        state="asking",
        asked_at=utc_now(),
    )


def ask(market: Market, job: MarketJob) -> list[MarketJob]:
    """Write an intent down and send it; the jobs that came of it, several where the service takes only so many properties at once."""
    sent = replace(job, sent_at=utc_now())
    market.ledger.write(sent)
    try:
        answer = market.client.create(sent.request, market.callback_url)
    except TooManyAtOnce as error:
        return _ask_in_halves(market, sent, error)
    except Unanswered as error:
        market.say(Line(f"{error} It may have arrived: looking for the job", step="market", level="warning"))
        found = look_for(market, sent)
        if not found:
            raise ServerUnreachable(f"{error} No job came of it so far; the next command looks again, and asks again if need be.") from None
        return [_adopted(market, sent, found)]
    except (RequestRefused, AccessRefused, QuotaUsedUp, NoSuchJob) as error:
        market.ledger.write(replace(sent, state="refused", message=str(error)[:1000]))
        raise
    except (TryAgain, CertificateRefused):  # it did not arrive
        market.ledger.write(job)
        raise
    return [_adopted(market, sent, answer)]


def _ask_in_halves(market: Market, job: MarketJob, why: LoaderError) -> list[MarketJob]:
    """The two halves take the job's place in one step."""
    ids, middle = job.property_ids, len(job.property_ids) // 2
    halves = [intent(replace(job.request, property_ids=part)) for part in (ids[:middle], ids[middle:])]
    market.ledger.write(replace(job, state="split", message=str(why)[:1000]), *halves)
    market.say(Line(f"the service takes fewer than {len(ids):,} properties at once: asking for two halves", step="market"))
    done: list[MarketJob] = []
    for place, half in enumerate(halves):
        try:
            done += ask(market, half)
        except Never as error:  # what the service will not do for a part, it will not do for the rest
            market.ledger.write(*(replace(one, state="refused", message=str(error)[:1000]) for one in halves[place + 1 :]))
            raise
    return done


def _adopted(market: Market, job: MarketJob, answer: ServiceJob) -> MarketJob:
    mine = replace(
        job,
        job_id=answer.job_id,
        state="submitted",
        service_status=answer.status,
        created_at=answer.created_at,
        checked_at=utc_now(),
    )
    market.ledger.write(mine)
    market.say(Line(f"asked for {mine.request.label}: job {mine.job_id}", step="market", job_id=mine.job_id))
    return mine


def look_for(market: Market, job: MarketJob) -> ServiceJob | None:
    """The job that came of a request whose answer nobody saw: looked for until it had time enough to appear."""
    assert job.sent_at is not None
    pause = min(_FIRST_LOOK, market.pace.settle)
    while True:
        if found := _listed(market, job):
            return found
        waited = (utc_now() - job.sent_at).total_seconds()
        if waited < 0 or waited >= market.pace.settle:
            return None
        market.sleep(min(pause, market.pace.settle - waited + 0.01))
        pause *= 2


def _listed(market: Market, job: MarketJob) -> ServiceJob | None:
    """The oldest job of the list that is not ours yet, asks for the same, and is no older than the request."""
    ours = {one.job_id for one in market.ledger.read()}
    candidates: list[ServiceJob] = []
    for page in market.client.pages():
        since = (job.sent_at or job.asked_at) + timedelta(seconds=page.skew) - _CLOCKS
        young = [one for one in page.jobs if one.created_at is None or one.created_at >= since]
        candidates += [one for one in young if one.request == job.request and one.job_id not in ours]
        if page.jobs and not young:  # newest first: all that follow are older
            break
    if len({one.job_id for one in candidates}) > 1:
        market.say(Line(f"the service has several jobs for {job.request.label}, made at the same time", step="market", level="warning"))
    return candidates[-1] if candidates else None
