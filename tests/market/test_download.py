"""From a finished job to a whole file on the shelf: broken lines, expired addresses, pages in the place of files."""

import gzip
import stat
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from loaders.errors import ReadFailed, TooMuchAsked
from loaders.limits import Limits
from loaders.market.asking import request
from loaders.market.download import download
from loaders.market.landing import landed_at, landed_jobs
from loaders.market.ledger import MarketJob, utc_now
from loaders.market.market import Market
from loaders.market.polling import poll
from loaders.market.workflow import sync
from loaders.web.service import Call, Reply, as_json
from tests.market.conftest import wanted
from tests.market.odd_service import RESULTS, STORAGE, OddService, Proceed, rows_of, written


@pytest.fixture
def finished(market: Market, service: OddService) -> MarketJob:
    """A job whose file waits at the service."""
    request(market, wanted())
    return poll(market, 5).ended[0]


def file_of(market: Market, job: MarketJob) -> bytes:
    return landed_at(market.shelf, job).read_bytes()


def left_over(market: Market) -> list[str]:
    return [path.name for path in market.shelf.rglob("*") if path.suffix == ".part"]


def test_a_file_lands_whole_and_for_its_owner_alone(market: Market, service: OddService, finished: MarketJob):
    done = download(market, finished)
    assert file_of(market, done) == rows_of(service.jobs[0])
    assert (done.state, done.size_bytes) == ("landed", len(rows_of(service.jobs[0])))
    for path in [market.settings.landing, *market.settings.landing.rglob("*")]:
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path
    assert [job.job_id for job in landed_jobs(market.shelf)] == [finished.job_id]


def test_the_storage_never_sees_the_token(market: Market, service: OddService, finished: MarketJob):
    download(market, finished)
    (seen,) = [call for call in service.calls if call.path.startswith("/storage/")]
    assert "authorization" not in seen.headers and "cookie" not in seen.headers
    assert service.token not in repr(seen)


def test_what_broke_off_is_gone_on_with_where_the_storage_knows_how(market: Market, service: OddService, finished: MarketJob):
    body, ranges = rows_of(service.jobs[0]), []

    def resumable(call: Call, _proceed: Proceed) -> Reply:
        ranges.append(call.headers.get("range"))
        if ranges[-1] is None:
            return Reply(200, body, {"ETag": '"v1"'}, cut=100)
        assert call.headers["if-range"] == '"v1"'
        place = f"bytes 100-{len(body) - 1}/{len(body)}"
        return Reply(206, body[100:], {"ETag": '"v1"', "Content-Range": place})

    service.plan(STORAGE, resumable, resumable)
    assert file_of(market, download(market, finished)) == body
    assert ranges == [None, "bytes=100-"]


@pytest.mark.parametrize(
    "second",
    [
        lambda body: Reply(206, body[50:], {"Content-Range": f"bytes 50-{len(body) - 1}/{len(body)}"}),  # another part
        lambda body: Reply(206, body[100:], {"Content-Range": f"bytes 100-{len(body) + 9}/{len(body) + 10}"}),  # of something else
        lambda body: Reply(416),
        lambda body: Reply(200, body),  # from the beginning
    ],
)
def test_a_part_that_does_not_fit_is_not_put_together(market: Market, service: OddService, finished: MarketJob, second):
    body = rows_of(service.jobs[0])
    service.plan(STORAGE, Reply(200, body, {"ETag": '"v1"'}, cut=100), second(body))
    assert file_of(market, download(market, finished)) == body


def test_a_short_body_is_fetched_again_and_never_lands(market: Market, service: OddService, finished: MarketJob):
    body = rows_of(service.jobs[0])
    service.plan(STORAGE, *[Reply(200, body, cut=len(body) - 1)] * 9)
    with pytest.raises(Exception, match=r"peer closed connection|were announced"):
        download(market, finished)
    assert landed_jobs(market.shelf) == [] and left_over(market) == []
    assert [job.state for job in market.ledger.read()] == ["succeeded"]
    service.odd.clear()
    assert sync(market, [], 5).exit_code == 0


def test_an_address_that_expired_is_asked_for_anew(market: Market, service: OddService, finished: MarketJob):
    expired = b"<?xml version='1.0'?><Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>"
    service.plan(STORAGE, Reply(403, expired), Reply(403, expired))
    download(market, finished)
    assert service.count(RESULTS) == 3


def test_a_place_may_be_given_relative_to_the_question(market: Market, service: OddService, finished: MarketJob):
    body, signed = rows_of(service.jobs[0]), "file?name=a%2Fb+c%27(1)%27&sig=A%3D~.*"
    service.plan(RESULTS, Reply(303, b"", {"Location": signed}))
    seen: list[Call] = []
    service.plan(("GET", f".*/jobs/{finished.job_id}/file"), lambda call, _: (seen.append(call), Reply(200, body))[1])
    assert file_of(market, download(market, finished)) == body
    assert seen[0].query == {"name": "a/b c'(1)'", "sig": "A=~.*"}


def test_a_job_that_has_succeeded_and_is_not_ready_yet_is_waited_for(market: Market, service: OddService, finished: MarketJob):
    service.plan(RESULTS, as_json(409, {"error": "being prepared"}), as_json(422, {"error": "being prepared"}))
    assert sync(market, [], 0).exit_code == 0 and len(landed_jobs(market.shelf)) == 1


