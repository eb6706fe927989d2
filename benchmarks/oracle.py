"""The right answer by the row-by-row replay of the tests, which is written from the contract alone: for small sizes."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from benchmarks.answers import COLUMNS, HISTORY_COLUMNS
from benchmarks.contestants import Answer
from benchmarks.work import ORGANIZATION_ID, Exports
from loaders.warehouse import quote_text
from tests.oracle.batches import Delivered
from tests.oracle.replay import replay

_SQL_TYPES = {
    "has_pet_alert": "boolean", "due_date": "date", "completed_at": "timestamp", "total_amount_owed_by_resident": "decimal(18, 6)",
    "created_at": "timestamp", "updated_at": "timestamp", "deleted_at": "timestamp", "valid_from": "timestamp", "valid_to": "timestamp",
    "is_current": "boolean", "is_deleted": "boolean", "version_number": "bigint",
}  # fmt: skip
_CSV = "auto_detect = false, header = true, quote = '\"', escape = '\"', delim = ',', nullstr = '', allow_quoted_nulls = false"


def replayed(exports: Exports, topic: str, home: Path) -> Answer:
    """The busy topic's tables by the replay of what was delivered (CSV), written to a database in ``home``."""
    types = {name: _SQL_TYPES.get(name, "text").partition("(")[0] for name in COLUMNS}
    tables = replay([_delivered(path, topic) for path in sorted(exports.folder(topic).iterdir())], types)
    home.mkdir(parents=True, exist_ok=True)
    database = home / "replayed.duckdb"
    database.unlink(missing_ok=True)
    with duckdb.connect(str(database)) as connection:
        _write(connection, "current", COLUMNS, tables.current)
        _write(connection, "history", (*COLUMNS, *HISTORY_COLUMNS), tables.history)
    return Answer(database, "from current_rows", "from history_rows")


def _delivered(path: Path, topic: str) -> Delivered:
    header = path.open(encoding="utf-8").readline().strip().split(",")
    columns = "{" + ", ".join(f"'{name}': 'varchar'" for name in header) + "}"
    with duckdb.connect() as connection:
        rows = connection.execute(f"from read_csv({quote_text(str(path))}, {_CSV}, columns = {columns})").fetchall()
    return Delivered(ORGANIZATION_ID, topic, path.name, datetime.fromtimestamp(path.stat().st_mtime, UTC), tuple(header), tuple(rows))


def _write(connection: duckdb.DuckDBPyConnection, name: str, columns: tuple[str, ...], rows: list[dict[str, Any]]) -> None:
    listed = ", ".join(f"{column} {_SQL_TYPES.get(column, 'varchar')}" for column in columns)
    connection.execute(f"create table {name}_rows ({listed})")
    listed_rows = pa.Table.from_pylist([{column: row[column] for column in columns} for row in rows])
    connection.register("listed_rows", listed_rows)
    connection.execute(f"insert into {name}_rows by name from listed_rows")
