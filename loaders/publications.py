"""The memory of what was published: ``raw._published``, one row for each version that is kept.

No clock decides whether the published file is behind: the state that it was made from is compared with the state now.
"""

import json
from dataclasses import dataclass
from datetime import UTC, datetime

import duckdb

from loaders.privacy import Policy
from loaders.warehouse import PUBLISHED_COLUMNS, table_columns


@dataclass(frozen=True, slots=True)
class Publication:
    """A version: what decided its content (``state``, ``policy``), and its rows by ``schema.table``.

    ``policy`` is the fingerprint of a ``Policy``, ``pii`` its mode in words, ``shape`` as published_updates.shape_of gives it.
    ``stamp`` is the finished file's, by which it is seen that somebody has written to it.
    """

    number: int
    published_at: datetime
    pii: str
    policy: str
    state: str
    rows: dict[str, int]
    rolled_back_at: datetime | None
    shape: str
    stamp: str


def read_publications(connection: duckdb.DuckDBPyConnection) -> list[Publication]:
    """What is known of the versions, oldest first; nothing of those that an older project published."""
    if table_columns(connection, "raw", "_published") != list(PUBLISHED_COLUMNS):
        return []
    rows = connection.execute("from raw._published order by number").fetchall()
    return [Publication(*row[:5], json.loads(row[5]), *row[6:]) for row in rows]


def state_of(connection: duckdb.DuckDBPyConnection) -> str:
    """What the marts were last built from: by topic, the end of the ledger, the project's fingerprint, and which build it was.

    And the last reconciliation with the API, which is published without a build.
    """
    built = connection.execute("select topic, _file_id, project_fingerprint, built_at::varchar from raw._built order by topic").fetchall()
    (number,) = connection.execute("select max(reconciliation) from raw._api_reconciliation").fetchone() or (None,)
    return json.dumps([*built, ["_api_reconciliation", number]] if number else built)


def rows_since(connection: duckdb.DuckDBPyConnection, one: Publication) -> int:
    """How many delivered rows were loaded since what a version was made from."""
    newest = max((file_id for topic, file_id, *_ in json.loads(one.state) if topic != "_api_reconciliation"), default=0)
    query = "select coalesce(sum(row_count), 0)::bigint from raw._files where _file_id > ?"
    (rows,) = connection.execute(query, [newest]).fetchone()
    return rows


def remember(connection: duckdb.DuckDBPyConnection, number: int, policy: Policy, rows: dict[str, int], shape: str, stamp: str) -> None:
    """Note a version that is in force now."""
    values = [number, _now(), policy.mode, policy.fingerprint, state_of(connection), json.dumps(rows), None, shape, stamp]
    connection.execute("insert into raw._published values (?, ?, ?, ?, ?, ?, ?, ?, ?)", values)


def forget_all_but(connection: duckdb.DuckDBPyConnection, kept: set[int | None]) -> None:
    """Drop the rows of versions that are gone."""
    connection.execute("delete from raw._published where list_contains(?::bigint[], number) is not true", [list(kept)])


def note_rollback(connection: duckdb.DuckDBPyConnection, number: int) -> None:
    """Note that a version, which was in force, is not any more."""
    connection.execute("update raw._published set rolled_back_at = ? where number = ?", [_now(), number])


def carry_none_on(connection: duckdb.DuckDBPyConnection) -> None:
    """Have nothing made from the versions that there are: what was written anew since may say otherwise what no file has changed."""
    connection.execute("update raw._published set shape = ''")


def _now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)
