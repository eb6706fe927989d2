"""Landed files into the warehouse: a file's rows and all that its arrival changes in the ledger commit together, or nothing does."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import duckdb

from loaders import ledger
from loaders.errors import UnreadableFile
from loaders.landing import writing
from loaders.ledger import FileVersion
from loaders.mirror import Landed, landing_path
from loaders.raw_tables import Opened, check_file, delete_rows, drop_table_without_files, insert_rows, open_version, prepare_table
from loaders.remote import RemoteFile
from loaders.waiting import forget_texts, keep_text


@dataclass(frozen=True, slots=True)
class Refused:
    """A version that cannot be read whole, and why."""

    version: FileVersion
    error: UnreadableFile


Outcome = Opened | Refused | FileVersion  # rows to be inserted; nothing but a reason; what the ledger is to say


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
        return self._commit(settled_version, landed, changed, replaced)

    def _commit(self, version: FileVersion, landed: Landed, changed: list[FileVersion], replaced: list[FileVersion]) -> FileVersion:
        """Write what the file is. ``changed``: others, if it can be read. ``replaced``: unread versions of it, in any case."""
        try:
            opened = self._opened(version, landed.path) if version.status == "loaded" else None
            again = [self._opened_again(one) if one.status == "loaded" else one for one in changed]
            return self._write(opened or version, landed.file, [*again, *replaced])
        except UnreadableFile as error:
            drop_table_without_files(self.connection, version.topic)
            return self._write(Refused(version, error), landed.file, replaced)

    def _opened(self, version: FileVersion, path: Path) -> Opened:
        return prepare_table(self.connection, open_version(version, path))

    def _opened_again(self, version: FileVersion) -> Opened | Refused:
        """A snapshot that was nothing, and counts now that another stands before it: its rows come from the landing."""
        modified_at = version.remote_mtime.replace(tzinfo=UTC)
        path = landing_path(self.landing, version.organization_id, version.topic, version.name, modified_at, version.sha256)
        try:
            with writing(path):
                opened = self._opened(version, path)
            check_file(self.connection, opened)
        except UnreadableFile as error:
            return Refused(version, error)
        return opened

    def _write(self, version: Outcome, file: RemoteFile, others: Sequence[Outcome]) -> FileVersion:
        """Rows, ledger entry, what the file makes of others, and the memory of having seen it: one transaction."""
        with self._transaction():
            written = self._insert(version)
            ledger.insert(self.connection, written)
            for other in others:
                self._change(other)
            self._settle_parts(written)
            if others:
                forget_texts(self.connection)
            remember(self.connection, file)
        return written

    def _insert(self, version: Outcome) -> FileVersion:
        """The version as the ledger is to say it, its rows inserted if it has any."""
        if isinstance(version, Opened):
            return replace(version.version, row_count=insert_rows(self.connection, version))
        return self._set_aside(version) if isinstance(version, Refused) else version

    def _set_aside(self, refused: Refused) -> FileVersion:
        keep_text(self.connection, refused.version._file_id, refused.error.text)
        return replace(refused.version, status="quarantined", reason=str(refused.error))

    def _change(self, other: Outcome) -> None:
        if isinstance(other, Opened):
            self._insert_again(other)
        else:
            ledger.update(self.connection, self._insert(other))

    def _insert_again(self, opened: Opened) -> None:
        """Under a new id, so that tables built meanwhile find it in the ledger's tail."""
        ledger.delete(self.connection, opened.version)
        delete_rows(self.connection, opened.version)
        version = replace(opened.version, _file_id=ledger.next_file_id(self.connection))
        ledger.insert(self.connection, self._insert(replace(opened, version=version)))

    def _settle_parts(self, version: FileVersion) -> None:
        """A numbered part moves the bounds and times of the topic's snapshots in parts; within the caller's transaction."""
        if version.name.is_part:
            snapshots = ledger.versions_of(self.connection, version.organization_id, version.topic, "snapshot")
            for part in ledger.settle_parts(one for one in snapshots if one.name.is_part and one.status == "loaded"):
                ledger.update(self.connection, part)

    def _only_remember(self, file: RemoteFile) -> None:
        with self._transaction():
            remember(self.connection, file)

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self.connection.execute("begin")
        try:
            yield
        except BaseException:
            with suppress(duckdb.Error):  # whatever ended the transaction is the error to report
                self.connection.execute("rollback")
            raise
        self.connection.execute("commit")


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
