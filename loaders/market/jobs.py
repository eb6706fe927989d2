"""What is asked of the service, and what it says of a job. A service's words are not trusted: they are taken apart here, once.

Shapes: the vendor's job object, of which only a part is marked as always there. What is missing is None; what is more is left.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from loaders.seam import shown

REPORTS = ("property", "units", "floorplans")
FORMATS = ("csv", "jsonl", "parquet")
FINAL = {"succeeded", "failed", "cancelled"}
_JOB_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,79}")  # a UUID, says the vendor; becomes a file's name and a part of a URL
_SPELLINGS = {  # the documented words, as others spell them
    "canceled": "cancelled",
    **dict.fromkeys(("success", "completed", "complete", "done", "finished"), "succeeded"),
    **dict.fromkeys(("failure", "error", "errored"), "failed"),
}


@dataclass(frozen=True, slots=True)
class Request:
    """An export to ask for: of a report, the days from ``start`` to ``end``, both included, for ``property_ids`` in ascending order."""

    report: str
    format: str
    start: date
    end: date
    property_ids: tuple[int, ...]

    def body(self, callback_url: str | None) -> dict[str, Any]:
        """As the service wants it."""
        body: dict[str, Any] = {"report_type": self.report, "output_format": self.format}
        body |= {"start_date": self.start.isoformat(), "end_date": self.end.isoformat(), "property_ids": list(self.property_ids)}
        return body | ({"callback_url": callback_url} if callback_url else {})

    @property
    def label(self) -> str:
        """In words."""
        return f"{self.report} {self.start} to {self.end} of {len(self.property_ids):,} properties as {self.format}"


@dataclass(frozen=True, slots=True)
class ServiceJob:
    """A job in the service's words. ``status`` is in lower case, and may be one nobody knows; ``created_at`` is UTC, by its clock."""

    job_id: str
    status: str
    request: Request | None
    message: str | None
    created_at: datetime | None


def parse_job_id(value: Any) -> str | None:
    """A job id that may become a file's name; None for everything else. A whole number is as good as a text."""
    text = str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""
    return text if _JOB_ID.fullmatch(text) else None


def parse_job(document: Any) -> ServiceJob | None:
    """A job object; None when it names no job."""
    if isinstance(document, Mapping) and "job_id" not in document:
        document = next((one for name in ("job", "data") if isinstance(one := document.get(name), Mapping)), document)
    job_id = parse_job_id(document.get("job_id") or document.get("id")) if isinstance(document, Mapping) else None
    if job_id is None:
        return None
    status = str(document.get("status") or "submitted").lower()
    message = document.get("error_message")
    return ServiceJob(
        job_id,
        _SPELLINGS.get(status, shown(status[:40])),
        _request(document),
        shown(str(message)[:500]) if message else None,
        parse_moment(document.get("created_at")),
    )


def parse_moment(value: Any) -> datetime | None:
    """An ISO 8601 moment as UTC without a zone, as the ledger holds it; None for what is none."""
    try:
        moment = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return None
    return moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment


def _request(document: Mapping[str, Any]) -> Request | None:
    """What a job was asked for; None when the service does not say it whole."""
    try:
        return Request(
            str(document["report_type"]),
            str(document["output_format"]),
            date.fromisoformat(document["start_date"][:10]),
            date.fromisoformat(document["end_date"][:10]),
            tuple(sorted({int(one) for one in document["property_ids"]})),
        )
    except (KeyError, TypeError, ValueError):
        return None
