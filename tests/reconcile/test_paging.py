"""How a list is to be asked is found out from what it answers."""

import random
from dataclasses import replace
from typing import Any

import pytest

from loaders.errors import NotOffered, RequestRefused
from loaders.reconcile.client import Api, ids_of
from loaders.reconcile.counting import count_there
from loaders.reconcile.paging import find_paging, page, walk
from loaders.reconcile.records import Records
from loaders.reconcile.sampling import draw_listed
from loaders.reconcile.service import ApiService, Habits, problem, written
from loaders.web.service import Call, Reply
from tests.odd_answers import Proceed
from tests.reconcile.conftest import ORDERS, OddApi, order

LIST = ("GET", r"/v1/workOrders")


def habits(api: OddApi, records: int = 250, **changes: Any) -> None:
    api.records[ORDERS] = [order(number) for number in range(records)]
    api.habits = Habits(**changes)


@pytest.mark.parametrize("first", [0, 1])
@pytest.mark.parametrize("most", [10, 100])
@pytest.mark.parametrize("counts", [True, False])
def test_pages_from_0_and_from_1_are_told_apart_and_lead_to_every_record(api: OddApi, client: Api, first: int, most: int, counts: bool):
    habits(api, 95 if most == 10 else 250, first=first, most=most, counts=counts)
    found = find_paging(client, ORDERS)
    assert found.first == first
    ids = [one for number in range(30) for one in ids_of(page(client, found, number).records)]
    assert sorted(ids) == sorted(ids_of(api.records[ORDERS]))


def test_a_service_that_takes_page_0_for_the_first_counts_from_1(api: OddApi, client: Api):
    habits(api)

    def lenient(call: Call, _proceed: Proceed) -> Reply:
        asked = dict(call.query) | ({"page": "1"} if call.query.get("page") == "0" else {})
        return ApiService.reply(api, Call(call.method, call.path, asked, call.headers, call.body))

    api.plan(LIST, *[lenient] * 4)
    assert find_paging(client, ORDERS).first == 1


def test_a_service_that_knows_no_pages_is_seen_through(api: OddApi, client: Api):
    habits(api)

    def deaf(call: Call, _proceed: Proceed) -> Reply:
        query = {name: value for name, value in call.query.items() if name != "page"}
        return ApiService.reply(api, Call(call.method, call.path, query, call.headers, call.body))

    api.plan(LIST, *[deaf] * 9)
    found = find_paging(client, ORDERS)
    assert (found.first, found.total) == (None, 250)
    assert len(draw_listed(client, found, 7, random.Random(1))) == 7  # of what can be seen


def test_a_service_that_breaks_down_at_page_0_counts_from_1(api: OddApi, client: Api):
    habits(api)

    def breaks(call: Call, proceed: Proceed) -> Reply:
        return problem(500, "OFFSET must not be negative") if call.query.get("page") == "0" else proceed()

    api.plan(LIST, *[breaks] * 20)
    assert find_paging(client, ORDERS).first == 1


def test_a_short_list_needs_no_pages(api: OddApi, client: Api):
    habits(api, 3)
    assert find_paging(client, ORDERS).is_all
    assert api.count(LIST) == 1


def test_an_empty_list_is_empty(api: OddApi, client: Api):
    habits(api, 0)
    found = find_paging(client, ORDERS)
    assert draw_listed(client, found, 5, random.Random(1)) == [] and count_there(client, found)[0] == 0


@pytest.mark.parametrize(
    "changes", [{"most": 10, "refuses_larger": True}, {"minus_sorts": False}, {"most": 25, "refuses_larger": True, "minus_sorts": False}]
)
def test_a_limit_that_is_refused_is_lowered_and_a_sort_is_spelled_as_it_is_taken(api: OddApi, client: Api, changes: dict[str, Any]):
    habits(api, 60, **changes)
    found = find_paging(client, ORDERS)
    assert found.query["limit"] == changes.get("most", 100)
    assert found.query["sort"] == ("createdAt" if changes.get("minus_sorts", True) else "createdAt:asc")
    calls = [call for call in api.calls if call.query.get("page")]
    assert all(int(call.query["limit"]) <= api.habits.most for call in calls)


