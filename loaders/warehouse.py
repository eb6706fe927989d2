"""The build database: how it is opened, and the tables the loader owns in it."""

import time
from collections.abc import Iterator, Set
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

import duckdb

from loaders.altered import refuse_altered, refuse_nonsense
from loaders.checkpoints import NOTHING_TOGETHER
from loaders.errors import LoaderError, WarehouseBusy, WarehouseRefused
from loaders.private import make_home

# Timestamps without a zone are UTC; extensions are downloads, which a warehouse must not depend on.
_SESSION = (
    "set TimeZone = 'UTC'",
    "set autoinstall_known_extensions = false",
    "set autoload_known_extensions = false",
    "set checkpoint_threshold = '256MB'",  # the default of 16 MB rewrites a table's end after every other change file
    NOTHING_TOGETHER,
)

_FULL = ("no space left on device", "disk quota exceeded", "file too large", "could not write all bytes")
NO_SPACE_HINT = "\n  There is no space left in {folder}: free some and run again. Nothing half-written counts."

LONGEST_LOOK = 5.0  # seconds that `status`, `plan`, `explain` and the like may be in the way; profiles.yml says the same to dbt
_BETWEEN_LOOKS = 0.05

BEYOND_REPAIR = (
    *(duckdb.IOException, duckdb.OutOfMemoryException, duckdb.FatalException, duckdb.InternalException),
    duckdb.TransactionException,  # a commit that failed: its log could not be written
)

LEDGER_COLUMNS = {
    "_file_id": "bigint",
    "organization_id": "varchar",
    "topic": "varchar",
    "file_name": "varchar",
    "kind": "varchar",
    "format": "varchar",
    "batch_at": "timestamp",
    "remote_mtime": "timestamp",
    "size_bytes": "bigint",
    "sha256": "varchar",
    "row_count": "bigint",
    "status": "varchar",
    "reason": "varchar",
    "loaded_at": "timestamp",
    "snapshot_number": "bigint",
}

_REMOTE_COLUMNS = {
    "path": "varchar",
    "organization_id": "varchar",
    "topic": "varchar",
    "file_name": "varchar",
    "size_bytes": "bigint",
    "remote_mtime": "timestamp",
    "vanished_at": "timestamp",
}

_BUILT_COLUMNS = {"topic": "varchar", "_file_id": "bigint", "project_fingerprint": "varchar", "built_at": "timestamp"}

_STAGED_COLUMNS = {"topic": "varchar", "raw_columns": "varchar"}

PUBLISHED_COLUMNS = {
    "number": "bigint",
    "published_at": "timestamp",
    "pii": "varchar",
    "policy": "varchar",
    "state": "varchar",
    "row_counts": "varchar",
    "rolled_back_at": "timestamp",
    "shape": "varchar",
    "stamp": "varchar",
}

_SEEN_COLUMNS = {"topic": "varchar", "_file_id": "bigint"}

_ENDED_COLUMNS = {"step": "varchar", "ended_at": "timestamp"}

_OFFENDING_COLUMNS = {"_file_id": "bigint", "offending_text": "varchar"}

LEFT_COLUMNS = {
    "file": "varchar",
    "organization_id": "varchar",
    "topic": "varchar",
    "error": "varchar",
    "reason": "varchar",
    "needs_somebody": "boolean",
    "since": "timestamp",
}

_MEASURE_COLUMNS = {
    "_file_id": "bigint",
    "records": "bigint",
    "deleted": "bigint",
    "updates": "bigint",
    "filled": "varchar",
    "is_ended": "boolean",
}

DECISION_COLUMNS = {
    "decision": "varchar",
    "organization_id": "varchar",
    "topic": "varchar",
    "file_name": "varchar",
    "remote_mtime": "timestamp",
    "sha256": "varchar",
    "decided_by": "varchar",
    "decided_at": "timestamp",
    "reason": "varchar",
}

RECONCILIATION_COLUMNS = {
    "reconciliation": "bigint",
    "reconciled_at": "timestamp",
    "topic": "varchar",
    "kind": "varchar",
    "_organization_id": "varchar",
    "id": "varchar",
    "column_name": "varchar",
    "verdict": "varchar",
    "explanation": "varchar",
    "api_updated_at": "timestamp",
    "watermark": "timestamp",
    "warehouse_records": "bigint",
    "api_records": "bigint",
    "compared": "bigint",
    "alike": "bigint",
}

_OWN_TABLES = {
    "_files": LEDGER_COLUMNS,
    "_remote": _REMOTE_COLUMNS,
    "_built": _BUILT_COLUMNS,
    "_staged": _STAGED_COLUMNS,
    "_seen": _SEEN_COLUMNS,
    "_published": PUBLISHED_COLUMNS,
    "_ended": _ENDED_COLUMNS,
    "_offending": _OFFENDING_COLUMNS,
    "_left": LEFT_COLUMNS,
    "_measures": _MEASURE_COLUMNS,
    "_decisions": DECISION_COLUMNS,
    "_api_reconciliation": RECONCILIATION_COLUMNS,
}


_KEPT_TABLES = {name: columns for name, columns in _OWN_TABLES.items() if name != "_published"}  # which is made anew where it differs


def quote(identifier: str) -> str:
    """A name as SQL may hold it. Names come from files and are never put into a statement unquoted."""
    return '"' + identifier.replace('"', '""') + '"'


