"""Reports as people read them. What a command found is data (`--json`); this module only shows it."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from loaders.left_behind import LeftBehind
from loaders.market.status import MarketStatus
from loaders.pipeline import RunReport
from loaders.publish import PublishReport
from loaders.registry import modelled_topics
from loaders.restore import RestoreReport
from loaders.rulings import Ruled
from loaders.scaffold import ScaffoldReport
from loaders.seam import visible
from loaders.status import Arrived, TopicStatus
from loaders.sync import Plan, SyncReport
from loaders.verify import Verification
from loaders.waiting import SetAside
from loaders.words import counted

_PERSONAL_DATA = {
    "exclude": "left out: columns that name a person or open a door, restricted topics. `from audit.withheld` lists them.",
    "hash": "hashed or left out: columns that name a person or open a door, restricted topics. `from audit.withheld` lists them.",
    "include": "FORTRESS_PII=include: the file holds personal data.",
}

_LOG_WIDTH = 400  # where there is no terminal to ask: a log wraps nothing

_NEXT = {
    "quarantined": "next: have a quarantined file repaired and delivered again, which takes its own place; or give it up:\n"
    "  python -m loaders discard ORGANIZATION/TOPIC/FILE --reason TEXT",
    "held": "next: look at a held file; if it is right, let it through; if not, have it delivered again, or give it up:\n"
    "  python -m loaders release ORGANIZATION/TOPIC/FILE --reason TEXT    (or discard)",
}

_MARKET_HEADINGS = ("report", "exports", "rows", "up to the day", "last loaded (UTC)", "under way", "ended badly since")


def console() -> Console:
    """Standard output: as wide as the terminal, or wide enough for a log."""
    found = Console(highlight=False)
    return found if found.is_terminal else Console(highlight=False, width=_LOG_WIDTH)


def table(title: str, headings: Sequence[str], rows: Iterable[Sequence[Any]], nothing: str = "-") -> Table:
    """A plain table; numbers to the right, None as ``nothing``."""
    rows = [list(row) for row in rows]
    drawn = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for place, heading in enumerate(headings):
        numbers = all(isinstance(row[place], int | float | None) for row in rows)
        drawn.add_column(escape(visible(heading)), justify="right" if numbers else "left", overflow="fold")
    for row in rows:
        drawn.add_row(*(nothing if value is None else _shown(value) for value in row))
    return drawn


def _shown(value: Any) -> str:
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else escape(visible(str(value)))


def show_plan(plan: Plan) -> None:
    """What a sync would do, in its order."""
    rows = [
        (file.organization_id, file.topic, file.name.file_name, file.size, f"{file.modified_at:%Y-%m-%d %H:%M:%S}") for file in plan.wanted
    ]
    if rows:
        console().print(table("would be mirrored and loaded", ("organization", "topic", "file", "bytes", "modified (UTC)"), rows))
    console().print(f"{len(rows)} new, {plan.unchanged} unchanged. Nothing was changed.")
    for one in plan.waiting:
        console().print(f"  {one.status}, no sync loads it: {one.file}: {one.reason}", markup=False)
    for reason in (*plan.closed, *plan.unlisted):
        console().print(f"  not looked at: {reason}", markup=False)
    _show_oddities(plan)


def show_sync(report: SyncReport) -> None:
    """One summary line, then what needs attention."""
    loaded = [version for version in report.loaded if version.status == "loaded"]
    rows = sum(version.row_count or 0 for version in loaded)
    duplicates = sum(version.status == "duplicate" for version in report.loaded) + len(report.same_content)
    line = f"synced: {counted(len(loaded), 'file')} loaded ({counted(rows, 'row')}), {report.plan.unchanged} unchanged"
    line = f"{line}, {duplicates} with nothing new"
    left = len(report.left) + len(report.plan.unlisted)
    console().print(f"{line}, {left} left for the next run, {len(report.attention)} set aside ({report.waiting} in all)")
    for version in report.attention:
        console().print(
            f"  {version.status}: {version.organization_id}/{version.topic}/{version.file_name}: {version.reason}", markup=False
        )
    if report.waiting:
        console().print("  `python -m loaders quarantine` lists all that is set aside, and says what to do.")
    _show_oddities(report.plan)


def _show_oddities(plan: Plan) -> None:
    """But for the folders that could not be looked into: a sync has said them by now, as they met it."""
    for path in plan.vanished:
        console().print(f"  gone from the server (its rows stay): {path}", markup=False)
    for path in plan.ignored:
        console().print(f"  not an export, left alone: {path}", markup=False)


def show_scaffold(done: ScaffoldReport, checked: bool) -> None:
    """The files, and the entry in full: somebody should read it."""
    if done.entry:
        console().print(f"the registry's new entry (describe what you know better):\n\n{done.entry}", markup=False)
    if checked and done.files:
        console().print(
            "not what the registry asks for (`python -m loaders scaffold` writes them; a file of no topic is for you to remove):"
        )
    if done.files and not checked:
        console().print(f"{counted(len(done.files), 'file')} written:")
    console().print("\n".join(f"  {path}" for path in done.files) or "every file says what the registry asks for", markup=False)
    for topic in done.unknown:
        console().print(f"{topic} is in raw and has no marts yet: `python -m loaders scaffold {topic}` makes them", markup=False)


def show_verification(found: Verification) -> None:
    """One line if all is well; else what differs, the earliest file of each table first."""
    for difference in found.differences:
        console().print(f"  {difference.table}: {difference.file or 'no file'}: {difference.what}", markup=False, soft_wrap=True)
    if found.differences:
        console().print("differs from what the landing folder gives. `python -m loaders run --full` builds the marts anew from raw;")
        console().print("where raw or a landed file differs itself, restore build.duckdb or the file from a backup.")
    else:
        console().print(f"the same: {found.tables} tables, from {found.files} file versions")


def show_restore(report: RestoreReport) -> None:
    """What became of the landed files."""
    found = ", ".join(f"{count:,} {status}" for status, count in sorted(report.statuses.items()))
    console().print(f"restored: {report.files:,} landed files: {found}\n`python -m loaders run` builds and publishes the tables.")


def show_query(columns: Sequence[str], rows: Sequence[Sequence[Any]], is_cut: bool) -> None:
    """A query's first rows, and whether they are all."""
    console().print(table("", columns, rows, nothing="null"))
    if is_cut:
        console().print(f"the first {len(rows)} rows; there are more: a `limit` or a condition shows others, --json shows all")


