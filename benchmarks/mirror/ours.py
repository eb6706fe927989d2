"""The mirror alone, as a sync has it: everything on the server, into the landing folder that the environment names."""

import sys

from loaders.mirror import Landed, mirror
from loaders.remote import open_remote
from loaders.settings import load_settings


def main() -> int:
    """List and land; 1 when something was left."""
    settings = load_settings(dotenv=None)
    with open_remote(settings) as remote:
        listing = remote.list_exports()
        outcomes = list(mirror(remote, listing.files, settings.landing, limits=settings.limits))
    left = [outcome for outcome in outcomes if not isinstance(outcome, Landed)]
    print(*left[:3], sep="\n", file=sys.stderr)
    return len(left) > 0


if __name__ == "__main__":
    sys.exit(main())
