"""What a warehouse says, in a form in which two warehouses can be compared, and whether its ledger is in order."""

from pathlib import Path

import duckdb

from loaders.mirror import parse_landed
from loaders.warehouse import quote
from tests.pipeline.harness import Warehouse

State = dict[str, tuple[int, int]]  # by table: rows, and a sum of their hashes

# Numbers and times that a warehouse gives a file or a build, words that quote them, and what is reckoned from the time of asking.
_OWN = {"_file_id", "_newest_file_id", "loaded_at", "reason", "lag", "is_overdue"}

_FILES = "select _file_id, organization_id, topic, file_name, remote_mtime, sha256 from audit.files"


def state_of(database: Path) -> State:
    """Every table and view of marts and audit: how many rows, and which, whatever their order and the numbers of their files."""
    with duckdb.connect(str(database), read_only=True) as connection:
        query = """
            select schema_name, table_name, list(column_name order by column_name) from duckdb_columns()
            where schema_name in ('marts', 'audit') and database_name = current_database() and not internal group by all order by all
        """
        relations = connection.execute(query).fetchall()
        return {f"{schema}.{name}": _sum(connection, f"{schema}.{quote(name)}", columns) for schema, name, columns in relations}


def _sum(connection: duckdb.DuckDBPyConnection, relation: str, columns: list[str]) -> tuple[int, int]:
    told = ", ".join(f"rows.{quote(column)}" for column in columns if column not in _OWN)
    files = f"left join ({_FILES}) as file using (_file_id)" if "_file_id" in columns else ""
    identity = ", file.organization_id, file.topic, file.file_name, file.remote_mtime, file.sha256" if files else ""
    query = f"select count(*), coalesce(sum(hash({told}{identity})), 0) from {relation} as rows {files}"
    return connection.execute(query).fetchone()


def landed(warehouse: Warehouse) -> set[str]:
    """The paths below the landing folder, but for its lock."""
    folder = warehouse.home / "landing"
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file() and path.name != ".lock"}


def disorder(warehouse: Warehouse) -> list[str]:
    """What is wrong between landing, ledger and raw rows; nothing, after a run that came to its end."""
    wrong = [f"{path} is no landed file" for path in landed(warehouse) if parse_landed(warehouse.home / "landing" / path) is None]
    with duckdb.connect(str(warehouse.home / "build.duckdb"), read_only=True) as connection:
        query = "select table_name from duckdb_tables() where schema_name = 'raw' and table_name[1] <> '_'"
        for (topic,) in connection.execute(query).fetchall():
            wrong += _uneven(connection, topic)
        query = "select organization_id, topic, file_name, remote_mtime, sha256 from raw._files"
        ledger = connection.execute(query).fetchall()
    names = [parse_landed(warehouse.home / "landing" / path) for path in landed(warehouse)]
    there = {
        (one.organization_id, one.topic, one.name.file_name, one.modified_at.replace(tzinfo=None), one.sha256_start) for one in names if one
    }
    wrong += [f"{row} is in the ledger and has not landed" for row in ledger if (*row[:4], row[4][:12]) not in there]
    wrong += [f"{row} is in the ledger twice" for row in set(ledger) if ledger.count(row) > 1]
    return wrong


def _uneven(connection: duckdb.DuckDBPyConnection, topic: str) -> list[str]:
    """Files whose rows are not those that the ledger counted, each once."""
    query = f"""
        with found as (select _file_id, count(*) as rows, count(distinct _row_number) as different from raw.{quote(topic)} group by all),
        counted as (select _file_id, row_count from raw._files where topic = ? and coalesce(row_count, 0) > 0)
        select _file_id, row_count, rows, different from counted full join found using (_file_id)
        where row_count is distinct from rows or rows <> different
    """
    uneven = connection.execute(query, [topic]).fetchall()
    return [f"{topic}: (file, rows counted, rows there, different ones) {row}" for row in uneven]
