"""The demonstration: a simulated vendor behind a real SFTP server, and the very same run against it.

It lives in the warehouse's folder, so that `dbt` by hand and the queries of the README find it there. A marker keeps
it apart from real data: a real run moves it aside, and it never starts on top of a real warehouse.
"""

from dataclasses import replace
from pathlib import Path

from loaders.errors import SettingsError
from loaders.pipeline import Progress, RunReport, run
from loaders.private import make_home
from loaders.settings import Settings
from loaders.simulator import Delivery, simulate

STEPS = 3
_STEP_TITLES = {1: "the first snapshots", 2: "a day of change files", 3: "a late file, a revision, a snapshot delivered again"}


def demonstrate(settings: Settings, progress: Progress) -> list[RunReport]:
    """Simulate what is not simulated yet, one run after each step; one run that finds nothing new when all is there."""
    from loaders.market.demonstration import deliver_market
    from loaders.reconcile.demonstration import AFTER_STEP, ask_witness
    from loaders.sftp_server import serve  # imported here: they take half a second that real data need not pay

    folder = _folder(settings)
    if settings.build.exists() and not folder.exists():
        raise SettingsError(
            f"FORTRESS_EXPORTS_URL is not set, and {settings.home} holds a real warehouse: the demonstration would mix with it. "
            "Set FORTRESS_EXPORTS_URL to go on with it, or FORTRESS_HOME to another folder for the demonstration."
        )
    make_home(settings.home)
    exports, marker = folder / "exports", folder / "steps_done"
    exports.mkdir(parents=True, exist_ok=True)
    done = int(marker.read_text()) if marker.exists() else 0
    reports = []
    with serve(exports, folder / "keys") as server:
        reached = replace(settings, exports_url=server.url, ssh_key=server.client_key, known_hosts=server.known_hosts, ssh_password=None)
        for step in range(done + 1, STEPS + 1):
            _simulate(exports, step, progress)
            if step == STEPS:
                deliver_market(settings, progress)
            reports.append(run(reached, progress))
            if step == AFTER_STEP:
                ask_witness(settings, progress)
            marker.write_text(str(step))
        if not reports:
            reports.append(run(reached, progress))
    return reports


def step_aside(settings: Settings, progress: Progress) -> None:
    """Before real data arrives: move what the demonstration built into its own folder."""
    folder = _folder(settings)
    if not folder.exists():
        return
    aside = settings.home / "demonstration-before-real-data"
    aside.mkdir(exist_ok=True)
    log = settings.build.with_name(settings.build.name + ".wal")
    for path in (
        settings.landing,
        log,
        settings.build,
        settings.published,
        settings.versions,
        folder,
    ):  # the marker last: a stop before it starts over
        if path.exists() or path.is_symlink():
            path.rename(aside / path.name)
    progress(f"the demonstration's data was moved to {aside}, which may be deleted")


def _simulate(exports: Path, step: int, progress: Progress) -> None:
    progress(f"\nstep {step} of {STEPS}: {_STEP_TITLES[step]}")
    deliveries = simulate(exports, step=step)
    for delivery in (one for one in deliveries if one.note):
        progress(f"         {_described(delivery)}")


def _described(delivery: Delivery) -> str:
    return f"{delivery.organization_id} {delivery.topic} {delivery.file_name}: {delivery.note}"


def _folder(settings: Settings) -> Path:
    return settings.home / "demonstration"
