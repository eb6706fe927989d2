"""A landed export's rows into ``raw.market_<report>``, and its ledger row, in one transaction: all of it or nothing.

The table has the delivered columns, verbatim and as text, and behind them the job and the row's number in the file. It only grows.
"""

from dataclasses import replace
from pathlib import Path

import duckdb

from loaders.errors import UnreadableFile, WarehouseRefused
from loaders.landing import sha256_of
from loaders.limits import Limits
from loaders.market.landing import landed_at, landed_jobs, shelf_of
from loaders.market.ledger import Ledger, MarketJob, put_jobs, read_jobs, utc_now
from loaders.market.reading import Rows, open_rows
from loaders.progress import Line, Progress
from loaders.readers import folded, unreadable
from loaders.settings import Settings
from loaders.warehouse import BEYOND_REPAIR, quote, table_columns

TECHNICAL_COLUMNS = {"_job_id": "varchar", "_row_number": "bigint"}
_PREFIX = "delivered_"


def load(settings: Settings, ledger: Ledger, say: Progress) -> list[MarketJob]:
    """Load all that has landed and is not loaded; the jobs as they are then, ``unreadable`` those that cannot be read."""
    done = []
    for job in _waiting(settings, ledger):
        with ledger.open() as connection:
            done += load_one(connection, shelf_of(settings), settings.limits, job.request_id, say)
    return done


def _waiting(settings: Settings, ledger: Ledger) -> list[MarketJob]:
    """The jobs that have landed; with those of the shelf that the ledger, which may be a new one, does not know."""
    landed = landed_jobs(shelf_of(settings))
    if not landed:
        return []
    with ledger.open() as connection:
        known = {job.request_id: job for job in read_jobs(connection)}
        unknown = [job for job in landed if job.request_id not in known]
        connection.execute("begin")
        put_jobs(connection, unknown)
        connection.execute("commit")
    return unknown + [job for job in known.values() if job.state == "landed"]


def load_one(connection: duckdb.DuckDBPyConnection, shelf: Path, limits: Limits, request_id: str, say: Progress) -> list[MarketJob]:
    """One job's file; nothing where another command was faster."""
    job = next(one for one in read_jobs(connection) if one.request_id == request_id)
    if job.state != "landed":
        return []
    path = landed_at(shelf, job)
    try:
        if not path.is_file() or sha256_of(path) != job.sha256:
            raise UnreadableFile(f"{path} is not what was downloaded: restore it from a backup, or ask for it --again")
        done = _load(connection, job, path, open_rows(connection, path, job.format, limits))
    except UnreadableFile as error:
        done = replace(job, state="unreadable", message=str(error))
        _put(connection, done)
        say(Line(f"{job.label} cannot be read: {error}", step="market", level="error", job_id=job.job_id))
    else:
        say(Line(f"loaded {done.row_count:,} rows: {job.label}", step="market", job_id=job.job_id, rows=done.row_count))
    return [done]


def _load(connection: duckdb.DuckDBPyConnection, job: MarketJob, path: Path, rows: Rows) -> MarketJob:
    columns = _prepare(connection, job, rows)
    (last,) = connection.execute("select coalesce(max(load_number), 0) from raw._market_jobs").fetchone() or (0,)
    done = replace(job, state="loaded", row_count=rows.row_count, loaded_at=utc_now(), load_number=last + 1)
    connection.execute("begin")
    try:
        _insert(connection, job, path, rows, columns)
        put_jobs(connection, [done])
        connection.execute("commit")
    except UnreadableFile:
        connection.execute("rollback")
        raise
    return done


def _put(connection: duckdb.DuckDBPyConnection, job: MarketJob) -> None:
    connection.execute("begin")
    put_jobs(connection, [job])
    connection.execute("commit")


def _table(job: MarketJob) -> str:
    return f"raw.{quote('market_' + job.report)}"


def _prepare(connection: duckdb.DuckDBPyConnection, job: MarketJob, rows: Rows) -> list[str]:
    """Make the table or add the columns that it lacks, in statements of their own; the table's columns for the file's, in their order.

    A file that turns out bad afterwards leaves a column without values, which nothing shows.
    """
    table = f"market_{job.report}"
    existing = {folded(name): name for name in table_columns(connection, "raw", table)}
    if "_file_id" in existing:
        raise WarehouseRefused(
            f"raw.{table} holds a topic of that name, delivered with the exports: market data cannot be loaded beside it."
        )
    if not existing:
        definition = ", ".join(f"{name} {kind}" for name, kind in TECHNICAL_COLUMNS.items())
        connection.execute(f"create table {_table(job)} ({definition})")
    wanted = [_raw_column(name) for name in rows.columns]
    for name in wanted:
        if folded(name) not in existing:
            connection.execute(f"alter table {_table(job)} add column {quote(name)} varchar")
            existing[folded(name)] = name
    return [existing[folded(name)] for name in wanted]


def _raw_column(delivered: str) -> str:
    """The column's own name, unless that is, prefix or no prefix, one of ours."""
    bare = folded(delivered)
    while bare.startswith(_PREFIX):
        bare = bare.removeprefix(_PREFIX)
    return _PREFIX + delivered if bare in (*TECHNICAL_COLUMNS, "_file_id") else delivered


def _insert(connection: duckdb.DuckDBPyConnection, job: MarketJob, path: Path, rows: Rows, columns: list[str]) -> None:
    """Append the rows and prove that all of them are there."""
    targets = "".join(f", {quote(name)}" for name in columns)
    values = "".join(f", {value}" for value in rows.values)
    statement = f"""
        insert into {_table(job)} (_job_id, _row_number{targets})
        select $job_id, row_number() over (){values} from ({rows.select})
    """
    try:
        connection.execute(statement, {"job_id": job.job_id, "path": str(path)})
    except BEYOND_REPAIR:
        raise
    except duckdb.Error as error:
        raise unreadable(error) from None
    query = f"select count(*), count(distinct _row_number) from {_table(job)} where _job_id = ?"
    found = connection.execute(query, [job.job_id]).fetchone()
    if found != (rows.row_count, rows.row_count):
        raise UnreadableFile(f"the file has {rows.row_count:,} rows, and {found} were read: have it exported again")