@pytest.mark.parametrize(("days", "code", "state"), [(6, 75, "succeeded"), (8, 1, "lost")])
def test_a_file_that_the_storage_refuses_is_given_up_when_its_seven_days_are_over(
    market: Market, service: OddService, finished: MarketJob, days: int, code: int, state: str
):
    market.ledger.write(replace(finished, checked_at=utc_now() - timedelta(days=days)))
    service.plan(STORAGE, *[Reply(403, b"<Error><Code>AccessDenied</Code></Error>")] * 99)
    assert sync(market, [], 0).exit_code == code
    assert [job.state for job in market.ledger.read()] == [state]


def test_a_byte_order_mark_before_json_does_not_land(market: Market, service: OddService, finished: MarketJob):
    service.plan(STORAGE, Reply(200, b"\xef\xbb\xbf" + rows_of(service.jobs[0])))
    assert file_of(market, download(market, finished)) == rows_of(service.jobs[0])
    assert left_over(market) == []


def test_a_report_without_rows_may_be_a_file_without_a_byte(market: Market, service: OddService, settings):
    service.plan(STORAGE, Reply(200, b""))
    (job,) = sync(market, [wanted(file_format="csv")], 5).loaded
    assert (job.row_count, job.size_bytes) == (0, 0)


@pytest.mark.parametrize("file_format", ["jsonl", "csv", "parquet"])
@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"<!DOCTYPE html><html><body>Sign in</body></html>", "an HTML page"),
        (b"<?xml version='1.0'?><Error><Code>SlowDown</Code></Error>", "an XML or HTML document"),
        (b'{"error": "internal"}', "an error message|a JSON document"),
        (b"PK\x03\x04 zipped", "a ZIP archive"),
    ],
)
def test_a_page_in_the_place_of_a_file_never_lands(market: Market, service: OddService, file_format: str, body: bytes, words: str):
    request(market, wanted(file_format=file_format))
    (job,) = poll(market, 5).ended
    service.plan(STORAGE, Reply(200, body))
    with pytest.raises(ReadFailed, match=words):
        download(market, job)
    assert landed_jobs(market.shelf) == [] and left_over(market) == []


def test_a_gzipped_file_becomes_what_it_holds(market: Market, service: OddService, finished: MarketJob):
    service.plan(STORAGE, Reply(200, gzip.compress(rows_of(service.jobs[0]))))
    assert file_of(market, download(market, finished)) == rows_of(service.jobs[0])


def test_a_small_file_that_unpacks_to_everything_is_left(settings, markets, service: OddService):
    market = markets()
    request(market, wanted())
    (job,) = poll(market, 5).ended
    small = replace(market, settings=replace(settings, limits=Limits(file_bytes=10_000_000)))
    service.plan(STORAGE, Reply(200, gzip.compress(b"{}\n" * 10_000_000)))
    with pytest.raises(TooMuchAsked, match="FORTRESS_MAX_FILE_BYTES"):
        download(small, job)
    service.plan(STORAGE, Reply(200, b"x" * 10_000_001))
    with pytest.raises(TooMuchAsked, match="FORTRESS_MAX_FILE_BYTES"):
        download(small, job)
    assert landed_jobs(market.shelf) == [] and left_over(market) == []


def test_a_storage_in_another_region_is_followed_some_steps_and_no_further(market: Market, service: OddService, finished: MarketJob):
    elsewhere = Reply(307, b"", {"Location": "/storage/elsewhere"})
    body = rows_of(service.jobs[0])
    service.plan(STORAGE, elsewhere, Reply(200, body))
    assert file_of(market, download(market, finished)) == body
    request(market, wanted(1))
    (job,) = poll(market, 5).ended
    service.plan(STORAGE, *[elsewhere] * 15)
    with pytest.raises(ReadFailed, match="on and on"):
        download(market, job)


def test_a_file_that_is_gone_makes_its_job_lost_so_that_it_can_be_asked_for_again(market: Market, service: OddService, finished: MarketJob):
    service.plan(RESULTS, as_json(404, {"error": "expired"}))
    done = sync(market, [], 0)
    assert done.exit_code == 1 and [job.state for job in market.ledger.read()] == ["lost"]
    assert len(request(market, wanted()).asked) == 1


def test_one_file_that_cannot_be_had_does_not_keep_the_others(market: Market, service: OddService):
    first, second = (request(market, wanted(one)).asked[0] for one in (1, 2))
    service.plan(("GET", f".*/{first.job_id}/results"), *[Reply(500)] * 99)
    done = sync(market, [], 0)
    assert [job.job_id for job in done.loaded] == [second.job_id]
    assert (done.exit_code, [job.job_id for job in done.under_way]) == (75, [first.job_id])


def test_a_parquet_file_that_was_cut_off_never_lands(market: Market, service: OddService):
    request(market, wanted(file_format="parquet"))
    (job,) = poll(market, 5).ended
    whole = written([{"property_id": 1}], "parquet")
    service.plan(STORAGE, Reply(200, whole[:-3]))
    with pytest.raises(ReadFailed, match="no whole Parquet file"):
        download(market, job)


def test_the_shelf_is_no_organization(market: Market, finished: MarketJob):
    from loaders.landing import parse_landed

    download(market, finished)
    assert [path for path in market.settings.landing.glob("*/*/*") if parse_landed(path)] == []
    assert isinstance(market.shelf, Path)