def test_a_list_whose_pages_are_smaller_than_any_limit_is_asked_without_one(api: OddApi, client: Api):
    habits(api, 12, most=5, usual=5, refuses_larger=True)
    found = find_paging(client, ORDERS)
    assert "limit" not in found.query and found.size == 5
    assert len(walk(client, found).ids) == 12


def test_lists_that_take_neither_sort_nor_fields_are_asked_without(api: OddApi, client: Api):
    habits(api, 5)

    def plain(call: Call, proceed: Proceed) -> Reply:
        return problem(400, "unknown parameter") if {"sort", "fields"} & set(call.query) else proceed()

    api.plan(LIST, *[plain] * 30)
    assert find_paging(client, ORDERS).query == {"limit": 100}


def test_a_list_that_takes_nothing_says_so(api: OddApi, client: Api):
    api.plan(LIST, *[problem(400, "no")] * 99)
    with pytest.raises(RequestRefused, match="no"):
        find_paging(client, ORDERS)
    api.odd.clear()
    with pytest.raises(NotOffered):
        find_paging(client, "/nowhere")


def test_a_wrapped_list_without_a_total_is_counted_page_by_page_each_record_once(api: OddApi, client: Api):
    habits(api, 30, most=10, counts=False)

    def shifting(call: Call, proceed: Proceed) -> Reply:
        """A record is put in at the front after each page: the last of one page is the first of the next."""
        reply = proceed()
        if call.query.get("page") == "2":
            api.records[ORDERS].insert(0, order(900) | {"createdAt": "2020-01-01T00:00:00Z"})
        return replace(reply, body=b'{"data": ' + reply.body + b"}") if reply.status == 200 else reply

    api.plan(LIST, *[shifting] * 99)
    found = find_paging(client, ORDERS)
    walked = walk(client, found)
    assert walked.is_whole and len(set(walked.ids)) == len(walked.ids) >= 30 and walked.twice >= 1


@pytest.mark.parametrize("first", [0, 1])
def test_a_short_list_without_a_total_is_counted(api: OddApi, client: Api, first: int):
    habits(api, 9, first=first, counts=False)
    assert count_there(client, find_paging(client, ORDERS))[0] == 9


@pytest.mark.parametrize("first", [0, 1])
def test_a_page_behind_the_last_may_be_refused(api: OddApi, client: Api, first: int):
    habits(api, 30, first=first, most=10, counts=False, refuses_beyond=True)
    assert count_there(client, find_paging(client, ORDERS))[0] == 30


@pytest.mark.parametrize("wrapped", [b'{"data": [%s]}', b'{"data": %s}', b"[%s]", b'{"items": [%s], "page": 1}'])
def test_a_record_may_be_wrapped(api: OddApi, client: Api, wrapped: bytes):
    found = find_paging(client, ORDERS)
    api.plan(("GET", r"/v1/workOrders/.+"), lambda _call, proceed: replace(proceed(), body=wrapped % proceed().body))
    assert Records(client, found).ask("w003") == order(3)


def test_a_list_without_an_end_is_left(api: OddApi, client: Api):
    endless = iter(range(10**6))

    def more(_call: Call, _proceed: Proceed) -> Reply:
        return written([order(next(endless)) for _ in range(100)])

    api.plan(LIST, *[more] * 200)
    found = find_paging(client, ORDERS)
    assert count_there(client, found)[0] is None


def test_records_come_by_address_or_by_the_filter_or_not_at_all(api: OddApi, client: Api):
    found = find_paging(client, ORDERS)
    assert Records(client, found).ask("w003")["id"] == "w003"  # type: ignore[index]
    assert Records(client, found).ask("no such/../thing") is None
    api.habits.addresses = False
    by_filter = Records(client, found)
    assert by_filter.ask("w003", was_listed=True)["id"] == "w003"  # type: ignore[index]
    api.calls.clear()
    assert by_filter.ask("w004")["id"] == "w004" and len(api.calls) == 1  # type: ignore[index]
    api.habits.filters = False  # which answers with everything
    nowhere = Records(client, found)
    with pytest.raises(RequestRefused, match="no single records"):
        for one in ("w011", "w012", "w013", "w014"):
            nowhere.ask(one, was_listed=True)
