"""Where a downloaded export stands: ``landing/.market/{report}/{job id}.{format}``, and beside it, in JSON, the job that it is of.

Both together are enough to load it into a new warehouse.
"""

import json
from dataclasses import asdict
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from loaders.landing import make_folder, seal, writing
from loaders.market.jobs import FORMATS, REPORTS, parse_job_id, parse_moment
from loaders.market.ledger import MarketJob
from loaders.private import make_home
from loaders.settings import Settings

_NOT_KEPT = ("state", "service_status", "row_count", "loaded_at", "load_number", "checked_at")  # the ledger's own affair


def shelf_of(settings: Settings) -> Path:
    """Where downloaded exports lie for good."""
    return settings.landing / ".market"


def make_shelf(settings: Settings) -> Path:
    """The folder, made if need be, for its owner alone."""
    make_home(settings.home)
    shelf = shelf_of(settings)
    with writing(shelf):
        make_folder(settings.landing)
        make_folder(shelf)
    return shelf


def landed_at(shelf: Path, job: MarketJob) -> Path:
    """The file's place. What a server named is in it only as far as its grammar was checked."""
    assert job.report in REPORTS and job.format in FORMATS and parse_job_id(job.job_id), job
    return shelf / job.report / f"{job.job_id}.{job.format}"


def part_of(shelf: Path, job: MarketJob) -> Path:
    """The place for bytes that are still arriving; its folder is there."""
    path = landed_at(shelf, job)
    with writing(path.parent):
        make_folder(path.parent)
    return path.with_name(path.name + ".part")


def keep(shelf: Path, job: MarketJob, part: Path) -> Path:
    """Give complete bytes their final name, after what says which job they are of; ``size_bytes`` and ``sha256`` are known by then."""
    path, card = landed_at(shelf, job), _card(landed_at(shelf, job))
    moment = (job.created_at or job.asked_at).replace(tzinfo=UTC)
    with writing(path):
        card_part = card.with_name(card.name + ".part")
        card_part.write_text(json.dumps({name: _plain(value) for name, value in asdict(job).items() if name not in _NOT_KEPT}) + "\n")
        for one, target in ((card_part, card), (part, path)):
            seal(one, target, moment)
    return path


def landed_jobs(shelf: Path) -> list[MarketJob]:
    """The jobs whose files are here, as their cards say; what lies about besides is left alone."""
    found = []
    for card in sorted(shelf.glob("*/*.json")):
        job = _read_card(card)
        if job and landed_at(shelf, job).is_file() and _card(landed_at(shelf, job)) == card:
            found.append(job)
    return found


def _card(path: Path) -> Path:
    return path.with_suffix(".json")


def _read_card(card: Path) -> MarketJob | None:
    try:
        known: dict[str, Any] = json.loads(card.read_text(encoding="utf-8"))
        known |= {name: date.fromisoformat(known[name]) for name in ("start_date", "end_date")}
        known |= {name: parse_moment(known.get(name)) for name in ("asked_at", "sent_at", "created_at")}
        job = MarketJob(**known | {"property_ids": tuple(known["property_ids"]), "state": "landed"})
        return job if job.report in REPORTS and job.format in FORMATS and parse_job_id(job.job_id) and job.asked_at else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, date | datetime) else value
