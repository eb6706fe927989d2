"""Comparing a table with its rebuilt self: by file, a count and a sum of row hashes, in which the order of rows has no part.

Both databases are open in one connection: the rebuilt one, and the live one attached as ``live``. Their ``_file_id`` differ, so
a file is known by what was delivered.
"""

from dataclasses import dataclass

import duckdb

from loaders.news import LEDGER
from loaders.warehouse import quote

_IDENTITY = "organization_id, topic, file_name, remote_mtime, sha256"

# What the ledger must say alike: not when a file was loaded, under which number, or in whose words it was let through.
_LEDGER = f"{_IDENTITY}, kind, format, batch_at, size_bytes, row_count, status, snapshot_number"

_NUMBERED_HERE = ("_file_id", "_newest_file_id")  # every warehouse numbers its files by itself

_AT_MOST = 10  # differences shown for a table: the first file is what matters


@dataclass(frozen=True, slots=True)
class Difference:
    """One table and one file whose rows are not what the landing folder gives; ``file`` is empty where no file is to blame."""

    table: str
    file: str
    what: str


def compare_files(connection: duckdb.DuckDBPyConnection) -> list[Difference]:
    """The ledger, but for what was held, given up or replaced unread, which was not loaded again."""
    live = f"""
        select {_LEDGER} from live.raw._files
        where status not in ('held', 'discarded') and not (status = 'superseded' and row_count is null)
    """
    return _only_one_side(connection, "raw._files", f"select {_LEDGER} from raw._files", live)


def compare_copy_of_files(connection: duckdb.DuckDBPyConnection) -> list[Difference]:
    """audit.files, which is the live ledger again; nothing where no build has seen all of that."""
    columns = _columns(connection, "live", "audit", "files")
    if not columns.keys() >= {"_file_id", *_IDENTITY.split(", ")}:
        return []
    query = """
        select coalesce(max(_file_id), 0) > greatest(
            (select coalesce(max(_file_id), 0) from live.audit.files),
            (select coalesce(max(_file_id), 0) from live.raw._built where topic = ?)
        ) from live.raw._files
    """
    (is_behind,) = connection.execute(query, [LEDGER]).fetchone()
    if is_behind:
        return []
    return _only_one_side(connection, "audit.files", "from live.raw._files", "from live.audit.files")


def compare_tables(connection: duckdb.DuckDBPyConnection, schema: str, table: str) -> list[Difference]:
    """One table or view, file by file; what it has as columns first."""
    name = f"{schema}.{quote(table)}"
    columns = _columns(connection, "build", schema, table)
    if (live := _columns(connection, "live", schema, table)) != columns:
        odd = sorted(live.keys() ^ columns.keys()) or [one for one in columns if live[one] != columns[one]]
        return [Difference(f"{schema}.{table}", "", f"there is no such table, or its columns are others: {', '.join(odd)}")]
    hashed = ", ".join(quote(column) for column in columns if column not in _NUMBERED_HERE)
    sums = [
        f"""
        select {_IDENTITY}, count(*) as row_count, sum(fingerprint) as fingerprint
        from (select _file_id, hash({hashed}) as fingerprint from {database}{name})
        left join {database}raw._files using (_file_id) group by {_IDENTITY}
        """
        for database in ("", "live.")
    ]
    return _only_one_side(connection, f"{schema}.{table}", *sums)


def _columns(connection: duckdb.DuckDBPyConnection, database: str, schema: str, table: str) -> dict[str, str]:
    query = """
        select column_name, data_type from duckdb_columns()
        where database_name = ? and schema_name = ? and table_name = ? order by column_name
    """
    return dict(connection.execute(query, [database, schema, table]).fetchall())


def _only_one_side(connection: duckdb.DuckDBPyConnection, table: str, rebuilt: str, live: str) -> list[Difference]:
    query = f"""
        with rebuilt as ({rebuilt}), live as ({live}),
        odd as (
            select *, 'rebuilt' as side from (from rebuilt except all from live)
            union all select *, 'live' from (from live except all from rebuilt)
        )
        select organization_id, topic, file_name, string_agg(distinct side, ' ' order by side),
            coalesce(max(row_count) filter (side = 'live'), 0), coalesce(max(row_count) filter (side = 'rebuilt'), 0)
        from odd group by {_IDENTITY} order by min(remote_mtime) nulls last, file_name limit {_AT_MOST}
    """
    return [_difference(table, *row) for row in connection.execute(query).fetchall()]


def _difference(
    table: str, organization_id: str | None, topic: str | None, file_name: str | None, sides: str, live: int, rebuilt: int
) -> Difference:
    if file_name is None:
        return Difference(table, "", f"{live:,} rows that lead to no delivered file" if live else "rows that lead to no file are gone")
    file = f"{organization_id}/{topic}/{file_name}"
    if live != rebuilt:
        return Difference(table, file, f"{live:,} rows of it, where the file gives {rebuilt:,}")
    return Difference(table, file, "rows of it say something else than the file gives")
