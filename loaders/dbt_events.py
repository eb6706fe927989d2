"""What dbt says of itself. Imported by loaders/build.py when there is something to build: it takes dbt with it."""

from typing import Any

from dbt_common.events.base_types import BaseEvent, EventLevel
from dbt_common.events.event_manager import EventManager
from dbt_common.events.event_manager_client import ctx_set_event_manager

_UNHEARD = (EventLevel.DEBUG, EventLevel.TEST)


class _Manager(EventManager):
    """dbt's own, which makes a message of each event before it asks whether anybody wants it. Nobody wants the thirty that each model
    gives for dbt's authors (loaders/manifest.py: OPTIONS), and to make them took a twentieth of a run."""

    def fire_event(self, e: BaseEvent, level: EventLevel | None = None, *arguments: Any, **options: Any) -> None:
        if (level or e.level_tag()) not in _UNHEARD:
            super().fire_event(e, level, *arguments, **options)


def listen_to_what_matters() -> None:
    """From now on, in this process, dbt's events for its own authors go nowhere."""
    ctx_set_event_manager(_Manager())
