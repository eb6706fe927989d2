"""What people decided about files that waited: a held one released, a quarantined or held one given up. Who, when and why.

A decision is written down twice. First, a line of ``landing/.decisions.jsonl``, which is only ever appended to: the landing
folder alone is to be enough to rebuild the warehouse as it was. Then, with what it does to the file, in ``raw._decisions``.
A decision that a stop left in the first place only is carried out by the next command. docs/decisions/0019.
"""

import json
import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal

import duckdb

from loaders.errors import LandingRefused
from loaders.landing import make_folder, writing
from loaders.ledger import FileVersion, Status
from loaders.warehouse import DECISION_COLUMNS

Ruling = Literal["release", "discard"]

# What was given up may be released after all: mistakes are made.
OPEN_TO: dict[Ruling, tuple[Status, ...]] = {"release": ("held", "discarded"), "discard": ("held", "quarantined")}

LOG = ".decisions.jsonl"  # no organization's folder begins with a dot


@dataclass(frozen=True, slots=True)
class Decision:
    """One decision on one file version. Times are UTC without a zone."""

    decision: Ruling
    organization_id: str
    topic: str
    file_name: str
    remote_mtime: datetime
    sha256: str
    decided_by: str
    decided_at: datetime
    reason: str

    def concerns(self, version: FileVersion) -> bool:
        """Whether the decision stands for a version, this time or should it be loaded again.

        Content that was given up stays given up, whenever it is delivered. A snapshot is released for its own moment: the
        same content written again later is another snapshot, and meets other records.
        """
        is_content = (self.organization_id, self.topic, self.file_name, self.sha256) == (
            *(version.organization_id, version.topic, version.file_name, version.sha256),
        )
        return is_content and (self.decision == "discard" or version.kind == "change" or self.remote_mtime == version.remote_mtime)

    def is_open_to(self, version: FileVersion) -> bool:
        """Whether this very version is the one that was decided on, and still waits for it."""
        return self.concerns(version) and self.remote_mtime == version.remote_mtime and version.status in OPEN_TO[self.decision]

    @property
    def words(self) -> str:
        """What the ledger says of it."""
        what = {"release": "released", "discard": "given up"}[self.decision]
        return f"{what} by {self.decided_by} on {self.decided_at:%Y-%m-%d %H:%M} UTC: {self.reason}"


def standing(connection: duckdb.DuckDBPyConnection, version: FileVersion) -> Decision | None:
    """The last decision that stands for a version that is about to be loaded."""
    query = f"""
        select {", ".join(DECISION_COLUMNS)} from raw._decisions
        where organization_id = ? and topic = ? and file_name = ? and sha256 = ? order by decided_at desc
    """
    rows = connection.execute(query, [version.organization_id, version.topic, version.file_name, version.sha256]).fetchall()
    return next((one for one in (Decision(*row) for row in rows) if one.concerns(version)), None)


def insert(connection: duckdb.DuckDBPyConnection, decision: Decision) -> None:
    """Write down a decision that is being carried out; within the same transaction."""
    marks = ", ".join("?" for _ in DECISION_COLUMNS)
    connection.execute(f"insert into raw._decisions values ({marks})", [getattr(decision, column) for column in DECISION_COLUMNS])


def pending(connection: duckdb.DuckDBPyConnection, landing: Path) -> list[Decision]:
    """What the landing folder knows of and the warehouse does not, in order."""
    path = landing / LOG
    if not path.exists():
        return []
    carried_out = {Decision(*row) for row in connection.execute(f"select {', '.join(DECISION_COLUMNS)} from raw._decisions").fetchall()}
    with writing(path):
        lines = path.read_bytes().split(b"\n")
    *whole, _ = lines  # a last line that does not end was never decided: its writer was stopped
    return [one for one in _parsed(path, whole) if one not in carried_out]


def append(landing: Path, decision: Decision) -> None:
    """Add the decision to the landing folder, for good."""
    path = landing / LOG
    line = json.dumps(asdict(decision) | {at: getattr(decision, at).isoformat() for at in ("remote_mtime", "decided_at")}).encode() + b"\n"
    with writing(path):
        make_folder(landing)
        with os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o600), "r+b") as file:
            content = file.read()
            file.seek(content.rfind(b"\n") + 1)
            file.truncate()  # half a line, of a writer that was stopped
            file.write(line)
            file.flush()
            os.fsync(file.fileno())


def _parsed(path: Path, lines: Iterable[bytes]) -> list[Decision]:
    found = []
    for number, line in enumerate(lines, start=1):
        try:
            values = json.loads(line)
            times = {at: datetime.fromisoformat(values[at]) for at in ("remote_mtime", "decided_at")}
            found.append(Decision(**(values | times)))
        except (ValueError, TypeError, KeyError):
            raise LandingRefused(f"{path}: line {number} is no decision. Restore the file from a backup, or take the line away.") from None
    return found
