"""``python -m loaders``."""

from loaders.stopping import stop_when_told

stop_when_told()  # before the imports that take time

from loaders.cli import main  # noqa: E402

main()
