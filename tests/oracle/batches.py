"""From deliveries to batches in order: the contract's sections 1 and 2, without any cleverness.

What the contract leaves open is decided here and marked "Decision".
"""

import re
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import pairwise

from tests.oracle.values import Value, snake_case, typed

_PART = re.compile(r"LOAD([0-9A-Fa-f]+)")
_CHANGE = re.compile(r"(\d{8}-\d{6})(\d{3,})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Delivered:
    """One version of one file as it arrived. Values are text; None is null and '' the empty string."""

    organization_id: str
    topic: str
    file_name: str
    modified_at: datetime
    columns: tuple[str, ...]
    rows: tuple[tuple[str | None, ...], ...]

    @property
    def stem(self) -> str:
        return self.file_name.rpartition(".")[0]

    @property
    def content(self) -> tuple[object, ...]:
        """Two versions of one path are the same file content when this is equal."""
        return self.columns, self.rows


@dataclass(frozen=True, slots=True, eq=False)
class Row:
    """One delivered row: its typed image, its operation, and where it came from."""

    image: Mapping[str, Value]
    op: str | None
    file_name: str
    modified_at: datetime
    number: int

    @property
    def id(self) -> str:
        return str(self.image["id"])


@dataclass(slots=True, eq=False)
class Batch:
    """One file, or the parts of one snapshot (section 2, rule 3)."""

    kind: str
    stem: str
    batch_at: datetime
    rows: list[Row]
    replaced_rows: list[Row] = field(default_factory=list)
    standing_ids: set[str] = field(default_factory=set)


def batches_in_order(arrived: Sequence[Delivered], types: Mapping[str, str]) -> list[Batch]:
    """The batches of one organization's topic, first to last; ``arrived`` is in order of arrival (section 2)."""
    # Decision: the first snapshot is the one with the least modification time. Ties go by arrival (the sort is stable).
    snapshots = sorted(_whole_snapshots(arrived, types) + _snapshots_of_parts(arrived, types), key=lambda batch: batch.batch_at)
    # Rule 1: the first snapshot comes before every change file, whatever its modification time says.
    # Rule 2: a later snapshot stands at its modification time, before a change file of the same instant.
    # Decision: two change files of one instant but of different stems are two batches, in order of their stems.
    later = snapshots[1:] + sorted(_change_batches(arrived, types), key=lambda batch: batch.stem)
    return snapshots[:1] + sorted(later, key=lambda batch: (batch.batch_at, batch.kind == "change"))


def _change_batches(arrived: Sequence[Delivered], types: Mapping[str, str]) -> list[Batch]:
    batches = []
    for versions in _by(arrived, lambda d: d.stem):
        instant = change_instant(versions[0].stem)
        if instant is None:
            continue
        # Section 1: X.csv and X.parquet of one stem are one batch; the first to arrive counts, the other is a duplicate.
        # Decision: a duplicate's rows are not in the change log, and neither are those of its later versions.
        versions = [version for version in versions if version.file_name == versions[0].file_name]
        # Section 1: changed content is a revision and replaces the old one everywhere.
        # Decision: the last version to arrive counts, whatever its modification time; content equal to that in force is nothing.
        revisions = versions[:1] + [new for old, new in pairwise(versions) if new.content != old.content]
        replaced = [row for version in revisions[:-1] for row in _rows(version, types)]
        batches.append(Batch("change", versions[0].stem, instant, _rows(revisions[-1], types), replaced))
    return batches


def _whole_snapshots(arrived: Sequence[Delivered], types: Mapping[str, str]) -> list[Batch]:
    versions = _snapshot_versions([d for d in arrived if d.stem == "LOAD"])
    return [Batch("snapshot", v.stem, _naive(v.modified_at), _rows(v, types)) for v in versions]


def _snapshots_of_parts(arrived: Sequence[Delivered], types: Mapping[str, str]) -> list[Batch]:
    """Section 1: a snapshot is the union of its parts, its time the latest part's.

    Decision: part versions are walked by modification time (ties by name), and a new snapshot begins when a part
    number repeats. A part that was not delivered again still stands: its ids are not lacking from the newer
    snapshot, but only the new parts' rows are puts. An id in two parts of one snapshot: the row of the higher number.
    """
    parts = [d for d in arrived if _part_number(d) is not None]
    versions = [version for same_stem in _by(parts, lambda d: d.stem) for version in _snapshot_versions(same_stem)]
    groups: list[list[Delivered]] = []
    for version in sorted(versions, key=lambda v: (v.modified_at, v.file_name)):
        if not groups or _part_number(version) in [_part_number(part) for part in groups[-1]]:
            groups.append([])
        groups[-1].append(version)
    batches, standing = [], {}
    for group in groups:
        standing |= {_part_number(part): {row.id for row in _rows(part, types)} for part in group}
        rows = [row for part in sorted(group, key=lambda one: one.file_name) for row in _rows(part, types)]
        batch_at = _naive(max(part.modified_at for part in group))
        batches.append(Batch("snapshot", group[-1].stem, batch_at, rows, standing_ids=set().union(*standing.values())))
    return batches


def _snapshot_versions(same_stem: Sequence[Delivered]) -> list[Delivered]:
    """The versions of LOAD, or of one part, that are snapshots, by modification time (ties by arrival).

    Section 1: delivered again with other content it is a new snapshot, with the same content it is nothing at all.
    Decision: "the same" is said of the version of the same path just before it by modification time, so A, B, A are
    three snapshots. Of the format that arrived second, the first version is a duplicate; later ones are snapshots.
    """
    counting = []
    for versions in _by(same_stem, lambda d: d.file_name):
        by_time = sorted(versions, key=lambda v: v.modified_at)
        new = by_time[:1] + [new for old, new in pairwise(by_time) if new.content != old.content]
        is_second_format = versions[0].file_name != same_stem[0].file_name
        counting += [v for v in new if not (is_second_format and v is versions[0])]
    return sorted(counting, key=lambda v: (v.modified_at, same_stem.index(v)))


def change_instant(stem: str) -> datetime | None:
    """A change file's instant: its name's digits as a time, to the microsecond; None for every other name (section 1)."""
    match = _CHANGE.fullmatch(stem)
    return datetime.strptime(f"{match[1]}.{match[2][:6]}", "%Y%m%d-%H%M%S.%f") if match else None


def _rows(delivered: Delivered, types: Mapping[str, str]) -> list[Row]:
    """Typed rows. A column that is missing counts as null; OP's name and values are matched without regard to case."""
    op_at = next((at for at, name in enumerate(delivered.columns) if name.lower() == "op"), None)
    at_of = {snake_case(name): at for at, name in enumerate(delivered.columns) if at != op_at}
    if unknown := at_of.keys() - types.keys():
        raise ValueError(f"{delivered.file_name}: no type is given for {sorted(unknown)}")
    rows = []
    for number, values in enumerate(delivered.rows, start=1):
        image = {name: typed(values[at_of[name]], kind) if name in at_of else None for name, kind in types.items()}
        op = None if op_at is None else (values[op_at] or "").upper() or None
        if image["id"] is None or (change_instant(delivered.stem) and op not in ("I", "U", "D")):
            raise ValueError(f"{delivered.file_name}, row {number}: no readable export (section 7), and the replay knows no others")
        rows.append(Row(image, op, delivered.file_name, _naive(delivered.modified_at), number))
    return rows


def _part_number(delivered: Delivered) -> int | None:
    match = _PART.fullmatch(delivered.stem)
    return int(match[1], 16) if match else None


def _naive(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(tzinfo=None)


def _by(deliveries: Iterable[Delivered], key: Callable[[Delivered], Hashable]) -> list[list[Delivered]]:
    """Deliveries grouped by ``key``, each group in order of arrival."""
    groups: dict[Hashable, list[Delivered]] = {}
    for delivered in deliveries:
        groups.setdefault(key(delivered), []).append(delivered)
    return list(groups.values())
