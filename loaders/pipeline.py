"""The main job in one process: sync, build of what has news, publish."""

import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import duckdb

from loaders.bases import BaseAhead
from loaders.build import BuildReport, build, get_ready
from loaders.checkpoints import PutAway, checkpoint_meanwhile
from loaders.errors import LoaderError
from loaders.landing import at_work
from loaders.news import LEDGER, MARKET, News, find_news
from loaders.noticed import new_columns
from loaders.progress import Line, Progress, detail, heading, within
from loaders.publish import PublishReport, brought_nearer, is_behind, is_rolled_back, publish_tested
from loaders.published_updates import told_apart
from loaders.rehearsal import Rehearsal
from loaders.remote import Listing, Remote, open_remote
from loaders.settings import Settings
from loaders.summary import TEMPORARY, error_code, exit_code, summary
from loaders.sync import Stopping, SyncReport, sync
from loaders.warehouse import open_build, remember_ended
from loaders.words import counted


@dataclass(frozen=True, slots=True)
class RunReport:
    """What each step did; None for a step that had nothing to do. ``seconds`` by step, of those that were begun."""

    sync: SyncReport
    build: BuildReport | None
    publish: PublishReport | None
    seconds: dict[str, float]


@dataclass(slots=True)
class _Course:
    """A run as far as it has come."""

    sync: SyncReport | None = None
    build: BuildReport | None = None
    publish: PublishReport | None = None
    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def timed(self, step: str) -> Iterator[None]:
        began = time.monotonic()
        try:
            yield
        finally:
            self.seconds[step] = round(time.monotonic() - began, 3)


@dataclass(frozen=True, slots=True)
class BetweenRounds:
    """What is done between two runs of one process, while nobody waits."""

    settings: Settings
    base: BaseAhead
    put_away: PutAway
    rehearsal: Rehearsal

    def begin(self, stopping: Stopping = lambda: False) -> int:
        """The time between has begun. How many topics were rehearsed: that is done in steps, until ``stopping`` says so, and the rest by
        threads."""
        self.put_away.begin()
        self.base.begin()
        if not stopping():
            self.base.bring_nearer(partial(brought_nearer, self.settings))
        return self.rehearsal.begin(stopping)

    def note_build(self, build: Path) -> None:
        """Something was built in this database, which is open."""
        self.put_away.give(build)
        self.rehearsal.note_build()


def run(
    settings: Settings,
    progress: Progress,
    full_refresh: bool = False,
    stopping: Stopping = lambda: False,
    between: BetweenRounds | None = None,
) -> RunReport:
    """Mirror and load what is new, build the topics with news, publish. Without news, two steps are not even started.

    WarehouseBusy while another command works on this warehouse. The last line says how it ended, whether it went through or
    not. Once ``stopping`` says so, no further step is begun; the next run goes on from there. ``between`` is for who runs again and
    again: what can be done while nobody waits is left to it.
    """
    settings.require_exports_url()
    course = _Course()
    try:
        with at_work(settings.home), nullcontext(between.base) if between else _base_ahead(settings) as base:
            synced = _run(settings, progress, full_refresh, stopping, course, base, between)
            code = exit_code([synced])
    except LoaderError as error:
        progress(summary(course.sync, course.build, course.seconds, error_code(error)))
        raise
    progress(summary(course.sync, course.build, course.seconds, code))
    return RunReport(synced, course.build, course.publish, course.seconds)


@contextmanager
def between_rounds(settings: Settings) -> Iterator[BetweenRounds]:
    """Within: a process that runs again and again. Ends when what was begun is done."""
    with _base_ahead(settings) as base, PutAway() as put_away:
        yield BetweenRounds(settings, base, put_away, Rehearsal(settings))


def _base_ahead(settings: Settings) -> BaseAhead:
    """Where the next version is begun."""
    return BaseAhead(settings, told_apart)


