"""Why a record differs between the API and the warehouse, and how that is known.

The API shows how things are now, the warehouse how they were when its last file was written. So a record that changed there after
the watermark is no difference; one that changed before it, and is not here, is. docs/decisions/0031-reconciliation.md.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from loaders.conventions import snake_case
from loaders.reconcile.client import Record, id_of
from loaders.reconcile.endpoints import is_derived
from loaders.reconcile.findings import Finding, Verdict
from loaders.reconcile.ours import Gone, Ours
from loaders.reconcile.values import NoSuchValue, alike, moment_of

_Rows = Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Judge:
    """One topic's. ``grace``: a change so shortly before the watermark may have missed the file. ``offered``: the fields that the API's
    records have, by folded names. ``asked_at``: when the warehouse was looked at. ``gone_since``: when earlier reconciliations first
    found a record gone from the API (UTC, our clock).
    """

    ours: Ours
    offered: frozenset[str]
    grace: timedelta
    asked_at: datetime
    gone_since: Mapping[str, datetime | None]

    def judge(self, record_id: str, theirs: Record | None) -> list[Finding]:
        """What is to be said of one record that was asked for; nothing when both sides agree."""
        rows = [row for (_, one), row in self.ours.rows.items() if one == record_id]
        if theirs is not None and id_of(theirs) != record_id:
            return [self._of(record_id, Verdict.UNREADABLE_THERE, "the API answered with another record than was asked for", rows)]
        fields = folded_fields(theirs) if theirs is not None else {}
        is_deleted = theirs is None or moment_of(fields.get("deletedat")) is not None
        if not rows:
            return [] if is_deleted else [self._missing(record_id, fields)]
        if is_deleted:
            return [self._deleted(record_id, fields, rows)]
        return min(([*self._differences(record_id, row, fields)] for row in rows), key=len)  # an id may be several organizations'

    def _of(self, record_id: str, verdict: Verdict, why: str, rows: _Rows = (), at: datetime | None = None) -> Finding:
        organization_id = rows[0]["_organization_id"] if rows else None
        return Finding("record", self.ours.topic, verdict, why, organization_id, record_id, api_updated_at=at)

    def _missing(self, record_id: str, fields: Mapping[str, Any]) -> Finding:
        """The API has it, and our current table has not."""
        changed, created = (moment_of(fields.get(name)) for name in ("updatedat", "createdat"))
        gone: Gone | None = self.ours.gone.get(record_id)
        if self._is_after(changed) or self._is_after(created):
            moment = changed if self._is_after(changed) else created
            what = "changed" if gone or (self._is_after(changed) and not self._is_after(created)) else "made"
            return self._of(record_id, Verdict.NEWER_IN_API, self._later(what, moment), at=changed)
        if gone:
            why = f"the files deleted it at {_shown(gone.at)}, and the API still has it, last changed at {_shown(changed)}{self._waiting}"
            return self._of(record_id, Verdict.DIFFERENT, why, at=changed)
        if not changed and not created:
            return self._of(record_id, Verdict.UNKNOWN, "it is not here, and the API does not say when it was made")
        why = f"made at {_shown(created or changed)}, before the watermark {self._watermark}, and no file brought it"
        return self._of(record_id, Verdict.ABSENT_HERE, why + self._waiting, at=changed)

    def _deleted(self, record_id: str, fields: Mapping[str, Any], rows: _Rows) -> Finding:
        """We have it, and the API has not, or says that it is deleted."""
        moment, since = moment_of(fields.get("deletedat")), self.gone_since.get(record_id)
        if moment and not self._is_after(moment):
            why = f"deleted there at {_shown(moment)}, before the watermark {self._watermark}, and no file said so{self._waiting}"
            return self._of(record_id, Verdict.DIFFERENT, why, rows, moment)
        if moment:
            return self._of(record_id, Verdict.DELETED_IN_API, self._later("deleted", moment), rows, moment)
        if since and not self._is_after(since):
            why = f"gone from the API by {_shown(since)} already; the files reach up to {self._watermark} and delete nothing"
            return self._of(record_id, Verdict.DIFFERENT, why + self._waiting, rows)
        why = "gone from the API, which does not say since when: the next reconciliation with newer files tells whether they missed it"
        return self._of(record_id, Verdict.DELETED_IN_API, why, rows)

    def _differences(self, record_id: str, row: Mapping[str, Any], fields: Mapping[str, Any]) -> Iterator[Finding]:
        for column, data_type in self.ours.types.items():
            name = folded(column)
            if name not in self.offered or column == "id":
                continue
            theirs = fields.get(name)
            try:
                if alike(row[column], theirs, data_type):
                    continue
                verdict, why = self._why(column, row, fields)
                why += self._dispute(row) if verdict == Verdict.DIFFERENT else ""
            except NoSuchValue:
                verdict, why = Verdict.UNREADABLE_THERE, f"the API's value is no {data_type.lower()}"
            except RecursionError:
                verdict, why = Verdict.UNREADABLE_THERE, "the API's value is nested too deeply"
            changed = moment_of(fields.get("updatedat"))
            yield Finding("field", self.ours.topic, verdict, why, row["_organization_id"], record_id, column, changed, row[column], theirs)

    def _why(self, column: str, row: Mapping[str, Any], fields: Mapping[str, Any]) -> tuple[Verdict, str]:
        changed, known = moment_of(fields.get("updatedat")), row.get("updated_at")
        if self._is_after(changed):
            return Verdict.NEWER_IN_API, self._later("changed", changed)
        if (row["_organization_id"], row["id"], column) in self.ours.failures:
            return Verdict.UNREADABLE_HERE, "the delivered text does not fit the column's type: audit.cast_failures"
        if is_derived(self.ours.topic, column):
            return Verdict.DERIVED, "the platform computes it, and changes it without moving updatedAt"
        if changed is None or known is None:
            return Verdict.DIFFERENT, "one side has no updatedAt that could explain it"
        if changed > known:
            why = f"changed there at {_shown(changed)}, before the watermark {self._watermark}; ours is of {_shown(known)}"
            return Verdict.DIFFERENT, why + self._waiting
        if changed == known:
            return Verdict.DIFFERENT, f"both sides say that the record was last changed at {_shown(known)}"
        if known > self.asked_at - self.grace:
            return Verdict.OLDER_IN_API, f"the API is behind the files: its record is of {_shown(changed)}, ours of {_shown(known)}"
        return Verdict.DIFFERENT, f"the API's record is of {_shown(changed)}, and a file brought one of {_shown(known)}"

    def _is_after(self, moment: datetime | None) -> bool:
        """Whether a change may be in files that are still to come."""
        watermark = self.ours.watermark
        return moment is not None and (watermark is None or moment > watermark - self.grace)

    def _later(self, what: str, moment: datetime | None) -> str:
        watermark = self.ours.watermark
        if watermark is None:
            return f"{what} there at {_shown(moment)}, and the topic is not complete from its beginning: files wait"
        about = "after" if moment and moment > watermark else "shortly before"
        return f"{what} there at {_shown(moment)}, {about} the watermark {_shown(watermark)}: a file to come has it"

    def _dispute(self, row: Mapping[str, Any]) -> str:
        is_disputed = (row["_organization_id"], row["id"]) in self.ours.disputed
        return "; the readings of the vendor's rule make different things of its file: audit.rule_disagreements" if is_disputed else ""

    @property
    def _watermark(self) -> str:
        return _shown(self.ours.watermark)

    @property
    def _waiting(self) -> str:
        files = self.ours.waiting_files
        return f"; {files} of the topic's files wait in quarantine, or are held" if files else ""


def folded(name: str) -> str:
    """A field's name without what spellings differ in: ``propertyId``, ``property_id`` and ``PROPERTYID`` are one."""
    return "".join(c for c in name.lower() if c.isalnum())


