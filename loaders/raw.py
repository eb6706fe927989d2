"""Landed files into raw tables: a file's rows and its ledger entry commit together, or neither does."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import duckdb

from loaders import ledger
from loaders.errors import UnreadableFile
from loaders.ledger import FileVersion
from loaders.mirror import Landed, landing_path
from loaders.readers import Readable, open_file, unreadable
from loaders.remote import RemoteFile
from loaders.warehouse import quote, table_columns

TECHNICAL_COLUMNS = {"_organization_id": "varchar", "_file_id": "bigint", "_row_number": "bigint", "_op": "varchar"}


@dataclass(frozen=True, slots=True)
class RawLoader:
    """Loads landed files; ``landing`` is where older versions are found should they count again."""

    connection: duckdb.DuckDBPyConnection
    landing: Path

    def load(self, landed: Landed) -> FileVersion | None:
        """Load one landed file and say what became of it; None when its content was already in force."""
        version = _delivered(landed, ledger.next_file_id(self.connection))
        if version.kind == "change":
            return self._load_change(version, landed)
        return self._load_snapshot(version, landed)

    def _load_change(self, version: FileVersion, landed: Landed) -> FileVersion | None:
        others = ledger.versions_of(self.connection, version.organization_id, version.topic, "change", version.name.stem)
        if ledger.is_in_force(version, others):
            return self._only_remember(landed.file)
        settled, changed = ledger.settle_change(version, others)
        return self._commit(settled, landed, changed, ledger.replaced_unread(version, others))

    def _load_snapshot(self, version: FileVersion, landed: Landed) -> FileVersion | None:
        others = ledger.versions_of(self.connection, version.organization_id, version.topic, "snapshot", version.name.stem)
        replaced = ledger.replaced_unread(version, others)
        if any(one.sha256 == version.sha256 for one in replaced):
            return self._only_remember(landed.file)
        *settled, settled_version = ledger.settle_snapshots([*others, version])
        changed = [now for was, now in zip(others, settled, strict=True) if now.status != was.status]
        outcome = self._commit(settled_version, landed, [one for one in changed if one.status == "duplicate"], replaced)
        if outcome.status != "quarantined":
            for restored in (one for one in changed if one.status == "loaded"):
                self._load_again(restored)
        return outcome

    def _load_again(self, version: FileVersion) -> None:
        """A snapshot that was nothing, and counts now that another stands before it: its rows come from the landing.

        It takes a new id, so that tables built meanwhile find it in the ledger's tail.
        """
        again = replace(version, _file_id=ledger.next_file_id(self.connection))
        path = landing_path(
            self.landing, again.organization_id, again.topic, again.name, again.remote_mtime.replace(tzinfo=UTC), again.sha256
        )
        readable = open_file(self.connection, path, again.name)
        self._prepare_table(again, readable, path)
        with self._transaction():
            self.connection.execute("delete from raw._files where _file_id = ?", [version._file_id])
            ledger.insert(self.connection, replace(again, row_count=self._insert_rows(again, readable, path)))
            self._settle_parts(again)

    def _settle_parts(self, version: FileVersion) -> None:
        """A numbered part moves the bounds and times of the topic's snapshots in parts; within the caller's transaction."""
        if version.name.is_part:
            snapshots = ledger.versions_of(self.connection, version.organization_id, version.topic, "snapshot")
            for part in ledger.settle_parts(one for one in snapshots if one.name.is_part and one.status == "loaded"):
                ledger.update(self.connection, part)

    def _commit(self, version: FileVersion, landed: Landed, changed: list[FileVersion], replaced: list[FileVersion]) -> FileVersion:
        """Write what the file is. ``changed``: others, if it can be read. ``replaced``: unread versions of it, in any case."""
        try:
            if version.status != "loaded":
                return self._write(version, landed, changed + replaced, None)
            readable = open_file(self.connection, landed.path, version.name)
            self._prepare_table(version, readable, landed.path)
            return self._write(version, landed, changed + replaced, readable)
        except UnreadableFile as error:
            self._drop_table_without_files(version.topic)
            return self._write(replace(version, status="quarantined", reason=str(error)), landed, replaced, None)

    def _write(self, version: FileVersion, landed: Landed, changed: list[FileVersion], readable: Readable | None) -> FileVersion:
        """Rows, ledger entry, what the file makes of others, and the memory of having seen it: one transaction."""
        with self._transaction():
            if readable is not None:
                version = replace(version, row_count=self._insert_rows(version, readable, landed.path))
            ledger.insert(self.connection, version)
            for other in changed:
                ledger.update(self.connection, other)
            self._settle_parts(version)
            remember(self.connection, landed.file)
        return version

    def _only_remember(self, file: RemoteFile) -> None:
        with self._transaction():
            remember(self.connection, file)

    def _prepare_table(self, version: FileVersion, readable: Readable, path: Path) -> None:
        """Create the topic's table or add the columns it lacks.

        In statements of their own: a schema change inside a transaction that also writes rows is what a write-ahead log
        has been seen not to survive. So a file that would change a table is first read through, and may not if it is bad;
        a new table whose first file turns out bad is taken away again.
        """
        existing = table_columns(self.connection, "raw", version.topic)
        known = {name.casefold() for name in existing}
        missing = [f"{quote(column)} varchar" for column in map(raw_column, readable.columns) if column.casefold() not in known]
        if not existing:
            columns = missing + [f"{name} {kind}" for name, kind in TECHNICAL_COLUMNS.items()]
            self.connection.execute(f"create table raw.{quote(version.topic)} ({', '.join(columns)})")
            return
        if missing:
            self._read_through(version, readable, path)
        for column in missing:
            self.connection.execute(f"alter table raw.{quote(version.topic)} add column {column}")

    def _drop_table_without_files(self, topic: str) -> None:
        (files,) = self.connection.execute("select count(*) from raw._files where topic = ? and row_count is not null", [topic]).fetchone()
        if not files:
            self.connection.execute(f"drop table if exists raw.{quote(topic)}")

    def _read_through(self, version: FileVersion, readable: Readable, path: Path) -> None:
        texts = ", ".join(f"count({value})" for value in readable.values)
        with _refusing_what_cannot_be_read():
            self.connection.execute(f"select count(*), max(_op), {texts} from ({readable.select})", {"path": str(path)}).fetchall()
        _check_rows(self.connection, f"({readable.numbered})", readable.key, version, {"path": str(path)}, readable.row_count)

    def _insert_rows(self, version: FileVersion, readable: Readable, path: Path) -> int:
        """Append the file's rows and prove that all of them are there and usable; their number."""
        table = f"raw.{quote(version.topic)}"
        targets = ", ".join(quote(raw_column(column)) for column in readable.columns)
        texts = ", ".join(readable.values)
        statement = (
            f"insert into {table} ({targets}, _organization_id, _file_id, _row_number, _op) "
            f"select {texts}, $organization, $file_id, _row_number, _op from ({readable.select})"
        )
        with _refusing_what_cannot_be_read():
            self.connection.execute(statement, {"path": str(path), "organization": version.organization_id, "file_id": version._file_id})
        if not readable.numbers_rows:
            self._number_rows(table, version._file_id)
        inserted = f"(from {table} where _file_id = {version._file_id:d})"
        return _check_rows(self.connection, inserted, quote("id"), version, {}, readable.row_count)

    def _number_rows(self, table: str, file_id: int) -> None:
        """Number a file's new rows by the order in which they stand in the table: the file's own, which DuckDB preserves.

        Numbering while reading would take one thread instead of all.
        """
        of_file = f"from {table} where _file_id = {file_id:d}"
        self.connection.execute(f"update {table} set _row_number = rowid - (select min(rowid) {of_file}) + 1 where _file_id = {file_id:d}")

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self.connection.execute("begin")
        try:
            yield
        except BaseException:
            self.connection.execute("rollback")
            raise
        self.connection.execute("commit")


