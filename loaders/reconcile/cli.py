"""``python -m loaders reconcile``: options in, a report out. Its exit codes are those of loaders/cli.py."""

import random
import sys
from dataclasses import replace
from datetime import timedelta

import click

from loaders.commands import answer, as_command, progress
from loaders.options import Duration
from loaders.settings import load_settings


@click.group()
def group() -> None:
    """Holds the command until loaders/cli.py takes it."""


@click.argument("topics", nargs=-1, metavar="[TOPIC]...")
@click.option("--sample", type=click.IntRange(0, 10_000), default=20, show_default=True, help="How many records to draw on each side.")
@click.option("--seed", type=int, help="Which ones; the report names it, and the same seed draws the same again.")
@click.option("--organization", "organizations", multiple=True, help="Whose records the key shows; found out, if not said.")
@click.option(
    "--grace", type=Duration(), default="15m", show_default=True, help="A change so shortly before the last file may be in the next one."
)
@click.option("--values", is_flag=True, help="Show the values that differ, personal data included.")
def reconcile_(
    topics: tuple[str, ...],
    sample: int,
    seed: int | None,
    organizations: tuple[str, ...],
    grace: timedelta,
    values: bool,
    as_json: bool,
) -> None:
    """Compare the tables with the platform's REST API: how many records, and a random sample field by field. Only reads there.

    Without TOPIC, every topic that was delivered and that the API has. Ends with 4 when something differs that no later file will
    explain. Settings: FORTRESS_API_KEY or FORTRESS_API_KEY_FILE, FORTRESS_API_URL.

    Example: python -m loaders reconcile workorders units --sample 50
    """
    from loaders.reconcile.client import Api  # what speaks HTTP takes a tenth of a second that no other command needs
    from loaders.reconcile.report import show_reconciliation
    from loaders.reconcile.settings import load_api_settings
    from loaders.reconcile.workflow import Wanted, reconcile
    from loaders.web.waits import Pace

    settings, say = load_settings(), progress(as_json)
    wanted = Wanted(topics, organizations, sample, random.randrange(10**6) if seed is None else seed, grace)
    api = Api(load_api_settings(), Pace(), say)
    try:
        done = reconcile(settings, api, wanted, say)
    finally:
        api.close()
    shown = done if values else replace(done, topics=[one.without_values() for one in done.topics])
    answer(as_json, shown, lambda: show_reconciliation(done, values))
    sys.exit(done.exit_code)


command = as_command(reconcile_, group)
