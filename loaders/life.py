"""What the warehouse holds of one record: its delivered rows, their decisions, and the snapshots that lack it.

Read from the build, which is opened read-only: raw rows and the ledger say what was delivered, the change log what became of it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import duckdb

from loaders.errors import NoSuchRecord, SeveralRecords
from loaders.ledger import FileVersion, versions_of
from loaders.waiting import WAITING
from loaders.warehouse import quote, table_columns, topic_tables
from loaders.words import counted

Log = dict[str, Any]
Order = tuple[bool, datetime, bool, str, int]


@dataclass(frozen=True, slots=True)
class Place:
    """A file's place in the order of its organization's topic, as the staged ledger has it."""

    batch_order: int
    is_counting: bool
    is_part: bool
    is_first_snapshot: bool
    part_stands_until: datetime


@dataclass(frozen=True, slots=True)
class DeliveredRow:
    """One delivered row. ``log`` is its row of the change log, None where that does not hold it."""

    file: FileVersion
    row_number: int
    operation: str | None
    place: Place | None
    log: Log | None

    @property
    def order(self) -> Order:
        """Where it stands among the record's rows and the snapshots that lack it."""
        return _order(self.file, self.place)

    @property
    def batch(self) -> int | None:
        """The batch it counts in; None for rows that do not count."""
        return self.place.batch_order if self.place and self.place.is_counting else None


@dataclass(frozen=True, slots=True)
class Lack:
    """A later snapshot that has no row of the record, though the record was known before. ``file`` is its last part."""

    file: FileVersion
    place: Place
    high_water_mark: datetime

    @property
    def order(self) -> Order:
        """Where it stands among the record's rows."""
        return _order(self.file, self.place)


@dataclass(frozen=True, slots=True)
class Life:
    """All that is known of a record. ``unbuilt`` are files that no build has seen, ``waiting`` those that nobody let through."""

    organization_id: str
    topic: str
    record_id: str
    rows: tuple[DeliveredRow, ...]
    lacks: tuple[Lack, ...]
    marks: dict[int, datetime]  # high-water marks of later snapshots, by batch
    disagreements: dict[int, Log]  # what each rule would have given, by file
    unbuilt: tuple[FileVersion, ...]
    waiting: tuple[FileVersion, ...]
    is_modelled: bool


def read_life(connection: duckdb.DuckDBPyConnection, topic: str, record_id: str, organization_id: str | None = None) -> Life:
    """Everything of one record; NoSuchRecord and SeveralRecords say where it was looked for, and what there is."""
    organization_id = _whose(connection, topic, record_id, organization_id)
    files = {one._file_id: one for kind in ("snapshot", "change") for one in versions_of(connection, organization_id, topic, kind)}
    places, log = _places(connection, organization_id, topic), _log(connection, organization_id, topic, record_id)
    built = _built_until(connection, topic)
    query = f"select _file_id, _row_number, _op from raw.{quote(topic)} where _organization_id = ? and id = ?"
    rows = [
        DeliveredRow(files[file_id], number, operation, places.get(file_id), log.get((file_id, number)))
        for file_id, number, operation in connection.execute(query, [organization_id, record_id]).fetchall()
    ]
    snapshots = {file_id: place for file_id, place in places.items() if files[file_id].kind == "snapshot" and file_id <= built}
    marks = _high_water_marks(connection, topic, files, snapshots) if log else {}
    return Life(
        organization_id,
        topic,
        record_id,
        tuple(sorted(rows, key=lambda row: (row.order, row.row_number))),
        tuple(_lacks(rows, files, snapshots, marks)),
        marks,
        _disagreements(connection, organization_id, topic, record_id) if log else {},
        tuple(one for one in files.values() if one._file_id in places and one._file_id > built),
        tuple(one for one in files.values() if one.status in WAITING),
        bool(table_columns(connection, "marts", f"{topic}_changes")),
    )


def _order(file: FileVersion, place: Place | None) -> Order:
    """The contract, section 2, as a sort key; what does not count stands at its file's own time."""
    is_change = file.kind == "change"
    return not (place and place.is_first_snapshot), file.batch_at, is_change, file.file_name if is_change else "", file._file_id


def _whose(connection: duckdb.DuckDBPyConnection, topic: str, record_id: str, organization_id: str | None) -> str:
    topics = topic_tables(connection)
    if topic not in topics:
        raise NoSuchRecord(f"no file of a topic {topic!r} was ever loaded. Topics: {', '.join(topics) or 'none yet'}.")
    owners = _owners(connection, topic, record_id)
    found = [owner for owner in owners if organization_id in (None, owner)]
    if not found:
        raise NoSuchRecord(_not_found(connection, topic, record_id, organization_id, owners))
    if len(found) > 1:
        raise SeveralRecords(f"{topic} of several organizations have this id. Name one: --organization {', '.join(found)}.")
    return found[0]


def _owners(connection: duckdb.DuckDBPyConnection, topic: str, record_id: str) -> list[str]:
    query = f"select distinct _organization_id from raw.{quote(topic)} where id = ? order by 1"
    return [owner for (owner,) in connection.execute(query, [record_id]).fetchall()]


