"""What dbt says of an hour, heard before there is one, by a watch while it waits: then no hour takes dbt (docs/decisions/0038).

To hear it, dbt builds topics that have no news. Nothing comes of that: a build is a function of the files.
"""

from collections.abc import Callable
from contextlib import suppress
from itertools import islice

from loaders.build import hear
from loaders.catalog import catalog_of
from loaders.landing import at_work
from loaders.news import LEDGER, MARKET, find_news
from loaders.project_state import project_state
from loaders.rendered import Kept
from loaders.settings import Settings
from loaders.warehouse import open_build

_AT_ONCE = 4  # topics: some two seconds, for which who stops the watch, or works on its warehouse, has to wait


class Rehearsal:
    """What one process has rehearsed. It is due at first, and when something was built."""

    def __init__(self, settings: Settings):
        self._settings = settings
        self._tried: set[tuple[str, str, str]] = set()
        self._is_due = True

    def note_build(self) -> None:
        """There may be something new to hear: a topic has its first rows, or a column came."""
        self._is_due = True

    def begin(self, stopping: Callable[[], bool]) -> int:
        """Hear what is not known, until ``stopping`` says so; how many topics are known now that were not.

        What fails is left to the hour itself, which will say why; where another command is at work, to the next time.
        """
        heard = 0
        with suppress(Exception):
            while self._is_due and not stopping():
                heard += self._hear_some()
        return heard

    def _hear_some(self) -> int:
        with at_work(self._settings.home), open_build(self._settings.build, memory_limit=self._settings.limits.memory) as connection:
            news, catalog = find_news(connection), catalog_of(connection)
            topics = [] if news else self._untried([topic for topic, newest in news.newest.items() if newest], catalog)
            if topics:
                hear(self._settings, connection, news.pretended(topics))
            kept = Kept(self._settings)
            known = {topic for topic in topics if kept.nodes_of(topic, catalog)}
        self._is_due = bool(known)  # where nothing comes of it, as of a project that is rendered each time, the others are left alone
        return len(known - {LEDGER})

    def _untried(self, with_rows: list[str], catalog: str) -> list[str]:
        """Some of the topics that are not known, each once for a state of the project and a catalog."""
        kept, state = Kept(self._settings), project_state()
        unknown = (topic for topic in with_rows if topic != MARKET and not kept.nodes_of(topic, catalog))
        chosen = [*islice((topic for topic in unknown if (topic, state, catalog) not in self._tried), _AT_ONCE)]
        self._tried |= {(topic, state, catalog) for topic in chosen}
        return chosen