def folded_fields(record: Record) -> dict[str, Any]:
    """A record's values by folded names, and by the names that the marts give them; of several spellings, the first."""
    found: dict[str, Any] = {}
    for name, value in record.items():
        for spelled in (folded(name), folded(snake_case(name))):
            found.setdefault(spelled, value)
    return found


def columns_of_one_side(ours: Ours, records: Sequence[Record]) -> list[Finding]:
    """The columns that the API's records, as far as they were seen, do not have; and those that they have alone."""
    if not records:
        return []
    offered = {name for record in records for name in folded_fields(record)}
    columns = {folded(column) for column in ours.types}
    here = [column for column in ours.types if folded(column) not in offered]
    there = sorted({name for record in records for name in record if not {folded(name), folded(snake_case(name))} & columns})
    why_here, why_there = "no record of the API that was looked at has it", "the files never brought it"
    return [Finding("column", ours.topic, Verdict.ONLY_HERE, why_here, column_name=one) for one in here] + [
        Finding("column", ours.topic, Verdict.ONLY_IN_API, why_there, column_name=one) for one in map(_named, there)
    ]


def _named(name: str) -> str:
    """A field's name as it may be published: it is a server's word."""
    return snake_case(name)[:80]


def _shown(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S}" if moment else "a time that is not known"
