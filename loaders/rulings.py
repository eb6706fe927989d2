"""``release`` and ``discard``: from the name that a person typed to the file version that waits, and what becomes of it."""

from collections.abc import Sequence
from dataclasses import dataclass

import duckdb

from loaders import ledger
from loaders.decisions import OPEN_TO, Decision, Ruling, append
from loaders.errors import DecisionRefused
from loaders.ledger import FileVersion
from loaders.raw import RawLoader

_MOST_LISTED = 20

_WHY_NOT = {
    "loaded": "it is loaded: its rows are in the change log, and what was delivered is not taken back. Have it delivered again, mended; "
    "the new content replaces the old everywhere",
    "superseded": "it was replaced by a later delivery, and waits for nothing",
    "duplicate": "it is a duplicate, and waits for nothing",
    "discarded": "it is given up already",
    "quarantined": "it cannot be read. Have it repaired and delivered again, or give it up with `discard`",
    "held": "it is held",
}


@dataclass(frozen=True, slots=True)
class Ruled:
    """A decision, and the file version as the ledger says it now."""

    decision: Decision
    version: FileVersion


def rule(loader: RawLoader, ruling: Ruling, files: Sequence[str], by: str, reason: str) -> list[Ruled]:
    """Release or discard the named files; DecisionRefused, before anything is done, when one of them is not open to it.

    A file is named as ``status`` names it, ``organization/topic/file_name``, or by its end where that is one file's alone; with ``@``
    and the first digits of its hash where several versions of it wait.
    """
    if not reason.strip():
        raise DecisionRefused("A decision needs a reason: --reason TEXT. Others will read it in the ledger.")
    loader.catch_up()
    versions = [_open_version(loader.connection, ruling, file) for file in files]
    return [_carry_out(loader, ruling, version, by, reason.strip()) for version in dict.fromkeys(versions)]


def _carry_out(loader: RawLoader, ruling: Ruling, version: FileVersion, by: str, reason: str) -> Ruled:
    named = version.organization_id, version.topic, version.file_name, version.remote_mtime, version.sha256
    decision = Decision(ruling, *named, by, ledger.now(loader.connection), reason)
    append(loader.landing, decision)
    return Ruled(decision, loader.decide(version, decision))


def _open_version(connection: duckdb.DuckDBPyConnection, ruling: Ruling, file: str) -> FileVersion:
    """The one version that a name means."""
    name, _, digits = file.partition("@")
    name = _whole_name(connection, ruling, name)
    versions = [one for one in _versions(connection, name) if one.sha256.startswith(digits.lower())]
    if not versions:
        raise DecisionRefused(
            f"{file}: the ledger knows no such file. `python -m loaders quarantine` lists those that wait, by their names."
        )
    found = [one for one in versions if one.status in OPEN_TO[ruling]]
    open_to = [one for one in found if one.status != "discarded"] or found
    waiting = list({one.sha256: one for one in open_to}.values())
    if not waiting:
        raise DecisionRefused(f"{file}: {_WHY_NOT[versions[-1].status]}.")
    if len(waiting) > 1:
        listed = "\n  ".join(f"{name}@{one.sha256[:12]}  {one.status}, written {one.remote_mtime:%Y-%m-%d %H:%M:%S}" for one in waiting)
        raise DecisionRefused(f"{file}: several versions wait; name one of them:\n  {listed}")
    return waiting[0]


def _whole_name(connection: duckdb.DuckDBPyConnection, ruling: Ruling, name: str) -> str:
    """``organization/topic/file_name`` of a name that lacks one or both folders, if only one file that waits can be meant."""
    if name.count("/") >= 2:
        return name
    query = "select distinct organization_id || '/' || topic || '/' || file_name from raw._files where list_contains(?, status) order by 1"
    labels = [label for (label,) in connection.execute(query, [list(OPEN_TO[ruling])]).fetchall()]
    meant = [label for label in labels if label.endswith(f"/{name}")]
    if len(meant) > 1:
        listed = "\n  ".join(meant[:_MOST_LISTED]) + ("\n  ..." if len(meant) > _MOST_LISTED else "")
        raise DecisionRefused(f"{name}: {len(meant)} files of this name could be meant; name one of them:\n  {listed}")
    return meant[0] if meant else name


def _versions(connection: duckdb.DuckDBPyConnection, name: str) -> list[FileVersion]:
    organization_id, _, rest = name.partition("/")
    topic, _, file_name = rest.partition("/")
    kinds = [ledger.versions_of(connection, organization_id, topic, kind) for kind in ("snapshot", "change")]
    return [one for of_kind in kinds for one in of_kind if one.file_name == file_name]