def _not_found(
    connection: duckdb.DuckDBPyConnection, topic: str, record_id: str, organization_id: str | None, owners: Sequence[str]
) -> str:
    """Where it was looked, and the nearest that there is."""
    whose = f" of {organization_id}" if organization_id else ""
    lines = [f"no row of {topic}{whose} has the id {record_id!r}; looked through every delivered row in raw.{topic}."]
    if owners:
        lines.append(f"it is known to: {', '.join(owners)}.")
    similar = f"select distinct id from raw.{quote(topic)} where lower(trim(id)) = lower(trim(?)) order by 1 limit 5"
    if near := [one for (one,) in connection.execute(similar, [record_id]).fetchall() if one != record_id]:
        lines.append(f"ids are compared to the letter; there is {', '.join(map(repr, near))}.")
    if others := [other for other in topic_tables(connection) if other != topic and _owners(connection, other, record_id)]:
        lines.append(f"other topics have a record of this id: {', '.join(others)}.")
    query = f"select count(*) from raw._files where topic = ? and status in {WAITING}"
    if waiting := connection.execute(query, [topic]).fetchone()[0]:
        lines.append(f"{counted(waiting, 'file')} of {topic} set aside, where it may be: `python -m loaders status` names what waits.")
    return "\n  ".join(lines)


def _places(connection: duckdb.DuckDBPyConnection, organization_id: str, topic: str) -> dict[int, Place]:
    """By file; empty where nothing was ever built."""
    if not table_columns(connection, "staging", "stg_fortress__files"):
        return {}
    query = """
        select _file_id, batch_order, is_counting, is_part, is_first_snapshot and is_counting, part_stands_until
        from staging.stg_fortress__files where _organization_id = ? and topic = ?
    """
    return {file_id: Place(*rest) for file_id, *rest in connection.execute(query, [organization_id, topic]).fetchall()}


def _log(connection: duckdb.DuckDBPyConnection, organization_id: str, topic: str, record_id: str) -> dict[tuple[int, int], Log]:
    """The record's rows of the change log, by file and row number; empty where the topic has none."""
    if not table_columns(connection, "marts", f"{topic}_changes"):
        return {}
    query = f"select * from marts.{quote(topic + '_changes')} where _organization_id = ? and id = ?"
    rows = _dicts(connection.execute(query, [organization_id, record_id]))
    return {(row["_file_id"], row["_row_number"]): row for row in rows}


def _built_until(connection: duckdb.DuckDBPyConnection, topic: str) -> int:
    """The newest file that the topic's change log has seen: by what it holds, or by what the last run noted."""
    (noted,) = connection.execute("select coalesce(max(_file_id), 0) from raw._built where topic = ?", [topic]).fetchone()
    if not table_columns(connection, "marts", f"{topic}_changes"):
        return noted
    (held,) = connection.execute(f"select coalesce(max(_file_id), 0) from marts.{quote(topic + '_changes')}").fetchone()
    return max(noted, held)


def _high_water_marks(
    connection: duckdb.DuckDBPyConnection, topic: str, files: dict[int, FileVersion], snapshots: dict[int, Place]
) -> dict[int, datetime]:
    """By batch: the greatest updatedAt among a later snapshot's own rows; its time if it has none. The contract, section 4."""
    later = {file_id: place.batch_order for file_id, place in snapshots.items() if place.is_counting and not place.is_first_snapshot}
    marks: dict[int, datetime] = {}
    if "updated_at" in table_columns(connection, "marts", f"{topic}_changes"):
        query = f"""
            select _file_id, max(updated_at) from marts.{quote(topic + "_changes")}
            where list_contains(?, _file_id) and updated_at is not null group by _file_id
        """
        for file_id, mark in connection.execute(query, [list(later)]).fetchall():
            marks[later[file_id]] = max(mark, marks.get(later[file_id], mark))
    return {batch: files[file_id].batch_at for file_id, batch in later.items()} | marks


def _lacks(
    rows: Sequence[DeliveredRow], files: dict[int, FileVersion], snapshots: dict[int, Place], marks: dict[int, datetime]
) -> list[Lack]:
    """The later snapshots that lack the record. A part that was not delivered again still stands. The contract, sections 1 and 4."""
    holding = {row.file._file_id for row in rows if row.batch is not None}
    batches = [row.batch for row in rows if row.batch is not None]
    last_part = {place.batch_order: (files[file_id], place) for file_id, place in sorted(snapshots.items()) if place.is_counting}
    return [
        Lack(file, place, marks[batch])
        for batch, (file, place) in last_part.items()
        if batch in marks and batches and min(batches) < batch and not holding & _standing(batch, file, place, files, snapshots)
    ]


def _standing(batch: int, file: FileVersion, place: Place, files: dict[int, FileVersion], snapshots: dict[int, Place]) -> set[int]:
    """The files that say what a snapshot holds: its own, and earlier parts that no newer version has replaced by then."""
    return {
        file_id
        for file_id, other in snapshots.items()
        if other.is_counting
        and (
            other.batch_order == batch
            or (place.is_part and other.is_part and files[file_id].batch_at <= file.batch_at < other.part_stands_until)
        )
    }


def _disagreements(connection: duckdb.DuckDBPyConnection, organization_id: str, topic: str, record_id: str) -> dict[int, Log]:
    """What each rule would have given, by file."""
    if not table_columns(connection, "audit", "rule_disagreements"):
        return {}
    query = "from audit.rule_disagreements where topic = ? and _organization_id = ? and id = ?"
    return {row["_file_id"]: row for row in _dicts(connection.execute(query, [topic, organization_id, record_id]))}


def _dicts(found: duckdb.DuckDBPyConnection) -> list[dict[str, Any]]:
    names = [name for name, *_ in found.description or ()]
    return [dict(zip(names, values, strict=True)) for values in found.fetchall()]
