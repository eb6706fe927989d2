"""The main job in one process: sync, build of what has news, publish."""

from collections.abc import Callable
from dataclasses import dataclass

from loaders.build import LEDGER, BuildReport, build, find_news
from loaders.publish import PublishReport, is_behind, publish
from loaders.remote import open_remote
from loaders.settings import Settings
from loaders.sync import SyncReport, sync
from loaders.warehouse import open_build

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class RunReport:
    """What each step did; None for a step that had nothing to do."""

    sync: SyncReport
    build: BuildReport | None
    publish: PublishReport | None


def run(settings: Settings, progress: Progress, full_refresh: bool = False) -> RunReport:
    """Mirror and load what is new, build the topics with news, publish. Without news, two steps are not even started."""
    settings.require_exports_url()
    progress(f"sync     {settings.source_label}")
    with open_remote(settings) as remote, open_build(settings.build) as connection:
        synced = sync(settings, connection, remote, lambda line: progress(f"         {line}"))
        news = find_news(connection)
    built = None
    if news or full_refresh:
        named = [topic for topic in news.topics if topic != LEDGER] or ["the audit of files"]
        progress(f"build    {'every topic, from the raw rows' if news.rebuild or full_refresh else ', '.join(named)}")
        built = build(settings, news, full_refresh)
        progress(f"         {built.models} models built, {built.tests} tests passed")
    published = None
    if built or is_behind(settings):
        progress(f"publish  {settings.published}")
        published = publish(settings)
    if not built and not published:
        progress("nothing new: nothing built, the published file stands")
    return RunReport(synced, built, published)