def _run(
    settings: Settings,
    progress: Progress,
    full_refresh: bool,
    stopping: Stopping,
    course: _Course,
    base: BaseAhead,
    between: BetweenRounds | None,
) -> SyncReport:
    """The steps, in one opening of the build database: dbt, in this process, shares it, and finds in memory what was just loaded.

    To open a large one takes a fifth of a second each time, in which the server is listed, and to close it a checkpoint; and nobody can
    take it between two steps. From the first file on that is to be loaded, a thread reads dbt and the project, where that will be
    needed, and another begins the next version.
    """
    progress(heading("sync", settings.source_label, source=settings.source_label))
    said, limit = within("sync", progress), settings.limits.memory
    with ThreadPoolExecutor(1, thread_name_prefix="dbt") as reading, ExitStack() as until_published:

        def on_news() -> None:
            reading.submit(get_ready, settings)
            base.begin()

        with course.timed("sync"), open_remote(settings) as remote, _listing_begun(remote) as listing:
            connection = until_published.enter_context(open_build(settings.build, memory_limit=limit))
            course.sync = synced = sync(settings, connection, remote, said, stopping=stopping, on_news=on_news, listing=listing)
            news = find_news(connection)
            _say(new_columns(connection, news), "sync", progress)
        is_new = bool(news or full_refresh) and not stopping()
        is_to_publish = is_new or is_behind(settings)
        if is_to_publish:
            base.begin()
        if is_new:
            _build(settings, connection, news, full_refresh, progress, course, reading)
        if is_new and between:
            between.note_build(settings.build)
        with checkpoint_meanwhile(connection) if is_new and not between else nullcontext():
            _publish(settings, connection, progress, stopping, course, base if is_to_publish else None)
    return synced


@contextmanager
def _listing_begun(remote: Remote) -> Iterator[Callable[[], Listing]]:
    """The server's listing, which a thread has begun: what waits for it."""
    with ThreadPoolExecutor(1, thread_name_prefix="list") as thread:
        yield thread.submit(remote.list_exports).result


def _build(
    settings: Settings,
    connection: duckdb.DuckDBPyConnection,
    news: News,
    full_refresh: bool,
    progress: Progress,
    course: _Course,
    reading: ThreadPoolExecutor,
) -> None:
    progress(heading("build", _in_words(news, full_refresh), topics=_topics(news)))
    with course.timed("build"):
        reading.shutdown()
        course.build = build(settings, connection, news, full_refresh)
    _show_built(course.build, progress)
    _say(course.build.failed_casts, "build", progress)


def _publish(
    settings: Settings,
    connection: duckdb.DuckDBPyConnection,
    progress: Progress,
    stopping: Stopping,
    course: _Course,
    base: BaseAhead | None,
) -> None:
    """Publish what is not published yet, and note that the run went through."""
    if base and not stopping():
        progress(heading("publish", str(settings.published), path=str(settings.published)))
        with course.timed("publish"):
            course.publish = publish_tested(settings, connection, base)
    if stopping():
        progress(Line("told to stop: the next run goes on from here", step="run"))
    elif not course.build and not course.publish:
        standing = "stays rolled back until there is news" if is_rolled_back(settings) else "stands"
        progress(Line(f"nothing new: nothing built, the published file {standing}", step="run"))
    if course.sync and exit_code([course.sync]) != TEMPORARY and not stopping():
        remember_ended(connection, "run")


def _say(lines: Iterable[Line], step: str, progress: Progress) -> None:
    for line in lines:
        progress(detail(step, line))


def _show_built(built: BuildReport, progress: Progress) -> None:
    warned = f", {len(built.warnings)} of them with a warning" if built.warnings else ""
    facts = {"models": built.models, "tests": built.tests, "warnings": len(built.warnings), "repeated": built.repeated}
    progress(detail("build", Line(f"{counted(built.models, 'model')} built, {counted(built.tests, 'test')} passed{warned}", **facts)))
    if built.unresolved_references:
        text = f"{counted(built.unresolved_references, 'unresolved reference')}: audit.unresolved_references says which, and why"
        progress(detail("build", Line(text, level="warning", unresolved_references=built.unresolved_references)))


def _topics(news: News) -> list[str]:
    return [_named(topic) for topic in sorted({*news.topics, *news.rebuild}) if topic != LEDGER]


def _named(topic: str) -> str:
    return "market data" if topic == MARKET else topic


def _in_words(news: News, full_refresh: bool) -> str:
    if full_refresh or news.is_everything:
        return "every topic, from the raw rows"
    anew = ", ".join(_named(topic) for topic in news.rebuild if topic != LEDGER)
    up_to_date = ", ".join(_named(topic) for topic in news.topics if topic != LEDGER)
    return "; ".join(filter(None, [up_to_date, f"from the raw rows: {anew}" if anew else ""])) or "the audit of files"
