"""Rows of one readable file into its topic's raw table: columns as delivered, added as they come, every row proven to be there."""

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import duckdb

from loaders.errors import TooMuchAsked, UnreadableFile
from loaders.ledger import FileVersion
from loaders.limits import Limits
from loaders.readers import MAX_COLUMNS, Readable, first_line, folded, open_file, unreadable
from loaders.warehouse import BEYOND_REPAIR, quote, table_columns

TECHNICAL_COLUMNS = {"_organization_id": "varchar", "_file_id": "bigint", "_row_number": "bigint", "_op": "varchar"}
_PREFIX = "delivered_"


@dataclass(frozen=True, slots=True)
class Opened:
    """A file version, where its bytes are, and how they are read; ``columns`` are its table's, by their folded names, and
    ``new_columns`` those that the table has for its sake."""

    version: FileVersion
    path: Path
    readable: Readable
    columns: dict[str, str] = field(default_factory=dict)
    new_columns: tuple[str, ...] = ()

    @property
    def table(self) -> str:
        """The topic's raw table, as a statement names it."""
        return f"raw.{quote(self.version.topic)}"


def open_version(version: FileVersion, path: Path, limits: Limits) -> Opened:
    """The version and how its file is read; UnreadableFile when that is no export."""
    return Opened(version, path, open_file(path, version.name, limits))


def raw_column(delivered: str) -> str:
    """The raw column a delivered one is kept in: its own name, unless that is, prefix or no prefix, one of ours."""
    bare = folded(delivered)
    while bare.startswith(_PREFIX):
        bare = bare.removeprefix(_PREFIX)
    return _PREFIX + delivered if bare in TECHNICAL_COLUMNS else delivered


def prepare_table(connection: duckdb.DuckDBPyConnection, opened: Opened) -> Opened:
    """Create the topic's table or add the columns it lacks.

    In statements of their own: a schema change inside a transaction that also writes rows is what a write-ahead log
    has been seen not to survive. So a file that would change a table is checked first, and may not if it is bad;
    a new table whose first file turns out bad is taken away again.
    """
    # The table's own spelling of its columns: DuckDB knows `état` and `ÉTAT` for two, we for one.
    existing = {folded(column): column for column in table_columns(connection, "raw", opened.version.topic)}
    new = {folded(column): column for column in map(raw_column, opened.readable.columns) if folded(column) not in existing}
    _refuse_if_too_wide(len(existing), len(new))
    if not existing:
        columns = [f"{quote(column)} varchar" for column in new.values()] + [f"{name} {kind}" for name, kind in TECHNICAL_COLUMNS.items()]
        connection.execute(f"create table {opened.table} ({', '.join(columns)})")
    elif new:
        check_file(connection, opened)
        for column in new.values():
            connection.execute(f"alter table {opened.table} add column {quote(column)} varchar")
    return replace(opened, columns=existing | new, new_columns=tuple(new.values()) if existing else ())


def _refuse_if_too_wide(existing: int, new: int) -> None:
    """A table takes memory for each column, however few its rows are: files that each bring others would end every run."""
    if existing and new and existing + new > MAX_COLUMNS + len(TECHNICAL_COLUMNS):
        raise UnreadableFile(
            f"its {new:,} new columns and the {existing - len(TECHNICAL_COLUMNS):,} that the topic has are more than the {MAX_COLUMNS:,} "
            "that a topic may have: have the header mended",
            1,
        )


def drop_new_columns(connection: duckdb.DuckDBPyConnection, opened: Opened) -> None:
    """Take away the columns that a table got for a file which is not loaded after all."""
    for column in opened.new_columns:
        connection.execute(f"alter table {opened.table} drop column {quote(column)}")


def drop_table_without_files(connection: duckdb.DuckDBPyConnection, topic: str) -> None:
    """Take away the table of a topic that no file has been loaded of."""
    (files,) = connection.execute("select count(*) from raw._files where topic = ? and row_count is not null", [topic]).fetchone()
    if not files:
        connection.execute(f"drop table if exists raw.{quote(topic)}")


