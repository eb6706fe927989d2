"""The ledger of market jobs, ``raw._market_jobs``: what was asked for, and how far it has come.

A row is written before a request leaves this machine, so that no job is ever lost. The database is opened for each entry alone: a
job takes minutes, and whoever runs or builds meanwhile shall not be in its way.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from datetime import UTC, date, datetime

import duckdb

from loaders.landing import at_work
from loaders.market.jobs import Request
from loaders.settings import Settings
from loaders.warehouse import open_build

JOB_COLUMNS = {
    "request_id": "varchar",
    "job_id": "varchar",
    "report": "varchar",
    "format": "varchar",
    "start_date": "date",
    "end_date": "date",
    "property_ids": "bigint[]",
    "state": "varchar",
    "service_status": "varchar",
    "message": "varchar",
    "asked_at": "timestamp",
    "sent_at": "timestamp",
    "created_at": "timestamp",
    "checked_at": "timestamp",
    "size_bytes": "bigint",
    "sha256": "varchar",
    "row_count": "bigint",
    "loaded_at": "timestamp",
    "load_number": "bigint",
}

# asking: noted, and maybe sent. submitted: the service has it. succeeded: its file waits there. landed: it is here. loaded: its rows are.
# split: asked for in parts instead. refused: the service would not take it. lost: the service does not know it any more.
UNDER_WAY = ("asking", "submitted", "succeeded", "landed")
COUNTS = (*UNDER_WAY, "loaded")  # what is not asked for again
ENDED_BADLY = ("failed", "cancelled", "lost", "unreadable")  # jobs that were made, and brought nothing


@dataclass(frozen=True, slots=True)
class MarketJob:
    """One row of ``raw._market_jobs``. Times are UTC without a zone; ``created_at`` is the service's, the others are ours."""

    request_id: str
    report: str
    format: str
    start_date: date
    end_date: date
    property_ids: tuple[int, ...]
    state: str
    asked_at: datetime
    job_id: str | None = None
    service_status: str | None = None
    message: str | None = None
    sent_at: datetime | None = None
    created_at: datetime | None = None
    checked_at: datetime | None = None
    size_bytes: int | None = None
    sha256: str | None = None
    row_count: int | None = None
    loaded_at: datetime | None = None
    load_number: int | None = None

    @property
    def request(self) -> Request:
        """What was asked for."""
        return Request(self.report, self.format, self.start_date, self.end_date, self.property_ids)

    @property
    def label(self) -> str:
        """The job in messages."""
        return f"{self.job_id or 'a job without an id yet'} ({self.request.label})"

    def as_landed(self) -> "MarketJob":
        """The job as it was when its file had come, and nothing of it was loaded."""
        return replace(self, state="landed", row_count=None, loaded_at=None, load_number=None)


def utc_now() -> datetime:
    """The moment as the ledger holds it."""
    return datetime.now(UTC).replace(tzinfo=None)


@dataclass(frozen=True, slots=True)
class Ledger:
    """The ledger of one warehouse, which is waited for ``patience`` seconds while another command is at work."""

    settings: Settings
    patience: float = 120

    def read(self, *states: str) -> list[MarketJob]:
        """The jobs in these states (all, if none is named), in the order in which they were asked for."""
        if not self.settings.build.exists():
            return []
        with at_work(self.settings.home, self.patience), open_build(self.settings.build, read_only=True) as connection:
            return read_jobs(connection, *states)

    def write(self, *jobs: MarketJob) -> None:
        """Write rows in the place of those of the same request, all or none."""
        with self.open() as connection:
            connection.execute("begin")
            put_jobs(connection, jobs)
            connection.execute("commit")

    @contextmanager
    def open(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """The build database, with the ledger in it; no other command works on this warehouse meanwhile."""
        with (
            at_work(self.settings.home, self.patience),
            open_build(self.settings.build, memory_limit=self.settings.limits.memory) as connection,
        ):
            definition = ", ".join(f"{name} {kind}" for name, kind in JOB_COLUMNS.items())
            connection.execute(f"create table if not exists raw._market_jobs ({definition})")
            yield connection


def read_jobs(connection: duckdb.DuckDBPyConnection, *states: str) -> list[MarketJob]:
    """The same of an open database, which may have no ledger yet."""
    names = [field.name for field in fields(MarketJob)]
    query = f"select {', '.join(names)} from raw._market_jobs where ? or list_contains(?::varchar[], state) order by asked_at, request_id"
    try:
        rows = connection.execute(query, [not states, list(states)]).fetchall()
    except duckdb.CatalogException:
        return []
    found = (MarketJob(**dict(zip(names, row, strict=True))) for row in rows)
    return [replace(one, property_ids=tuple(one.property_ids)) for one in found]


def put_jobs(connection: duckdb.DuckDBPyConnection, jobs: Sequence[MarketJob]) -> None:
    """Write rows in the place of those of the same request, within a transaction of the caller's."""
    for job in jobs:
        connection.execute("delete from raw._market_jobs where request_id = ?", [job.request_id])
        values = [list(job.property_ids) if name == "property_ids" else getattr(job, name) for name in JOB_COLUMNS]
        connection.execute(f"insert into raw._market_jobs values ({', '.join('?' * len(values))})", values)
