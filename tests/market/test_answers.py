"""What the service may answer, and what we make of it."""

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import httpx
import pytest

from loaders.errors import (
    AccessRefused,
    LoaderError,
    NoSuchJob,
    QuotaUsedUp,
    RateLimited,
    ReadFailed,
    RequestRefused,
    SettingsError,
)
from loaders.market.asking import request
from loaders.market.client import Unanswered
from loaders.market.jobs import parse_job
from loaders.market.ledger import utc_now
from loaders.market.market import Market
from loaders.market.polling import poll
from loaders.market.settings import load_market_settings
from loaders.market.workflow import sync
from loaders.summary import error_code
from loaders.web.service import Reply, as_json
from loaders.web.waits import asked_wait
from tests.market.conftest import BRISK, ask, wanted
from tests.market.odd_service import CREATE, HANG_UP, LIST, RESULTS, STATUS, TOKEN, OddService

QUOTA = {"error": "Trial API quota limit exceeded", "quota_limit": 5000, "quota_usage": 5001}
TEXT = {"Content-Type": "text/plain"}
LIMITED = b"You have exceeded your rate limit. Please try again later."


@pytest.mark.parametrize(
    ("reply", "kind", "code", "says"),
    [
        (Reply(403), AccessRefused, 1, "gives no reason. The account lacks the permission or the feature, or its quota is used up"),
        (as_json(403, {"error": "Export quota reached"}), QuotaUsedUp, 1, "Export quota reached"),
        (as_json(429, QUOTA), QuotaUsedUp, 1, "5001 used of 5000"),
        (Reply(429, LIMITED, TEXT), RateLimited, 75, "exceeded your rate limit"),
        (as_json(429, {"error": "slow down"}), RateLimited, 75, "slow down"),
        (Reply(429, b"The quota of your rate limit is used up for this minute", TEXT), RateLimited, 75, "too many requests"),
        (as_json(401, {"error": "Unauthorized", "message": "Missing or invalid bearer token"}), AccessRefused, 1, "credentials"),
        (as_json(404, {"error": "Not Found"}), NoSuchJob, 1, "another account's"),
        (as_json(410, {"error": "Gone"}), NoSuchJob, 1, "there is no such job"),
        (as_json(400, {"errors": ["start_date is odd", "so is end_date"]}), RequestRefused, 1, "start_date is odd; so is end_date"),
        (Reply(302, b"", {"Location": "https://elsewhere.invalid/"}), RequestRefused, 1, "FORTRESS_MARKET_URL"),
        (Reply(500, b"<html>oops</html>"), ReadFailed, 75, "the service failed"),
        (Reply(200, b"<html>sign in</html>"), ReadFailed, 75, "is not JSON"),
        (Reply(200, b"[" * 100_000), ReadFailed, 75, "is not JSON"),
        (as_json(200, {"job_id": "../../etc/passwd", "status": "submitted"}), ReadFailed, 75, "without a job's id"),
        (as_json(200, ["job_id"]), ReadFailed, 75, "without a job's id"),
    ],
)
def test_every_answer_has_a_name_a_message_and_an_exit_code(
    market: Market, service: OddService, reply: Reply, kind: type[LoaderError], code: int, says: str
):
    service.plan(STATUS, *[reply] * 9)
    with pytest.raises(kind) as raised:
        market.client.status("0b6f3c1e")
    assert says in str(raised.value) and "127.0.0.1" in str(raised.value)
    assert error_code(raised.value) == code


def test_what_may_pass_by_itself_is_asked_again_with_growing_pauses(market: Market, service: OddService, slept: list[float]):
    service.plan(LIST, Reply(502), HANG_UP, Reply(503, b"", {"Retry-After": "7"}))
    assert [page.jobs for page in market.client.pages()] == [()]
    assert len(slept) == 3 and slept[0] < slept[1] < 1
    assert service.count(LIST) == 1


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "12"}, 12),
        ({"retry-after": "12", "x-ratelimit-reset-after": "300"}, 12),
        ({"x-ratelimit-reset-after": "300"}, 300),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "-5"}, None),
        ({"retry-after": "9" * 400}, None),
        ({}, None),
    ],
)
def test_headers_say_how_long_to_wait(headers: dict[str, str], seconds: float | None):
    assert asked_wait(headers) == seconds


