"""What each loaded file says in figures, and the records that a topic has at a file's place in the order.

Figures are of one file alone and are kept (``raw._measures``), so that judging a change file costs what the file costs.
The records themselves are only looked up for a snapshot, whose size that is, and for a change file that the figures make
suspicious. All of it is read from raw and the ledger, never from marts that may be behind. docs/contract.md, sections 2 to 4;
what a snapshot cannot have seen is left out of account.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import duckdb

from loaders.ledger import FileVersion
from loaders.raw_tables import TECHNICAL_COLUMNS, Opened
from loaders.warehouse import quote

_FAR_PAST = datetime(1, 1, 1)
_FILES_BACK = 50
_ID = quote("id")
_IS_CHANGE_BEFORE = """
    organization_id = $organization and topic = $topic and kind = 'change' and status = 'loaded' and row_count > 0
    and batch_at >= $since and (batch_at, file_name) < ($until, $until_name)
"""


@dataclass(frozen=True, slots=True)
class Measure:
    """A file's figures: ids that it holds (a snapshot) or inserts and deletes (a change file); how many of its updates fill a column.

    Deleted is deleted for the user: gone, or with its ``deletedAt`` set. D and I of one id is a reload, and no deletion.
    """

    records: int
    deleted: int
    updates: int
    filled: dict[str, int]


@dataclass(frozen=True, slots=True)
class Ground:
    """What a file finds at its place: the snapshot's files that stand there, and from when to when change files count."""

    snapshot_files: tuple[int, ...]
    since: datetime
    until: datetime
    until_name: str


