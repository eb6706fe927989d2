"""Files of one topic in a few words, what becomes of them, and what somebody decides."""

from collections.abc import Iterable

from loaders.gate_settings import GateSettings
from loaders.raw import RawLoader
from loaders.remote import open_remote
from loaders.rulings import Ruled, rule
from loaders.sync import SyncReport, sync
from loaders.waiting import set_aside
from loaders.warehouse import open_build
from tests.loaders.conftest import Home

LOAD = "acme/units/LOAD.csv"
HELD, LOADED = ["loaded", "held"], ["loaded", "loaded"]


def change(hour: int, organization: str = "acme", topic: str = "units") -> str:
    return f"{organization}/{topic}/20260101-{hour:02}0000000.csv"


def snapshot(ids: Iterable[int], status: str = "OPEN") -> str:
    return "id,status\n" + "".join(f"{one},{status}\n" for one in ids)


def operations(op: str, ids: Iterable[int], status: str = "") -> str:
    return "".join(f"{op},{one},{status}\n" for one in ids)


def changes(*parts: str, header: str = "OP,id,status") -> str:
    return header + "\n" + "".join(parts)


def arrive(home: Home, *files: tuple[str, str | bytes], gates: GateSettings | None = None) -> SyncReport:
    """Deliver and sync the files, each a minute younger than the one before."""
    for minute, (path, data) in enumerate(files, start=1):
        home.deliver(path, data, minute)
        with open_build(home.settings.build) as connection, open_remote(home.settings) as remote:
            report = sync(home.settings, connection, remote, home.said.append, gates)
    return report


def statuses(home: Home) -> list[str]:
    return [status for (status,) in home.ledger("status")]


def reason(home: Home) -> str:
    """Why the one file that waits does so."""
    with open_build(home.settings.build, read_only=True) as connection:
        (one,) = set_aside(connection)
    return one.reason


def decide(home: Home, what: str, *files: str, why: str = "it is right") -> list[Ruled]:
    with open_build(home.settings.build) as connection:
        return rule(RawLoader(connection, home.settings.landing), what, files, "ana", why)  # type: ignore[arg-type]
