"""From raw to the marts, in real builds one after the other: other columns, other scales, other orders of arrival."""

import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml

from loaders.build import run_dbt
from loaders.market.jobs import Request
from loaders.market.status import read_market_status
from loaders.metrics import openmetrics
from loaders.news import MARKET, find_news
from loaders.pipeline import sync
from loaders.privacy import Policy, Treatment
from loaders.remote import open_remote
from loaders.selection import builds
from loaders.settings import PROJECT, Settings
from loaders.verify import verify
from loaders.warehouse import open_build
from tests.market.exports import days, export

Rows = list[dict[str, Any]]
WITHOUT_TESTS = ("--exclude-resource-type", "test")
PORTFOLIO = [f"+{name}" for name in ("units", "leases", "properties")]


@dataclass
class World:
    """A warehouse, and exports that were asked for one after the other, whenever they arrive."""

    settings: Settings
    exports: Path
    number: int = 0

    def export(self, report: str, body: bytes, file_format: str, start: str, end: str, *ids: int, asked: datetime | None = None) -> str:
        """Land and load an export; its job id."""
        self.number += 1
        loaded = export(self.settings, self.number, Request(report, file_format, *days(start, end), ids), body, asked)
        assert loaded.state == "loaded", loaded.message
        return str(loaded.job_id)

    def build(self, *arguments: str) -> None:
        run_dbt(self.settings, ["build", "--exclude-resource-type", "unit_test", "--no-write-json", *arguments])

    def ask(self, query: str) -> list[tuple[Any, ...]]:
        with open_build(self.settings.build, read_only=True) as connection:
            return connection.execute(query).fetchall()

    def columns(self, table: str) -> list[str]:
        schema, _, name = table.partition(".")
        query = f"select column_name from duckdb_columns() where schema_name = '{schema}' and table_name = '{name}' order by column_index"
        return [column for (column,) in self.ask(query)]


def lines(rows: Rows) -> bytes:
    return b"".join(json.dumps(row).encode() + b"\n" for row in rows)


