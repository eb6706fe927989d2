"""Exports that lie on the shelf, as if they had been asked for and downloaded."""

from dataclasses import replace
from datetime import date, datetime, timedelta

from loaders.landing import sha256_of
from loaders.market.asking import intent
from loaders.market.jobs import Request
from loaders.market.landing import keep, make_shelf, part_of
from loaders.market.ledger import Ledger, MarketJob
from loaders.market.loading import load
from loaders.settings import Settings

_FIRST = datetime(2026, 11, 1)


def export(settings: Settings, number: int, wanted: Request, body: bytes, asked: datetime | None = None) -> MarketJob:
    """Land and load the ``number``-th export, asked for an hour after the one before unless said; the job as it is then."""
    job = replace(intent(wanted), job_id=f"job-{number}", asked_at=asked or _FIRST + timedelta(hours=number), state="landed")
    shelf = make_shelf(settings)
    part = part_of(shelf, job)
    part.write_bytes(body)
    keep(shelf, replace(job, size_bytes=len(body), sha256=sha256_of(part)), part)
    (done,) = load(settings, Ledger(settings), lambda line: None)
    return done


def days(start: str, end: str) -> tuple[date, date]:
    return date.fromisoformat(start), date.fromisoformat(end)