def show_publish(report: PublishReport) -> None:
    """The published relations with rows; of a rollback, which version is in force."""
    if report.rolled_back_from:
        console().print(
            f"version {report.version} is in force again, in the place of {report.rolled_back_from}: {_near(report.path)}\n"
            "runs leave it in force until there is news; `python -m loaders publish` publishes the build again."
        )
        return
    rows = sorted((name, rows) for name, rows in report.rows.items() if rows)
    console().print(table(f"published: {_near(report.path)}, version {report.version}", ("table", "rows"), rows))
    if len(rows) < len(report.rows):
        console().print(f"and {len(report.rows) - len(rows)} without rows")
    console().print(_PERSONAL_DATA[report.pii])


def show_status(
    topics: Sequence[TopicStatus],
    aside: Sequence[SetAside],
    ended: Mapping[str, datetime | None],
    market: Sequence[MarketStatus] = (),
    left: Sequence[LeftBehind] = (),
) -> None:
    """One line per organization and topic, and per market report; when each step last went through; the files that wait for somebody."""
    headings = (
        "organization",
        "topic",
        "last file",
        "files",
        "rows",
        "lag to now",
        "quarantined",
        "held",
        "discarded",
        "vanished",
        "disagreements",
        "unknown columns",
    )
    rows = [
        (
            one.organization_id,
            one.topic if one.modelled else f"{one.topic} (raw only)",
            one.last_file,
            one.files,
            one.rows_delivered,
            _age(one.lag_seconds),
            one.quarantined,
            one.held,
            one.discarded,
            one.vanished,
            one.rule_disagreements,
            ", ".join(one.unknown_columns) or None,
        )
        for one in topics
    ]
    console().print(table("status", headings, rows))
    if market:
        console().print()
        console().print(table("market data", _MARKET_HEADINGS, [_market_row(one) for one in market]))
    times = (f"{step} {moment:%Y-%m-%d %H:%M:%S}" if moment else f"{step} never" for step, moment in ended.items())
    console().print(f"\nlast went through (UTC): {', '.join(times)}")
    show_set_aside(aside)
    for one in left:
        whose = "left until somebody acts" if one.needs_somebody else "left, and tried again by the next run"
        console().print(f"{whose}: {one.file}: {one.reason}", markup=False, soft_wrap=True)


