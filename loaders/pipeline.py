"""The main job in one process: sync, build of what has news, publish."""

from collections.abc import Callable
from dataclasses import dataclass

from loaders.build import BuildReport, build
from loaders.news import LEDGER, News, find_news
from loaders.publish import PublishReport, is_behind, is_rolled_back, publish
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
        progress(f"build    {_in_words(news, full_refresh)}")
        built = build(settings, news, full_refresh)
        progress(f"         {built.models} models built, {built.tests} tests passed")
    published = None
    if built or is_behind(settings):
        progress(f"publish  {settings.published}")
        published = publish(settings)
    if not built and not published:
        standing = "stays rolled back until there is news" if is_rolled_back(settings) else "stands"
        progress(f"nothing new: nothing built, the published file {standing}")
    return RunReport(synced, built, published)


def _in_words(news: News, full_refresh: bool) -> str:
    if full_refresh or news.is_everything:
        return "every topic, from the raw rows"
    anew = ", ".join(topic for topic in news.rebuild if topic != LEDGER)
    up_to_date = ", ".join(topic for topic in news.topics if topic != LEDGER)
    return "; ".join(filter(None, [up_to_date, f"from the raw rows: {anew}" if anew else ""])) or "the audit of files"