def raw_column(delivered: str) -> str:
    """The raw column a delivered one is kept in: its own name, unless that is one of ours."""
    return f"delivered_{delivered}" if delivered.casefold() in TECHNICAL_COLUMNS else delivered


def remember(connection: duckdb.DuckDBPyConnection, file: RemoteFile) -> None:
    """Note a remote file's size and time: what has not moved since is not read again."""
    connection.execute("delete from raw._remote where path = ?", [file.path])
    row = [file.path, file.organization_id, file.topic, file.name.file_name, file.size, _naive(file.modified_at), None]
    connection.execute("insert into raw._remote values (?, ?, ?, ?, ?, ?, ?)", row)


def _delivered(landed: Landed, file_id: int) -> FileVersion:
    file, name = landed.file, landed.file.name
    modified_at = _naive(file.modified_at)
    return FileVersion(
        _file_id=file_id,
        organization_id=file.organization_id,
        topic=file.topic,
        file_name=name.file_name,
        kind=name.kind,
        format=name.format,
        batch_at=_naive(name.batch_at) if name.batch_at else modified_at,
        remote_mtime=modified_at,
        size_bytes=file.size,
        sha256=landed.sha256,
        row_count=None,
        status="loaded",
        reason=None,
        loaded_at=_naive(datetime.now(UTC)),
    )


def _naive(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(tzinfo=None)


@contextmanager
def _refusing_what_cannot_be_read() -> Iterator[None]:
    try:
        yield
    except (duckdb.InvalidInputException, duckdb.ConversionException, duckdb.IOException) as error:
        raise unreadable(error) from None


def _check_rows(
    connection: duckdb.DuckDBPyConnection, rows: str, key: str, version: FileVersion, parameters: dict[str, str], claimed: int | None
) -> int:
    """Every row has a key and, in a change file, an operation we know; the count is the file's own. The number of rows."""
    needs_op = "_op is null or _op not in ('I', 'U', 'D')" if version.kind == "change" else "false"
    query = f"select count(*), min(_row_number) filter ({key} is null or {key} = ''), min(_row_number) filter ({needs_op}) from {rows}"
    count, keyless, unknown_op = connection.execute(query, parameters).fetchone()
    if keyless is not None:
        raise UnreadableFile(f"row {keyless} has no id")
    if unknown_op is not None:
        raise UnreadableFile(f"row {unknown_op} has no operation, or one that is not I, U or D")
    if claimed is not None and claimed != count:
        raise UnreadableFile(f"the file claims {claimed:,} rows and holds {count:,}")
    return count
