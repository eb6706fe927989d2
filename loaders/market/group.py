"""``python -m loaders market``, as far as every other command has to know of it."""

from importlib import import_module

import click


class _Later(click.Group):
    """Commands that are imported when they are wanted: what speaks HTTP takes a tenth of a second that no other command needs."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names of the commands."""
        import_module("loaders.market.cli")
        return super().list_commands(ctx)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """One of them."""
        import_module("loaders.market.cli")
        return super().get_command(ctx, cmd_name)


@click.group(cls=_Later)
def market() -> None:
    """Market data of a vendor's export jobs: ask for them, wait, download, load. `python -m loaders run` then builds and publishes.

    Settings: FORTRESS_MARKET_CLIENT_ID and FORTRESS_MARKET_CLIENT_SECRET, or FORTRESS_MARKET_TOKEN. docs/operations.md has them all.

    Example: python -m loaders market sync
    """
