"""Whether the loader's own tables are as it made them. A hand may have been at them, or another version of the project.

To go on with what is not understood would be to number files anew, or to forget what was decided: so it is refused.
"""

import re
from collections.abc import Mapping, Set
from pathlib import Path

import duckdb

from loaders.errors import WarehouseRefused

LEDGER = "_files"
_ADVICE = (
    "It was altered by hand, or made by another version of the project. Nothing was changed: put a backup of it back, or move it "
    "(and its .wal) away and make it anew of what has landed, with `python -m loaders restore`."
)


def refuse_altered(connection: duckdb.DuckDBPyConnection, path: Path, tables: Mapping[str, Mapping[str, str]]) -> Set[str]:
    """The tables of raw; WarehouseRefused when one has other columns than ``tables`` says, or raw holds rows and no ledger.

    Some may be missing: an older warehouse has fewer, and whoever writes to it makes them.
    """
    # As DuckDB would write each table's own statement: to ask for columns takes it through the whole catalog, five times as long.
    found = dict(connection.execute("select table_name, sql from duckdb_tables() where schema_name = 'raw'").fetchall())
    if LEDGER not in found and any(not name.startswith("_") for name in found):
        raise _refused(path, f"raw.{LEDGER}, the ledger, is gone")
    for name in tables.keys() & found.keys():
        columns = ",".join(f"{column} {kind}" for column, kind in tables[name].items())
        if _bare(found[name]) != _bare(f"create table raw.{name}({columns});"):
            raise _refused(path, f"raw.{name} has other columns than the loader gave it")
    return found.keys()


def _bare(statement: str) -> str:
    return re.sub(r'[\s"]', "", statement.lower())


def refuse_nonsense(connection: duckdb.DuckDBPyConnection, path: Path, tables: Set[str]) -> None:
    """WarehouseRefused when the ledger holds what no loader writes, or one of ``tables`` is gone. Asked once something has gone wrong."""
    there = {name for (name,) in connection.execute("select table_name from duckdb_tables() where schema_name = 'raw'").fetchall()}
    if gone := sorted(tables - there):
        raise WarehouseRefused(
            f"{path}: raw.{', raw.'.join(gone)}: gone. `python -m loaders sync` makes what is missing anew, and loses nothing."
        )
    query = f"""
        select count(*) from raw.{LEDGER} where not coalesce(
            kind in ('snapshot', 'change') and format in ('csv', 'parquet') and _file_id > 0 and batch_at is not null
            and remote_mtime is not null and sha256 is not null and loaded_at is not null
            and status in ('loaded', 'quarantined', 'held', 'duplicate', 'superseded', 'discarded')
            and regexp_full_match(file_name, '[A-Za-z0-9-]+\\.(csv|parquet)'), false)
    """
    (entries,) = connection.execute(query).fetchone()
    if entries:
        raise _refused(path, f"raw.{LEDGER}, the ledger, has {entries:,} entries that no loader wrote")


def _refused(path: Path, what: str) -> WarehouseRefused:
    return WarehouseRefused(f"{path}: {what}. {_ADVICE}")
