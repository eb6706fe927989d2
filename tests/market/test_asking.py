"""Asking for jobs: one for many properties, none lost, none twice."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from email.utils import format_datetime

import pytest

from loaders.errors import AlreadyAsked, NoSuchJob, RequestRefused, ServerUnreachable, SettingsError
from loaders.market.asking import intent, known_properties, request
from loaders.market.jobs import Request
from loaders.market.ledger import MarketJob, utc_now
from loaders.market.market import Market
from loaders.market.polling import poll
from loaders.market.workflow import cancel, known_property_ids, last_complete_month, sync
from loaders.web.service import Call, Json, Reply, as_json
from tests.market.conftest import wanted
from tests.market.odd_service import CANCEL, CREATE, HANG_UP, LIST, TOKEN, OddService, Proceed, limited, then


def test_many_properties_are_one_job(market: Market, service: OddService):
    done = request(market, wanted(*range(1, 5001)))
    assert [len(job["property_ids"]) for job in service.jobs] == [5000]
    assert done.asked[0].job_id == service.jobs[0]["job_id"]


def test_ids_are_split_only_where_the_service_says_too_many(market: Market, service: OddService):
    service.plan(CREATE, *[limited(300)] * 20)
    done = request(market, wanted(*range(1, 1001)))
    assert [len(job["property_ids"]) for job in service.jobs] == [250] * 4
    assert sorted(one for job in service.jobs for one in job["property_ids"]) == list(range(1, 1001))
    assert len(done.asked) == 4
    assert sorted(job.state for job in market.ledger.read()) == ["split"] * 3 + ["submitted"] * 4


def test_another_refusal_splits_nothing(market: Market, service: OddService):
    service.plan(CREATE, as_json(400, {"error": "start_date is before the earliest history"}))
    with pytest.raises(RequestRefused, match="earliest history"):
        request(market, wanted(1, 2, 3))
    assert (service.jobs, [job.state for job in market.ledger.read()]) == ([], ["refused"])


def test_what_is_loaded_or_under_way_is_not_asked_for_again_unless_told(market: Market, service: OddService):
    request(market, wanted(1, 2))
    with pytest.raises(AlreadyAsked, match="--again"):
        request(market, wanted(1, 2, file_format="csv"))
    assert request(market, wanted(1, 2, 3)).known == (1, 2)
    assert [job["property_ids"] for job in service.jobs] == [[1, 2], [3]]
    assert len(request(market, wanted(1, 2), again=True).asked) == 1
    assert len(request(market, wanted(1, 2, report="units")).asked) == 1


def test_days_that_several_jobs_cover_together_are_known():
    def job(start: int, end: int) -> MarketJob:
        return MarketJob("r", "property", "csv", date(2026, 10, start), date(2026, 10, end), (7,), "loaded", utc_now())

    asked = Request("property", "csv", date(2026, 10, 2), date(2026, 10, 20), (7, 8))
    assert known_properties(asked, [job(11, 31), job(1, 10)]) == (7,)
    assert known_properties(asked, [job(12, 31), job(1, 10)]) == ()


@pytest.mark.parametrize("reply", [HANG_UP, Reply(500), Reply(504, b"gateway"), Reply(201, b"{}"), Reply(201, b'{"job_id": ', cut=5)])
def test_a_job_whose_answer_got_lost_is_found_in_the_list(market: Market, service: OddService, reply: Reply):
    service.plan(CREATE, then(reply))
    assert request(market, wanted()).asked[0].job_id == service.jobs[0]["job_id"]
    assert len(service.jobs) == 1


@pytest.mark.parametrize("pagination", [{}, {"pagination": {"total_pages": "3"}}, {"pagination": [1]}])
def test_a_lost_job_is_found_on_whatever_page_it_is(market: Market, service: OddService, pagination: Json):
    """Two newer ones are before it, and a page holds one job, however many were asked for."""
    service.plan(CREATE, HANG_UP)
    with pytest.raises(ServerUnreachable):
        request(market, wanted())
    for one in (wanted(report="units"), wanted(), wanted(report="floorplans"), wanted(report="units")):
        made = market.client.create(one)
    assert made.job_id == service.jobs[-1]["job_id"]

    def short(call: Call, _: Proceed) -> Reply:
        place = int(call.query["page"])
        return as_json(200, {"jobs": service.jobs[::-1][place - 1 : place]} | pagination)

    service.plan(LIST, *[short] * 9)
    (found,) = sync(market, [], 0).asked
    assert found.job_id == service.jobs[1]["job_id"]


def test_a_request_that_may_have_arrived_is_sent_again_by_a_later_command_only(
    markets: Callable[..., Market], service: OddService, slept: list[float]
):
    service.plan(CREATE, HANG_UP)
    with pytest.raises(ServerUnreachable, match="FORTRESS_MARKET_SETTLE"):
        request(markets(), wanted())
    assert service.jobs == [] and service.count(LIST) >= 1  # it was looked for
    done = request(markets(), wanted())
    assert (len(service.jobs), len(done.found), done.asked) == (1, 1, ())


@pytest.mark.parametrize("reply", [HANG_UP, Reply(504, b"gateway"), Reply(202, b"")])
def test_a_job_that_the_service_lists_long_after_its_answer_got_lost_is_asked_for_once(
    markets: Callable[..., Market], service: OddService, reply: Reply
):
    """Three commands look in vain; the fourth finds it. None of them asks again, whatever it was called to do."""
    patient = {"settle": timedelta(hours=1)}
    service.plan(CREATE, then(reply))
    hidden: list[Json] = []

    def hiding(call: Call, proceed: Proceed) -> Reply:
        shown = [job for job in service.jobs if job["report_type"] == "units"]
        hidden.extend(job for job in service.jobs if job not in shown)
        service.jobs = shown
        return proceed()

    service.plan(LIST, *[hiding] * 999)
    with pytest.raises(ServerUnreachable):
        request(markets(**patient), wanted())
    assert sync(markets(**patient), [wanted()], 0.1).exit_code == 75
    assert sync(markets(**patient), [wanted(), wanted(report="units")], 0.1).exit_code == 75  # which does not keep the units
    assert service.count(CREATE) == 2
    service.odd.clear()
    service.jobs = [*service.jobs, *hidden]
    done = sync(markets(**patient), [wanted(), wanted(report="units")], 5)
    assert (done.exit_code, sorted(job["report_type"] for job in service.jobs)) == (0, ["property", "units"])
    assert [job.state for job in markets().ledger.read()] == ["loaded", "loaded"]


def test_a_request_that_came_to_nothing_is_asked_for_again_after_the_settable_time(markets: Callable[..., Market], service: OddService):
    service.plan(CREATE, HANG_UP)
    with pytest.raises(ServerUnreachable):
        request(markets(), wanted())
    (job,) = markets().ledger.read()
    for hours_ago, jobs in ((0.9, 0), (1.1, 1)):
        moment = utc_now() - timedelta(hours=hours_ago)
        markets().ledger.write(replace(job, asked_at=moment, sent_at=moment))
        sync(markets(settle=timedelta(hours=1)), [wanted()], 1)
        assert len(service.jobs) == jobs


def test_a_clock_that_was_set_back_sends_nothing_again(markets: Callable[..., Market], service: OddService):
    tomorrow = utc_now() + timedelta(days=1)
    markets().ledger.write(replace(intent(wanted()), asked_at=tomorrow, sent_at=tomorrow))
    with pytest.raises(ServerUnreachable):
        request(markets(), wanted())
    assert service.jobs == []
    assert len(request(markets(), wanted(), again=True).asked) == 1  # somebody wills it
    assert sorted(job.state for job in markets().ledger.read()) == ["lost", "submitted"]


def test_a_job_that_appears_while_a_command_waits_is_found(market: Market, service: OddService):
    market.ledger.write(replace(intent(wanted()), sent_at=utc_now()))
    service.plan(LIST, Reply(200, b'{"jobs": []}'), lambda _call, proceed: _made_meanwhile(service, market, proceed))
    done = sync(market, [], 10)
    assert (done.exit_code, len(done.loaded), len(service.jobs)) == (0, 1, 1)


def _made_meanwhile(service: OddService, market: Market, proceed: Callable[[], Reply]) -> Reply:
    job = {"job_id": "late-1", "status": "submitted", "created_at": datetime.now().astimezone().isoformat()}
    service.jobs.append(job | wanted().body(None))
    return proceed()


def test_an_older_job_for_the_same_is_not_taken_for_ours(market: Market, service: OddService):
    """Another warehouse of the same account asked for it last week; what it got may be revised by now."""
    old = (datetime.now().astimezone() - timedelta(days=7)).isoformat()
    service.jobs.append({"job_id": "old-1", "status": "succeeded", "created_at": old} | wanted().body(None))
    service.plan(CREATE, then(HANG_UP))
    assert request(market, wanted()).asked[0].job_id != "old-1"
    assert len(service.jobs) == 2


def test_a_service_with_another_clock_finds_our_job_all_the_same(market: Market, service: OddService):
    """Five hours slow, in what it says of its jobs and in the date of its answers."""
    slow = datetime.now(UTC) - timedelta(hours=5)

    def lost(_call: object, proceed: Callable[[], Reply]) -> Reply:
        proceed()
        service.jobs[-1]["created_at"] = slow.isoformat()
        return HANG_UP

    service.plan(CREATE, lost)
    dated = {"Date": format_datetime(slow, usegmt=True)}
    service.plan(LIST, *[lambda _call, proceed: _with_headers(proceed(), dated)] * 5)
    assert request(market, wanted()).asked[0].job_id == service.jobs[0]["job_id"]


def _with_headers(reply: Reply, headers: dict[str, str]) -> Reply:
    return replace(reply, headers=dict(reply.headers) | headers)


def test_a_long_list_is_read_page_by_page(market: Market, service: OddService):
    for number in range(250):
        service.jobs.append({"job_id": f"other-{number}", "status": "submitted"} | wanted(number + 1).body(None))
    service.jobs.insert(0, {"job_id": "mine-1", "status": "submitted"} | wanted().body(None))  # without a moment, and on the last page
    market.ledger.write(replace(intent(wanted()), sent_at=utc_now()))
    assert [job.job_id for job in request(market, wanted()).found] == ["mine-1"]


def test_cancelling_says_what_became_of_the_job(market: Market, service: OddService):
    first, second = (request(market, wanted(one)).asked[0] for one in (1, 2))
    service.jobs[1]["status"] = "succeeded"
    states = [job.state for job in cancel(market, [first.job_id, second.job_id])]
    assert states == ["cancelled", "succeeded"]
    assert [job.state for job in cancel(market, [first.job_id])] == ["cancelled"] and service.count(CANCEL) == 2
    with pytest.raises(NoSuchJob, match="this warehouse"):
        cancel(market, ["0b6f3c1e"])
    assert len(request(market, wanted(1)).asked) == 1  # what was cancelled may be asked for again


def test_a_slow_job_is_waited_for_and_then_left_to_the_next_command(markets: Callable[..., Market], service: OddService, said: list[str]):
    service.looks = 10**9
    done = sync(markets(), [wanted()], 0.2)
    assert (done.exit_code, len(done.under_way)) == (75, 1)
    service.looks = 1
    done = sync(markets(), [wanted()], 5)
    assert (done.exit_code, len(done.loaded), len(service.jobs)) == (0, 1, 1)
    assert any("1 jobs are under way" in line or "under way" in line for line in said)


@pytest.mark.parametrize(("state", "code"), [("failed", 1), ("unreadable", 3)])
def test_what_ended_badly_is_asked_for_by_sync_once_a_day_and_by_request_at_once(
    markets: Callable[..., Market], service: OddService, state: str, code: int
):
    (job,) = request(markets(), wanted()).asked
    markets().ledger.write(replace(job, state=state, message="boom"))
    for _ in range(3):  # cron calls it every hour
        done = sync(markets(), [wanted()], 0.1)
        assert (done.exit_code, len(service.jobs), "--again" in done.errors[0][0]) == (code, 1, True)
    markets().ledger.write(replace(job, state=state, asked_at=utc_now() - timedelta(hours=25)))
    assert (sync(markets(), [wanted()], 5).exit_code, len(service.jobs)) == (0, 2)
    markets().ledger.write(replace(job, state=state, message="boom"), replace(markets().ledger.read("loaded")[0], state="cancelled"))
    assert len(request(markets(), wanted()).asked) == 1
    assert sync(markets(), [wanted()], 5).errors == []  # what was made up for is no news


def test_polling_asks_again_until_time_is_up(market: Market, service: OddService, slept: list[float]):
    service.looks = 4
    request(market, wanted())
    done = poll(market, 10)
    assert [job.state for job in done.ended] == ["succeeded"] and len(slept) == 3


def test_the_last_complete_month():
    assert last_complete_month(date(2026, 3, 1)) == (date(2026, 2, 1), date(2026, 2, 28))
    assert last_complete_month(date(2027, 1, 31)) == (date(2026, 12, 1), date(2026, 12, 31))


def test_known_properties_come_from_the_mapping(tmp_path):
    path = tmp_path / "seeds" / "market_properties.csv"
    path.parent.mkdir()
    with pytest.raises(SettingsError, match="no property is known"):
        known_property_ids(path)
    path.write_text("_organization_id,property_id,market_property_id\na,x,20\na,y,\na,z,3\nb,x,20\n")
    assert known_property_ids(path) == (3, 20)
    path.write_text("_organization_id,property_id,market_property_id\na,x,many\n")
    with pytest.raises(SettingsError, match="cannot be read as the mapping"):
        known_property_ids(path)


def test_what_stopped_before_it_was_sent_is_asked_for_at_once(markets: Callable[..., Market], service: OddService):
    """Without a token nothing leaves this machine, and so there is nothing to wait for."""
    patient = {"settle": timedelta(hours=1)}
    service.plan(TOKEN, *[HANG_UP] * 99)
    with pytest.raises(ServerUnreachable, match="oauth/token"):
        request(markets(**patient), wanted())
    assert markets().ledger.read() == []
    service.odd.clear()
    assert len(request(markets(**patient), wanted()).asked) == len(service.jobs) == 1
