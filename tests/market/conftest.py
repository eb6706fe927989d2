"""A service, a warehouse of its own, and the market between them."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from loaders.market.jobs import Request
from loaders.market.market import Market, open_market
from loaders.market.service import serve
from loaders.market.settings import MarketSettings
from loaders.settings import Settings
from loaders.warehouse import open_build
from loaders.web.waits import Pace
from tests.market.odd_service import OddService
from tests.waiting import barely, said, slept

__all__ = ["said", "slept"]  # fixtures, for pytest to find here

BRISK = Pace(first_poll=0.02, slowest_poll=0.05, first_retry=0.01, look=0.3, settle=0.3, patience=20)
OCTOBER = (date(2026, 10, 1), date(2026, 10, 3))


def wanted(*ids: int, report: str = "property", file_format: str = "jsonl") -> Request:
    """A request for three days."""
    return Request(report, file_format, *OCTOBER, ids or (99001416, 99001417))


@pytest.fixture
def service() -> Iterator[OddService]:
    service = OddService()
    with serve(service):
        yield service


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(tmp_path / "home")


def access(service: OddService, **changes: Any) -> MarketSettings:
    """The settings of somebody who has the client's credentials."""
    usual = {"client_id": service.client_id, "client_secret": service.client_secret, "url": service.url}
    return MarketSettings(token_url=service.url.split("/apartmentiq")[0] + "/oauth/token", **usual | changes)


@pytest.fixture
def markets(settings: Settings, service: OddService, slept: list[float], said: list[str]) -> Iterator[Callable[..., Market]]:
    """Opens the market anew, as the next command would."""
    with ExitStack() as stack:
        yield lambda **changes: stack.enter_context(open_market(settings, access(service, **changes), said.append, BRISK, barely(slept)))


@pytest.fixture
def market(markets: Callable[..., Market]) -> Market:
    return markets()


def ask(settings: Settings, query: str) -> list[tuple[Any, ...]]:
    """What the warehouse says."""
    with open_build(settings.build, read_only=True) as connection:
        return connection.execute(query).fetchall()