SNAKE = lines(
    [
        {
            "property_id": one,
            "report_generation_date": f"2026-09-{day:02}T00:00:00Z",
            "market_name": "Austin",
            "avg_rent": 1500 + day,
            "avg_ner": 1400.125,
        }
        | {"advertised_occupancy_pct": 0.9715, "exposure_pct": 0.5, "leases_last_30d": 3, "amenity_pool": True}
        for one in (1, 2)
        for day in (1, 2)
    ]
)
_HEADER = (
    *("Report Generation Date", "Property ID", "Property", "Address", "Zip", "Market Name", "Avg Rent", "Avg NER", "Avg Rent/Sq Ft"),
    *("Advertised Occupancy %", "Exposure %", "Exposure % (Next 30d)", "Leases (Last 30d)", "Brand New"),
)
TITLE = f"""{",".join(_HEADER)}
10/01/2026,1,"The Oaks, Apartments",12 Main St,01234,Austin,"$1,650.50",1500,2.25,93.5,0.8,7.5,4,x
10/01/2026,2,Elm Court,7 Elm St,78701,Austin,1700,n/a,2.5,250,0,8,4.5,y
10/01/2026,3,Birch,1 Birch Rd,78702,Dallas,1000,900,1.5,97,12,9,1,z
""".encode()


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Built five times: with nothing, with the portfolio and two months, with what was exported again, and anew."""
    before = dict(os.environ)
    place = tmp_path_factory.mktemp("market")
    os.environ["DBT_TARGET_PATH"] = str(place / "target")
    made = World(Settings(place / "home", f"file://{place / 'exports'}"), place / "exports")
    deliver_portfolio(place / "exports")
    with open_remote(made.settings) as remote, open_build(made.settings.build) as connection:
        sync(made.settings, connection, remote, lambda line: None)
    yield made
    os.environ.clear()
    os.environ.update(before)


def deliver_portfolio(exports: Path) -> None:
    """Two properties; of p1, one of two units is lived in until the end of September, both in October, as far as was known then."""
    unit, lease = "id,propertyId,status,currentHouseholdId,updatedAt", "id,propertyId,unitId,startDate,moveOutDate,rentAmount,updatedAt"
    before, october, november = (f"2026-{day}T00:00:00Z" for day in ("08-01", "10-10", "11-05"))
    files = {
        "units/LOAD.csv": [unit, f"u1,p1,OCCUPIED_NO_NOTICE,h1,{before}", f"u2,p1,VACANT_READY,,{before}"],
        "units/20261010-080000000.csv": [f"OP,{unit}", f"U,u2,p1,OCCUPIED_NO_NOTICE,h2,{october}"],
        "units/20261105-080000000.csv": [f"OP,{unit}", f"U,u1,p1,VACANT_READY,,{november}"],
        "leases/LOAD.csv": [lease, f"l1,p1,u1,2026-01-01,,1400,{before}", f"l0,p1,u1,2025-01-01,,1000,{before}"],
        "leases/20261010-080000000.csv": [f"OP,{lease}", f"I,l2,p1,u2,2026-10-10,,1800,{october}"],
        "leases/20261105-080000000.csv": [f"OP,{lease}", f"U,l1,p1,u1,2026-01-01,2026-09-15,9999,{november}"],
        "properties/LOAD.csv": [
            "id,name,address,updatedAt",
            f"p1,The Oaks,12 Main Street,{before}",
            f'p2,Elm Court LLC,"{{""street"": ""7 Elm St.""}}",{before}',
            f"p3,Nowhere,,{before}",
        ],
    }
    for name, text in files.items():
        topic, _, file_name = name.partition("/")
        path = exports / "acme" / "public" / f"exported_{topic}" / file_name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join(text) + "\n")
        moment = datetime(2026, 8, 1).timestamp()
        os.utime(path, (moment, moment))


@pytest.fixture(scope="module")
def first_day(world: World) -> World:
    """Built before any market data was asked for."""
    world.build("--select", "stg_fortress__files", *PORTFOLIO, "tag:market", *WITHOUT_TESTS)
    return world


@pytest.fixture(scope="module")
def two_months(first_day: World) -> World:
    first_day.ids = {  # type: ignore[attr-defined]
        "snake": first_day.export("property", SNAKE, "jsonl", "2026-09-01", "2026-09-30", 1, 2),
        "title": first_day.export("property", TITLE, "csv", "2026-10-01", "2026-10-31", 1, 2, 3),
    }
    with open_build(first_day.settings.build) as connection:
        connection.execute(
            "create table raw._market_properties as select 'acme' as _organization_id, 'p1' as property_id, 1 as market_property_id"
        )
    first_day.export(
        "floorplans", lines([plan("A", 1000), plan("A", 1000), plan("B", 1100), plan(None, 1)]), "jsonl", "2026-10-01", "2026-10-01", 1
    )
    first_day.export(
        "units",
        lines([unit("1A", "2026-10-01", 900), unit("1A", "2026-10-05 23:30:00 -0600", 950), unit("2B", "2026-10-02", 800)]),
        "jsonl",
        *OCTOBER,
        1,
    )
    first_day.build("--select", "tag:market", "--exclude", "resource_type:seed")
    return first_day


OCTOBER = ("2026-10-01", "2026-10-31")


def plan(name: str | None, rent: int) -> dict[str, Any]:
    return {
        "Property ID": 1,
        "Report Generation Date": "2026-10-01",
        "Floor Plan Name": name,
        "Beds": 0,
        "Baths": 1.5,
        "Avg Sq Ft": 512.5,
        "Avg Rent": rent,
    }


def unit(label: str, changed: str, rent: int, **more: Any) -> dict[str, Any]:
    return {"property_id": 1, "unit": label, "last_change_date": changed, "rent": rent, "date_available": "2026-12-01"} | more


def test_on_the_first_day_every_table_is_there_and_empty_with_the_expected_columns(first_day: World):
    for table in (
        "market_properties_daily",
        "market_floorplans_daily",
        "market_units_changes",
        "market_units",
        "market_trends",
        "rent_versus_market",
    ):
        described = yaml.safe_load((PROJECT / "models/marts/market/_market.yml").read_text())["models"]
        wanted = next([column["name"] for column in model["columns"]] for model in described if model["name"] == table)
        assert first_day.columns(f"marts.{table}") == wanted
    assert "marts.rent_versus_market" and first_day.ask("select count(*) from marts.market_units") == [(0,)]


def test_snake_case_and_title_case_are_one_table(two_months: World):
    found = two_months.ask(
        """
        select property_id, report_date, avg_rent, avg_rent_psf, zip, property_name, leases_last_30d, brand_new, amenity_pool
        from marts.market_properties_daily where property_id = 1 order by report_date
        """
    )
    assert found == [
        (1, date(2026, 9, 1), 1501.0, None, None, None, 3, None, "true"),
        (1, date(2026, 9, 2), 1502.0, None, None, None, 3, None, "true"),
        (1, date(2026, 10, 1), 1650.5, 2.25, "01234", "The Oaks, Apartments", 4, "x", None),
    ]


def test_shares_are_fractions_whichever_way_they_came_and_the_row_says_so(two_months: World):
    found = two_months.ask(
        """
        select report_date, property_id, advertised_occupancy_pct, exposure_pct, exposure_pct_next_30d, _delivered_as_percent
        from marts.market_properties_daily where report_date in ('2026-09-01', '2026-10-01') order by all
        """
    )
    percent = ["advertised_occupancy_pct", "exposure_pct", "exposure_pct_next_30d"]
    assert found == [
        (date(2026, 9, 1), 1, 0.9715, 0.5, None, []),
        (date(2026, 9, 1), 2, 0.9715, 0.5, None, []),
        (date(2026, 10, 1), 1, 0.935, pytest.approx(0.008), 0.075, percent),
        (date(2026, 10, 1), 2, None, 0.0, 0.08, percent),  # 250 % is no share
        (date(2026, 10, 1), 3, 0.97, 0.12, 0.09, percent),
    ]


def test_what_does_not_fit_is_null_and_listed(two_months: World):
    (failures,) = two_months.ask(
        "select _cast_failures from marts.market_properties_daily where property_id = 2 and report_date = '2026-10-01'"
    )
    assert {(one["column_name"], one["value"]) for one in failures[0]} == {
        ("avg_ner", "n/a"),
        ("advertised_occupancy_pct", "250"),
        ("leases_last_30d", "4.5"),
    }


def test_the_audit_says_what_decided(two_months: World):
    found = two_months.ask("select column_name, header, scale, reason from audit.market_shares where report = 'property' order by all")
    assert ("advertised_occupancy_pct", "Advertised Occupancy %", "percent", "percent: the median is over 1.5") in found
    assert ("exposure_pct", "exposure_pct", "fraction", "fraction: as the occupancy of the same file") in found


def test_a_repeated_plan_counts_once_and_one_without_a_name_by_its_kind(two_months: World):
    found = two_months.ask("select plan_key, avg_rent from marts.market_floorplans_daily order by 1")
    assert found == [("- / 0 / 1.5 / 512.5", 1.0), ("A / 0 / 1.5 / 512.5", 1000.0), ("B / 0 / 1.5 / 512.5", 1100.0)]


def test_the_change_log_of_units_is_kept_and_collapsed(two_months: World):
    assert two_months.ask("select unit, rent from marts.market_units order by 1") == [("1A", 950.0), ("2B", 800.0)]
    assert two_months.ask("select count(*) from marts.market_units_changes") == [(3,)]


def test_trends_move_by_month(two_months: World):
    query = """
        select month, properties, days, avg_rent, avg_rent_mom, advertised_occupancy_pct_mom, concession_share
        from marts.market_trends where {} order by month
    """
    september, october = two_months.ask(query.format("property_id = 1"))
    assert september[:4] == (date(2026, 9, 1), 1, 2, 1501.5) and september[4:6] == (None, None)
    assert october[4:] == (pytest.approx(1650.5 / 1501.5 - 1), pytest.approx(0.935 - 0.9715), pytest.approx(1 - 1500 / 1650.5))
    austin = two_months.ask(query.format("level = 'market' and market_name = 'Austin'"))
    assert [row[1:4] for row in austin] == [(2, 4, 1501.5), (2, 2, (1650.5 + 1700) / 2)]


def test_rent_against_the_market_by_what_was_known_at_the_months_end(two_months: World):
    """In November it turned out that a tenant had left in September, and the unit was vacated: neither was known in October."""
    found = two_months.ask(
        """
        select property_id, month, units, occupied_units, leases, leased_rent, new_leases, new_lease_rent, market_rent
        from marts.rent_versus_market order by 2
        """
    )
    assert found == [
        ("p1", date(2026, 9, 1), 2, 1, 1, 1400.0, 0, None, 1501.5),
        ("p1", date(2026, 10, 1), 2, 2, 2, 1600.0, 1, 1800.0, 1650.5),
    ]
    over = two_months.ask("select occupancy_over_market, leased_rent_over_market from marts.rent_versus_market where month = '2026-10-01'")
    assert over == [(pytest.approx(1 - 0.935), pytest.approx(1600 / 1650.5 - 1))]


def test_what_is_not_mapped_is_listed_with_candidates_by_name_and_address(two_months: World):
    found = two_months.ask(
        "select property_id, name, address, market_property_id, likeness > 0.9 from audit.market_unmapped_properties order by 1, 4"
    )
    assert found == [("p2", "Elm Court LLC", "7 Elm St.", 2, True), ("p3", "Nowhere", None, None, None)]


DAILY = ("market_properties_daily", "market_floorplans_daily", "market_units_changes", "market_units")


@pytest.fixture(scope="module")
def exported_again(two_months: World) -> tuple[World, dict[str, list[tuple[Any, ...]]], dict[str, list[tuple[Any, ...]]]]:
    """The tables after an incremental build, and after a build from the raw rows."""
    world = two_months
    world.export("property", lines([{"property_id": 1, "report_generation_date": "2026-10-01", "avg_rent": 1}]), "jsonl", *OCTOBER, 1)
    older = datetime(2026, 1, 1)  # asked for long ago, and loaded only now
    world.export(
        "property",
        lines([{"property_id": one, "report_generation_date": "2026-10-01", "avg_rent": 2} for one in (1, 9)]),
        "jsonl",
        *OCTOBER,
        1,
        9,
        asked=older,
    )
    world.export("floorplans", lines([plan("B", 1200)]), "jsonl", "2026-10-01", "2026-10-01", 1)
    late = [unit("1A", "2026-10-05", 970, date_available="2090-01-01"), unit("1A", "2026-10-20", 990), unit("1A", "2026-10-03", 940)]
    world.export("units", lines(late), "jsonl", *OCTOBER, 1)
    world.export("units", b'{"Unit": "9Z", "Unit Status": "Leased", "Days On Market": 4}\n', "jsonl", "2026-10-31", "2026-10-31", 4)
    nameless: Rows = [{"avg_rent": 7}, {"property_id": 1, "avg_rent": 7}, {"property_id": "n/a"}]
    world.without_key = [world.export(one, lines(nameless), "jsonl", *OCTOBER, 1, 2) for one in ("property", "floorplans", "units")]  # type: ignore[attr-defined]
    states = []
    for arguments in ([], ["--full-refresh"]):
        world.build("--select", "tag:market", "--exclude", "resource_type:seed", *arguments)
        states.append({table: content(world, table) for table in DAILY})
    return world, states[0], states[1]


def content(world: World, table: str) -> list[tuple[Any, ...]]:
    """Rows with their columns by name: where a table gets a new one, it is the last."""
    names = ", ".join(f'"{name}"::varchar' for name in sorted(world.columns(f"marts.{table}")))
    return world.ask(f"select {names} from marts.{table} order by all")


def test_an_export_of_the_same_day_replaces_it_by_when_it_was_asked_for(exported_again):
    world, _, _ = exported_again
    found = world.ask("select property_id, avg_rent from marts.market_properties_daily where report_date = '2026-10-01' order by 1")
    assert found == [(1, 1.0), (2, 1700.0), (3, 1000.0), (9, 2.0)]
    assert world.ask("select floor_plan_name, avg_rent from marts.market_floorplans_daily") == [("B", 1200.0)]


def test_changes_of_units_are_put_into_their_order(exported_again):
    world, _, _ = exported_again
    found = world.ask("select change_date, rent, is_date_available_odd from marts.market_units_changes where unit = '1A' order by 1")
    days = [(1, 900.0, False), (3, 940.0, False), (5, 970.0, True), (20, 990.0, False)]
    assert found == [(date(2026, 10, day), rent, is_odd) for day, rent, is_odd in days]
    assert world.ask("select rent from marts.market_units where unit = '1A'") == [(990.0,)]


def test_a_file_without_a_property_or_a_day_takes_them_from_its_job(exported_again):
    world, _, _ = exported_again
    assert world.ask("select property_id, change_date, unit_status, days_on_market from marts.market_units_changes where unit = '9Z'") == [
        (4, date(2026, 10, 31), "Leased", 4.0)
    ]


def test_rows_that_are_in_no_mart_are_counted_and_said_why(exported_again):
    world, _, _ = exported_again
    found = world.ask("select report, _job_id, reason, row_count, first_row from audit.market_left_out order by all")
    jobs = dict(zip(("property", "floorplans", "units"), world.without_key, strict=True))
    expected = [
        (report, jobs[report], *rest)
        for report, lacks in (("floorplans", "no day"), ("property", "no day"), ("units", "no unit"))
        for rest in ((lacks, 1, 2), ("no property", 2, 1))
    ]
    assert found == sorted(expected)


def test_bringing_up_to_date_gives_what_building_anew_gives(exported_again):
    _, by_and_by, anew = exported_again
    assert by_and_by == anew and all(by_and_by.values())


def test_verify_builds_the_market_tables_anew_from_the_shelf_and_finds_what_was_edited_and_that_alone(exported_again, tmp_path: Path):
    world, _, _ = exported_again
    shutil.copytree(world.settings.home, tmp_path / "home")
    settings = replace(world.settings, home=tmp_path / "home")
    with open_build(settings.build) as connection:
        connection.execute("update marts.market_properties_daily set avg_rent = 0 where property_id = 2 and report_date = '2026-10-01'")
        connection.execute("update marts.rent_versus_market set market_rent = 0")
        connection.execute("delete from raw.market_units where rowid = 0")
    found = verify(settings, lambda line: None)
    edited = {one.table: one.file for one in found.differences}
    assert edited.keys() == {
        "raw.market_units",
        "marts.rent_versus_market",
        *(f"marts.market_{one}" for one in ("properties_daily", "trends")),
    }
    assert edited["raw.market_units"].startswith("market job job-") and found.tables > 20
    file = next((settings.landing / ".market/floorplans").glob("*.jsonl"))
    file.chmod(0o600)
    file.write_bytes(file.read_bytes() + b"\n")
    (lost,) = verify(settings, lambda line: None).differences
    assert lost.table == "landing" and str(file) in lost.what


def test_status_says_how_far_each_report_is(exported_again):
    world, _, _ = exported_again
    with open_build(world.settings.build, read_only=True) as connection:
        found = {one.report: one for one in read_market_status(connection)}
    assert (found["property"].loaded, found["property"].last_day, found["property"].under_way) == (5, date(2026, 10, 31), 0)
    metrics = openmetrics([], {}, list(found.values()))
    assert 'fortress_market_jobs{report="units",state="loaded"} 4' in metrics


# --- what a run has to do with it


def test_a_run_without_market_data_builds_none_of_it_and_one_with_it_does(two_months: World, tmp_path: Path):
    with open_build(tmp_path / "build.duckdb") as connection:
        nothing = find_news(connection)
        assert MARKET not in nothing.newest
        (everything,) = builds(nothing, full_refresh=False)
        assert everything[everything.index("--exclude") :].count("tag:market") == 1
    with open_build(two_months.settings.build) as connection:
        news = find_news(connection)
        assert news.newest[MARKET] >= 4 and MARKET in news.rebuild
        assert all("tag:market" not in arguments for arguments in builds(news, full_refresh=True))
        for topic, number in news.newest.items():
            seen = number - 1 if topic == MARKET else number
            connection.execute("insert into raw._built values (?, ?, ?, now()::timestamp)", [topic, seen, news.fingerprints[topic]])
        assert find_news(connection).topics == (MARKET,)
        (only,) = builds(find_news(connection), full_refresh=False)
        assert only[only.index("--select") + 1] == "tag:market" and "source:fortress" not in " ".join(only)
        connection.execute("delete from raw._built")


def test_the_published_file_withholds_nothing_of_it():
    policy = Policy("exclude")
    models = yaml.safe_load((PROJECT / "models/marts/market/_market.yml").read_text())["models"]
    named = [(model["name"], column["name"]) for model in models for column in model["columns"]]
    assert [one for one in named if policy.treat(*one, "VARCHAR") != Treatment.KEEP] == []


def test_market_tables_are_published_and_readable_on_their_own(two_months: World, tmp_path: Path):
    from loaders.published_tables import write_published

    with open_build(two_months.settings.build) as connection:
        write_published(connection, tmp_path / "fortress.duckdb", Policy("exclude"))
    with duckdb.connect(str(tmp_path / "fortress.duckdb"), read_only=True) as reader:
        for table in (
            *(f"marts.{one}" for one in (*DAILY, "market_trends", "rent_versus_market")),
            "audit.market_jobs",
            "audit.market_shares",
        ):
            assert reader.execute(f"select count(*) from {table}").fetchone()[0] > 0, table


# --- names and scales


SCALES = [
    # header, values, percent?
    ({"Exposure %": [0.5, 0.9]}, {"exposure_pct": True}),  # by the header: in between, and nothing else to go by
    ({"exposure_pct": [0.5, 0.9]}, {"exposure_pct": False}),
    ({"exposure_pct": [7.5, 3, 0]}, {"exposure_pct": True}),  # by the range, whatever the header
    ({"Exposure %": [0.07, 0.03]}, {"exposure_pct": False}),
    ({"Advertised Occupancy %": [0.97, 0.93]}, {"advertised_occupancy_pct": False}),
    ({"advertised_occupancy_pct": [97, 93]}, {"advertised_occupancy_pct": True}),
    ({"advertised_occupancy_pct": [0.97, 0.93, 250]}, {"advertised_occupancy_pct": False}),  # one absurd value decides nothing
    ({"Advertised Occupancy %": [0.97], "Exposure %": [0.5]}, {"advertised_occupancy_pct": False, "exposure_pct": False}),
    ({"advertised_occupancy_pct": [97], "exposure_pct": [0.5]}, {"advertised_occupancy_pct": True, "exposure_pct": True}),
    ({"Exposure": ["0.1%", "0.2%"]}, {"exposure_pct": True}),
    ({"exposure_pct": [0, 0]}, {"exposure_pct": False}),
]


@pytest.fixture(scope="module")
def told(exported_again) -> dict[str, dict[str, bool]]:
    """By job: which columns were taken for percents. One view over all cases."""
    world, _, _ = exported_again
    cases = {}
    for number, (columns, _) in enumerate(SCALES):
        rows = [dict(zip(columns, values, strict=True)) | {"n": number} for values in zip(*columns.values(), strict=True)]
        cases[str(number)] = world.export("property", lines(rows), "jsonl", "2026-12-01", "2026-12-01", 100 + number)
    header = {name: number for number, name in enumerate(HEADERS)}
    world.export("property", lines([header]), "jsonl", "2026-12-02", "2026-12-02", 999)
    world.build("--select", "stg_market__property", "stg_market__property_scales", *WITHOUT_TESTS)
    found = world.ask("select _job_id, column_name, scale = 'percent' from staging.stg_market__property_scales")
    return {number: {column: is_percent for job, column, is_percent in found if job == job_id} for number, job_id in cases.items()}


@pytest.mark.parametrize("number", range(len(SCALES)))
def test_fractions_and_percents_are_told_apart_by_header_and_range(told: dict[str, dict[str, bool]], number: int):
    assert told[str(number)] == SCALES[number][1]


HEADERS = {
    "Avg NER/Sq Ft": "avg_ner_psf",
    "asking_rent_per_sq_ft": "avg_rent_psf",
    "Exposure % (Next 60d)": "exposure_pct_next_60d",
    "% Leased": "leased_pct",
    "Exposure \"'%'\" (Next 90d)": "exposure_pct_next_90d",
    "Exposure; {{ 1 / 0 }} --": "exposure_1_0",
    "Zip Code": "zip",
    "askingRent": "avg_rent",
    "Rent Trends (Last  7d)": "rent_trends_last_7d",
    "Unit Mix: Total Units": "unit_mix_total_units",
    "_odd": "delivered__odd",
    "plan_key": "delivered_plan_key",
    "Ünïcode/häder": "ünïcode_häder",
    "leasesLast30Days": "leases_last_30d",
    "AVERAGE EFFECTIVE RENT": "avg_ner",
}


def test_headers_are_brought_under_known_names_and_unknown_ones_under_their_own(told, exported_again):
    world, _, _ = exported_again
    names = ", ".join(f'"{name}"::varchar' for name in HEADERS.values())
    (row,) = world.ask(f"select {names} from staging.stg_market__property where property_id = 999")
    numbers = [float(value) for value in row]
    assert numbers == [0.0, 1.0, pytest.approx(0.02), pytest.approx(0.03), pytest.approx(0.04), *map(float, range(5, len(HEADERS)))]
