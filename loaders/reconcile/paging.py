"""How the API's lists are to be asked: found out from what it answers, because its documents say two things.

Whether pages count from 0 or from 1, how many records a page has, and which spelling of `sort` is taken. Lists may change meanwhile,
so pages are told apart by most of their records, and not by all.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from loaders.errors import NotOffered, ReadFailed, RequestRefused
from loaders.reconcile.client import Api, Listed, Record, id_of, ids_of

_LIMITS = (100, 50, 25, 10, None)  # the two limits that the documents name, two between, and the API's own
_SORTS = ("createdAt", "createdAt:asc", None)  # the two spellings; oldest first, so that what is new moves nothing
_FIELDS = "id,createdAt,updatedAt,deletedAt"  # no more than is needed to draw a sample
MOST_PAGES = 50  # that are walked to count a list that does not say its length


@dataclass(frozen=True, slots=True)
class Paging:
    """How one list is asked. ``first`` is the first page's number, None where no second page can be had; ``size`` records on a page.

    ``opening`` is what was seen of it without a page's number; ``total`` its length, None where it does not say it.
    """

    path: str
    query: Mapping[str, Any]
    size: int
    total: int | None
    opening: tuple[Record, ...]
    first: int | None = None

    @property
    def is_all(self) -> bool:
        """Whether the opening is the whole list."""
        return self.total is not None and self.total <= len(self.opening)


@dataclass(slots=True)
class Walked:
    """A list that was walked from page to page: how many keys, how many came twice, and whether the end was seen."""

    ids: list[str] = field(default_factory=list)
    twice: int = 0
    is_whole: bool = False


def find_paging(api: Api, path: str) -> Paging:
    """Ask a list until it is known how to ask it; RequestRefused when it takes no query at all."""
    found = _opening(api, path)
    if found.is_all or not found.opening:
        return found
    none, one = (_page(api, found, number) for number in (0, 1))
    is_none_first, is_one_first = (_alike(page, found.opening) for page in (none, one))
    if is_none_first and is_one_first:  # 0 is taken for 1, or pages are not known at all
        first = None if _alike(_page(api, found, 2), found.opening) else 1
    elif is_one_first:
        first = 1
    else:
        first = 0 if is_none_first and (one or found.total is None) else None  # a list without a total may end with its first page
    return Paging(found.path, found.query, found.size, found.total, found.opening, first)


def page(api: Api, paging: Paging, number: int) -> Listed:
    """The ``number``-th page of a list, counted from 0 here. One behind the last is empty, though an API may refuse it."""
    if number and paging.first is None:
        return Listed((), paging.total)
    where = {"page": (paging.first or 0) + number} if paging.first is not None else {}
    try:
        return api.listed(paging.path, {**paging.query, **where})
    except (RequestRefused, NotOffered):
        if not number:
            raise
        return Listed((), paging.total)


def walk(api: Api, paging: Paging) -> Walked:
    """The list from its first page on, up to its end or the last page that is walked."""
    walked, known = Walked(is_whole=paging.is_all), set[str]()
    for records in _pages(api, paging):
        ids = [one for record in records if (one := id_of(record))]
        walked.twice += len(ids) - len(set(ids) - known)
        if records and not set(ids) - known:  # the same again: there is no end to that
            return walked
        walked.ids += [one for one in ids_of(records) if one not in known]
        known |= set(ids)
        walked.is_whole = walked.is_whole or not records
    return walked


def _pages(api: Api, paging: Paging) -> Iterator[tuple[Record, ...]]:
    if paging.is_all or paging.first is None:
        yield paging.opening
        return
    for number in range(MOST_PAGES):
        records = page(api, paging, number).records
        yield records
        if not records:
            return


def _opening(api: Api, path: str) -> Paging:
    """The list as it answers without a page's number, in the fullest query that it takes."""
    refused: RequestRefused | None = None
    for limit in _LIMITS:
        for sort in _SORTS:
            for fields in (_FIELDS, None):
                query = {name: value for name, value in (("limit", limit), ("sort", sort), ("fields", fields)) if value}
                try:
                    listed = api.listed(path, query)
                except RequestRefused as error:
                    refused = error
                    continue
                if fields and listed.records and not ids_of(listed.records):  # it took the names for something else
                    continue
                return _measured(path, query, limit, listed)
    raise refused or RequestRefused(f"GET {path}: the API's list has no keys to know its records by.")


def _measured(path: str, query: Mapping[str, Any], limit: int | None, listed: Listed) -> Paging:
    """A list may hand out fewer than it was asked for: then so many are a page."""
    seen = len(listed.records)
    is_cut = listed.total is not None and listed.total > seen
    return Paging(path, query, seen if is_cut and seen else max(limit or 1, seen), listed.total, listed.records)


def _page(api: Api, paging: Paging, number: int) -> tuple[Record, ...]:
    try:
        return api.listed(paging.path, {**paging.query, "page": number}).records
    except (RequestRefused, NotOffered, ReadFailed):  # a page before the first is no error of ours
        return ()


def _alike(records: tuple[Record, ...], others: tuple[Record, ...]) -> bool:
    """Whether two pages have most of their records in common."""
    mine, theirs = set(ids_of(records)), set(ids_of(others))
    return 2 * len(mine & theirs) > max(len(mine), len(theirs))
