"""Asking how jobs are, until they have ended or time is up. What is known stands in the ledger, so that any command can go on."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

from loaders.errors import LoaderError, NoSuchJob, ReadFailed
from loaders.market.jobs import ServiceJob
from loaders.market.ledger import MarketJob, utc_now
from loaders.market.market import Market
from loaders.progress import Line

GROWTH = 1.5


@dataclass(frozen=True, slots=True)
class PollReport:
    """Jobs as they are now: ``ended`` since they were last asked after, and ``under_way``. ``errors``: why some cannot be asked after."""

    ended: tuple[MarketJob, ...]
    under_way: tuple[MarketJob, ...]
    errors: tuple[LoaderError, ...] = ()


def poll(market: Market, seconds: float, request_ids: Sequence[str] | None = None) -> PollReport:
    """Ask after the jobs that the service has in work (of these requests alone, if named) for at most so long; at least once."""
    until, pause, ended = time.monotonic() + seconds, market.pace.first_poll, []
    while True:
        jobs = [job for job in market.ledger.read("submitted") if request_ids is None or job.request_id in request_ids]
        now, errors = _look_at_all(market, jobs)
        ended += [job for job in now if job.state != "submitted"]
        under_way = [job for job in now if job.state == "submitted"]
        left = until - time.monotonic()
        if (not under_way and not errors) or left <= 0:
            return PollReport(tuple(ended), tuple(under_way), tuple(errors))
        market.say(Line(f"{len(under_way) + len(errors)} jobs are under way", step="market", under_way=len(under_way)))
        market.pause(min(pause, left))
        pause = min(pause * GROWTH, market.pace.slowest_poll)


def _look_at_all(market: Market, jobs: Sequence[MarketJob]) -> tuple[list[MarketJob], list[LoaderError]]:
    """One job's trouble does not keep the others from being looked at."""
    found, errors = [], []
    for job in jobs:
        try:
            found.append(look_at(market, job))
        except LoaderError as error:
            errors.append(error)
            market.say(Line(f"{job.label}: {error}", step="market", level="warning", job_id=job.job_id))
    return found, errors


def look_at(market: Market, job: MarketJob) -> MarketJob:
    """Ask after one job and write down how it is; one that the service does not know, time enough after it was made, is ``lost``."""
    assert job.job_id is not None
    try:
        answer = _status(market, job.job_id)
    except NoSuchJob as error:
        if (utc_now() - (job.sent_at or job.asked_at)).total_seconds() < market.pace.settle:
            raise ReadFailed(f"{error} It was made a short while ago: the service may need time to know it.") from None
        lost = replace(job, state="lost", message=str(error), checked_at=utc_now())
        market.ledger.write(lost)
        market.say(Line(str(error), step="market", level="error", job_id=job.job_id))
        return lost
    state = answer.status if answer.status in ("succeeded", "failed", "cancelled") else "submitted"
    mine = replace(
        job,
        state=state,
        service_status=answer.status,
        message=answer.message or job.message,
        created_at=answer.created_at or job.created_at,
        checked_at=utc_now(),
    )
    if replace(mine, checked_at=job.checked_at) != job:
        market.ledger.write(mine)
    if state != "submitted":
        why = f": {mine.message}" if state == "failed" else ""
        level = "error" if state == "failed" else "info"
        market.say(Line(f"{state}: {mine.label}{why}", step="market", level=level, job_id=job.job_id))
    return mine


def _status(market: Market, job_id: str) -> ServiceJob:
    """The job by its id; by the list, where the service knows no such address."""
    try:
        return market.client.status(job_id)
    except NoSuchJob:
        found = next((one for page in market.client.pages() for one in page.jobs if one.job_id == job_id), None)
        if found is None:
            raise
        return found
