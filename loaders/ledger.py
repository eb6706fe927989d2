"""The ledger: what was delivered, and which of it counts.

The rules are the contract's, section 1 (docs/contract.md):

- a change file is known by its stem; other content under a loaded name is a revision and replaces it;
- the same stem in the other format is a duplicate of the one that was loaded first;
- a snapshot delivered again with other content is another snapshot; with the content of the one before it, it is nothing;
- numbered parts (``LOAD00000001.csv``) written together are one snapshot, whose time is its latest part's.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Literal

import duckdb

from loaders.names import ExportName, parse_file
from loaders.warehouse import LEDGER_COLUMNS

Status = Literal["loaded", "quarantined", "held", "duplicate", "superseded", "discarded"]


@dataclass(frozen=True, slots=True)
class FileVersion:
    """One row of ``raw._files``. Times are UTC without a zone, as the tables hold them.

    ``snapshot_number``: for a numbered part, which of the topic's snapshots in parts it belongs to (1.. in order of time).
    """

    _file_id: int
    organization_id: str
    topic: str
    file_name: str
    kind: str
    format: str
    batch_at: datetime
    remote_mtime: datetime
    size_bytes: int
    sha256: str
    row_count: int | None
    status: Status
    reason: str | None
    loaded_at: datetime
    snapshot_number: int | None = None

    @property
    def label(self) -> str:
        """The file as commands name it."""
        return f"{self.organization_id}/{self.topic}/{self.file_name}"

    @property
    def name(self) -> ExportName:
        """What the file's name says."""
        parsed = parse_file(self.file_name)
        assert parsed is not None, f"{self.file_name!r} is in the ledger and is no export's name"
        return parsed


def versions_of(
    connection: duckdb.DuckDBPyConnection, organization_id: str, topic: str, kind: str, stem: str | None = None
) -> list[FileVersion]:
    """A topic's file versions of one kind, of one stem if given, in order of arrival."""
    query = f"select {', '.join(LEDGER_COLUMNS)} from raw._files where organization_id = ? and topic = ? and kind = ?"
    names = [f"{stem}.csv", f"{stem}.parquet"] if stem is not None else []
    condition = " and file_name in (?, ?)" if names else ""
    rows = connection.execute(f"{query}{condition} order by loaded_at, _file_id", [organization_id, topic, kind, *names]).fetchall()
    return [FileVersion(*row) for row in rows]


def all_versions(connection: duckdb.DuckDBPyConnection) -> list[FileVersion]:
    """The whole ledger, in order of arrival."""
    return [
        FileVersion(*row)
        for row in connection.execute(f"select {', '.join(LEDGER_COLUMNS)} from raw._files order by loaded_at, _file_id").fetchall()
    ]


def next_file_id(connection: duckdb.DuckDBPyConnection) -> int:
    """Ids grow in the order in which rows are committed: what a table has not seen yet is its tail."""
    (highest,) = connection.execute("select coalesce(max(_file_id), 0) from raw._files").fetchone()
    return highest + 1


def now(connection: duckdb.DuckDBPyConnection) -> datetime:
    """The time of an arrival or a decision, UTC: later than every one before it, for they stand in this order, and clocks are set back."""
    query = "select max(moment) from (select loaded_at as moment from raw._files union all select decided_at from raw._decisions)"
    (latest,) = connection.execute(query).fetchone()
    return later_than(latest)


def later_than(latest: datetime | None) -> datetime:
    """Now, UTC, and in any case later than a moment before: clocks are set back."""
    moment = datetime.now(UTC).replace(tzinfo=None)
    return moment if latest is None or moment > latest else latest + timedelta(microseconds=1)


def insert(connection: duckdb.DuckDBPyConnection, version: FileVersion) -> None:
    """Add one row to the ledger."""
    marks = ", ".join("?" for _ in LEDGER_COLUMNS)
    connection.execute(f"insert into raw._files values ({marks})", [getattr(version, column) for column in LEDGER_COLUMNS])


def update(connection: duckdb.DuckDBPyConnection, version: FileVersion) -> None:
    """Write what may change in a ledger row: what became of the file, and the time of the snapshot it is a part of."""
    values = [version.status, version.reason, version.batch_at, version.snapshot_number, version._file_id]
    connection.execute("update raw._files set status = ?, reason = ?, batch_at = ?, snapshot_number = ? where _file_id = ?", values)


def delete(connection: duckdb.DuckDBPyConnection, version: FileVersion) -> None:
    """Take away the row of a version that is about to be inserted under another id."""
    connection.execute("delete from raw._files where _file_id = ?", [version._file_id])


