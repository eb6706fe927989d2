"""The contract as a row-by-row simulation: slow, obvious, and written from the contract alone.

``replay`` walks the batches of each organization's topic in order and keeps every record's steps in a dict; the
intervals are closed at the end. Read it with a finger on the contract: the comments name its sections. Where
the contract is silent, the comment says "Decision".
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from tests.oracle.batches import Batch, Delivered, Row, batches_in_order

__all__ = ["RESOLUTIONS", "Delivered", "Tables", "replay"]

RESOLUTIONS = ("precedence", "row_order", "newest_image")


@dataclass(slots=True)
class Tables:
    """What comes out (section 5): rows as dicts, timestamps naive UTC."""

    current: list[dict[str, Any]] = field(default_factory=list)
    history: list[dict[str, Any]] = field(default_factory=list)
    changes: list[dict[str, Any]] = field(default_factory=list)
    rule_disagreements: list[dict[str, Any]] = field(default_factory=list)


@dataclass(slots=True)
class Step:
    """A result that changed something. ``row`` is None for the delete of a record that a snapshot lacked."""

    row: Row | None
    is_put: bool
    batch_at: datetime
    event_at: datetime | None
    change_type: str = ""
    is_first_snapshot: bool = False


def replay(deliveries: Iterable[Delivered], types: Mapping[str, str], resolution: str = "precedence") -> Tables:
    """The tables that ``deliveries``, in order of arrival, must give; ``types`` are the business columns, snake_case."""
    topics: dict[tuple[str, str], list[Delivered]] = {}
    for delivered in deliveries:
        topics.setdefault((delivered.organization_id, delivered.topic), []).append(delivered)
    tables = Tables()
    for (organization_id, topic), arrived in topics.items():
        walk = _Walk(organization_id, topic, resolution)
        for batch in batches_in_order(arrived, types):
            walk.apply(batch)
        walk.write(tables)
    return tables


class _Walk:
    """One organization's topic: its records' steps so far, and each row's outcome."""

    def __init__(self, organization_id: str, topic: str, resolution: str):
        self.organization_id, self.topic, self.resolution = organization_id, topic, resolution
        self.batches: list[Batch] = []
        self.records: dict[str, list[Step]] = {}
        self.outcomes: dict[Row, str] = {}
        self.touched_at: dict[str, datetime] = {}  # the instant of the last change file that held the id
        self.disagreements: list[dict[str, Any]] = []
        self.batch_of_row: dict[Row, Batch] = {}

    def apply(self, batch: Batch) -> None:
        is_first_snapshot = batch.kind == "snapshot" and not self.batches
        self.batches.append(batch)
        for row in batch.replaced_rows + batch.rows:
            self.batch_of_row[row] = batch
        # Section 5. Decision: an outcome is the first that fits of: revised, superseded_in_batch, stale_snapshot, no_effect, applied.
        self.outcomes |= dict.fromkeys(batch.replaced_rows, "revised")
        self.outcomes |= dict.fromkeys(batch.rows, "superseded_in_batch")
        if batch.kind == "change":
            self._apply_changes(batch)
        else:
            self._apply_snapshot(batch, is_first_snapshot)

    def _apply_changes(self, batch: Batch) -> None:
        for record_id, rows in _by_id(batch.rows).items():
            survivors = {rule: survivor(rows, rule) for rule in RESOLUTIONS}
            # Section 3: listed where the three would differ. Decision: in the result that section 4 speaks of, a delete or an image.
            if any(not _same_result(row, survivors["precedence"]) for row in survivors.values()):
                self._disagree(record_id, batch, survivors)
            row = survivors[self.resolution]
            self.touched_at[record_id] = batch.batch_at
            if row.op == "D":
                # Section 4: of a D row's image only its deletedAt is used, as the event time.
                changed = self._delete(record_id, row, batch.batch_at, _time(row, "deleted_at"))
            else:
                held_delete = any(other.op == "D" for other in rows)
                changed = self._put(record_id, row, batch.batch_at, "replace" if held_delete else "update")
            self.outcomes[row] = "applied" if changed else "no_effect"

    def _apply_snapshot(self, batch: Batch, is_first_snapshot: bool) -> None:
        """Decision: a snapshot's rows are puts whatever their OP says."""
        # Section 4, the high-water mark: the greatest updatedAt among the snapshot's own rows (Decision: all of them,
        # also the superseded ones), its modification time if there is none.
        updated = [moment for row in batch.rows if (moment := _time(row, "updated_at"))]
        high_water = max(updated, default=batch.batch_at)
        rows_of = _by_id(batch.rows)
        for record_id, rows in rows_of.items():
            row = rows[-1]  # section 4: one id twice in a snapshot, the last row
            if not is_first_snapshot and self._touched_after(record_id, high_water):
                self.outcomes[row] = "stale_snapshot"
                continue
            changed = self._put(record_id, row, batch.batch_at, "snapshot", is_first_snapshot)
            self.outcomes[row] = "applied" if changed else "no_effect"
        for record_id in self.records:  # section 4: a delete for each id that a later snapshot lacks
            lacking = record_id not in rows_of and record_id not in batch.standing_ids
            if lacking and not self._touched_after(record_id, high_water):
                self._delete(record_id, None, batch.batch_at, None)

    def _touched_after(self, record_id: str, high_water: datetime) -> bool:
        """Whether a change file with an instant after the mark, and a place before this one, held the id.

        Every batch walked so far has a place before this one, and change files are walked in order of their instants,
        so the last one decides. Decision: any row of the id counts, whatever its outcome.
        """
        return record_id in self.touched_at and self.touched_at[record_id] > high_water

    def _put(self, record_id: str, row: Row, batch_at: datetime, change_type: str, is_first_snapshot: bool = False) -> bool:
        steps = self.records.setdefault(record_id, [])
        exists = bool(steps) and steps[-1].is_put  # Decision: a soft-deleted record exists
        if exists and steps[-1].row.image == row.image:  # section 4: a result that changes nothing is dropped
            return False
        # Section 5, change_type. Decision: snapshot, else insert where the record did not exist, else replace, else update.
        if change_type != "snapshot" and not exists:
            change_type = "insert"
        event_at = _time(row, "updated_at") or _time(row, "created_at")  # section 4: for a put updatedAt, else createdAt
        steps.append(Step(row, True, batch_at, event_at, change_type, is_first_snapshot))
        return True

    def _delete(self, record_id: str, row: Row | None, batch_at: datetime, event_at: datetime | None) -> bool:
        steps = self.records.get(record_id)
        if not steps or not steps[-1].is_put:  # section 4: D on an unknown or deleted id has no effect
            return False
        steps.append(Step(row, False, batch_at, event_at))
        return True

    def _disagree(self, record_id: str, batch: Batch, survivors: Mapping[str, Row]) -> None:
        listed = {"organization_id": self.organization_id, "topic": self.topic, "id": record_id, "file_name": batch.rows[0].file_name}
        for rule, row in survivors.items():
            listed |= {f"{rule}_row_number": row.number, f"{rule}_is_delete": row.op == "D"}
        self.disagreements.append(listed)

    def write(self, tables: Tables) -> None:
        """Section 5: what comes out."""
        for steps in self.records.values():
            tables.history += self._history(steps)
            if steps[-1].is_put and steps[-1].row.image["deleted_at"] is None:
                tables.current.append(self._row(steps[-1].row))
        for row, outcome in self.outcomes.items():
            tables.changes.append(self._row(row) | {"_op": row.op, "outcome": outcome})
        tables.rule_disagreements += self.disagreements

    def _history(self, steps: list[Step]) -> list[dict[str, Any]]:
        """One row per put, from when it took effect to when the next step did."""
        times = effect_times(steps)
        rows: list[dict[str, Any]] = []
        for step, valid_from, valid_to in zip(steps, times, [*times[1:], None], strict=True):
            if step.is_put:
                rows.append(
                    self._row(step.row)
                    | {"valid_from": valid_from, "valid_to": valid_to, "is_current": valid_to is None}
                    | {"is_deleted": step.row.image["deleted_at"] is not None}
                    | {"change_type": step.change_type, "version_number": len(rows) + 1}
                )
        return rows

    def _row(self, row: Row) -> dict[str, Any]:
        provenance = {"file_name": row.file_name, "modified_at": row.modified_at, "_row_number": row.number}
        # Decision: _batch_at is the batch's own time, also where section 4 counts the first snapshot as 1 ms before the next step.
        return dict(row.image) | {"_organization_id": self.organization_id, "_batch_at": self.batch_of_row[row].batch_at} | provenance