def quote_text(text: str) -> str:
    """A text as SQL may hold it, for the few statements that take no parameter."""
    return "'" + text.replace("'", "''") + "'"


def open_scratch(memory_limit: str) -> duckdb.DuckDBPyConnection:
    """An empty database in memory, for reading what is not trusted yet; it puts nothing on the disk."""
    connection = duckdb.connect(config={"memory_limit": memory_limit, "temp_directory": ""})
    set_up(connection)
    return connection


def set_up(connection: duckdb.DuckDBPyConnection) -> None:
    """Give a connection, or another cursor on it, the settings that all work here by."""
    for statement in _SESSION:
        connection.execute(statement)


@contextmanager
def open_build(path: Path, read_only: bool = False, memory_limit: str | None = None) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection to the build database, its own tables in place; WarehouseBusy while another process holds it for longer than a look.

    What does not fit into ``memory_limit`` goes to a folder beside the database, which takes no more than nine tenths of the free disk.

    Read-only, a warehouse that does not exist yet is an empty one, and is not made.
    """
    is_new = read_only and not path.exists()
    connection = duckdb.connect() if is_new else _connect(path, read_only)
    try:
        set_up(connection)
        if memory_limit:
            connection.execute(f"set memory_limit = {quote_text(memory_limit)}")
        there = refuse_altered(connection, path, _KEPT_TABLES)
        if is_new or not read_only:
            _create_own_tables(connection, there)
        yield connection
    except BEYOND_REPAIR as error:
        raise in_our_words(path, str(error)) from error
    except LoaderError:
        raise
    except Exception:
        with suppress(duckdb.Error):  # whatever went wrong is the error to report
            refuse_nonsense(connection, path, _OWN_TABLES.keys())
        raise
    finally:
        connection.close()


def _connect(path: Path, read_only: bool) -> duckdb.DuckDBPyConnection:
    try:
        if not read_only:
            make_home(path.parent)
        connection = _wait_for(path, read_only)
        if not read_only:
            path.chmod(0o600)
    except (duckdb.Error, OSError) as error:
        raise in_our_words(path, f"cannot be opened: {error}") from error
    return connection


def _wait_for(path: Path, read_only: bool) -> duckdb.DuckDBPyConnection:
    """Open it. Whoever wants to write waits a little for those who look: DuckDB lets one process write, or several read."""
    until = time.monotonic() + (0 if read_only else LONGEST_LOOK)
    while True:
        try:
            return duckdb.connect(str(path), read_only=read_only)
        except duckdb.IOException as error:
            if not is_taken(str(error)) or time.monotonic() >= until:
                raise
        time.sleep(_BETWEEN_LOOKS)


def in_our_words(path: Path, said: str) -> LoaderError:
    """What DuckDB said of a database at ``path``, or dbt in its place: WarehouseBusy when it is taken, else WarehouseRefused."""
    if is_taken(said):
        return WarehouseBusy(
            f"{path.name} is in use by another process (a run, a watch, dbt, or an open shell). Nothing was changed: run again when it "
            "has ended."
        )
    return WarehouseRefused(f"{path}: {said}{NO_SPACE_HINT.format(folder=path.parent) if is_full(said) else ''}")


def is_taken(said: str) -> bool:
    """Whether DuckDB's words mean that another process has the database open."""
    return "could not set lock" in said.lower()


def is_full(said: str) -> bool:
    """Whether DuckDB's words mean that a disk, a quota or a limit is used up."""
    return any(words in said.lower() for words in _FULL)


def _create_own_tables(connection: duckdb.DuckDBPyConnection, there: Set[str]) -> None:
    """Those that are not ``there`` yet: to ask DuckDB for each takes as long as to open a small warehouse."""
    if "_published" in there and table_columns(connection, "raw", "_published") != list(PUBLISHED_COLUMNS):
        connection.execute("drop table raw._published")  # an older project's: all is published anew
        there = there - {"_published"}
    if missing := [table for table in _OWN_TABLES if table not in there]:
        connection.execute("create schema if not exists raw")
    for table in missing:
        definition = ", ".join(f"{name} {kind}" for name, kind in _OWN_TABLES[table].items())
        connection.execute(f"create table if not exists raw.{table} ({definition})")


def remember_ended(connection: duckdb.DuckDBPyConnection, step: str) -> None:
    """Note that a step (sync, run) went through just now; for monitors, and for nothing else."""
    connection.execute("begin")
    connection.execute("delete from raw._ended where step = ?", [step])
    connection.execute("insert into raw._ended values (?, ?)", [step, datetime.now(UTC).replace(tzinfo=None)])
    connection.execute("commit")


def topic_tables(connection: duckdb.DuckDBPyConnection) -> list[str]:
    """The topics that have a raw table, in order of their names. A table whose rows come from no delivered file is no topic's."""
    query = """
        select table_name from duckdb_columns()
        where schema_name = 'raw' and table_name[1] <> '_' and column_name = '_file_id' order by 1
    """
    return [name for (name,) in connection.execute(query).fetchall()]


def table_columns(connection: duckdb.DuckDBPyConnection, schema: str, table: str) -> list[str]:
    """A table's columns in their order; empty when there is no such table."""
    try:
        found = connection.execute("select name from pragma_table_info(?)", [f"{quote(schema)}.{quote(table)}"])
    except duckdb.CatalogException:
        return []
    return [name for (name,) in found.fetchall()]
