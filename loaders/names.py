"""The grammar of an export tree: which paths are exports, and what their names say.

    {root}/{organizationId}/public/exported_{topic}/{name}.{csv|parquet}

Source of the rules: the contract, section 1 (docs/contract.md). A server's names are untrusted: what does
not fit the grammar to the letter is no export and is never used to build a path or a statement.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

Kind = Literal["snapshot", "change", "table"]

_ORGANIZATION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
_TOPIC_FOLDER = re.compile(r"exported_([A-Za-z0-9][A-Za-z0-9_]{0,62})")
_FILE = re.compile(
    r"(?P<stem>LOAD(?P<part>[0-9A-Fa-f]{0,32})|(?P<second>[0-9]{8}-[0-9]{6})(?P<fraction>[0-9]{3,12}))\.(?P<format>csv|parquet)"
)

PUBLIC_FOLDER = "public"

# What market data is kept under in raw: a folder of these names would be in its way.
_TAKEN = frozenset({"market_property", "market_units", "market_floorplans"})


@dataclass(frozen=True, slots=True)
class ExportName:
    """What a file's name says. ``batch_at`` (UTC, microseconds) is a change file's own time, None for a snapshot.

    A ``table`` is no Fortress export: a file with columns and rows, without a record's key. No name says so.
    """

    stem: str
    format: Literal["csv", "parquet"]
    kind: Kind
    batch_at: datetime | None
    is_part: bool

    @property
    def file_name(self) -> str:
        """The name as it was parsed."""
        return f"{self.stem}.{self.format}"


def parse_organization(folder: str) -> str | None:
    """The organization id that a folder's name is, or None when it can be none."""
    return folder if _ORGANIZATION.fullmatch(folder) else None


def parse_topic(folder: str) -> str | None:
    """``exported_WorkOrders`` -> ``workorders``; None when the folder is no topic's."""
    match = _TOPIC_FOLDER.fullmatch(folder)
    topic = match[1].lower() if match else None
    return None if topic in _TAKEN else topic


def parse_file(file_name: str) -> ExportName | None:
    """What an export file's name says, or None for every other name."""
    match = _FILE.fullmatch(file_name)
    if not match:
        return None
    if match["second"] is None:
        return ExportName(match["stem"], match["format"], "snapshot", None, is_part=bool(match["part"]))
    try:
        second = _second(match["second"])
    except ValueError:  # the digits are no date: not a change file's name
        return None
    batch_at = second.replace(microsecond=int(match["fraction"][:6].ljust(6, "0")))
    return ExportName(match["stem"], match["format"], "change", batch_at, is_part=False)


def _second(digits: str) -> datetime:
    """``YYYYMMDD-HHMMSS`` in UTC; ValueError for no date. ``strptime`` takes ten times as long, and each run reads every name there is."""
    year, month, day = int(digits[:4]), int(digits[4:6]), int(digits[6:8])
    return datetime(year, month, day, int(digits[9:11]), int(digits[11:13]), int(digits[13:15]), tzinfo=UTC)