def survivor(rows: list[Row], resolution: str) -> Row:
    """Section 3: which of the rows of one id in one change file survives."""
    # The order of application: deletes first, then updates, then inserts; among rows of the same operation, row order.
    applied = [row for op in ("D", "U", "I") for row in rows if row.op == op]
    if resolution == "precedence":
        return applied[-1]
    if resolution == "row_order":
        return rows[-1]
    if resolution == "newest_image":
        if applied[-1].op == "D":  # existence as in precedence
            return applied[-1]
        images = [row for row in applied if row.op != "D"]
        newest = images[0]
        for row in images[1:]:  # the greatest updatedAt, then precedence, then row order
            if (_time(row, "updated_at") or datetime.min) >= (_time(newest, "updated_at") or datetime.min):
                newest = row
        return newest
    raise ValueError(f"unknown resolution {resolution!r}")


def _same_result(one: Row, other: Row) -> bool:
    if one.op == "D" or other.op == "D":
        return one.op == other.op
    return one.image == other.image


def effect_times(steps: list[Step]) -> list[datetime]:
    """Section 4: when each step of one record took effect.

    Decision: the formula stands to the letter where two batches have one instant; valid_from may then equal valid_to.
    """
    batch_at = [step.batch_at for step in steps]
    if len(steps) > 1 and steps[0].is_first_snapshot:  # b(1) is its modification time, but at most 1 ms before b(2)
        batch_at[0] = min(batch_at[0], batch_at[1] - timedelta(milliseconds=1))
    times = []
    for k, step in enumerate(steps):
        own = step.event_at
        believed = own is not None and own <= batch_at[k] and (k == 0 or own > batch_at[k - 1])
        times.append(own if believed else batch_at[k])
    return times


def _by_id(rows: list[Row]) -> dict[str, list[Row]]:
    grouped: dict[str, list[Row]] = {}
    for row in rows:
        grouped.setdefault(row.id, []).append(row)
    return grouped


def _time(row: Row, column: str) -> datetime | None:
    value = row.image.get(column)
    return value if isinstance(value, datetime) else None
