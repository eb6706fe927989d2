"""A topic's small files, written from its registry entry; and an entry, written from a raw table that nobody knew."""

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass

from loaders.build import build
from loaders.errors import LoaderError
from loaders.landing import at_work
from loaders.news import find_news
from loaders.publish import publish
from loaders.registry import topics
from loaders.scaffold.adopt import adopt, unknown_topics
from loaders.scaffold.files import differing_files, write_files
from loaders.settings import Settings
from loaders.warehouse import open_build

__all__ = ["ScaffoldReport", "check_scaffold", "unknown_topics", "write_scaffold"]


@dataclass(frozen=True, slots=True)
class ScaffoldReport:
    """The files written (or, checked, those that differ), relative to the project; the registry's new entry, as text, if there is one;
    and the topics that were delivered and have no entry yet."""

    files: list[str]
    entry: str | None = None
    unknown: tuple[str, ...] = ()


def check_scaffold() -> ScaffoldReport:
    """The files that do not say what the registry asks for."""
    return ScaffoldReport([str(path) for path in differing_files()])


def write_scaffold(settings: Settings, topic: str | None, with_tables: bool, progress: Callable[[str], None]) -> ScaffoldReport:
    """Write what the registry asks for, with an entry for ``topic`` first when there is none; then that topic's tables.

    With a topic, WarehouseBusy while another command works on this warehouse.
    """
    with at_work(settings.home) if topic and settings.build.exists() else nullcontext():
        return _write_scaffold(settings, topic, with_tables, progress)


def _write_scaffold(settings: Settings, topic: str | None, with_tables: bool, progress: Callable[[str], None]) -> ScaffoldReport:
    entry = _adopt(settings, topic) if topic and topic not in topics() else None
    report = ScaffoldReport([str(path) for path in write_files()], entry, () if topic else _unknown(settings))
    if topic and with_tables and settings.build.exists():
        with open_build(settings.build) as connection:
            news = find_news(connection)
            if news:
                progress(f"build    {topic}")
                build(settings, connection, news)
        if news:
            progress(f"publish  {settings.published}")
            publish(settings)
    return report


def _adopt(settings: Settings, topic: str) -> str:
    with open_build(settings.build, read_only=True) as connection:
        return adopt(connection, topic)


def _unknown(settings: Settings) -> tuple[str, ...]:
    """For a hint; none where the warehouse cannot be looked into just now."""
    try:
        with open_build(settings.build, read_only=True) as connection:
            return tuple(unknown_topics(connection))
    except LoaderError:
        return ()
