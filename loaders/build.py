"""dbt, run in this process: only for topics with news, and not at all when there is none."""

import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import duckdb

from loaders.catalog import catalog_of
from loaders.errors import BuildFailed
from loaders.ledger import later_than
from loaders.manifest import OPTIONS, parsed_project, part_of, tests_references
from loaders.news import MARKET_MODELS, MARKET_TABLES, News
from loaders.noticed import failed_casts, newest_built
from loaders.progress import Line
from loaders.publications import carry_none_on
from loaders.registry import modelled_topics
from loaders.rendered import Kept
from loaders.repeat import Repeat
from loaders.selection import builds, option, tests_of
from loaders.settings import Settings
from loaders.warehouse import NO_SPACE_HINT, in_our_words, is_full, is_taken, open_build, quote, table_columns


@dataclass(frozen=True, slots=True)
class BuildReport:
    """How many models were built and how many tests passed; ``warnings`` in dbt's words.

    ``repeated`` counts the models and tests that took no dbt, as it was known what that would say (loaders/rendered.py).
    ``unresolved_references`` counts the references that lead nowhere in what was tested; each test that found some is a warning.
    ``failed_casts`` say, column by column, what of the new files did not fit its type.
    """

    models: int
    tests: int
    warnings: tuple[str, ...]
    unresolved_references: int = 0
    failed_casts: tuple[Line, ...] = ()
    repeated: int = 0


def build(settings: Settings, connection: duckdb.DuckDBPyConnection, news: News, full_refresh: bool = False) -> BuildReport:
    """Build and test what the news concerns in the build that ``connection`` has open; BuildFailed with dbt's reasons.

    After a change of the project what it concerns is built from the raw rows: what the marts say is to depend on the files
    and on the project as it stands, not on what it was when they arrived.

    Topics that go on as they were are built without dbt, once it is known what dbt says for them: docs/decisions/0038.
    """
    kept = Kept(settings)
    repeat = Repeat(connection, kept, () if full_refresh else sorted(news.steady))
    repeat.build_models()
    built = repeat.topics
    reports = [_by_dbt(settings, connection, news.without(built), full_refresh, kept)]
    repeat.run_tests()
    reports += [_by_dbt(settings, connection, news.of(built - repeat.topics), full_refresh, kept), _repeated(repeat)]
    noticed = tuple(failed_casts(connection, newest_built(connection)))
    _drop_removed(connection, news.removed)
    _remember_built(connection, news, full_refresh)
    return _added_up(reports, noticed)


def hear(settings: Settings, connection: duckdb.DuckDBPyConnection, news: News) -> None:
    """Have dbt build what the news concerns, only to keep what it says of it."""
    _by_dbt(settings, connection, news, False, Kept(settings))


def _by_dbt(settings: Settings, connection: duckdb.DuckDBPyConnection, news: News, full_refresh: bool, kept: Kept) -> BuildReport:
    """Have dbt build what the news concerns, and keep what it says for topics that go on as they were."""
    reports = []
    for arguments in builds(news, full_refresh):
        command = ["build", "--exclude-resource-type", "unit_test", "--no-write-json", *arguments]
        if "--full-refresh" in arguments or not news.steady:
            reports.append(run_dbt(settings, command))
        else:
            reports.append(_heard(settings, command, news, kept, catalog_of(connection)))
    return _added_up(reports)


def _heard(settings: Settings, command: Sequence[str], news: News, kept: Kept, catalog: str) -> BuildReport:
    from loaders.overheard import keep_what_was_said, overhearing

    with overhearing() as overheard:
        results = _results_of(settings, command)
    keep_what_was_said(kept, overheard, results, news, catalog)
    return _report_of(results)


def _repeated(repeat: Repeat) -> BuildReport:
    results = [one for one in repeat.results if one.node.kind in ("model", "test")]
    models = sum(one.node.kind == "model" for one in results)
    warnings = tuple(one.warning for one in results if one.warning)
    unresolved = sum(one.failures for one in results if one.node.is_of_references)
    return BuildReport(models, len(results) - models, warnings, unresolved, repeated=len(results))


def _added_up(reports: Sequence[BuildReport], noticed: tuple[Line, ...] = ()) -> BuildReport:
    return BuildReport(
        sum(report.models for report in reports),
        sum(report.tests for report in reports),
        tuple(one for report in reports for one in report.warnings),
        sum(report.unresolved_references for report in reports),
        noticed,
        sum(report.repeated for report in reports),
    )


