"""What the warehouse knows about each organization and topic: one look for people and for monitors."""

from dataclasses import dataclass
from datetime import UTC, datetime

import duckdb

from loaders.registry import modelled_topics, topics
from loaders.warehouse import table_columns

_BY_TOPIC = """
    with files as (
        select
            organization_id,
            topic,
            arg_max(file_name, batch_at) filter (status = 'loaded') as last_file,
            max(batch_at) filter (status = 'loaded') as last_batch_at,
            coalesce(sum(row_count) filter (status = 'loaded'), 0) as rows_delivered,
            count(*) filter (status = 'loaded') as files,
            count(*) filter (status = 'quarantined') as quarantined,
            count(*) filter (status = 'held') as held,
            count(*) filter (status = 'discarded') as discarded,
            count(*) filter (status = 'duplicate') as duplicate,
            count(*) filter (status = 'superseded') as superseded
        from raw._files group by all
    ),
    vanished as (
        select organization_id, topic, count(*) as vanished from raw._remote where vanished_at is not null group by all
    )
    select * exclude (vanished), coalesce(vanished, 0) as vanished
    from files left join vanished using (organization_id, topic)
    order by organization_id, topic
"""


@dataclass(frozen=True, slots=True)
class TopicStatus:
    """One organization's topic; ``files`` are those loaded. ``lag_seconds`` counts from the last batch's own time to now."""

    organization_id: str
    topic: str
    last_file: str | None
    last_batch_at: datetime | None
    rows_delivered: int
    files: int
    quarantined: int
    held: int
    discarded: int
    duplicate: int
    superseded: int
    vanished: int
    lag_seconds: float | None
    unknown_columns: tuple[str, ...]
    rule_disagreements: int | None
    modelled: bool


@dataclass(frozen=True, slots=True)
class Arrived:
    """What one organization ever delivered of a topic, in files that are loaded."""

    organization_id: str
    topic: str
    files: int
    rows: int
    last_file: str | None
    modelled: bool


def read_arrived(connection: duckdb.DuckDBPyConnection) -> list[Arrived]:
    """One entry per organization and topic, from the ledger alone: what a run says at its end, however large the tables are."""
    modelled = modelled_topics()
    found = connection.execute(f"select organization_id, topic, files, rows_delivered, last_file from ({_BY_TOPIC}) order by all")
    return [Arrived(*row, modelled=row[1] in modelled) for row in found.fetchall()]


def read_status(connection: duckdb.DuckDBPyConnection, now: datetime | None = None) -> list[TopicStatus]:
    """One entry per organization and topic that ever delivered a file."""
    now = (now or datetime.now(UTC)).astimezone(UTC).replace(tzinfo=None)
    modelled = modelled_topics()
    disagreements = _disagreements(connection)
    found = []
    for organization_id, topic, last_file, last_batch_at, *counts in connection.execute(_BY_TOPIC).fetchall():
        lag = (now - last_batch_at).total_seconds() if last_batch_at else None
        unknown = unknown_columns(connection, topic) if topic in topics() else ()
        disagree = disagreements.get((organization_id, topic), 0) if topic in modelled else None
        found.append(TopicStatus(organization_id, topic, last_file, last_batch_at, *counts, lag, unknown, disagree, topic in modelled))
    return found


def read_ended(connection: duckdb.DuckDBPyConnection) -> dict[str, datetime | None]:
    """When each step last went through, UTC; None for never. A build by hand with dbt is not noted."""
    return {
        "sync": _latest(connection, "_ended", "ended_at", "where step = 'sync'"),
        "build": _latest(connection, "_built", "built_at"),
        "publish": _latest(connection, "_published", "published_at"),
        "run": _latest(connection, "_ended", "ended_at", "where step = 'run'"),
    }


def _latest(connection: duckdb.DuckDBPyConnection, table: str, column: str, condition: str = "") -> datetime | None:
    if column not in table_columns(connection, "raw", table):  # a warehouse of an older version, opened to be read
        return None
    return connection.execute(f"select max({column}) from raw.{table} {condition}").fetchone()[0]


def unknown_columns(connection: duckdb.DuckDBPyConnection, topic: str) -> tuple[str, ...]:
    """Columns of a known topic that were delivered and that the registry does not expect; they flow through all the same."""
    technical = {"_organization_id", "_file_id", "_row_number", "_op"}
    expected = {column.name.casefold() for column in topics()[topic].columns}
    return tuple(name for name in table_columns(connection, "raw", topic) if name not in technical and name.casefold() not in expected)


def _disagreements(connection: duckdb.DuckDBPyConnection) -> dict[tuple[str, str], int]:
    if not table_columns(connection, "audit", "rule_disagreements"):
        return {}
    query = "select _organization_id, topic, count(*) from audit.rule_disagreements group by all"
    return {(organization_id, topic): count for organization_id, topic, count in connection.execute(query).fetchall()}
