"""What ``status`` says of market data: how far each report is, and which jobs wait for something."""

from dataclasses import dataclass
from datetime import date, datetime

import duckdb

from loaders.market.jobs import REPORTS
from loaders.market.ledger import ENDED_BADLY, UNDER_WAY, MarketJob, read_jobs


@dataclass(frozen=True, slots=True)
class MarketStatus:
    """One report. ``last_day`` is the last one that a loaded export was asked for; times are UTC. ``ended_badly`` counts jobs that were
    asked for after the last loaded one: what went wrong before it has been made up for."""

    report: str
    loaded: int
    rows: int
    last_day: date | None
    last_loaded_at: datetime | None
    under_way: int
    ended_badly: int


def read_market_status(connection: duckdb.DuckDBPyConnection) -> list[MarketStatus]:
    """One entry for each report that was ever asked for."""
    jobs = read_jobs(connection)
    return [_status(report, mine) for report in REPORTS if (mine := [job for job in jobs if job.report == report])]


def _status(report: str, jobs: list[MarketJob]) -> MarketStatus:
    loaded = [job for job in jobs if job.state == "loaded"]
    last = max((job.asked_at for job in loaded), default=datetime.min)
    return MarketStatus(
        report,
        len(loaded),
        sum(job.row_count or 0 for job in loaded),
        max((job.end_date for job in loaded), default=None),
        max((job.loaded_at for job in loaded if job.loaded_at), default=None),
        sum(job.state in UNDER_WAY for job in jobs),
        sum(job.state in (*ENDED_BADLY, "refused") and job.asked_at > last for job in jobs),
    )
