"""dbt, run in this process: only for topics with news, and not at all when there is none."""

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import yaml

from loaders.errors import BuildFailed
from loaders.gate_settings import VARIABLES
from loaders.registry import modelled_topics, topics
from loaders.settings import PROJECT, Settings
from loaders.warehouse import open_build

LEDGER = "_files"
_OPTIONS = ("--quiet", "--no-use-colors", "--project-dir", str(PROJECT), "--profiles-dir", str(PROJECT))


@dataclass(frozen=True, slots=True)
class News:
    """What a build has to do.

    ``newest`` is the ledger's end for every topic with marts, and for the ledger itself (``_files``); ``topics`` are those
    of them that no build has seen whole. ``rebuild``: the project changed, so that everything is built from the raw rows.
    """

    topics: tuple[str, ...]
    rebuild: bool
    fingerprint: str
    newest: dict[str, int]

    def __bool__(self) -> bool:
        return self.rebuild or bool(self.topics)


@dataclass(frozen=True, slots=True)
class BuildReport:
    """How many models dbt built and how many tests passed; ``warnings`` in dbt's words."""

    models: int
    tests: int
    warnings: tuple[str, ...]


def find_news(connection: duckdb.DuckDBPyConnection) -> News:
    """Compare the ledger with what the last builds had seen."""
    newest = _ledger_ends(connection)
    built = {topic: (file_id, mark) for topic, file_id, mark, _ in connection.execute("from raw._built").fetchall()}
    fingerprint = project_fingerprint()
    rebuild = not newest.keys() <= built.keys() or any(mark != fingerprint for _, mark in built.values())
    stale = tuple(topic for topic, file_id in sorted(newest.items()) if built.get(topic, (-1,))[0] < file_id)
    return News(stale, rebuild, fingerprint, newest)


def _ledger_ends(connection: duckdb.DuckDBPyConnection) -> dict[str, int]:
    with_rows = connection.execute("select topic, max(_file_id) from raw._files where row_count is not null group by topic").fetchall()
    (end,) = connection.execute("select coalesce(max(_file_id), 0) from raw._files").fetchone()
    return dict.fromkeys(modelled_topics(), 0) | {topic: end for topic, end in with_rows if topic in modelled_topics()} | {LEDGER: end}


def build(settings: Settings, news: News, full_refresh: bool = False) -> BuildReport:
    """Build and test what the news concerns; BuildFailed with dbt's reasons. The build database must not be open.

    After a change of the project everything is built from the raw rows: what the marts say is to depend on the files
    and on the project as it stands, not on what it was when they arrived.
    """
    arguments = ["build", "--exclude-resource-type", "unit_test"]
    if full_refresh or news.rebuild:
        arguments.append("--full-refresh")
    else:
        arguments += ["--select", "files+", *(f"source:fortress.{topic}+" for topic in news.topics if topic != LEDGER)]
    report = run_dbt(settings, arguments)
    with open_build(settings.build) as connection:
        _remember_built(connection, news)
    return report


def test_all(settings: Settings) -> BuildReport:
    """dbt's tests on all that is built; BuildFailed when one fails. The build database must not be open."""
    return run_dbt(settings, ["test", "--exclude-resource-type", "unit_test"])


def run_dbt(settings: Settings, arguments: Sequence[str]) -> BuildReport:
    """One command of dbt on this warehouse; BuildFailed with dbt's reasons. The build database must not be open."""
    from dbt.adapters.duckdb.connections import DuckDBConnectionManager
    from dbt.cli.main import dbtRunner  # three seconds to import: paid only when there is something to build

    os.environ |= {
        "FORTRESS_HOME": str(settings.home),
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
        "DBT_LOG_PATH": str(settings.home / "logs"),
    }
    try:
        outcome = dbtRunner().invoke([*arguments, *_OPTIONS])
    finally:
        DuckDBConnectionManager.close_all_connections()  # or this process would go on holding the database
    results = list(getattr(outcome.result, "results", None) or [])
    failed = [f"{result.node.name}: {result.message}" for result in results if result.status in ("error", "fail")]
    if not outcome.success:
        reasons = "\n  ".join(failed) or str(outcome.exception or "no reason given")
        raise BuildFailed(f"dbt {arguments[0]} failed; what was published before is untouched. dbt said:\n  {reasons}")
    kinds = [result.node.resource_type for result in results]
    warnings = tuple(f"{result.node.name}: {result.message}" for result in results if result.status == "warn")
    return BuildReport(kinds.count("model"), kinds.count("test"), warnings)


def _remember_built(connection: duckdb.DuckDBPyConnection, news: News) -> None:
    now = datetime.now(UTC).replace(tzinfo=None)
    connection.execute("begin")
    connection.execute("delete from raw._built")
    for topic, file_id in news.newest.items():
        connection.execute("insert into raw._built values (?, ?, ?, ?)", [topic, file_id, news.fingerprint, now])
    connection.execute("commit")


def project_fingerprint() -> str:
    """A hash of all that decides what the marts say: models, macros, settings, and the registry's names and types."""
    digest = hashlib.sha256()
    digest.update(repr(_project_settings()).encode())
    for path in sorted(_statements()):
        digest.update(path.relative_to(PROJECT).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    digest.update(
        repr([(topic.name, [(column.name, column.data_type) for column in topic.columns]) for topic in topics().values()]).encode()
    )
    return digest.hexdigest()


def _project_settings() -> dict[str, Any]:
    """dbt_project.yml without the gates: they decide what is loaded, and not what the marts say of it."""
    settings = yaml.safe_load((PROJECT / "dbt_project.yml").read_text(encoding="utf-8"))
    return settings | {"vars": {name: value for name, value in settings["vars"].items() if name not in VARIABLES}}


def _statements() -> list[Path]:
    found = [path for folder in ("models", "macros") for path in (PROJECT / folder).rglob("*.sql")]
    return [path for path in found if (PROJECT / "macros" / "tests") not in path.parents]
