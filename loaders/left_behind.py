"""Files and folders that the last sync left on the server, and why: ``status`` says so for as long as they lie there.

They are in no ledger: nothing of them was delivered. Some are tried again by the next sync and need nobody; those beyond a limit
are left again by every sync, until somebody raises it or has the vendor deliver something else. docs/decisions/0022.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import duckdb

from loaders.errors import LoaderError, Never
from loaders.seam import shown
from loaders.tree import Closed, RemoteFile
from loaders.warehouse import LEFT_COLUMNS, table_columns


@dataclass(frozen=True, slots=True)
class LeftBehind:
    """A file, as commands name files, or the path of a folder or file that could not be looked at (no ``organization_id``).

    ``error`` is the error's name, ``reason`` says what to do; ``needs_somebody`` is false where the next sync tries again by itself.
    ``since`` is when a sync first left it, UTC.
    """

    file: str
    organization_id: str | None
    topic: str | None
    error: str
    reason: str
    needs_somebody: bool
    since: datetime


def remember_left(connection: duckdb.DuckDBPyConnection, left: Iterable[tuple[RemoteFile, LoaderError]], closed: Iterable[Closed]) -> None:
    """Note what a sync that came to its end has left; what an earlier one left and this one did not is forgotten."""
    since = {one.file: one.since for one in read_left(connection)}
    now = datetime.now(UTC).replace(tzinfo=None)
    connection.execute("begin")
    connection.execute("delete from raw._left")
    for file, error in left:
        label = f"{file.organization_id}/{file.topic}/{file.name.file_name}"
        is_for_somebody = isinstance(error, Never)
        row = [label, file.organization_id, file.topic, type(error).__name__, str(error), is_for_somebody, since.get(label, now)]
        connection.execute("insert into raw._left values (?, ?, ?, ?, ?, ?, ?)", row)
    for one in closed:
        label = shown(one.path)
        row = [label, one.error, one.reason, one.needs_somebody, since.get(label, now)]
        connection.execute("insert into raw._left values (?, null, null, ?, ?, ?, ?)", row)
    connection.execute("commit")


def read_left(connection: duckdb.DuckDBPyConnection) -> list[LeftBehind]:
    """What the last sync left; those first that need somebody."""
    if table_columns(connection, "raw", "_left") != list(LEFT_COLUMNS):  # a warehouse of an older version, opened to be read
        return []
    return [LeftBehind(*row) for row in connection.execute("from raw._left order by not needs_somebody, since, file").fetchall()]


def for_somebody(left: Sequence[LeftBehind]) -> list[LeftBehind]:
    """Those that wait for somebody."""
    return [one for one in left if one.needs_somebody]
