"""Rows into raw: whatever columns a file has, verbatim and as text; all of a file or nothing."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from loaders.errors import WarehouseRefused
from loaders.market.asking import request
from loaders.market.download import download
from loaders.market.landing import landed_at
from loaders.market.ledger import Ledger, MarketJob
from loaders.market.loading import load
from loaders.market.market import Market, shelf_of
from loaders.market.polling import poll
from loaders.remote import open_remote
from loaders.restore import restore
from loaders.settings import Settings
from loaders.sync import sync
from loaders.warehouse import open_build, topic_tables
from tests.market.conftest import ask, wanted
from tests.market.exports import export
from tests.market.odd_service import OddService, written

Deliver = Callable[..., MarketJob]


@pytest.fixture
def deliver(settings: Settings) -> Deliver:
    """Each file is an export of its own."""
    numbers = iter(range(1, 100))

    def deliver(body: bytes, file_format: str = "jsonl", report: str = "property") -> MarketJob:
        return export(settings, next(numbers), wanted(file_format=file_format, report=report), body)

    return deliver


def columns(settings: Settings, table: str = "market_property") -> list[str]:
    return [
        name for (name,) in ask(settings, f"select column_name from duckdb_columns() where table_name = '{table}' order by column_index")
    ]


def test_every_format_gives_the_same_rows(deliver: Deliver, settings: Settings):
    rows = [{"property_id": 7, "avg_rent": 1500.5, "market_name": "Austin, TX\nand around", "ner": None, "pct": 0.9715}] * 2
    rows[1] = rows[1] | {"ner": 12, "market_name": 'the "best"'}
    for file_format in ("jsonl", "csv", "parquet"):
        assert deliver(written(rows, file_format), file_format).state == "loaded"
    found = ask(
        settings,
        """
        select distinct format, property_id, avg_rent, market_name, ner, pct, _row_number
        from raw.market_property inner join raw._market_jobs on _job_id = job_id order by format, _row_number
        """,
    )
    texts = [("7", "1500.5", "Austin, TX\nand around", None, "0.9715", 1), ("7", "1500.5", 'the "best"', "12", "0.9715", 2)]
    assert found == [(file_format, *row) for file_format in ("csv", "jsonl", "parquet") for row in texts]


def test_columns_are_kept_as_they_are_delivered_and_added_as_they_come(deliver: Deliver, settings: Settings):
    assert deliver(b"Property ID,Avg Rent/Sq Ft,Rent Trends (Last  7d)\n1,2.5,x\n", "csv").state == "loaded"
    assert deliver(b'{"property_id": 1, "avg_rent_psf": 2.5, "brand_new": {"a": [1, 2]}}\n').state == "loaded"
    assert columns(settings) == [
        *("_job_id", "_row_number", "Property ID", "Avg Rent/Sq Ft", "Rent Trends (Last  7d)"),
        *("property_id", "avg_rent_psf", "brand_new"),
    ]
    assert ask(settings, "select brand_new from raw.market_property where property_id = '1'") == [('{"a":[1,2]}',)]


def test_hostile_names_are_names(deliver: Deliver, settings: Settings):
    names = ['a"b', "x'); drop table raw._market_jobs; --", "{{ evil }}", "_job_id", "_ROW_NUMBER", "delivered__job_id", "~/$.*", "é"]
    assert deliver(written([{name: f"v{i}" for i, name in enumerate(names)}], "jsonl")).state == "loaded"
    assert deliver(written([{name: f"v{i}" for i, name in enumerate(names)}], "csv"), "csv").state == "loaded"
    assert columns(settings)[2:] == [
        *('a"b', "x'); drop table raw._market_jobs; --", "{{ evil }}", "delivered__job_id", "delivered__ROW_NUMBER"),
        *("delivered_delivered__job_id", "~/$.*", "é"),
    ]
    for values in ask(settings, "select * exclude (_job_id, _row_number) from raw.market_property"):
        assert values == tuple(f"v{i}" for i in range(len(names)))


@pytest.mark.parametrize(
    ("body", "file_format", "says"),
    [
        (b"a,b\n1,2\n3\n4,5\n", "csv", "1 fields where the header has 2|values are missing"),
        (b'a,b\n1,"2\n', "csv", "line 2"),
        (b"a,A\n1,2\n", "csv", "have one name"),
        (b"a,\n1,2\n", "csv", "has no name"),
        (b'{"a": 1}\n{"a": 2\n', "jsonl", "cannot read"),
        (b'{"a": 1}\n[2]\n', "jsonl", "ARRAY"),
        (b'{"a": 1}\n\xff\xfe\n', "jsonl", "cannot read"),
        (b"PAR1garbagegarbagePAR1", "parquet", "cannot be read"),
    ],
)
def test_of_a_file_that_cannot_be_read_nothing_is_loaded(deliver: Deliver, settings: Settings, body: bytes, file_format: str, says: str):
    done = deliver(body, file_format)
    assert (done.state, done.row_count, done.load_number) == ("unreadable", None, None)
    assert re.search(says, done.message or "")
    if columns(settings):
        assert ask(settings, "select count(*) from raw.market_property") == [(0,)]


def test_a_file_without_rows_is_no_mistake(deliver: Deliver, settings: Settings):
    done = [deliver(b""), deliver(b"", "csv"), deliver(b"property_id,avg_rent\n", "csv")]
    assert [(job.state, job.row_count) for job in done] == [("loaded", 0)] * 3
    assert ask(settings, "select count(*) from raw.market_property") == [(0,)]


def test_what_is_on_the_shelf_is_enough_for_a_new_database(deliver: Deliver, settings: Settings):
    deliver(written([{"property_id": 1, "avg_rent": 5}], "csv"), "csv")
    deliver(b'{"unit": "1A"}\n', report="units")
    query = (
        "select request_id, job_id, report, format, start_date, property_ids, asked_at, created_at, sha256, row_count from raw._market_jobs"
    )
    before = sorted(ask(settings, query))
    settings.build.unlink()
    done = load(settings, Ledger(settings), print)
    assert [job.state for job in done] == ["loaded", "loaded"]
    assert sorted(ask(settings, query)) == before
    assert ask(settings, "select avg_rent from raw.market_property union all select unit from raw.market_units") == [("5",), ("1A",)]
    assert load(settings, Ledger(settings), print) == []


def test_a_restore_brings_market_data_back_with_the_exports(tmp_path: Path):
    unit = tmp_path / "exports/acme/public/exported_units/LOAD.csv"
    unit.parent.mkdir(parents=True)
    unit.write_text("id\nu1\n")
    settings = Settings(tmp_path / "home", (tmp_path / "exports").as_uri())
    with open_remote(settings) as remote, open_build(settings.build) as connection:
        sync(settings, connection, remote, print)
    export(settings, 1, wanted(), b'{"a": 1}\n')
    settings.build.unlink()
    restore(settings, print)
    assert ask(settings, "select id from raw.units union all select a from raw.market_property order by 1") == [("1",), ("u1",)]


def test_a_file_that_was_tampered_with_is_not_loaded(market: Market, service: OddService, settings: Settings):
    request(market, wanted())
    job = download(market, poll(market, 5).ended[0])
    path = landed_at(market.shelf, job)
    path.write_bytes(path.read_bytes() + b"{}\n")
    assert [one.state for one in load(settings, market.ledger, print)] == ["unreadable"]


def test_what_lies_about_on_the_shelf_is_left_alone(deliver: Deliver, settings: Settings):
    deliver(b'{"a": 1}\n')
    folder = shelf_of(settings) / "property"
    for name, text in {"x.json": "{", "y.json": '{"job_id": "../../x"}', "z.jsonl": "{}\n", "notes.txt": "hello"}.items():
        (folder / name).write_text(text)
    assert load(settings, Ledger(settings), print) == []
    assert ask(settings, "select count(*) from raw.market_property") == [(1,)]


def test_a_topic_of_that_name_is_not_mixed_with_market_data(deliver: Deliver, settings: Settings):
    with open_build(settings.build) as connection:
        connection.execute("create table raw.market_property (id varchar, _file_id bigint)")
    with pytest.raises(WarehouseRefused, match="topic of that name"):
        deliver(b'{"a": 1}\n')
    with open_build(settings.build) as connection:
        assert topic_tables(connection) == ["market_property"]


def test_market_tables_are_no_topics(deliver: Deliver, settings: Settings):
    deliver(b'{"a": 1}\n')
    with open_build(settings.build) as connection:
        assert topic_tables(connection) == []


def test_the_ledger_says_in_which_order_they_were_loaded(deliver: Deliver):
    jobs = [deliver(b'{"a": 1}\n'), deliver(b'{"a": 1}\n{"a": 2}\n')]
    assert [(job.load_number, job.row_count) for job in jobs] == [(1, 1), (2, 2)]
