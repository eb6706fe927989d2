"""dbt, run in this process: only for topics with news, and not at all when there is none."""

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import duckdb

from loaders.errors import BuildFailed
from loaders.registry import modelled_topics
from loaders.settings import PROJECT, Settings
from loaders.warehouse import open_build

_PROJECT_PARTS = ("dbt_project.yml", "models", "macros", "seeds")


@dataclass(frozen=True, slots=True)
class News:
    """What a build has to do: ``topics`` with files that no build has seen; ``everything`` when the project itself changed."""

    topics: tuple[str, ...]
    everything: bool
    fingerprint: str
    newest: dict[str, int]

    def __bool__(self) -> bool:
        return self.everything or bool(self.topics)


@dataclass(frozen=True, slots=True)
class BuildReport:
    """How many models dbt built and how many tests passed; ``warnings`` in dbt's words."""

    models: int
    tests: int
    warnings: tuple[str, ...]


def find_news(connection: duckdb.DuckDBPyConnection) -> News:
    """Compare the ledger with what the last builds had seen."""
    newest = dict(connection.execute("select topic, max(_file_id) from raw._files where row_count is not null group by topic").fetchall())
    built = {topic: (file_id, mark) for topic, file_id, mark, _ in connection.execute("from raw._built").fetchall()}
    fingerprint = project_fingerprint()
    modelled = modelled_topics()
    stale = tuple(sorted(topic for topic, file_id in newest.items() if topic in modelled and built.get(topic, (0,))[0] < file_id))
    everything = any(mark != fingerprint for _, mark in built.values()) or not modelled <= built.keys()
    return News(stale, everything, fingerprint, {topic: newest.get(topic, 0) for topic in modelled})


def build(settings: Settings, news: News, full_refresh: bool = False) -> BuildReport:
    """Build and test what the news concerns; BuildFailed with dbt's reasons. The build database must not be open."""
    arguments = [
        "build",
        "--exclude-resource-type",
        "unit_test",
        "--quiet",
        "--no-use-colors",
        "--project-dir",
        str(PROJECT),
        "--profiles-dir",
        str(PROJECT),
    ]
    if full_refresh:
        arguments.append("--full-refresh")
    if not (news.everything or full_refresh):
        arguments += ["--select", "files+", *(f"source:fortress.{topic}+" for topic in news.topics)]
    report = _run_dbt(settings, arguments)
    with open_build(settings.build) as connection:
        _remember_built(connection, news)
    return report


def _run_dbt(settings: Settings, arguments: Sequence[str]) -> BuildReport:
    from dbt.adapters.duckdb.connections import DuckDBConnectionManager
    from dbt.cli.main import dbtRunner  # three seconds to import: paid only when there is something to build

    os.environ |= {
        "FORTRESS_HOME": str(settings.home),
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
        "DBT_LOG_PATH": str(settings.home / "logs"),
    }
    try:
        outcome = dbtRunner().invoke(list(arguments))
    finally:
        DuckDBConnectionManager.close_all_connections()  # or this process would go on holding the database
    results = list(getattr(outcome.result, "results", None) or [])
    failed = [f"{result.node.name}: {result.message}" for result in results if result.status in ("error", "fail")]
    if not outcome.success:
        reasons = "\n  ".join(failed) or str(outcome.exception or "no reason given")
        raise BuildFailed(f"dbt build failed; what was published before is untouched. dbt said:\n  {reasons}")
    kinds = [result.node.resource_type for result in results]
    warnings = tuple(f"{result.node.name}: {result.message}" for result in results if result.status == "warn")
    return BuildReport(kinds.count("model"), kinds.count("test") + kinds.count("unit_test"), warnings)


def _remember_built(connection: duckdb.DuckDBPyConnection, news: News) -> None:
    now = datetime.now(UTC).replace(tzinfo=None)
    topics = news.newest if news.everything else {topic: news.newest[topic] for topic in news.topics}
    connection.execute("begin")
    for topic, file_id in topics.items():
        connection.execute("delete from raw._built where topic = ?", [topic])
        connection.execute("insert into raw._built values (?, ?, ?, ?)", [topic, file_id, news.fingerprint, now])
    connection.execute("commit")


def project_fingerprint() -> str:
    """A hash of all that decides what the models say: the same files and another fingerprint mean a rebuild is due."""
    digest = hashlib.sha256()
    for path in sorted(_project_files()):
        digest.update(path.relative_to(PROJECT).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def _project_files() -> list[Path]:
    parts = [PROJECT / part for part in _PROJECT_PARTS]
    return [path for part in parts for path in ([part] if part.is_file() else part.rglob("*")) if path.is_file()]
