"""One market command in a process of its own, brisk and killable: `python -m tests.market.drive HOME URL ID SECRET`.

It asks for a job of three properties and carries on whatever there is, for so long as it is let.
"""

import sys
from pathlib import Path

from loaders.market.market import open_market
from loaders.market.settings import MarketSettings
from loaders.market.workflow import sync
from loaders.settings import Settings
from tests.market.conftest import BRISK, wanted


def main() -> None:
    """Ends as `market sync` would."""
    home, url, client_id, client_secret = sys.argv[1:]
    own = MarketSettings(url, url.split("/apartmentiq")[0] + "/oauth/token", None, client_id, client_secret)
    with open_market(Settings(Path(home)), own, lambda line: print(line, flush=True), BRISK) as market:
        done = sync(market, [wanted(1, 2, 3), wanted(1, 2, 3, report="units")], 20)
    sys.exit(done.exit_code)


if __name__ == "__main__":
    main()
