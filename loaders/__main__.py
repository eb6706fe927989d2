"""``python -m loaders``."""

import atexit

from loaders.stopping import stop_when_told

stop_when_told()  # before the imports that take time

from loaders.cli import main  # noqa: E402
from loaders.commands import drop_what_cannot_be_written  # noqa: E402

atexit.register(drop_what_cannot_be_written)
main()
