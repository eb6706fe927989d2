"""``verify``: everything is built anew from the landing folder, in one go, and compared with what the warehouse says.

The live tables came about file by file, with other batches, late arrivals and crashes between; the marts are a function of the
set of files, so both must say the same. Where they do not, somebody edited a table or a landed file, or there is a fault here.
"""

import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC
from pathlib import Path

from loaders.build import run_dbt
from loaders.fingerprints import Difference, compare_copy_of_files, compare_files, compare_tables
from loaders.gate_settings import NO_GATES, GateSettings
from loaders.landing import landing_path, sha256_of
from loaders.ledger import FileVersion, all_versions
from loaders.market.landing import shelf_of
from loaders.market.verifying import check_shelf, compare_market, loaded_exports, reload
from loaders.mirror import Landed
from loaders.news import MARKET_MODELS, refuse_if_unbuilt
from loaders.raw import RawLoader
from loaders.registry import modelled_topics
from loaders.settings import Settings
from loaders.tree import RemoteFile
from loaders.warehouse import open_build, quote_text, topic_tables

Progress = Callable[[str], None]

_MARTS = ("{topic}_changes", "{topic}_history", "{topic}")


@dataclass(frozen=True, slots=True)
class Verification:
    """What was compared, and where it differs: nothing, if all is well."""

    files: int
    tables: int
    differences: list[Difference]


def verify(settings: Settings, progress: Progress) -> Verification:
    """Rebuild in a scratch folder inside FORTRESS_HOME, compare every raw table and mart, and remove the scratch again.

    UnverifiableBuild when the build is behind the ledger.
    """
    settings.require_warehouse()
    with open_build(settings.build) as connection:
        refuse_if_unbuilt(connection)
        versions = _that_count(all_versions(connection))
        topics = [topic for topic in topic_tables(connection) if topic in modelled_topics()]
        exports = loaded_exports(connection)
    progress(f"verify   {len(versions)} file versions in {settings.landing}")
    lost = [difference for version in versions if (difference := _check_landed(settings, version))]
    lost += check_shelf(shelf_of(settings), exports)
    if lost:  # what cannot be read again cannot be rebuilt
        return Verification(len(versions), 0, lost)
    with _scratch(settings) as scratch:
        _load(scratch, settings.landing, versions, progress)
        if exports:
            reload(scratch, settings, shelf_of(settings), exports, progress)
        _build(scratch, topics, bool(exports), progress)
        return _compare(settings, scratch, versions, topics, bool(exports))


def _build(scratch: Settings, topics: Sequence[str], has_market: bool, progress: Progress) -> None:
    names = [*topics, *(["market data"] if has_market else [])]
    progress(f"build    {', '.join(names) or 'nothing: no topic with marts was delivered'}")
    selected = ["stg_fortress__files", *(f"stg_fortress__{topic}" for topic in topics)] if topics else []
    selected += [pattern.format(topic=topic) for topic in topics for pattern in _MARTS]
    selected += [MARKET_MODELS] if has_market else []
    untested = ["--exclude-resource-type", "test", "--exclude-resource-type", "unit_test"]
    if selected:
        run_dbt(scratch, ["build", *untested, "--full-refresh", "--no-write-json", "--select", *selected])


def _that_count(versions: Sequence[FileVersion]) -> list[FileVersion]:
    """The versions that have, or may have, a part in the tables: not those held or given up, nor those replaced unread."""
    return [
        version
        for version in versions
        if version.status not in ("held", "discarded") and not (version.status == "superseded" and version.row_count is None)
    ]


def _landed_at(settings: Settings, version: FileVersion) -> Path:
    modified_at = version.remote_mtime.replace(tzinfo=UTC)
    return landing_path(settings.landing, version.organization_id, version.topic, version.name, modified_at, version.sha256)


def _check_landed(settings: Settings, version: FileVersion) -> Difference | None:
    path = _landed_at(settings, version)
    if not path.is_file():
        return Difference("landing", version.label, f"{path} is gone: restore it from a backup")
    if sha256_of(path) != version.sha256:
        return Difference("landing", version.label, f"{path} is not what was delivered (its SHA-256 is another): restore it from a backup")
    return None


@contextmanager
def _scratch(settings: Settings) -> Iterator[Settings]:
    home = Path(tempfile.mkdtemp(prefix="verify-", dir=settings.home))  # for its owner alone
    try:
        yield replace(settings, home=home)
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _load(scratch: Settings, landing: Path, versions: Sequence[FileVersion], progress: Progress) -> None:
    """In order of arrival, which decides between revisions. No gate: what passed once is not judged again."""
    with open_build(scratch.build) as connection:
        loader = RawLoader(connection, landing, GateSettings(NO_GATES), scratch.limits)
        for number, version in enumerate(versions, start=1):
            loader.load(_as_landed(version))
            if number % 500 == 0:
                progress(f"         {number} of {len(versions)} file versions loaded")


def _as_landed(version: FileVersion) -> Landed:
    modified_at = version.remote_mtime.replace(tzinfo=UTC)
    path = f"{version.organization_id}/{version.topic}/{version.file_name}"
    file = RemoteFile(path, version.organization_id, version.topic, version.name, version.size_bytes, modified_at)
    return Landed(file, Path(path), version.sha256)


def _compare(
    settings: Settings, scratch: Settings, versions: Sequence[FileVersion], topics: Sequence[str], has_market: bool
) -> Verification:
    with open_build(scratch.build, read_only=True) as connection:
        connection.execute(f"attach {quote_text(str(settings.build))} as live (read_only)")
        raw = [("raw", topic) for topic in topic_tables(connection)]
        marts = [("marts", pattern.format(topic=topic)) for topic in topics for pattern in _MARTS]
        differences = [*compare_files(connection), *compare_copy_of_files(connection)]
        for schema, table in [*raw, *marts]:
            differences += compare_tables(connection, schema, table)
        of_market, odd = compare_market(connection) if has_market else (0, [])
    return Verification(len(versions), len(raw) + len(marts) + of_market + 2, differences + odd)