def is_in_force(version: FileVersion, others: Sequence[FileVersion]) -> bool:
    """Whether the name's latest version has this very content, so that nothing was delivered.

    A snapshot may come again with the content it had, as a ``duplicate``: its time is in the ledger then. While it waits, or
    after it was given up, it is nothing.
    """
    same_name = [other for other in others if other.file_name == version.file_name and other.status != "superseded"]
    if version.kind == "snapshot":
        same_name = [one for one in same_name[-1:] if one.status in ("quarantined", "held", "discarded")]
    return bool(same_name) and same_name[-1].sha256 == version.sha256


def replaced_unread(version: FileVersion, others: Iterable[FileVersion]) -> list[FileVersion]:
    """Versions of the same name that were never applied: whatever the new one is, they wait for nothing any more."""
    return [
        _replaced(other, version) for other in others if other.file_name == version.file_name and other.status in ("quarantined", "held")
    ]


def _replaced(other: FileVersion, version: FileVersion) -> FileVersion:
    return replace(other, status="superseded", reason=f"replaced by file {version._file_id}, delivered under the same name")


def settle_change(version: FileVersion, others: Iterable[FileVersion]) -> tuple[FileVersion, list[FileVersion]]:
    """What a change file is, given the versions of its stem known so far, and what that makes of them.

    Returns the version with its status (``loaded`` still has to be proven by reading it) and the changed others.
    """
    counting = next((other for other in others if other.status == "loaded"), None)
    if counting and counting.file_name != version.file_name:
        return replace(version, status="duplicate", reason=f"the same batch was loaded from {counting.file_name}"), []
    if counting and counting.sha256 == version.sha256:  # what came between could not be read
        return replace(version, status="duplicate", reason="delivered again with the content it had"), []
    return version, [_replaced(counting, version)] if counting else []


def settle(version: FileVersion, others: Sequence[FileVersion]) -> tuple[FileVersion, list[FileVersion]]:
    """What a version is, given the others of its kind and stem, and what that makes of them: the changed ones."""
    if version.kind == "change":
        return settle_change(version, others)
    arrived = sorted([*others, version], key=lambda one: (one.loaded_at, one._file_id))
    settled = {one._file_id: one for one in settle_snapshots(arrived)}
    return settled.pop(version._file_id), [settled[one._file_id] for one in others if settled[one._file_id].status != one.status]


def settle_snapshots(versions: Sequence[FileVersion]) -> list[FileVersion]:
    """One stem's snapshot versions (both formats, in order of arrival), each with the status that the whole set gives it.

    Only ``loaded`` and ``duplicate`` change into one another. A status depends on the other versions and not on which
    came first, but for the one rule that says so: the first version of the format that came second is a duplicate.
    """
    readable = [version for version in versions if version.status in ("loaded", "duplicate")]
    settled = {version._file_id: version for version in versions}
    for file_name in {version.file_name for version in readable}:
        same_path = [version for version in readable if version.file_name == file_name]
        twin = same_path[0] if same_path[0] is not readable[0] else None
        before: FileVersion | None = None
        for version in sorted(same_path, key=lambda one: one.remote_mtime):  # stable: arrival decides between equals
            settled[version._file_id] = _settle_one(version, before, twin, readable[0])
            before = version
    return [settled[version._file_id] for version in versions]


def _settle_one(version: FileVersion, before: FileVersion | None, twin: FileVersion | None, first: FileVersion) -> FileVersion:
    if version is twin:
        return replace(version, status="duplicate", reason=f"the same snapshot was loaded from {first.file_name}")
    if before is not None and before.sha256 == version.sha256:
        return replace(version, status="duplicate", reason="delivered again with the content it had")
    return replace(version, status="loaded", reason=None)


def settle_parts(versions: Iterable[FileVersion]) -> list[FileVersion]:
    """Numbered parts, each with the number and the time of the snapshot it belongs to: its latest part's.

    Walked by modification time, a snapshot ends where the number of one of its parts comes again.
    """
    snapshots: list[list[FileVersion]] = []
    for part in sorted(versions, key=lambda one: (one.remote_mtime, one.file_name)):
        if not snapshots or any(part.name.stem == other.name.stem for other in snapshots[-1]):
            snapshots.append([])
        snapshots[-1].append(part)
    return [
        replace(part, batch_at=snapshot[-1].remote_mtime, snapshot_number=number)
        for number, snapshot in enumerate(snapshots, start=1)
        for part in snapshot
    ]