def _age(seconds: float | None) -> str | None:
    """A duration; of a batch that our clock has not reached yet, with a sign."""
    if seconds is None:
        return None
    return f"{'-' if seconds < 0 else ''}{timedelta(seconds=abs(round(seconds)))}"


def _market_row(one: MarketStatus) -> list[Any]:
    moment = f"{one.last_loaded_at:%Y-%m-%d %H:%M:%S}" if one.last_loaded_at else None
    return [one.report, one.loaded, one.rows, one.last_day, moment, one.under_way, one.ended_badly]


def show_quarantine(aside: Sequence[SetAside]) -> None:
    """The files that wait, oldest first."""
    show_set_aside(aside)
    if not aside:
        console().print("nothing is set aside")


def show_rulings(done: Sequence[Ruled]) -> None:
    """What became of each file that was released or given up."""
    for one in done:
        version = one.version
        console().print(
            f"{version.status}: {version.organization_id}/{version.topic}/{version.file_name}: {version.reason}",
            markup=False,
            soft_wrap=True,
        )
    console().print("`python -m loaders run` builds and publishes it.")


def show_set_aside(aside: Sequence[SetAside]) -> None:
    """Each file that waits, why, what in it offends, and what can be done."""
    for one in aside:
        console().print(f"{one.status}: {one.file}: {one.reason}", markup=False, soft_wrap=True)
        if one.offending_text:
            console().print(f"    {one.offending_text}", markup=False, soft_wrap=True)
    for status, advice in _NEXT.items():
        if any(one.status == status for one in aside):
            console().print(advice, markup=False, soft_wrap=True)


def show_run(report: RunReport, arrived: Sequence[Arrived], marts: dict[str, int]) -> None:
    """What arrived and what the marts hold: rows by ``schema.table``."""
    show_sync(report.sync)
    _show_arrived(arrived)
    _show_marts(marts)


def _show_arrived(arrived: Sequence[Arrived]) -> None:
    headings = ("organization", "topic", "files", "rows delivered", "last file")
    rows = [(one.organization_id, one.topic, one.files, one.rows, one.last_file) for one in arrived]
    console().print()
    console().print(table("what arrived", headings, rows))
    for topic in sorted({one.topic for one in arrived if not one.modelled}):
        console().print(f"{topic} is in raw and has no marts yet: `python -m loaders scaffold {topic}` makes them", markup=False)


def _show_marts(rows: dict[str, int]) -> None:
    headings = ("topic", "records now", "versions in history", "rows in the change log")
    names = sorted(modelled_topics())
    shown = [(name, *(rows.get(f"marts.{name}{suffix}") for suffix in ("", "_history", "_changes"))) for name in names]
    console().print()
    filled = [row for row in shown if row[3]]
    console().print(table("what the marts hold", headings, filled))
    if len(filled) < len(shown):
        console().print(f"{len(shown) - len(filled)} topics more have tables that are empty: nothing was delivered for them yet")


def show_next_steps(published: Path, queries: Mapping[str, str]) -> None:
    """Where the tables are, and queries worth trying, by what they show."""
    worth = " Queries worth trying:" if queries else ""
    console().print(f"\nthe tables are in {_near(published)} (open it read-only, as often as you like).{worth}")
    for name, query in queries.items():
        console().print(f'\n  -- {name}\n  make query SQL="{query}"', markup=False, soft_wrap=True)
    console().print(
        "\nnext: `make docs` describes every table; `python -m loaders status` says how fresh they are; README.md goes on from here."
    )


def _near(path: Path) -> Path:
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
