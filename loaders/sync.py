"""Mirror what is new on the server and load it, file by file."""

from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime

import duckdb

from loaders.errors import LoaderError, Never, ReadFailed
from loaders.gate_settings import GateSettings, load_gates
from loaders.lake import LakeReport
from loaders.ledger import FileVersion
from loaders.left_behind import remember_left
from loaders.mirror import Landed, LeftForNextRun, mirror
from loaders.progress import Line, Progress
from loaders.raw import RawLoader
from loaders.registry import topics
from loaders.remote import Listing, Remote, RemoteFile
from loaders.settings import Settings
from loaders.tree import Closed
from loaders.waiting import SetAside, set_aside
from loaders.warehouse import remember_ended, topic_tables
from loaders.words import counted

_MOST_CLOSED_SAID = 10

Stopping = Callable[[], bool]  # asked between two pieces of work: whether to leave the rest to the next run


@dataclass(frozen=True, slots=True)
class Plan:
    """What a sync would do, in the order it would do it; ``vanished`` are the paths that are gone since the last one, and
    ``waiting`` the files set aside, which no sync will load. ``closed`` says which folders could not be looked into, and why;
    ``unlisted`` those that the next sync may find open."""

    wanted: tuple[RemoteFile, ...]
    unchanged: int
    vanished: tuple[str, ...]
    ignored: tuple[str, ...]
    waiting: tuple[SetAside, ...] = ()
    closed: tuple[str, ...] = ()
    unlisted: tuple[str, ...] = ()


@dataclass(slots=True)
class SyncReport:
    """What a sync did. ``loaded`` holds every version written to the ledger, whatever became of it."""

    plan: Plan
    loaded: list[FileVersion] = field(default_factory=list)
    same_content: list[RemoteFile] = field(default_factory=list)
    left: list[tuple[RemoteFile, LoaderError]] = field(default_factory=list)
    waiting: int = 0  # files set aside, by this sync or by an earlier one
    lake: LakeReport | None = None  # what was added to the lake, where there is one

    @property
    def attention(self) -> list[FileVersion]:
        """Files that somebody has to look at: quarantined or held."""
        return [version for version in self.loaded if version.status in ("quarantined", "held")]

    @property
    def refused(self) -> list[RemoteFile]:
        """Files that were left, and will be again until somebody acts."""
        return [file for file, reason in self.left if isinstance(reason, Never)]

    @property
    def failed(self) -> list[RemoteFile]:
        """Files that were there to be loaded and could not be read this time; not those still being written."""
        return [file for file, reason in self.left if isinstance(reason, ReadFailed)]


def make_plan(connection: duckdb.DuckDBPyConnection, listing: Listing) -> Plan:
    """Compare a listing with what was seen before. Size and time decide; names and dates do not: a late file is as new as any."""
    rows = connection.execute("select path, size_bytes, remote_mtime, vanished_at from raw._remote").fetchall()
    seen = {path: (size, modified_at) for path, size, modified_at, vanished_at in rows}
    present = {file.path for file in listing.files}
    wanted = [file for file in listing.files if seen.get(file.path) != _stamp(file)]
    vanished = sorted(path for path, *_, vanished_at in rows if path not in present and vanished_at is None and listing.knows(path))
    waiting = tuple(set_aside(connection))
    ordered, unchanged = tuple(_in_order(connection, wanted)), len(listing.files) - len(wanted)
    closed, unlisted = (tuple(one.reason for one in listing.closed if one.needs_somebody is needed) for needed in (True, False))
    return Plan(ordered, unchanged, tuple(vanished), listing.ignored, waiting, closed, unlisted)


def sync(
    settings: Settings,
    connection: duckdb.DuckDBPyConnection,
    remote: Remote,
    progress: Progress,
    gates: GateSettings | None = None,
    stopping: Stopping = lambda: False,
    on_news: Callable[[], object] = lambda: None,
    listing: Callable[[], Listing] | None = None,
) -> SyncReport:
    """Mirror and load all that is new. A file that cannot be read, or would change too much, is set aside; the others go on.

    Once ``stopping`` says so, what is not loaded yet is left to the next sync. ``on_news`` is called as soon as there is
    something to load, and may be called again. ``listing`` gives the remote's, where it was begun before.
    """
    listed = (listing or remote.list_exports)()
    plan = make_plan(connection, listed)
    _note_vanished(connection, plan.vanished, listed.files)
    report = SyncReport(plan)
    _say_closed(listed.closed, progress)
    gates = gates or load_gates()
    if gates.by_topic:
        gates.refuse_unknown({*topics(), *topic_tables(connection), *(file.topic for file in listed.files)})
    loader = RawLoader(connection, settings.landing, gates, settings.limits)
    loader.catch_up()
    tally = _Tally(progress, len(plan.wanted))
    with closing(mirror(remote, plan.wanted, settings.landing, limits=settings.limits)) as outcomes:
        for outcome in outcomes:
            if isinstance(outcome, Landed) and not (report.loaded or report.same_content):
                on_news()
            _settle(loader, outcome, report, tally)
            if stopping():
                break
    tally.close()
    remember_left(connection, report.left, listed.closed)
    report.waiting = len(set_aside(connection))
    remember_ended(connection, "sync")
    return report


