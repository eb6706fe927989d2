"""Where a reconciliation is written down: ``raw._api_reconciliation`` and its copy ``audit.api_reconciliation``, all of it or nothing.

The values that differ are kept apart, in ``raw._api_values``, for the last reconciliation alone: that table is never published.
"""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import duckdb

from loaders.plain import plain
from loaders.reconcile.findings import Finding, TopicResult
from loaders.warehouse import RECONCILIATION_COLUMNS, table_columns

_AUDIT = "audit.api_reconciliation"
_VALUE_COLUMNS = {
    **dict.fromkeys(("topic", "_organization_id", "id", "column_name"), "varchar"),
    **dict.fromkeys(("warehouse_value", "api_value"), "varchar"),
}


def write_results(connection: duckdb.DuckDBPyConnection, results: Sequence[TopicResult], at: datetime) -> int:
    """Note what was found; the reconciliation's number. ``at`` is when the warehouse was looked at (UTC)."""
    _make_tables(connection)
    (number,) = connection.execute("select coalesce(max(reconciliation), 0) + 1 from raw._api_reconciliation").fetchone() or (1,)
    rows = [_row(number, at, result, finding) for result in results for finding in result.findings]
    values = [_values(finding) for result in results for finding in result.findings if finding.kind == "field"]
    connection.execute("begin")
    _insert(connection, "raw._api_reconciliation", rows)
    connection.execute("delete from raw._api_values")
    _insert(connection, "raw._api_values", values)
    connection.execute(f"delete from {_AUDIT}")
    connection.execute(f"insert into {_AUDIT} by name select * from raw._api_reconciliation")
    connection.execute("commit")
    return number


def read_earlier(connection: duckdb.DuckDBPyConnection, topic: str) -> dict[str, datetime | None]:
    """The records of a topic that were in question at its last reconciliation; and since which they were gone from the API, if they were.

    Since when: every reconciliation from then on has found the same.
    """
    if not table_columns(connection, "raw", "_api_reconciliation"):
        return {}
    query = """
        with asked as (
            select distinct reconciliation from raw._api_reconciliation
            where topic = $topic and kind = 'topic' and verdict <> 'not_compared'
        ),
        judged as (
            select *, kind = 'record' and verdict in ('deleted_in_api', 'different') as is_gone
            from raw._api_reconciliation where topic = $topic and id is not null
        ),
        in_question as (
            select distinct id from judged where reconciliation = (select max(reconciliation) from asked)
        ),
        there as (
            select in_question.id, max(asked.reconciliation) as last_time
            from in_question cross join asked
            anti join (from judged where is_gone) as gone on gone.id = in_question.id and gone.reconciliation = asked.reconciliation
            group by in_question.id
        )
        select id, min(reconciled_at) filter (is_gone and reconciliation > coalesce(last_time, 0))
        from in_question inner join judged using (id) left join there using (id)
        group by id order by id
    """
    return dict(connection.execute(query, {"topic": topic}).fetchall())


def _make_tables(connection: duckdb.DuckDBPyConnection) -> None:
    """Those that a build has not made yet: statements of their own."""
    definition = ", ".join(f"{name} {kind}" for name, kind in _VALUE_COLUMNS.items())
    connection.execute(f"create table if not exists raw._api_values ({definition})")
    connection.execute(f"create table if not exists {_AUDIT} as select * from raw._api_reconciliation")


def _row(number: int, at: datetime, result: TopicResult, finding: Finding) -> list[Any]:
    is_topic = finding.kind == "topic"
    known = {
        "reconciliation": number,
        "reconciled_at": at,
        "topic": finding.topic,
        "kind": finding.kind,
        "_organization_id": ", ".join(result.organizations) if is_topic else finding.organization_id,
        "id": finding.id,
        "column_name": finding.column_name,
        "verdict": finding.verdict.value,
        "explanation": finding.explanation,
        "api_updated_at": finding.api_updated_at,
        "watermark": result.watermark,
        "warehouse_records": result.warehouse_count if is_topic else None,
        "api_records": result.api_count if is_topic else None,
        "compared": result.records if is_topic else None,
        "alike": result.alike if is_topic else None,
    }
    return [known[name] for name in RECONCILIATION_COLUMNS]


def _values(finding: Finding) -> list[Any]:
    return [finding.topic, finding.organization_id, finding.id, finding.column_name, _text(finding.ours), _text(finding.theirs)]


def _text(value: Any) -> str | None:
    return value if value is None or isinstance(value, str) else json.dumps(plain(value))


def _insert(connection: duckdb.DuckDBPyConnection, table: str, rows: list[list[Any]]) -> None:
    if rows:
        connection.executemany(f"insert into {table} values ({', '.join('?' * len(rows[0]))})", rows)