def test_all(settings: Settings) -> BuildReport:
    """dbt's tests on all that is built; BuildFailed when one fails. No other process may have the build database open."""
    with open_build(settings.build) as connection:
        unbuilt = [topic for topic in sorted(modelled_topics()) if not table_columns(connection, "marts", topic)]
        left_out = tests_of(unbuilt) + ([] if all(table_columns(connection, "marts", one) for one in MARKET_TABLES) else [MARKET_MODELS])
    return run_dbt(settings, ["test", "--exclude-resource-type", "unit_test", *option("--exclude", left_out)])


def get_ready(settings: Settings) -> None:
    """Import dbt and read the project, which takes seconds, while nobody waits; unless it is known what dbt says of the project.

    It may be needed even then, for a topic that brings a new column, say. What is wrong is said when there is something to build.
    """
    if Kept(settings):
        return
    with suppress(Exception):
        parsed_project()
        import dbt.adapters.duckdb.connections
        import dbt.cli.main  # noqa: F401


def run_dbt(settings: Settings, arguments: Sequence[str]) -> BuildReport:
    """One command of dbt on this warehouse; BuildFailed with dbt's reasons, WarehouseBusy when another process has it open."""
    return _report_of(_results_of(settings, arguments))


def _results_of(settings: Settings, arguments: Sequence[str]) -> list[Any]:
    manifest = part_of(parsed_project(), arguments)  # first: see there
    from dbt.adapters.duckdb.connections import DuckDBConnectionManager
    from dbt.cli.main import dbtRunner  # three seconds to import: paid only when there is something to build

    from loaders.dbt_events import listen_to_what_matters

    os.environ |= {
        "FORTRESS_HOME": str(settings.home),
        "FORTRESS_MEMORY_LIMIT": settings.limits.memory,
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
        "DBT_LOG_PATH": str(settings.home / "logs"),
    }
    listen_to_what_matters()
    try:
        outcome = dbtRunner(manifest=manifest).invoke([*arguments, *OPTIONS])
    finally:
        DuckDBConnectionManager.close_all_connections()  # or this process would go on holding the database
    results = list(getattr(outcome.result, "results", None) or [])
    failed = [f"{result.node.name}: {result.message}" for result in results if result.status in ("error", "fail")]
    if not outcome.success:
        reasons = "\n  ".join(failed) or str(outcome.exception or "no reason given")
        if is_taken(reasons):
            raise in_our_words(settings.build, reasons)
        hint = NO_SPACE_HINT.format(folder=settings.home) if is_full(reasons) else ""
        raise BuildFailed(f"dbt {arguments[0]} failed; what was published before is untouched. dbt said:\n  {reasons}{hint}")
    return results


def _report_of(results: Sequence[Any]) -> BuildReport:
    kinds = [result.node.resource_type for result in results]
    warnings = tuple(f"{result.node.name}: {result.message}" for result in results if result.status == "warn")
    unresolved = sum(result.failures or 0 for result in results if result.status == "warn" and tests_references(result.node))
    return BuildReport(kinds.count("model"), kinds.count("test"), warnings, unresolved)


def _drop_removed(connection: duckdb.DuckDBPyConnection, removed: Sequence[str]) -> None:
    """The tables of topics that have no models any more; their rows stay in raw."""
    for topic in removed:
        for kind, relation in (
            ("view", f"marts.{quote(topic)}"),
            ("view", f"marts.{quote(topic + '_history')}"),
            ("table", f"marts.{quote(topic + '_changes')}"),
            ("view", f"staging.{quote('stg_fortress__' + topic)}"),
        ):
            connection.execute(f"drop {kind} if exists {relation}")


def _remember_built(connection: duckdb.DuckDBPyConnection, news: News, full_refresh: bool) -> None:
    (latest,) = connection.execute("select max(built_at) from raw._built").fetchone() or (None,)
    now = later_than(latest)  # by which builds are told apart
    times = {} if full_refresh else dict(connection.execute("select topic, built_at from raw._built").fetchall())
    times |= dict.fromkeys((*news.topics, *news.rebuild), now)
    connection.execute("begin")
    if full_refresh or news.rebuild:
        carry_none_on(connection)
    # One statement for all topics: one for each takes longer than anything that is said here.
    connection.execute("delete from raw._built")
    built = [(topic, file_id, news.fingerprints[topic], times.get(topic, now)) for topic, file_id in news.newest.items()]
    rows = "unnest(?::varchar[]), unnest(?::bigint[]), unnest(?::varchar[]), unnest(?::timestamp[])"
    connection.execute(f"insert into raw._built select {rows}", [list(column) for column in zip(*built, strict=True)])
    staged = [list(news.columns), list(news.columns.values())]
    connection.execute("delete from raw._staged where list_contains(?::varchar[], topic)", staged[:1])
    connection.execute("insert into raw._staged select unnest(?::varchar[]), unnest(?::varchar[])", staged)
    connection.execute("commit")
