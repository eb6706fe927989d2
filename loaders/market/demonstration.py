"""The demonstration's market data: two invented markets, exported by a local service through the very same commands."""

import json
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any
from zlib import crc32

from loaders.errors import ServerUnreachable
from loaders.market.jobs import REPORTS, Request
from loaders.market.market import open_market
from loaders.market.service import MarketService, serve
from loaders.market.settings import MarketSettings
from loaders.market.workflow import sync
from loaders.progress import Progress, detail, heading, within
from loaders.settings import Settings
from loaders.warehouse import open_build
from loaders.web.service import Json
from loaders.web.waits import Pace

_DAYS = (date(2026, 4, 1), date(2026, 5, 31))
_MARKETS = {"Austin": ("Barton Creek", "Mueller Yards", "Tarrytown Oaks"), "Denver": ("Alta Vista", "Larimer Lofts", "Platte Park")}
_PROPERTIES = {
    99001416 + number: (market, name) for number, (market, name) in enumerate((m, name) for m, names in _MARKETS.items() for name in names)
}
_PLANS = (("A1", 0, 1.0, 480), ("B2", 1, 1.0, 690), ("C3", 2, 2.5, 1040))
_BRISK = Pace(first_poll=0.05, slowest_poll=0.2, look=0.2, settle=0.2)


def deliver_market(settings: Settings, say: Progress) -> None:
    """Ask the local service for two months of every report, wait, download and load."""
    service = MarketService(_content, looks=2)
    say(heading("market", "a simulated market-data service on this machine: export jobs for two months"))
    with serve(service) as url:
        token_url = url.removesuffix("/apartmentiq/api/v1") + "/oauth/token"
        own = MarketSettings(url, token_url, client_id=service.client_id, client_secret=service.client_secret)
        with open_market(settings, own, within("market", say), _BRISK) as market:
            wanted = [Request(report, "jsonl", *_DAYS, tuple(_PROPERTIES)) for report in REPORTS]
            done = sync(market, wanted, 30)
            if done.exit_code:  # a demonstration that was stopped left jobs to a service that is no more
                done = sync(market, wanted, 30)
    _map_properties(settings, say)
    if done.exit_code:
        raise ServerUnreachable("; ".join(text for text, _ in done.errors) or "the market data of the demonstration did not arrive in time")


def _map_properties(settings: Settings, say: Progress) -> None:
    """Say which of the simulated properties is which of the vendor's. Nobody could do it by hand: their ids are drawn."""
    with open_build(settings.build) as connection:
        own = connection.execute("select distinct _organization_id, property_id from marts.units order by all limit ?", [len(_PROPERTIES)])
        rows = [(*one, market_id) for one, market_id in zip(own.fetchall(), _PROPERTIES, strict=False)]
        connection.execute(
            "create or replace table raw._market_properties (_organization_id varchar, property_id varchar, market_property_id bigint)"
        )
        connection.executemany("insert into raw._market_properties values (?, ?, ?)", rows)
    say(detail("market", f"{len(rows)} simulated properties are mapped to the vendor's; yours go into seeds/market_properties.csv"))


def _content(job: Json) -> bytes:
    rows = {"property": _property_rows, "floorplans": _plan_rows, "units": _unit_rows}[job["report_type"]]
    return b"".join(json.dumps(row).encode() + b"\n" for one in job["property_ids"] for row in rows(one))


def _days() -> Iterator[date]:
    yield from (_DAYS[0] + timedelta(days=number) for number in range((_DAYS[1] - _DAYS[0]).days + 1))


def _dice(*salt: object, sides: int) -> int:
    """A number in [0, sides), the same for the same salt."""
    return crc32(repr(salt).encode()) % sides


def _identity(one: int) -> Json:
    market, name = _PROPERTIES[one]
    return {"property_id": one, "property": name, "market_name": market, "address": f"{100 + one % 100} {name.split()[0]} Street"}


def _rent(one: int, day: date) -> float:
    market, _ = _PROPERTIES[one]
    trend = (0.35 if market == "Austin" else -0.2) * (day - _DAYS[0]).days
    return round((1450 if market == "Austin" else 1720) + _dice(one, sides=220) + trend + _dice(one, day, sides=5), 2)


def _property_rows(one: int) -> Iterator[dict[str, Any]]:
    for day in _days():
        rent, occupied = _rent(one, day), 0.91 + _dice(one, day.month, sides=60) / 1000
        yield _identity(one) | {
            "report_generation_date": day.isoformat(),
            "unit_count": 120 + _dice(one, "units", sides=200),
            "avg_rent": rent,
            "avg_ner": round(rent * (0.97 if one % 2 else 0.94), 2),
            "advertised_occupancy_pct": round(occupied, 4),
            "exposure_pct": round(1.03 - occupied, 4),
            "leases_last_30d": _dice(one, day, "leases", sides=15),
        }


def _plan_rows(one: int) -> Iterator[dict[str, Any]]:
    for day in _days():
        for name, beds, baths, size in _PLANS:
            plan = {
                "floor_plan_name": name,
                "beds": beds,
                "baths": baths,
                "avg_sq_ft": size,
                "avg_rent": round(_rent(one, day) * size / 700, 2),
            }
            yield _identity(one) | {"report_generation_date": day.isoformat()} | plan


def _unit_rows(one: int) -> Iterator[dict[str, Any]]:
    """A log: each unit is put on the market, and some are let."""
    for number in range(8):
        changed = _DAYS[0] + timedelta(days=_dice(one, number, sides=40))
        unit = _identity(one) | {"unit": f"{101 + number}", "rent": _rent(one, changed), "beds": number % 3}
        yield unit | {"last_change_date": changed.isoformat(), "unit_status": "Available", "date_available": "2026-07-01"}
        if number % 2:
            let = changed + timedelta(days=9)
            yield unit | {"last_change_date": let.isoformat(), "unit_status": "Leased", "date_leased": let.isoformat()}
