"""The webhook: a hint that nobody signs, from whoever found the path."""

import json
import threading
from collections.abc import Iterator
from urllib.parse import urlsplit

import httpx
import pytest

from loaders.errors import SettingsError
from loaders.market.asking import request
from loaders.market.listening import listen, listening
from loaders.market.market import Market, callback_token
from tests.market.conftest import ask, wanted
from tests.market.odd_service import OddService


@pytest.fixture
def line(market: Market) -> Iterator[tuple]:
    with listening(market, "127.0.0.1", 0) as heard:
        yield heard


def test_a_call_brings_the_job_home_and_a_repeated_one_brings_nothing_more(market: Market, service: OddService, line, settings):
    url, hints = line
    service.looks = 10**9
    job = request(market, wanted()).asked[0]
    threading.Timer(0.2, lambda: _finished(service, url, job.job_id)).start()
    done = listen(market, hints, 20, 3600, lambda: not market.ledger.read("submitted", "succeeded"))
    assert (done.exit_code, [one.job_id for one in done.loaded]) == (0, [job.job_id])
    calls = len(service.calls)
    assert httpx.post(url, json={"job_id": job.job_id, "status": "failed"}).status_code == 204  # a lie, too late
    assert listen(market, hints, 0.2, 3600).loaded == []
    assert len(service.calls) == calls and ask(settings, "select count(*) from raw.market_property") == [(6,)]


def _finished(service: OddService, url: str, job_id: str | None) -> None:
    service.looks = 1
    for _ in range(3):
        httpx.post(url, json={"job_id": job_id, "status": "succeeded"})


def test_what_a_caller_claims_is_not_believed(market: Market, service: OddService, line):
    url, hints = line
    service.looks = 10**9
    job = request(market, wanted()).asked[0]
    httpx.post(url, json={"job_id": job.job_id, "status": "succeeded", "url": "http://evil.invalid/file"})
    done = listen(market, hints, 0.3, 3600)
    assert done.exit_code == 75 and [one.state for one in market.ledger.read()] == ["submitted"]


@pytest.mark.parametrize(
    "content",
    [
        {"content": b""},
        {"content": b"\xff\x00{{{"},
        {"content": b"[" * 60_000},
        {"json": {"job_id": "../../../etc/passwd"}},
        {"json": {"job": {"job_id": 7}}},
        {"json": {"job_id": "0b6f3c1e-7c1d-4c8e-9a53-3f0f6f1f7a11"}},
        {"data": {"job_id": "x' or 1=1; drop table raw._market_jobs"}},
    ],
)
def test_hostile_bodies_get_the_same_answer_and_change_nothing(market: Market, service: OddService, line, content: dict):
    url, hints = line
    assert httpx.post(url, **content).status_code == 204
    listen(market, hints, 0, 3600)
    assert service.jobs == []


def test_strangers_and_floods_are_turned_away(market: Market, line):
    url, hints = line
    place = urlsplit(url)
    for path in ("/", "/" + "0" * 48, place.path + "/", place.path + "x", place.path[:-1]):
        assert httpx.post(f"http://{place.netloc}{path}", json={"job_id": "x"}).status_code == 404
    assert httpx.post(url, content=b"x" * 70_000).status_code == 413
    assert httpx.post(f"http://{place.netloc}/x?{place.path}").status_code == 404
    assert hints.qsize() == 0


def test_an_id_is_found_in_whatever_form(market: Market, line):
    url, hints = line
    job_id = "0b6f3c1e-7c1d-4c8e-9a53-3f0f6f1f7a11"
    url = url.replace("/" + url.rpartition("/")[2], "/behind/a/proxy/" + url.rpartition("/")[2])
    for body in (f"job={job_id}&status=done", json.dumps({"data": {"id": job_id}}), f"<job><id>{job_id}</id></job>"):
        httpx.post(url, content=body)
        assert hints.get(timeout=5) == job_id


def test_the_secret_path_stays_the_same_is_its_owners_alone_and_goes_to_the_service(markets, service: OddService):
    market = markets(callback_url="https://hooks.example.org/fortress")
    token = callback_token(market.settings)
    assert token == callback_token(market.settings) and len(token) == 48
    assert (market.shelf / ".callback").stat().st_mode & 0o077 == 0
    request(market, wanted())
    assert service.jobs[0]["callback_url"] == f"https://hooks.example.org/fortress/{token}"
    assert token not in repr(market.ledger.read())


def test_a_port_that_is_taken_is_said_to_be(market: Market, line):
    port = urlsplit(line[0]).port
    with pytest.raises(SettingsError, match=str(port)), listening(market, "127.0.0.1", port):
        pass