def _say_closed(closed: Sequence[Closed], progress: Progress) -> None:
    for one in closed[:_MOST_CLOSED_SAID]:
        until = "" if one.needs_somebody else " The next run looks again."
        progress(Line(f"not looked at: {one.reason}{until}", level="warning", status="left", error=one.error))
    if len(closed) > _MOST_CLOSED_SAID:
        progress(Line(f"and {len(closed) - _MOST_CLOSED_SAID:,} more: `python -m loaders status` names them all", level="warning"))


def _settle(loader: RawLoader, outcome: Landed | LeftForNextRun, report: SyncReport, tally: "_Tally") -> None:
    try:
        version = _load(loader, outcome)
    except LoaderError as error:
        report.left.append((outcome.file, error))
        tally.left(outcome.file, error)
    else:
        _note(report, outcome.file, version)
        tally.add(outcome.file, version)


def _load(loader: RawLoader, outcome: Landed | LeftForNextRun) -> FileVersion | None:
    if isinstance(outcome, LeftForNextRun):
        raise outcome.reason
    return loader.load(outcome)


class _Tally:
    """Progress in lines that a person can read: one for each organization's topic, one for each file set aside."""

    def __init__(self, progress: Progress, wanted: int):
        self._progress, self._wanted, self._done = progress, wanted, 0
        self._group: tuple[str, str] | None = None
        self._files = self._rows = 0

    def add(self, file: RemoteFile, version: FileVersion | None) -> None:
        if self._group != (file.organization_id, file.topic):
            self.close()
            self._group = (file.organization_id, file.topic)
        self._done += 1
        self._files += 1
        self._rows += version.row_count or 0 if version else 0
        if version is not None and version.status not in ("loaded", "duplicate", "discarded"):
            text = f"{_label(file)}: {version.status.upper()}. {version.reason}"
            self._progress(Line(text, level="warning", **_facts(file), status=version.status, reason=version.reason))

    def left(self, file: RemoteFile, error: LoaderError) -> None:
        text = f"{_label(file)}: left for the next run. {error}"
        self._progress(Line(text, level="warning", **_facts(file), status="left", error=type(error).__name__))

    def close(self) -> None:
        if self._group:
            organization_id, topic = self._group
            text = f"[{self._done}/{self._wanted}] {organization_id} {topic}: {counted(self._files, 'file')}, {counted(self._rows, 'row')}"
            facts = {"organization": organization_id, "topic": topic, "files": self._files, "rows": self._rows}
            self._progress(Line(text, **facts, done=self._done, wanted=self._wanted))
        self._group, self._files, self._rows = None, 0, 0


def _note(report: SyncReport, file: RemoteFile, version: FileVersion | None) -> None:
    if version is None:
        report.same_content.append(file)
    else:
        report.loaded.append(version)


def _note_vanished(connection: duckdb.DuckDBPyConnection, vanished: Sequence[str], present: Iterable[RemoteFile]) -> None:
    """Mark what is gone, and unmark what is back: reported, never a deletion."""
    now = datetime.now(UTC).replace(tzinfo=None)
    for path in vanished:
        connection.execute("update raw._remote set vanished_at = ? where path = ?", [now, path])
    gone = {path for (path,) in connection.execute("select path from raw._remote where vanished_at is not null").fetchall()}
    for file in present:
        if file.path in gone:
            connection.execute("update raw._remote set vanished_at = null where path = ?", [file.path])


def _stamp(file: RemoteFile) -> tuple[int, datetime]:
    return file.size, file.modified_at.astimezone(UTC).replace(tzinfo=None)


def _in_order(connection: duckdb.DuckDBPyConnection, files: Sequence[RemoteFile]) -> list[RemoteFile]:
    """By organization and topic, and there in the contract's order (section 2): the result does not depend on it, but a gate
    judges a file by those loaded before it."""
    query = "select distinct organization_id, topic from raw._files where kind = 'snapshot' and status = 'loaded'"
    begun = set(connection.execute(query).fetchall())

    def place(file: RemoteFile) -> tuple[str, str, bool, datetime, bool, str]:
        is_change = file.name.kind == "change"
        comes_first = not is_change and (file.organization_id, file.topic) not in begun
        return file.organization_id, file.topic, not comes_first, file.name.batch_at or file.modified_at, is_change, file.path

    return sorted(files, key=place)


def _label(file: RemoteFile) -> str:
    return f"{file.organization_id}/{file.topic}/{file.name.file_name}"


def _facts(file: RemoteFile) -> dict[str, str]:
    return {"organization": file.organization_id, "topic": file.topic, "file": file.name.file_name}
