"""Landed files into the warehouse: a file's rows and all that its arrival changes in the ledger commit together, or nothing does."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

import duckdb

from loaders import decisions, ledger
from loaders.decisions import Decision
from loaders.errors import TooMuchAsked, UnreadableFile
from loaders.gate_settings import GateSettings, load_gates
from loaders.gates import TooMuch, judge, judge_columns
from loaders.landing import writing
from loaders.ledger import FileVersion, Status
from loaders.limits import Limits
from loaders.measures import LoadedFile, Measure
from loaders.mirror import Landed, landing_path
from loaders.raw_tables import (
    Opened,
    check_file,
    delete_rows,
    drop_new_columns,
    drop_table_without_files,
    insert_rows,
    open_version,
    prepare_table,
)
from loaders.remote import RemoteFile
from loaders.waiting import forget_texts, keep_text


@dataclass(frozen=True, slots=True)
class Refused:
    """A version that is set aside, and why; ``text`` is what offends in it."""

    version: FileVersion
    status: Status
    reason: str
    text: str | None = None

    @classmethod
    def as_unreadable(cls, version: FileVersion, error: UnreadableFile) -> "Refused":
        """A version that cannot be read whole."""
        return cls(version, "quarantined", str(error), error.text)


Outcome = Opened | Refused | FileVersion  # rows to be inserted; nothing but a reason; what the ledger is to say


@dataclass(frozen=True, slots=True)
class Case:
    """A version that is about to be loaded. ``changed``: others, if it can be. ``replaced``: unread versions of it, in any case.

    ``file`` is None, and ``was`` what the ledger said until now, when a decision loads it and not its arrival.
    """

    version: FileVersion
    changed: list[FileVersion]
    replaced: list[FileVersion]
    file: RemoteFile | None = None
    decision: Decision | None = None
    was: FileVersion | None = None


@dataclass(frozen=True, slots=True)
class RawLoader:
    """Loads landed files; ``landing`` is where older versions are found should they count again."""

    connection: duckdb.DuckDBPyConnection
    landing: Path
    gates: GateSettings = field(default_factory=load_gates)
    limits: Limits = field(default_factory=Limits)

    def load(self, landed: Landed) -> FileVersion | None:
        """Load one landed file and say what became of it; None when its content was already in force."""
        version = _delivered(landed, ledger.next_file_id(self.connection), ledger.now(self.connection))
        others = self._others(version)
        replaced = ledger.replaced_unread(version, others)
        if ledger.is_in_force(version, others):
            return self._only_remember(landed.file)
        decision = decisions.standing(self.connection, version)
        if decision and decision.decision == "discard":
            version = replace(version, status="discarded", reason=decision.words)
            return self._write(Case(version, [], replaced, landed.file), version, replaced)
        return self._commit(Case(*ledger.settle(version, others), replaced, landed.file, decision))

    def catch_up(self) -> None:
        """Carry out what was decided and not carried out; what concerns no file here is known when that file comes."""
        for decision in decisions.pending(self.connection, self.landing):
            kinds = [ledger.versions_of(self.connection, decision.organization_id, decision.topic, kind) for kind in ("snapshot", "change")]
            concerned = [one for of_kind in kinds for one in of_kind if decision.is_open_to(one)]
            if concerned:
                self.decide(concerned[-1], decision)
            else:
                with self._transaction():
                    decisions.insert(self.connection, decision)

    def decide(self, version: FileVersion, decision: Decision) -> FileVersion:
        """Carry out a decision on a version that is open to it. The version as the ledger says it now, under a new id: what a
        build has not seen is the ledger's tail."""
        decided = replace(version, _file_id=ledger.next_file_id(self.connection), status="loaded", reason=None)
        if decision.decision == "discard":
            words = f"{decision.words} (it was {version.status}: {version.reason})"
            decided = replace(decided, status="discarded", reason=words)
            return self._write(Case(decided, [], [], decision=decision, was=version), decided, [])
        others = [one for one in self._others(version) if one._file_id != version._file_id]
        return self._commit(Case(*ledger.settle(decided, others), [], decision=decision, was=version))

    def _others(self, version: FileVersion) -> list[FileVersion]:
        return ledger.versions_of(self.connection, version.organization_id, version.topic, version.kind, version.name.stem)

    def _commit(self, case: Case) -> FileVersion:
        """Write what the file is: its rows if it can be read, and changes no more at once than it may."""
        opened = None
        try:
            opened = self._opened(_with_words(case), is_judged=case.decision is None) if case.version.status == "loaded" else None
            again = [self._opened_again(one) if one.status == "loaded" else one for one in case.changed]
            return self._write(case, opened or case.version, [*again, *case.replaced])
        except UnreadableFile as error:
            refused = Refused.as_unreadable(case.version, error)
        except TooMuch as found:
            refused = Refused(case.version, "held", str(found))
        except TooMuchAsked:
            self._leave_no_trace(case, opened)
            raise
        self._leave_no_trace(case, opened)
        return self._write(case, refused, case.replaced)

    def _leave_no_trace(self, case: Case, opened: Opened | None) -> None:
        """Take away what the topic's table got for a file that is not loaded after all."""
        if opened is not None:
            drop_new_columns(self.connection, opened)
        drop_table_without_files(self.connection, case.version.topic)

    def _opened(self, version: FileVersion, is_judged: bool = False) -> Opened:
        modified_at = version.remote_mtime.replace(tzinfo=UTC)
        path = landing_path(self.landing, version.organization_id, version.topic, version.name, modified_at, version.sha256)
        with writing(path):
            opened = open_version(version, path, self.limits)
            if is_judged:
                judge_columns(self.connection, opened, self.gates.of(version.topic))
            return prepare_table(self.connection, opened)

    def _opened_again(self, version: FileVersion) -> Opened | Refused:
        """A snapshot that was nothing, and counts now that another stands before it: its rows come from the landing."""
        try:
            opened = self._opened(version)
            check_file(self.connection, opened)
        except UnreadableFile as error:
            return Refused.as_unreadable(version, error)
        return opened

    def _write(self, case: Case, version: Outcome, others: Sequence[Outcome]) -> FileVersion:
        """Rows, ledger entry, what the file makes of others, and the memory of having seen it: one transaction.

        TooMuch, and nothing is written, when the rows are beyond a limit and nobody has released them.
        """
        with self._transaction():
            if case.was:
                ledger.delete(self.connection, case.was)
            written, measured = self._insert(version)
            ledger.insert(self.connection, written)
            for other in others:
                self._change(other)
            self._settle_parts(written)
            if measured and case.decision is None:
                judge(*measured, self.gates.of(written.topic))
            self._note(case)
        return written

    def _note(self, case: Case) -> None:
        if case.was and case.decision:
            decisions.insert(self.connection, case.decision)
        if case.was or case.replaced:
            forget_texts(self.connection)
        if case.file:
            remember(self.connection, case.file)

    def _insert(self, version: Outcome) -> tuple[FileVersion, tuple[LoadedFile, Measure] | None]:
        """The version as the ledger is to say it; if it has rows, they are inserted, and it is measured."""
        if isinstance(version, Refused):
            keep_text(self.connection, version.version._file_id, version.text)
            return replace(version.version, status=version.status, reason=version.reason), None
        if isinstance(version, FileVersion):
            return version, None
        written = replace(version.version, row_count=insert_rows(self.connection, version))
        loaded = LoadedFile.of(self.connection, written, version)
        return written, (loaded, loaded.measure())

    def _change(self, other: Outcome) -> None:
        if isinstance(other, Opened):
            self._insert_again(other)
        else:
            ledger.update(self.connection, self._insert(other)[0])

    def _insert_again(self, opened: Opened) -> None:
        """Under a new id, so that tables built meanwhile find it in the ledger's tail."""
        ledger.delete(self.connection, opened.version)
        delete_rows(self.connection, opened.version)
        version = replace(opened.version, _file_id=ledger.next_file_id(self.connection))
        ledger.insert(self.connection, self._insert(replace(opened, version=version))[0])

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


def _delivered(landed: Landed, file_id: int, now: datetime) -> FileVersion:
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
        loaded_at=now,
    )


def _naive(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(tzinfo=None)


def _with_words(case: Case) -> FileVersion:
    """The version, with who let it through and why."""
    if case.decision is None:
        return case.version
    held = f" (it was {case.was.status}: {case.was.reason})" if case.was else ""
    return replace(case.version, reason=case.decision.words + held)