def test_a_reset_counts_by_the_services_own_clock():
    theirs = datetime.now(UTC) - timedelta(hours=5)  # a clock that is five hours slow
    date = {"date": format_datetime(theirs, usegmt=True)}
    assert asked_wait(date | {"x-ratelimit-reset": str(int(theirs.timestamp()) + 40)}) == pytest.approx(40, abs=1)
    assert asked_wait(date | {"retry-after": format_datetime(theirs + timedelta(seconds=40), usegmt=True)}) == pytest.approx(40, abs=1)
    assert asked_wait(date | {"x-ratelimit-reset": "1000"}) == 0


def test_a_rate_limit_is_waited_out_as_the_service_asks(market: Market, service: OddService, slept: list[float]):
    service.plan(CREATE, Reply(429, LIMITED, TEXT | {"Retry-After": "42"}))
    request(market, wanted())
    assert 42 <= slept[0] <= 42 * 1.25
    assert len(service.jobs) == 1


def test_a_service_that_asks_to_wait_for_ever_is_left_at_once(market: Market, service: OddService, slept: list[float]):
    service.plan(CREATE, Reply(429, LIMITED, TEXT | {"Retry-After": "31536000"}))
    with pytest.raises(RateLimited, match="31,536,000 s"):
        request(market, wanted())
    assert slept == [] and service.jobs == []
    assert [job.state for job in market.ledger.read()] == ["asking"]  # and the next command asks, without looking for it first
    assert market.ledger.read()[0].sent_at is None


def test_a_used_up_quota_is_asked_once_and_remembered_as_refused(market: Market, service: OddService):
    service.plan(CREATE, as_json(429, QUOTA), as_json(429, QUOTA))
    with pytest.raises(QuotaUsedUp):
        request(market, wanted())
    assert len(service.odd) == 1
    assert [job.state for job in market.ledger.read()] == ["refused"]
    service.odd.clear()
    assert len(request(market, wanted()).asked) == 1  # what was refused is no job


def test_the_token_is_fetched_once_and_again_when_it_is_refused(market: Market, service: OddService):
    request(market, wanted())
    assert service.count(TOKEN) == 1
    service.token = "a new one"
    assert poll(market, 0).ended[0].state == "succeeded"
    assert service.count(TOKEN) == 2


def test_a_token_that_is_given_is_used_and_never_renewed(markets: Callable[..., Market], service: OddService):
    good, bad = markets(token=service.token), markets(token="w0rn-0ut")
    request(good, wanted())
    with pytest.raises(AccessRefused):
        bad.client.status("x")
    assert service.count(TOKEN) == 0


def test_a_refused_client_is_told_apart_from_a_refused_token(markets: Callable[..., Market]):
    with pytest.raises(AccessRefused, match=r"POST 127\.0\.0\.1/oauth/token"):
        markets(client_secret="wr0ng").client.status("x")


def test_no_secret_is_said_or_kept_though_the_service_sends_it_back(market: Market, service: OddService, said: list[str], tmp_path):
    echo = [as_json(500, {"error": f"token {service.token}, secret {service.client_secret}"}) for _ in range(9)]
    request(market, wanted())
    service.plan(STATUS, *echo)
    with pytest.raises(ReadFailed) as raised:
        market.client.status("x")
    assert "***" in str(raised.value)
    service.odd.clear()
    service.plan(STATUS, as_json(200, service.jobs[0] | {"status": "failed", "error_message": f"no: {service.token}"}))
    poll(market, 0)
    texts = [
        str(raised.value),
        *said,
        repr(market),
        *(path.read_bytes().decode("latin-1") for path in tmp_path.rglob("*") if path.is_file()),
    ]
    for secret in (service.token, service.client_secret):
        assert not [text for text in texts if secret in text]


def test_a_token_answer_that_cannot_be_read_is_not_quoted(market: Market, service: OddService):
    service.plan(TOKEN, *[Reply(200, b"access_token=t0psecret")] * 9)
    with pytest.raises(LoaderError) as raised:
        market.client.status("x")
    assert "t0psecret" not in str(raised.value) and error_code(raised.value) == 75


def test_a_body_without_end_is_not_read(market: Market, service: OddService):
    service.plan(STATUS, *[Reply(200, b" " * (65 * 2**20))] * 5)
    began = time.monotonic()
    with pytest.raises(ReadFailed, match="longer than"):
        market.client.status("x")
    assert time.monotonic() - began < 60


@pytest.mark.parametrize(
    "place", ["ftp://127.0.0.1/x", "//user:pl4nted@127.0.0.1/x", "https://storage.invalid/x", "http://10.0.0.1/x", "file:///etc/passwd"]
)
def test_a_file_is_fetched_from_safe_places_only(market: Market, service: OddService, place: str):
    service.plan(RESULTS, Reply(302, b"", {"Location": place}))
    request(market, wanted())
    done = sync(market, [], 0)
    assert done.exit_code == 1 and done.errors[0][0].startswith("AccessRefused") and "pl4nted" not in done.errors[0][0]
    assert service.count(("GET", r"/storage/.*")) == 0


