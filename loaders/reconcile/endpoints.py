"""Which topics the REST API has, and under which path.

The vendor states plural names in camel case, and shows some; the others follow by that rule, and the API says whether they are right.
Topics that are not here have no entity in the API's documents.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from loaders.errors import SettingsError
from loaders.registry import topics

_IN_TWO_WORDS = {
    "floorplans": "floorPlans",
    "incomelimits": "incomeLimits",
    "maintenanceissues": "maintenanceIssues",
    "maintenancelocations": "maintenanceLocations",
    "moveins": "moveIns",
    "moveouts": "moveOuts",
    "rentchanges": "rentChanges",
    "scheduledtransactions": "scheduledTransactions",
    "workorders": "workOrders",
}
_IN_ONE_WORD = (
    *("activities", "amenities", "applications", "buildings", "customers", "deposits", "households", "leases", "listings", "properties"),
    *("prospects", "reversals", "screenings", "transactions", "turns", "units", "users"),
)
PATHS = {name: f"/{path}" for name, path in sorted((_IN_TWO_WORDS | {one: one for one in _IN_ONE_WORD}).items())}

# Computed by the platform: they change when other records do, or the day, and `updatedAt` stays.
_DERIVED = {
    "leases": {"turn_move_out_days"},
    "transactions": {"running_balance_amount"},
}


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A topic and where the API lists it."""

    topic: str
    path: str


def is_derived(topic: str, column: str) -> bool:
    """Whether a column is computed by the platform; ``column`` as the marts spell it."""
    is_total = topic == "households" and column.startswith("total_active_") and column.endswith("_amount")
    return is_total or column in _DERIVED.get(topic, ())


def endpoints(wanted: Sequence[str], delivered: Sequence[str]) -> tuple[list[Endpoint], list[str]]:
    """Where to ask for the wanted topics (none named: all delivered ones); and those of them that the API does not have.

    SettingsError for a topic that nobody knows, or of which there is nothing here.
    """
    if unknown := [one for one in wanted if one not in topics() and one not in delivered]:
        raise SettingsError(f"there is no topic {unknown[0]!r}: `python -m loaders status` lists what was delivered.")
    chosen = list(dict.fromkeys(wanted or delivered))
    if never := [one for one in chosen if one in PATHS and one not in delivered]:
        raise SettingsError(f"nothing of the topic {never[0]!r} was delivered and built yet: there is nothing to compare.")
    return [Endpoint(one, PATHS[one]) for one in chosen if one in PATHS], [one for one in chosen if one not in PATHS]
