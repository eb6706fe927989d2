"""A record's whole life, with the reason for each decision: what every delivered row did, and why.

The decisions are the change log's; what is added here is the sentence that leads from the contract to them. Snapshots that
lack the record leave no row in the log: whether one deleted it is worked out from the contract, section 4.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import duckdb

from loaders import reasons
from loaders.conventions import snake_case
from loaders.landing import landing_path
from loaders.ledger import FileVersion
from loaders.life import DeliveredRow, Lack, Life, Log, read_life
from loaders.privacy import NESTED_PERSON, kind_of
from loaders.registry import topics
from loaders.rfc4180 import read_header

_PERSON = re.compile(NESTED_PERSON)
_NOT_BUSINESS = {"outcome", "valid_from", "valid_to", "is_current", "is_deleted", "change_type", "version_number"}


@dataclass(frozen=True, slots=True)
class Version:
    """A version of the record, in force from ``valid_from`` until before ``valid_to``; ``dated_by`` is what the first was taken from."""

    version_number: int
    change_type: str
    valid_from: datetime
    valid_to: datetime | None
    is_deleted: bool
    dated_by: str


@dataclass(frozen=True, slots=True)
class Value:
    """A column's value before and after, or a text that did not cast (``after``). Both are None where they are not to be ``shown``."""

    column: str
    before: Any
    after: Any
    shown: bool


@dataclass(frozen=True, slots=True)
class Event:
    """A delivered row, or a snapshot that lacks the record (no ``row_number``).

    ``line`` is the physical line of a CSV file; ``file_reason`` the ledger's, such as who let the file through. ``outcome`` is
    the change log's, or ``deleted_by_absence``, ``left_alone``, ``not_built``, ``duplicate``; ``why`` says why in a sentence.
    """

    file_id: int
    file_name: str
    file_status: str
    file_reason: str | None
    batch_at: datetime
    row_number: int | None
    line: int | None
    operation: str | None
    outcome: str
    why: str
    version: Version | None
    changed: tuple[Value, ...]
    cast_failures: tuple[Value, ...]
    rules_disagree: str | None


@dataclass(frozen=True, slots=True)
class Explanation:
    """All that happened to a record, in order. ``state`` is exists, soft_deleted, deleted, never_existed, or unknown without marts.

    ``unbuilt`` names files that are loaded and that no build has seen; ``waiting`` those that are set aside and may hold the record.
    """

    organization_id: str
    topic: str
    record_id: str
    state: str
    events: tuple[Event, ...]
    unbuilt: tuple[str, ...]
    waiting: tuple[str, ...]


def explain(
    connection: duckdb.DuckDBPyConnection,
    landing: Path,
    topic: str,
    record_id: str,
    organization_id: str | None = None,
    show_values: bool = False,
) -> Explanation:
    """A record's life; NoSuchRecord, or SeveralRecords without an organization. ``show_values``: also of columns tagged as personal."""
    life = read_life(connection, topic.lower(), record_id, organization_id)
    events = _Walk(life, landing, show_values).events()
    return Explanation(
        life.organization_id,
        life.topic,
        record_id,
        _state(life, events),
        tuple(events),
        tuple(file.file_name for file in life.unbuilt),
        tuple(file.file_name for file in life.waiting),
    )


def _state(life: Life, events: Sequence[Event]) -> str:
    if not any(row.log for row in life.rows):
        return "unknown"
    versions = [event.version for event in events if event.version]
    if not versions:
        return "never_existed"
    if versions[-1].valid_to is not None:
        return "deleted"
    return "soft_deleted" if versions[-1].is_deleted else "exists"


