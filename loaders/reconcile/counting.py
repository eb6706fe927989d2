"""Whether a topic has as many records here as in the API, and why not."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from loaders.errors import NotOffered, RequestRefused
from loaders.reconcile.client import Api, Record
from loaders.reconcile.findings import Finding, Verdict
from loaders.reconcile.judging import folded_fields
from loaders.reconcile.ours import Ours
from loaders.reconcile.paging import Paging, walk
from loaders.reconcile.values import moment_of

_MOST_NEW_PAGES = 10
_BEFORE_ALL = "0001-01-02T00:00:00"
_NEWEST_FIRST = {"createdAt": "-createdAt", "createdAt:asc": "createdAt:desc"}


def count_there(api: Api, paging: Paging) -> tuple[int | None, str]:
    """How many records the API has now, and how that is known; None where it cannot be told."""
    listed = api.listed(paging.path, {**paging.query, **({"page": paging.first} if paging.first is not None else {})})
    if listed.total is not None:
        return listed.total, "the API's x-total-count"
    walked = walk(api, paging)
    twice = f", {walked.twice:,} of them listed twice" if walked.twice else ""
    if walked.is_whole:
        return len(walked.ids), f"the API says no total: counted page by page{twice}"
    return None, f"the API says no total, and its list does not end within {len(walked.ids):,} records"


@dataclass(frozen=True, slots=True)
class MadeSince:
    """How many records were made after the watermark for certain, and how many at most, counting those that may have missed the file."""

    certain: int
    at_most: int


def count_made_since(api: Api, paging: Paging, watermark: datetime | None, grace: timedelta) -> MadeSince | None:
    """How many records of the API are newer than the files; None where its list cannot be had newest first."""
    sort = _NEWEST_FIRST.get(str(paging.query.get("sort")))
    if watermark is None or sort is None:
        return None
    found: dict[str, datetime] = {}
    for record in _newest_first(api, paging, sort):
        fields = folded_fields(record)
        made = moment_of(fields.get("createdat"))
        if made is None or made > min(found.values(), default=made):  # it does not say when, or is in another order
            return None
        if made <= watermark - grace:
            return MadeSince(sum(one > watermark for one in found.values()), len(found))
        found[str(fields.get("id"))] = made
    return None


def _newest_first(api: Api, paging: Paging, sort: str) -> Iterator[Record]:
    """The newest records, then, where that is the end of the list, one that is older than all."""
    for number in range(_MOST_NEW_PAGES if paging.first is not None else 1):
        where = {"page": paging.first + number} if paging.first is not None else {}
        try:
            records = api.listed(paging.path, {**paging.query, **where, "sort": sort}).records
        except (RequestRefused, NotOffered):
            return
        yield from records
        if len(records) < paging.size:
            yield {"createdAt": _BEFORE_ALL}
            return


def judge_counts(ours: Ours, theirs: int | None, how: str, made: MadeSince | None, lists_deleted: bool) -> Finding:
    """The topic's own finding."""
    here = ours.count + (ours.soft if lists_deleted else 0)
    soft = ", softly deleted ones included, as in the API's list" if lists_deleted and ours.soft else ""
    verdict, why = _why(here, theirs, made)
    return Finding("topic", ours.topic, verdict, f"{why} ({how}{soft})")


def _why(here: int, theirs: int | None, made: MadeSince | None) -> tuple[Verdict, str]:
    if theirs is None:
        return Verdict.UNKNOWN, f"{here:,} records here, and nobody knows how many there"
    if theirs == here and (made is None or not made.certain):
        return Verdict.SAME, "as many on both sides"
    if made is None:
        word = "more" if theirs > here else "fewer"
        return Verdict.UNKNOWN, f"{abs(theirs - here):,} {word} there; how many are new there cannot be told"
    new = f"{made.certain:,} were made there after the watermark"
    if theirs - made.at_most > here:
        return Verdict.ABSENT_HERE, f"{new}; {theirs - made.at_most - here:,} more are older, and are not here"
    if theirs - made.certain < here:
        return Verdict.DELETED_IN_API, f"{new}; {here - theirs + made.certain:,} of ours are gone there"
    return Verdict.NEWER_IN_API, f"{made.at_most:,} were made there after the watermark, or shortly before"
