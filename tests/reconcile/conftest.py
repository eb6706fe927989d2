"""A warehouse of two topics and two organizations, built once; the API that shows what the first has; and a command between them."""

import csv
import io
import json
import os
import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from loaders.reconcile.client import Api
from loaders.reconcile.findings import Finding
from loaders.reconcile.service import ApiService, serve
from loaders.reconcile.settings import ApiSettings
from loaders.reconcile.workflow import ReconcileReport, Wanted, reconcile
from loaders.remote import open_remote
from loaders.settings import Settings
from loaders.sync import sync
from loaders.warehouse import open_build
from loaders.web.service import Json
from loaders.web.waits import Pace
from tests.loaders.conftest import build_topics
from tests.odd_answers import OddAnswers
from tests.waiting import barely, said, slept

__all__ = ["said", "slept"]  # fixtures, for pytest to find here

BRISK = Pace(first_retry=0.01, patience=20)
WATERMARK = datetime(2026, 3, 1, 12)
BEFORE, AFTER = "2026-02-01T08:00:00Z", "2026-03-01T15:30:00Z"
ORDERS, UNITS = "/workOrders", "/units"
PERSON = "Wilhelmina Featherstonehaugh"


class OddApi(OddAnswers, ApiService):
    """The local API, with odd answers."""


def order(number: int) -> Json:
    """A work order as the API shows it; every value in a form of its own."""
    made = datetime(2026, 1, 5, tzinfo=UTC) + timedelta(minutes=number)
    return {
        "id": f"w{number:03}",
        "readableId": number,
        "status": "OPEN",
        "requestorName": PERSON if number % 2 else None,
        "hourlyServiceRate": 12.5 + number,
        "isAlarmActive": number % 3 == 0,
        "dueDate": "2026-04-01",
        "completedAt": None,
        "unit": {"id": f"u{number % 5}", "number": "12B", "status": "as it is now"},
        "attachmentIds": [f"a{number}", "b"],
        "createdAt": made.isoformat(),
        "updatedAt": BEFORE,
        "deletedAt": None,
    }


def as_delivered(one: Json) -> Json:
    """The same record as a file has it: texts, other spellings of the same values, and an older copy of the unit."""
    made = datetime.fromisoformat(one["createdAt"]).strftime("%Y-%m-%dT%H:%M:%S.000Z")
    own = {"hourlyServiceRate": f"{one['hourlyServiceRate']:.4f}", "createdAt": made, "attachmentIds": ",".join(one["attachmentIds"])}
    own |= {"isAlarmActive": str(one["isAlarmActive"]).lower(), "updatedAt": "2026-02-01T09:00:00+01:00", "notInTheApi": "x"}
    return one | own | {"unit": json.dumps({"id": one["unit"]["id"], "status": "as it was"})}


def unit(number: int) -> Json:
    return {"id": f"u{number}", "number": f"0{number}", "floorLevel": "", "createdAt": BEFORE, "updatedAt": BEFORE}


def deliver(exports: Path) -> None:
    """acme: 40 work orders and 9 units, complete until noon of 1 March. beta: others, but for one id that both have."""
    orders = [as_delivered(order(number)) for number in range(40)]
    _write(exports, "acme/workorders/LOAD", orders)
    _write(exports, "acme/workorders/20260301-120000000", [{"OP": "U"} | orders[0], {"OP": "D"} | as_delivered(order(40))])
    _write(exports, "acme/units/LOAD", [unit(number) for number in range(9)])
    _write(exports, "acme/units/20260301-120000000", [{"OP": "U"} | unit(1)])
    _write(exports, "beta/workorders/LOAD", [as_delivered(order(number)) for number in (0, *range(100, 110))])


def _write(exports: Path, name: str, rows: list[Json]) -> None:
    organization_id, topic, stem = name.split("/")
    path = exports / organization_id / "public" / f"exported_{topic}" / f"{stem}.csv"
    path.parent.mkdir(parents=True, exist_ok=True)
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    path.write_text(text.getvalue())
    moment = datetime(2026, 2, 20, tzinfo=UTC).timestamp()
    os.utime(path, (moment, moment))


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with ``home``; not to be changed."""
    folder = tmp_path_factory.mktemp("reconciled")
    deliver(folder / "exports")
    settings = Settings(folder / "home", (folder / "exports").as_uri())
    with open_remote(settings) as remote, open_build(settings.build) as connection:
        sync(settings, connection, remote, lambda line: None)
    build_topics(folder, "workorders", "units")
    return folder


@pytest.fixture
def settings(built: Path, tmp_path: Path) -> Settings:
    """A copy of that warehouse, to write to."""
    (tmp_path / "home").mkdir()
    shutil.copy(built / "home" / "build.duckdb", tmp_path / "home")
    return Settings(tmp_path / "home")


@pytest.fixture
def api() -> Iterator[OddApi]:
    """Shows what acme's files say."""
    service = OddApi({ORDERS: [order(number) for number in range(40)], UNITS: [unit(number) for number in range(9)]})
    with serve(service):
        yield service


@pytest.fixture
def client(api: OddApi, slept: list[float], said: list[str]) -> Iterator[Api]:
    made = Api(ApiSettings(api.url, api.key), BRISK, said.append, barely(slept))
    yield made
    made.close()


Compare = Callable[..., ReconcileReport]


@pytest.fixture
def compare(settings: Settings, client: Api, said: list[str]) -> Compare:
    """One reconciliation: ``compare("units", sample=50)``."""
    return lambda *topics, **options: reconcile(settings, client, Wanted(topics, **options), said.append)


@pytest.fixture
def everything(compare: Compare) -> Callable[[], dict[tuple[str | None, str | None], Finding]]:
    """All work orders of acme compared: findings by id and column."""

    def run() -> dict[tuple[str | None, str | None], Finding]:
        done = compare("workorders", organizations=("acme",), sample=100)
        return {(one.id, one.column_name): one for topic in done.topics for one in topic.findings if one.kind in ("record", "field")}

    return run


def ask(settings: Settings, query: str) -> list[tuple[Any, ...]]:
    """What the warehouse says."""
    with open_build(settings.build, read_only=True) as connection:
        return connection.execute(query).fetchall()
