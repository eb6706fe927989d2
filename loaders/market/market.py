"""One account's market data and one warehouse: what the commands work with."""

import os
import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from loaders.landing import alone_in, writing
from loaders.market.client import Client
from loaders.market.landing import make_shelf, shelf_of
from loaders.market.ledger import Ledger
from loaders.market.settings import MarketSettings
from loaders.progress import Progress
from loaders.settings import Settings
from loaders.web.waits import Pace


@dataclass(frozen=True, slots=True)
class Market:
    """The service as ``client``, what was asked of it in ``ledger``. ``shelf`` holds what was downloaded."""

    settings: Settings
    ledger: Ledger
    client: Client
    pace: Pace
    say: Progress
    sleep: Callable[[float], None] = time.sleep
    callback_url: str | None = None

    @property
    def shelf(self) -> Path:
        """A folder of the landing's, under a name that no organization can have."""
        return shelf_of(self.settings)

    @contextmanager
    def alone(self) -> Iterator[None]:
        """No other market command asks for jobs or downloads meanwhile; WarehouseBusy when one does."""
        make_shelf(self.settings)
        with alone_in(self.shelf):
            yield

    def pause(self, seconds: float) -> None:
        """Wait about so long."""
        self.sleep(seconds * random.uniform(0.8, 1.2))


@contextmanager
def open_market(
    settings: Settings, own: MarketSettings, say: Progress, pace: Pace | None = None, sleep: Callable[[float], None] = time.sleep
) -> Iterator[Market]:
    """The market that the settings name; SettingsError when there is no access to one."""
    pace = pace or Pace()
    pace = replace(pace, settle=own.settle.total_seconds()) if own.settle else pace
    client = Client(own, pace, say, sleep)
    callback_url = f"{own.callback_url}/{callback_token(settings)}" if own.callback_url else None
    try:
        yield Market(settings, Ledger(settings, pace.patience), client, pace, say, sleep, callback_url)
    finally:
        client.close()


def callback_token(settings: Settings) -> str:
    """The secret part of the callback's path: random, made once for a warehouse, and its owner's alone."""
    path = make_shelf(settings) / ".callback"
    with writing(path):
        if not path.exists():
            part = path.with_name(f".callback.{os.getpid()}.part")
            part.touch(mode=0o600)
            part.write_text(os.urandom(24).hex())
            part.replace(path)
        return path.read_text().strip()
