"""Asking for jobs, such that none is lost and none is asked for twice, whatever stops us when.

The intent is written down, with the moment, before the request leaves. If the answer never comes, the job is looked for in the service's
list, by this command and by those that follow. It is asked for again only when it has not turned up there for a long time
(``Pace.settle``): a request that was cut off may still be at work on the other side. docs/decisions/0032-lost-answers.md.
"""

import time
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
from loaders.market.ledger import COUNTS, ENDED_BADLY, MarketJob, utc_now
from loaders.market.market import Market
from loaders.progress import Line

_CLOCKS = timedelta(minutes=2)  # how far the service's clock may be from what its answers say it is
_FIRST_LOOK = 2.0


@dataclass(frozen=True, slots=True)
class RequestReport:
    """``asked``: jobs that were asked for just now. ``found``: asked for by a command that was stopped, and settled now.
    ``known``: properties that were left out, because theirs is loaded or under way. ``unknown``: sent, and nobody knows whether a job
    came of it."""

    asked: tuple[MarketJob, ...]
    found: tuple[MarketJob, ...]
    known: tuple[int, ...]
    unknown: tuple[MarketJob, ...] = ()


def request(market: Market, wanted: Request, again: bool = False, rest: timedelta = timedelta(0)) -> RequestReport:
    """Ask for what is wanted and not there yet (``again``: for all of it). AlreadyAsked when nothing is left to ask for.

    ``rest``: what ended badly is not asked for once more before so much time has passed since it was asked for.
    """
    with market.alone():
        found = recover(market)
        known = () if again else known_properties(wanted, _that_count(market.ledger.read(), rest))
        missing = tuple(one for one in wanted.property_ids if one not in set(known))
        unknown = market.ledger.read("asking")
        if not missing and not found:
            raise _nothing_to_ask(market, wanted, unknown)
        asked = ask(market, intent(replace(wanted, property_ids=missing))) if missing else []
        _give_up(market, wanted, unknown if again else [])
    return RequestReport(tuple(asked), tuple(found), known, tuple(market.ledger.read("asking")))


def _that_count(jobs: Iterable[MarketJob], rest: timedelta) -> list[MarketJob]:
    since = utc_now() - rest
    return [job for job in jobs if job.state in COUNTS or (rest and job.state in ENDED_BADLY and job.asked_at > since)]


def _nothing_to_ask(market: Market, wanted: Request, unknown: Sequence[MarketJob]) -> LoaderError:
    if mine := next((job for job in unknown if job.report == wanted.report), None):
        return ServerUnreachable(in_words(market, mine))
    return AlreadyAsked(f"{wanted.label}: all of it is loaded or under way (`market list`). With --again it is asked for once more.")


def _give_up(market: Market, wanted: Request, unknown: Sequence[MarketJob]) -> None:
    """What was asked for once more, by somebody's own will, is not sent again besides."""
    for job in unknown:
        asked = [replace(job, start_date=wanted.start, end_date=wanted.end, property_ids=wanted.property_ids)]
        if job.report == wanted.report and known_properties(job.request, asked) == job.property_ids:
            market.ledger.write(replace(job, state="lost", message="its answer got lost, and it was asked for --again"))


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
    """Settle what a stopped command left open: find its jobs at the service, or ask for them now. Holding ``market.alone``.

    A request that may have arrived stays as it is until it has had time enough to appear in the service's list.
    """
    done = []
    for job in market.ledger.read("asking"):
        found = _listed(market, job) if job.sent_at else None
        if found:
            done.append(_adopted(market, job, found))
        elif _has_settled(market, job):
            market.say(Line(f"a command was stopped while it asked for {job.request.label}: asking for it now", step="market"))
            done += ask(market, job)
    return done


def look_again(market: Market) -> list[MarketJob]:
    """Of the requests whose answers got lost, the jobs that have turned up in the service's list. Holding ``market.alone``."""
    sent = [job for job in market.ledger.read("asking") if job.sent_at]
    return [_adopted(market, job, found) for job in sent if (found := _listed(market, job))]


def _has_settled(market: Market, job: MarketJob) -> bool:
    """Whether a request surely made no job, as far as time can tell: it never left, or left long ago."""
    return job.sent_at is None or (utc_now() - job.sent_at).total_seconds() >= market.pace.settle


def in_words(market: Market, job: MarketJob) -> str:
    """What is to be said of a request whose answer got lost."""
    until = (job.sent_at or job.asked_at) + timedelta(seconds=market.pace.settle)
    return (
        f"nobody knows yet whether a job came of asking for {job.request.label}: the answer got lost. Each command looks for it in the "
        f"service's list; one after {until:%Y-%m-%d %H:%M} UTC (FORTRESS_MARKET_SETTLE) asks for it again."
    )


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
    market.client.prepare()  # stopped until here, it surely made no job
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
            raise ServerUnreachable(f"{error} No job came of it so far. {in_words(market, sent)}") from None
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
    """The job that came of a request whose answer nobody saw, looked for a little while."""
    until, pause = time.monotonic() + market.pace.look, min(_FIRST_LOOK, market.pace.look)
    while True:
        if found := _listed(market, job):
            return found
        if (left := until - time.monotonic()) <= 0:
            return None
        market.sleep(min(pause, left + 0.01))
        pause *= 2


def _listed(market: Market, job: MarketJob) -> ServiceJob | None:
    """The oldest job of the list that is not ours yet, asks for the same, and is no older than the request."""
    ours = {one.job_id for one in market.ledger.read()}
    candidates: list[ServiceJob] = []
    for page in market.client.pages():
        since = job.asked_at + timedelta(seconds=page.skew) - _CLOCKS
        young = [one for one in page.jobs if one.created_at is None or one.created_at >= since]
        candidates += [one for one in young if one.request == job.request and one.job_id not in ours]
        if page.jobs and not young:  # newest first: all that follow are older
            break
    if len({one.job_id for one in candidates}) > 1:
        market.say(Line(f"the service has several jobs for {job.request.label}, made at the same time", step="market", level="warning"))
    return candidates[-1] if candidates else None
