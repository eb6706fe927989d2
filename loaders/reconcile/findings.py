"""What a reconciliation says: verdicts, each with how it is known. No finding's explanation holds a value of a record but its times."""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any


class Verdict(StrEnum):
    """``same`` to ``derived`` are as they should be, or will be with files to come; the others are not."""

    SAME = "same"
    NEWER_IN_API = "newer_in_api"
    DELETED_IN_API = "deleted_in_api"
    OLDER_IN_API = "older_in_api"
    DERIVED = "derived"
    UNREADABLE_HERE = "unreadable_here"
    UNREADABLE_THERE = "unreadable_there"
    ONLY_HERE = "only_here"
    ONLY_IN_API = "only_in_api"
    UNKNOWN = "unknown"
    NOT_COMPARED = "not_compared"
    ABSENT_HERE = "absent_here"
    DIFFERENT = "different"


WRONG = (Verdict.ABSENT_HERE, Verdict.DIFFERENT)  # what no later file is going to explain


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was found: of a topic (its counts), a record, a field of a record, or a column that one side alone has.

    ``ours`` and ``theirs`` are values, which stay on this machine; everything else is published.
    """

    kind: str
    topic: str
    verdict: Verdict
    explanation: str
    organization_id: str | None = None
    id: str | None = None
    column_name: str | None = None
    api_updated_at: datetime | None = None
    ours: Any = None
    theirs: Any = None

    @property
    def is_wrong(self) -> bool:
        """Whether somebody has to look into it."""
        return self.verdict in WRONG

    def without_values(self) -> "Finding":
        """As it may be shown to anybody."""
        return replace(self, ours=None, theirs=None)


@dataclass(frozen=True, slots=True)
class TopicResult:
    """A topic: both counts (``api_count`` None where the API does not say it), how many records were compared, how many were alike."""

    topic: str
    organizations: tuple[str, ...]
    watermark: datetime | None
    warehouse_count: int
    api_count: int | None
    records: int
    alike: int
    findings: tuple[Finding, ...]

    @property
    def counted(self) -> Finding:
        """The finding that speaks of the topic as a whole."""
        return next(one for one in self.findings if one.kind == "topic")

    def without_values(self) -> "TopicResult":
        """As it may be shown to anybody."""
        return replace(self, findings=tuple(one.without_values() for one in self.findings))
