"""``verify``'s part of market data: the exports on the shelf are loaded again, in the same order, and the tables compared."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import duckdb

from loaders.errors import UnverifiableBuild
from loaders.fingerprints import Difference
from loaders.landing import sha256_of
from loaders.market.jobs import REPORTS
from loaders.market.landing import landed_at
from loaders.market.ledger import Ledger, MarketJob, put_jobs, read_jobs
from loaders.market.loading import load_one
from loaders.progress import Progress
from loaders.settings import Settings
from loaders.warehouse import quote, quote_text, table_columns

_AT_MOST = 10
MAPPING = "_market_properties"  # what a demonstration brings instead of the seed
_TABLES = (
    *(("raw", f"market_{report}") for report in REPORTS),
    *(("marts", f"market_{name}") for name in ("properties_daily", "floorplans_daily", "units_changes", "units", "trends")),
    *(("marts", "rent_versus_market"), ("audit", "market_shares"), ("audit", "market_left_out")),
    ("audit", "market_unmapped_properties"),
)


def loaded_exports(connection: duckdb.DuckDBPyConnection) -> list[MarketJob]:
    """The exports whose rows are in raw, in the order in which they were loaded; UnverifiableBuild when the tables lack some."""
    jobs = sorted(read_jobs(connection, "loaded"), key=lambda job: job.load_number or 0)
    built = table_columns(connection, "audit", "market_jobs")
    (seen,) = (connection.execute("select max(load_number) from audit.market_jobs").fetchone() if built else None) or (0,)
    if jobs and (seen or 0) < (jobs[-1].load_number or 0):
        raise UnverifiableBuild("loaded but not built: market data. Run `python -m loaders run`, or `dbt build`, first.")
    return jobs


def check_shelf(shelf: Path, jobs: Sequence[MarketJob]) -> list[Difference]:
    """The exports whose files are not what was downloaded."""
    found = []
    for job in jobs:
        path = landed_at(shelf, job)
        if not path.is_file():
            found.append(Difference("landing", job.label, f"{path} is gone: restore it from a backup"))
        elif sha256_of(path) != job.sha256:
            found.append(Difference("landing", job.label, f"{path} is not what was downloaded (its SHA-256 is another): restore it"))
    return found


def reload(scratch: Settings, live: Settings, shelf: Path, jobs: Sequence[MarketJob], say: Progress) -> None:
    """Load the exports into the scratch warehouse."""
    with Ledger(scratch).open() as connection:
        for job in jobs:
            connection.execute("begin")
            put_jobs(connection, [job.as_landed()])
            connection.execute("commit")
            load_one(connection, shelf, scratch.limits, job.request_id, lambda line: None)
        connection.execute(f"attach {quote_text(str(live.build))} as live (read_only)")
        if connection.execute("select 1 from duckdb_tables() where database_name = 'live' and table_name = ?", [MAPPING]).fetchone():
            connection.execute(f"create table raw.{MAPPING} as from live.raw.{MAPPING}")
        connection.execute("detach live")
    say(f"         {len(jobs)} market exports loaded")


def compare_market(connection: duckdb.DuckDBPyConnection) -> tuple[int, list[Difference]]:
    """How many tables were compared, and where the live ones, attached as ``live``, say something else."""
    there = [(schema, table) for schema, table in _TABLES if _columns(connection, "build", schema, table)]
    return len(there), [one for schema, table in there for one in _compare(connection, schema, table)]


def _compare(connection: duckdb.DuckDBPyConnection, schema: str, table: str) -> Iterator[Difference]:
    name, columns, live = f"{schema}.{quote(table)}", *(_columns(connection, side, schema, table) for side in ("build", "live"))
    more = [one for one in live if one not in columns and _has_values(connection, f"live.{name}", one)]
    if odd := sorted({*more, *(one for one in columns if live.get(one) != columns[one])}):
        yield Difference(f"{schema}.{table}", "", f"there is no such table, or its columns are others: {', '.join(odd)}")
        return
    # The order in which doubles are added is not fixed, and their last digits are not either.
    hashed = ", ".join(f"round({quote(one)}, 6)" if kind == "DOUBLE" else quote(one) for one, kind in columns.items())
    job = "_job_id" if "_job_id" in columns else "null::varchar"
    sums = [
        f"select {job} as job_id, count(*) as row_count, sum(hash({hashed})) as fingerprint from {side}{name} group by all"
        for side in ("", "live.")
    ]
    query = f"""
        with rebuilt as ({sums[0]}), live as ({sums[1]}),
        odd as (
            select *, true as is_live from (from live except all from rebuilt)
            union all select *, false from (from rebuilt except all from live)
        )
        select job_id, coalesce(max(row_count) filter (is_live), 0), coalesce(max(row_count) filter (not is_live), 0)
        from odd group by job_id order by job_id limit {_AT_MOST}
    """
    for job_id, there, rebuilt in connection.execute(query).fetchall():
        same = "say something else than its file gives" if there == rebuilt else f"where the file gives {rebuilt:,}"
        yield Difference(f"{schema}.{table}", f"market job {job_id}" if job_id else "", f"{there:,} rows, {same}")


def _columns(connection: duckdb.DuckDBPyConnection, database: str, schema: str, table: str) -> dict[str, str]:
    query = "select column_name, data_type from duckdb_columns() where database_name = ? and schema_name = ? and table_name = ? order by 1"
    return dict(connection.execute(query, [database, schema, table]).fetchall())


def _has_values(connection: duckdb.DuckDBPyConnection, table: str, column: str) -> bool:
    """A file that turned out bad leaves a column without values."""
    return connection.execute(f"select 1 from {table} where {quote(column)} is not null limit 1").fetchone() is not None