class _Walk:
    """From the first event to the last, with what the record looked like in between."""

    def __init__(self, life: Life, landing: Path, show_values: bool):
        self.life, self.landing, self.show_values = life, landing, show_values
        self.standing: DeliveredRow | None = None  # the row of the version in force
        self.last_version: DeliveredRow | None = None  # the same, even if it was deleted since
        self.ended_by: FileVersion | None = None
        self.touched_by: FileVersion | None = None  # the last change file with a row of the record

    def events(self) -> list[Event]:
        everything: list[DeliveredRow | Lack] = [*self.life.rows, *self.life.lacks]
        walked = [self._lack(one) if isinstance(one, Lack) else self._row(one) for one in sorted(everything, key=lambda one: one.order)]
        return [event for event in walked if event]

    def _row(self, row: DeliveredRow) -> Event:
        outcome, why = self._judged(row)
        event = self._event(row.file, outcome, why, row)
        if outcome == "applied":
            self.standing = row if event.version else None
            self.last_version = row if event.version else self.last_version
            self.ended_by = None if event.version else row.file
        if row.batch is not None and row.file.kind == "change":
            self.touched_by = row.file
        return event

    def _judged(self, row: DeliveredRow) -> tuple[str, str]:
        """The outcome, and why."""
        if row.log is None:
            return reasons.not_in_the_log(row, self.life)
        outcome: str = row.log["outcome"]
        match outcome:
            case "revised":
                return outcome, reasons.revised(row)
            case "superseded_in_batch":
                return outcome, reasons.superseded(row, self.life.rows)
            case "stale_snapshot":
                return outcome, reasons.stale(self.touched_by, self.life.marks.get(row.batch or 0))
            case "no_effect":
                return outcome, reasons.no_effect(row, self.standing, self.ended_by)
            case _:
                return outcome, reasons.applied(row, self.standing, self.last_version is None)

    def _lack(self, lack: Lack) -> Event | None:
        """A snapshot without the record: it deletes what exists, unless a change file brought it after the snapshot's mark."""
        if not self.standing:
            return None
        if self.touched_by and self.touched_by.batch_at > lack.high_water_mark:
            return self._event(lack.file, "left_alone", reasons.left_alone(self.touched_by, lack.high_water_mark))
        event = self._event(lack.file, "deleted_by_absence", reasons.absent(self.standing, lack.high_water_mark))
        self.standing, self.ended_by = None, lack.file
        return event

    def _event(self, file: FileVersion, outcome: str, why: str, row: DeliveredRow | None = None) -> Event:
        log = row.log if row else None
        version = _version(log) if log and outcome == "applied" and log["version_number"] else None
        return Event(
            file._file_id,
            file.file_name,
            file.status,
            file.reason,
            file.batch_at,
            row.row_number if row else None,
            _line(self.landing, row) if row else None,
            row.operation if row else None,
            outcome,
            why,
            version,
            self._changed(log) if log and version else (),
            tuple(self._value(one["column_name"], None, one["value"]) for one in (log or {}).get("_cast_failures") or ()),
            reasons.disagreement(row, self.life.disagreements) if row else None,
        )

    def _changed(self, log: Log) -> tuple[Value, ...]:
        """What differs from the version before."""
        if not self.last_version or not self.last_version.log:
            return ()
        before = self.last_version.log
        names = [name for name in log if not name.startswith("_") and name not in _NOT_BUSINESS and log[name] != before[name]]
        return tuple(self._value(name, before[name], log[name]) for name in names)

    def _value(self, column: str, before: Any, after: Any) -> Value:
        shown = self.show_values or all(_is_harmless(self.life.topic, column, value) for value in (before, after))
        return Value(column, before if shown else None, after if shown else None, shown)


def _version(log: Log) -> Version:
    fields = ("version_number", "change_type", "valid_from", "valid_to", "is_deleted")
    return Version(*(log[field] for field in fields), dated_by=reasons.dated_by(log))


@cache
def _tags(topic: str) -> dict[str, str | None] | None:
    """The registry's tags of its columns; None where the whole topic is to be kept from general use, or unknown."""
    known = topics().get(topic)
    return {snake_case(one.name): one.pii for one in known.columns} if known and not known.restricted else None


def _is_harmless(topic: str, column: str, value: Any) -> bool:
    """Of columns that the registry knows, those without a tag; of others, what would be published, by its name and what is nested in it."""
    tags = _tags(topic)
    if tags is None:
        return False
    return tags[column] is None if column in tags else kind_of(topic, column, "VARCHAR") is None and not _PERSON.search(str(value))


def _line(landing: Path, row: DeliveredRow) -> int | None:
    """The line on which the row begins in its CSV file; None for Parquet, and where the landed copy is gone."""
    file = row.file
    if file.format != "csv":
        return None
    path = landing_path(landing, file.organization_id, file.topic, file.name, file.remote_mtime.replace(tzinfo=UTC), file.sha256)
    if not path.exists():
        return None
    line, _ = read_header(path).locate(row.row_number)
    return line
