"""``restore``: the ledger and the raw rows, made again from the landing folder alone, when the build database is lost."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from loaders.errors import RestoreRefused
from loaders.gate_settings import load_gates
from loaders.landing import at_work, parse_landed, sha256_of
from loaders.mirror import Landed
from loaders.progress import Line, Progress
from loaders.raw import RawLoader
from loaders.settings import Settings
from loaders.tree import RemoteFile
from loaders.warehouse import open_build

_AT_A_TIME = 500  # files between two lines of progress


@dataclass(frozen=True, slots=True)
class RestoreReport:
    """How many landed files were read, and what became of them, by status; those without news are not counted there."""

    files: int
    statuses: dict[str, int]


def restore(settings: Settings, progress: Progress) -> RestoreReport:
    """Load every landed file into a new build database, in the order of the times that the server gave them.

    Decisions on files are followed, and the gates judge as in any run. RestoreRefused when there is a build database already,
    or nothing has landed; WarehouseBusy while another command works on this warehouse. A run that follows downloads nothing that is here.
    """
    _refuse_if_there(settings)
    landed = sorted(_landed(settings.landing), key=lambda one: (one.file.modified_at, one.file.path))
    if not landed:
        raise RestoreRefused(f"{settings.landing} holds no exports: put it back from a backup first.")
    with at_work(settings.home):
        _refuse_if_there(settings)  # another command may have made one meanwhile
        part = settings.build.with_name("restore.duckdb")
        part.unlink(missing_ok=True)  # of a restore that was stopped
        statuses = _load(part, settings, landed, progress)
        part.rename(settings.build)
    _load_market(settings, progress)
    return RestoreReport(len(landed), statuses)


def _refuse_if_there(settings: Settings) -> None:
    if settings.build.exists():
        raise RestoreRefused(f"{settings.build} is there: move it away first (and its .wal), if it is not to be used any more.")


def _load_market(settings: Settings, progress: Progress) -> None:
    """What was downloaded of market data, where there is any."""
    from loaders.market.ledger import Ledger  # what speaks HTTP comes with it, and takes time to import
    from loaders.market.loading import load

    load(settings, Ledger(settings), progress)


def _landed(landing: Path) -> Iterator[Landed]:
    for path in landing.glob("*/*/*"):
        if known := parse_landed(path):
            label = f"{known.organization_id}/{known.topic}/{known.name.file_name}"
            file = RemoteFile(label, known.organization_id, known.topic, known.name, path.stat().st_size, known.modified_at)
            yield Landed(file, path, sha256_of(path))


def _load(build: Path, settings: Settings, landed: list[Landed], progress: Progress) -> dict[str, int]:
    statuses: Counter[str] = Counter()
    with open_build(build, memory_limit=settings.limits.memory) as connection:
        loader = RawLoader(connection, settings.landing, load_gates(), settings.limits)
        loader.catch_up()
        for number, one in enumerate(landed, start=1):
            version = loader.load(one)
            statuses.update([version.status] if version else [])
            if number % _AT_A_TIME == 0 or number == len(landed):
                progress(Line(f"[{number}/{len(landed)}] landed files loaded", step="restore", done=number, wanted=len(landed)))
        connection.execute("delete from raw._remote")  # where they stood on the server is for the next listing to say
    return dict(statuses)