@dataclass(frozen=True, slots=True)
class LoadedFile:
    """A file whose rows are in raw, maybe not committed yet; ``columns`` are the topic's own, as its table spells them."""

    connection: duckdb.DuckDBPyConnection
    version: FileVersion
    columns: tuple[str, ...]
    is_ended: bool

    @classmethod
    def of(cls, connection: duckdb.DuckDBPyConnection, version: FileVersion, opened: Opened) -> "LoadedFile":
        """The file that was opened, as the ledger now says it."""
        columns = tuple(name for name in opened.columns.values() if name not in TECHNICAL_COLUMNS)
        return cls(connection, version, columns, opened.readable.is_ended)

    def measure(self) -> Measure:
        """Work out the figures and keep them; within the transaction that loads the file."""
        found = self._of_snapshot() if self.version.kind == "snapshot" else self._of_changes()
        row = [self.version._file_id, found.records, found.deleted, found.updates, json.dumps(found.filled), self.is_ended]
        self.connection.execute("insert into raw._measures values (?, ?, ?, ?, ?, ?)", row)
        return found

    def _of_snapshot(self) -> Measure:
        (records,) = self._ask(f"select count(*) from {self._table} where _file_id = $file and {self._is_alive}")
        return Measure(records, 0, 0, {})

    def _of_changes(self) -> Measure:
        counts = ", ".join(f"count({quote(column)})" for column in self.columns)
        query = f"""
            from (
                select count(*) filter (stays and is_new), count(*) filter (not stays) from (
                    select bool_or(_op <> 'D' and {self._is_alive}) as stays, bool_or(_op = 'I') and not bool_or(_op = 'D') as is_new
                    from {self._table} where _file_id = $file group by {_ID}
                )
            ), (select count(*), {counts} from {self._table} where _file_id = $file and _op = 'U')
        """
        inserted, deleted, updates, *filled = self._ask(query)
        return Measure(inserted, deleted, updates, {column: count for column, count in zip(self.columns, filled, strict=True) if count})

    def ground(self) -> Ground | None:
        """What the file finds at its place; None for a first snapshot, which finds nothing and deletes nothing."""
        version, is_change = self.version, self.version.kind == "change"
        snapshots = self._other_snapshots()
        # A snapshot stands before a change file of its instant; the first one stands before everything.
        before = [one for one in snapshots if one[1] < version.batch_at or (is_change and one[1] == version.batch_at)]
        before = before or (snapshots[:1] if is_change else [])
        if not before:
            return Ground((), _FAR_PAST, version.batch_at, version.file_name) if is_change else None
        since = before[-1][1] if before[-1][1] > snapshots[0][1] else _FAR_PAST
        return Ground(_standing(before), since, version.batch_at, version.file_name if is_change else "")

    def _other_snapshots(self) -> list[tuple[int, datetime, str, bool]]:
        query = """
            select _file_id, batch_at, file_name, snapshot_number is not null from raw._files
            where organization_id = ? and topic = ? and kind = 'snapshot' and status = 'loaded' and _file_id <> ?
            order by batch_at, _file_id
        """
        return self.connection.execute(query, [self.version.organization_id, self.version.topic, self.version._file_id]).fetchall()

    def records_of_part_before(self) -> int | None:
        """How many records the last part of this one's number holds that was written before it."""
        query = """
            select arg_max(records, remote_mtime) from raw._measures join raw._files using (_file_id)
            where organization_id = ? and topic = ? and split_part(file_name, '.', 1) = ? and status = 'loaded' and remote_mtime < ?
        """
        version = self.version
        parameters = [version.organization_id, version.topic, version.name.stem, version.remote_mtime]
        (records,) = self.connection.execute(query, parameters).fetchone() or (None,)
        return records

    def endings_before(self) -> tuple[int, int]:
        """How many CSV files the organization delivered before, and how many of them have a last line that does not end."""
        query = """
            select count(*), count(*) filter (not is_ended) from raw._measures join raw._files using (_file_id)
            where organization_id = ? and format = 'csv' and _file_id <> ?
        """
        found = self.connection.execute(query, [self.version.organization_id, self.version._file_id]).fetchone() or (0, 0)
        return found[0], found[1]

    def expected_records(self, ground: Ground) -> int:
        """How many records the topic has at the file's place by the files' own figures: quick, and near enough to suspect a file."""
        query = f"""
            select coalesce(sum(case when kind = 'snapshot' then records else records - deleted end), 0)::bigint
            from raw._measures join raw._files using (_file_id)
            where _file_id in ({_listed(ground.snapshot_files)}) or ({_IS_CHANGE_BEFORE})
        """
        return self._ask(query, ground)[0]

    def updates_before(self, ground: Ground, enough: int) -> tuple[int, dict[str, int]]:
        """How many updates the change files just before the file's place hold, and how many of them fill each column."""
        query = f"""
            select updates, filled from raw._measures join raw._files using (_file_id)
            where {_IS_CHANGE_BEFORE} and updates > 0 order by batch_at desc, file_name desc limit {_FILES_BACK}
        """
        updates, filled = 0, dict[str, int]()
        for more, columns in self.connection.execute(query, self._parameters(ground)).fetchall():
            if updates >= enough:
                break
            updates += more
            for column, count in json.loads(columns).items():
                filled[column] = filled.get(column, 0) + count
        return updates, filled

    def snapshot_before(self, ground: Ground, columns: Sequence[str]) -> tuple[int, dict[str, int]]:
        """How many rows the snapshot at the file's place has, and how many of them fill each of the columns."""
        counts = ", ".join(f"count({quote(column)})" for column in columns)
        query = f"select count(*), {counts} from {self._table} where _file_id in ({_listed(ground.snapshot_files)})"
        rows, *filled = self.connection.execute(query).fetchone() or ()
        return rows, dict(zip(columns, filled, strict=True))

    def compare_records(self, ground: Ground) -> tuple[int, int, int]:
        """The topic's records at the file's place; how many of them the file takes away; how many records it holds itself."""
        own = f"""
            select {_ID} as id, bool_or(_op is distinct from 'D' and {self._is_alive}) as stays
            from {self._table} where _file_id = $file group by all
        """
        is_change = self.version.kind == "change"
        taken = "semi join (from own where not stays)" if is_change else "anti join (from own where stays)"
        query = f"""
            with own as ({own}), known as ({self._known_records(ground)})
            select (select count(*) from known), (select count(*) from known {taken} using (id)), (select count(*) from own where stays)
        """
        known, gone, held = self._ask(query, ground)
        return known, gone, held

    def _known_records(self, ground: Ground) -> str:
        """A query for the ids that exist: by each one's last word, in its last batch the last I, else the last U, else the D."""
        places = f"""
            select _file_id, dense_rank() over (order by batch_at, file_name) as place from raw._files where {_IS_CHANGE_BEFORE}
            union all select unnest([{_listed(ground.snapshot_files)}]::bigint[]), 0
        """
        rank = "case when place = 0 then 0 when _op = 'I' then 3 when _op = 'U' then 2 else 1 end"
        return f"""
            select {_ID} as id from {self._table} join ({places}) using (_file_id)
            where _organization_id = $organization
            group by {_ID}
            having arg_max(
                (place = 0 or _op <> 'D') and {self._is_alive}, (place * 4 + {rank})::hugeint * 1_000_000_000_000 + _row_number
            )
        """

    @property
    def _table(self) -> str:
        return f"raw.{quote(self.version.topic)}"

    @property
    def _is_alive(self) -> str:
        """Whether a row's image is no soft-deleted one."""
        names = [name for name in self.columns if name.lower().replace("_", "") == "deletedat"]
        return f"coalesce({quote(names[0])}, '') = ''" if names else "true"

    def _ask(self, query: str, ground: Ground | None = None) -> tuple[Any, ...]:
        given = (self._parameters(ground) if ground else {}) | {"file": self.version._file_id}
        named = {name: value for name, value in given.items() if f"${name}" in query}
        (row,) = self.connection.execute(query, named).fetchall()
        return row

    def _parameters(self, ground: Ground) -> dict[str, Any]:
        version = self.version
        places = {"since": ground.since, "until": ground.until, "until_name": ground.until_name}
        return {"organization": version.organization_id, "topic": version.topic, **places}


def _standing(snapshots: Sequence[tuple[int, datetime, str, bool]]) -> tuple[int, ...]:
    """The last snapshot's file; of numbered parts the last of each number."""
    if not snapshots[-1][3]:
        return (snapshots[-1][0],)
    return tuple({name.split(".")[0]: file_id for file_id, _, name, is_part in snapshots if is_part}.values())


def _listed(files: Sequence[int]) -> str:
    return ", ".join(str(int(file_id)) for file_id in files) or "-1"