def check_file(connection: duckdb.DuckDBPyConnection, opened: Opened) -> None:
    """UnreadableFile when the file's rows could not be inserted."""
    texts = ", ".join(f"max(hash({value}))" for value in (*opened.readable.values, "_op"))
    place = {"path": str(opened.path)}
    with _refusing_what_cannot_be_read(), _proving(connection, opened.readable) as proven:
        connection.execute(f"select {texts} from ({opened.readable.select})", place).fetchall()
    _check_rows(connection, opened, f"({opened.readable.numbered})", opened.readable.key, place, proven.result())


def insert_rows(connection: duckdb.DuckDBPyConnection, opened: Opened) -> int:
    """Append the file's rows and prove that all of them are there and usable; their number."""
    readable, version = opened.readable, opened.version
    targets = ", ".join(quote(opened.columns[folded(raw_column(column))]) for column in readable.columns)
    statement = f"""
        insert into {opened.table} ({targets}, _organization_id, _file_id, _row_number, _op)
        select {", ".join(readable.values)}, $organization, $file_id, _row_number, _op
        from ({readable.numbered})
    """
    parameters = {"path": str(opened.path), "organization": version.organization_id, "file_id": version._file_id}
    with _refusing_what_cannot_be_read(), _proving(connection, readable) as proven:
        connection.execute(statement, parameters)
    return _check_rows(connection, opened, f"(from {opened.table} where _file_id = {version._file_id:d})", quote("id"), {}, proven.result())


def delete_rows(connection: duckdb.DuckDBPyConnection, version: FileVersion) -> None:
    """Take away a version's rows, which are about to be inserted under another id."""
    connection.execute(f"delete from raw.{quote(version.topic)} where _file_id = ?", [version._file_id])


@contextmanager
def _refusing_what_cannot_be_read() -> Iterator[None]:
    try:
        yield
    except duckdb.OutOfMemoryException as error:
        raise TooMuchAsked(f"cannot be loaded with FORTRESS_MEMORY_LIMIT as it is ({first_line(error)}): set it to more.") from error
    except BEYOND_REPAIR:
        raise
    except duckdb.Error as error:
        raise unreadable(error) from None


@contextmanager
def _proving(connection: duckdb.DuckDBPyConnection, readable: Readable) -> Iterator[Future[int]]:
    """Within: DuckDB reads a file, and a thread proves that it is whole, as each takes one processor; the rows that it must have.

    What the proof finds is said, and not what DuckDB says of the same fault, or of being interrupted then: it knows the line.
    """

    def count() -> int:
        try:
            return readable.count()
        except BaseException:
            connection.interrupt()
            raise

    with ThreadPoolExecutor(1, thread_name_prefix="proof") as thread:
        proven = thread.submit(count)
        try:
            yield proven
        except duckdb.Error:
            proven.result()
            raise


def _check_rows(
    connection: duckdb.DuckDBPyConnection, opened: Opened, rows: str, key: str, parameters: dict[str, str], expected: int
) -> int:
    """Every row has a key and, in a change file, an operation we know; there are as many as ``expected``. Their number."""
    is_unknown = "coalesce(_op, '') not in ('I', 'U', 'D')" if opened.version.kind == "change" else "false"
    query = f"""
        select count(*), min(_row_number) filter ({key} is null or {key} = ''), min(_row_number) filter (lower({key}) = 'id'),
        min(_row_number) filter ({is_unknown}), arg_min(coalesce(_op, ''), _row_number) filter ({is_unknown}) from {rows}
    """
    count, keyless, header, unknown, op = connection.execute(query, parameters).fetchone()
    if keyless is not None:
        raise _refused(opened.readable, keyless, "has no id, and every record needs one")
    if header is not None:
        raise _refused(opened.readable, header, "is the header again: two files were run together, have each delivered by itself")
    if unknown is not None:
        fault = "has an operation that is not I, U or D" if op else "has no operation, and must have I, U or D"
        raise _refused(opened.readable, unknown, fault, f"operation {op!r}" if op else None)
    if count != expected:
        counts = f"the file says it holds {expected:,} rows, and {count:,} could be read"
        raise UnreadableFile(f"{counts}: it is damaged, have it exported again")
    return count


def _refused(readable: Readable, row: int, fault: str, text: str | None = None) -> UnreadableFile:
    line, shown = readable.locate(row) if readable.locate else (None, text)
    return UnreadableFile(f"row {row:,} {fault}", line, shown)