def test_a_status_nobody_knows_is_under_way_and_another_spelling_is_understood(market: Market, service: OddService):
    request(market, wanted())
    job = service.jobs[0]
    service.plan(STATUS, as_json(200, job | {"status": "Processing"}), as_json(200, {"job": job | {"status": "Completed"}}))
    assert [one.service_status for one in poll(market, 0).under_way] == ["processing"]
    assert [one.state for one in poll(market, 0).ended] == ["succeeded"]
    assert [parse_job({"id": 7, "status": word}).status for word in ("CANCELED", "error")] == ["cancelled", "failed"]  # type: ignore[union-attr]


def test_a_job_is_found_by_the_list_where_its_own_address_is_unknown(market: Market, service: OddService):
    request(market, wanted())
    service.jobs[0]["status"] = "succeeded"
    service.plan(STATUS, as_json(404, {"error": "no route"}))
    assert [one.state for one in poll(market, 0).ended] == ["succeeded"]


def test_a_job_of_another_account_is_lost_and_said_to_be(markets: Callable[..., Market], service: OddService, said: list[str]):
    market = markets()
    (job,) = request(market, wanted()).asked
    service.jobs.clear()
    done = sync(markets(settle=timedelta(hours=1)), [], 0)  # the service may not know yet what it has just made
    assert done.exit_code == 75 and "made a short while ago" in done.errors[0][0]
    market.ledger.write(replace(job, sent_at=utc_now() - timedelta(seconds=BRISK.settle)))
    done = sync(market, [], 0)
    assert done.exit_code == 1 and "another account's" in done.errors[0][0]
    assert [job.state for job in market.ledger.read()] == ["lost"]


def test_a_failed_job_says_why_and_the_others_are_loaded(market: Market, service: OddService, settings):
    request(market, wanted())
    request(market, wanted(report="units"))
    service.jobs[0] |= {"status": "failed", "error_message": "boom \x1b[31m"}
    done = sync(market, [], 5)
    assert (done.exit_code, [job.report for job in done.loaded]) == (1, ["units"])
    assert "boom \\x1b[31m" in done.errors[0][0]
    assert ask(settings, "select count(*) from raw.market_units") == [(6,)]


def test_a_request_without_a_job_id_in_its_answer_is_looked_for(market: Market, service: OddService):
    service.plan(CREATE, lambda call, proceed: (proceed(), as_json(201, {"status": "submitted"}))[1])
    assert request(market, wanted()).asked[0].job_id == service.jobs[0]["job_id"]


def test_what_a_service_leaves_out_of_a_job_is_unknown_and_no_error():
    assert [parse_job({"job_id": odd}) for odd in (None, True, "", "a/b", [], -1)] == [None] * 6
    assert parse_job({"job_id": 17}).job_id == "17"  # type: ignore[union-attr]
    job = parse_job({"job_id": "a-1"})
    assert job and (job.status, job.request, job.message, job.created_at) == ("submitted", None, None, None)


@pytest.mark.parametrize(
    "url", ["http://vendor.example/api", "https://user:pl4nted@vendor.example", "vendor.example", "https://v.example/?key=pl4nted"]
)
def test_an_address_that_would_show_a_secret_is_refused_without_quoting_it(url: str):
    with pytest.raises(SettingsError) as raised:
        load_market_settings({"FORTRESS_MARKET_URL": url}, dotenv=None)
    assert "FORTRESS_MARKET_URL" in str(raised.value) and "pl4nted" not in str(raised.value)


def test_a_token_with_a_line_break_is_no_token():
    with pytest.raises(SettingsError, match="FORTRESS_MARKET_TOKEN"):
        load_market_settings({"FORTRESS_MARKET_TOKEN": "a\nX-Evil: 1"}, dotenv=None)


def test_a_service_that_is_not_there_is_tried_again_later(markets: Callable[..., Market]):
    with pytest.raises(LoaderError) as raised:
        markets(token="t", url="http://127.0.0.1:1/x").client.status("x")
    assert error_code(raised.value) == 75 and not isinstance(raised.value, Unanswered)


def test_redirects_are_never_followed_by_the_library(market: Market):
    assert isinstance(market.client._http, httpx.Client) and market.client._http.follow_redirects is False
