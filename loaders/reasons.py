"""Why a row had the outcome it had, in a sentence each. The rules are the contract's, sections 1 to 4."""

from collections.abc import Sequence
from datetime import datetime

from loaders.ledger import FileVersion
from loaders.life import DeliveredRow, Life, Log

_RULES = {
    "precedence": "under the rule `precedence` the last I counts, else the last U, else the last D",
    "row_order": "under the rule `row_order` the last row counts",
    "newest_image": "under the rule `newest_image` the I or U row with the greatest updatedAt counts",
}
_OPERATIONS = {"I": "inserts", "U": "updates", "D": "deletes"}


def not_in_the_log(row: DeliveredRow, life: Life) -> tuple[str, str]:
    """Outcome and reason of a row that the change log does not hold."""
    if row.place is None and row.file.status == "duplicate":
        return "duplicate", f"its file counts for nothing: {row.file.reason}"
    if not life.is_modelled:
        return "not_built", f"{life.topic} has no marts: its rows are kept in raw.{life.topic}, and nothing is decided about them"
    return "not_built", "its file is loaded, and no build has seen it yet: `python -m loaders run` does that"


def revised(row: DeliveredRow) -> str:
    """Another version of the file is in force."""
    return f"the file was delivered again with other content, which took its place: {row.file.reason or 'the version in force'}"


def superseded(row: DeliveredRow, rows: Sequence[DeliveredRow]) -> str:
    """Another row of the batch survived."""
    batch = [other for other in rows if other.batch == row.batch and other.log and other is not row]
    survivor = next((other for other in batch if other.log and other.log["outcome"] != "superseded_in_batch"), None)
    if not survivor:  # the build is behind the ledger, and its files' places have moved since
        return "another row of the record in the same batch counted"
    whose = "" if survivor.file is row.file else f" of {survivor.file.file_name}"
    rule = "in a snapshot the last row counts" if row.file.kind == "snapshot" else _RULES[(row.log or {})["_resolution"]]
    return f"row {survivor.row_number}{whose}{_did(survivor)} counts: {rule}"


def stale(touched_by: FileVersion | None, mark: datetime | None) -> str:
    """The snapshot is too old to have seen the record's last change."""
    return f"{_change(touched_by)} touched the record after {_mark(mark)}: the snapshot cannot have seen that, and its row is left out"


def left_alone(touched_by: FileVersion, mark: datetime) -> str:
    """The same, of a record that the snapshot lacks."""
    return f"the snapshot lacks the record, but {_change(touched_by)} touched it after {_mark(mark)}: the snapshot cannot have seen that"


def absent(standing: DeliveredRow, mark: datetime) -> str:
    """A later snapshot lacks the record."""
    ended = (standing.log or {}).get("valid_to")
    return f"the snapshot lacks the record, and no change file touched it after {_mark(mark)}: deleted as of {_at(ended)}"


def no_effect(row: DeliveredRow, standing: DeliveredRow | None, ended_by: FileVersion | None) -> str:
    """The row says what is known."""
    if standing and standing.log:
        return f"the record looked exactly so already: version {standing.log['version_number']}, from {_place(standing)}"
    if ended_by:
        return f"the record was deleted already, by {ended_by.file_name}"
    return "there was no such record to delete"


def applied(row: DeliveredRow, standing: DeliveredRow | None, is_new: bool) -> str:
    """The row changed the record."""
    log = row.log or {}
    if log["version_number"] is None:
        ended = (standing.log or {}).get("valid_to") if standing else None
        own = log.get("deleted_at") is not None and ended == log["deleted_at"]
        return f"the record existed: deleted as of {_at(ended)}, {'its deletedAt' if own else 'the time of the batch'}"
    known = {
        "snapshot": f"the snapshot holds the record, which {_before(standing, is_new)}",
        "insert": f"the record {_before(standing, is_new)}",
        "update": "the record looked otherwise",
        "replace": "the file deletes the record and puts it again: a reload, which is no deletion",
    }[log["change_type"]]
    soft = "; its deletedAt is set: a soft delete, not in the current table" if log["is_deleted"] else ""
    return f"{known}{soft}; in force from {_at(log['valid_from'])}, {dated_by(log)}"


def dated_by(log: Log) -> str:
    """Where a version's valid_from comes from: the row's own time, or its batch's because that one cannot be believed."""
    own, name = (log.get("updated_at"), "updatedAt") if log.get("updated_at") else (log.get("created_at"), "createdAt")
    if own is not None and own == log["valid_from"]:
        return f"its {name}"
    if log["valid_from"] != log["_batch_at"]:
        return "just before the record's next batch, as the first snapshot comes before every change file"
    if own is None:
        return "the time of the batch, as the row has none of its own"
    return f"the time of the batch, as its {name} lies {'after that' if own > log['_batch_at'] else 'before the record was last touched'}"


def disagreement(row: DeliveredRow, disagreements: dict[int, Log]) -> str | None:
    """What each rule would have given, where they differ; said of the row that survived."""
    found = disagreements.get(row.file._file_id)
    if not found or not row.log or not row.log["_rules_disagree"] or row.log["outcome"] == "superseded_in_batch":
        return None
    results = [
        f"{rule} keeps row {found[f'{rule}_row_number']}{' (a delete)' if found[f'{rule}_deletes'] else ''}"
        for rule in ("precedence", "row_order", "newest_image")
    ]
    return f"the rules disagree: {', '.join(results)}; in force is {found['resolution']}"


def _before(standing: DeliveredRow | None, is_new: bool) -> str:
    return "looked otherwise" if standing else "did not exist" if is_new else "had been deleted"


def _did(row: DeliveredRow) -> str:
    return f", which {_OPERATIONS[row.operation]}," if row.operation in _OPERATIONS and row.file.kind == "change" else ""


def _place(row: DeliveredRow) -> str:
    return f"{row.file.file_name} row {row.row_number}"


def _change(file: FileVersion | None) -> str:
    return f"the change file {file.file_name}" if file else "a change file"


def _mark(mark: datetime | None) -> str:
    return f"the snapshot's high-water mark {_at(mark)}"


def _at(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S.%f}".rstrip("0").rstrip(".") if moment else "an unknown time"
