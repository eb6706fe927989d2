"""Queries worth trying, on what was delivered: the first look into the published file."""

from collections.abc import Mapping

from loaders.warehouse import quote

MARKET_EXAMPLE = (
    "select market_name, month, properties, round(avg_rent) as rent, round(avg_rent_mom, 4) as rent_mom,\n"
    "    round(advertised_occupancy_pct, 3) as occupancy from marts.market_trends where level = 'market' order by all"
)
RENT_EXAMPLE = (
    "select month, property_id, units, round(occupancy, 3) as occupancy, round(market_occupancy, 3) as market_occupancy,\n"
    "    round(leased_rent) as leased_rent, round(market_rent) as market_rent from marts.rent_versus_market order by all"
)
_OF_WORK_ORDERS = {
    "current": "select status, priority, count(*) as work_orders from marts.workorders group by all order by all",
    "history": "select id, version_number, status, valid_from, valid_to, change_type from marts.workorders_history\n"
    "    where id in (select id from marts.workorders_history where version_number = 3) order by id, version_number limit 9",
    "as of": "select status, count(*) as work_orders from marts.workorders_as_of('2026-06-01 12:00') group by all order by all",
}


def examples(rows: Mapping[str, int], is_demonstration: bool = False) -> dict[str, str]:
    """Up to three queries by what they show, and two on the market where there is any; none where nothing is published.

    ``rows`` by ``schema.table``, of the published file. Work orders, where there are any: what everybody has.
    """
    histories = {name.removesuffix("_history"): count for name, count in rows.items() if name.endswith("_history") and count}
    topics = {name.removeprefix("marts."): count for name, count in histories.items() if name in rows}
    if not topics:
        return {}
    topic = "workorders" if "workorders" in topics else max(sorted(topics), key=topics.__getitem__)
    market = (
        {"market": MARKET_EXAMPLE, "own rents and occupancy beside the market's": RENT_EXAMPLE} if rows.get("marts.market_trends") else {}
    )
    return (_OF_WORK_ORDERS if is_demonstration and topic == "workorders" else _of(topic)) | market


def _of(topic: str) -> dict[str, str]:
    """Of columns that every topic has."""
    return {
        "current": f"from marts.{_name(topic)} limit 5",
        "history": f"select id, version_number, change_type, valid_from, valid_to from marts.{_name(topic + '_history')}\n"
        "    order by _organization_id, id, version_number limit 9",
        "as of": f"select count(*) as records from marts.{_name(topic + '_as_of')}(current_date)",
    }


def _name(name: str) -> str:
    return name if name.isidentifier() and name.islower() else quote(name).replace('"', '\\"')
