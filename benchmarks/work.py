"""The work: a pool of files, written once for a seed, and folders of exports into which they are delivered one after the other.

The same arguments give the same bytes. A file is delivered by a hard link, so its modification time is the simulated one, and
every contestant of a run reads the same file.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb

from benchmarks.sizes import BUSY_TOPIC, HOURS, OTHER_TOPICS, Size
from benchmarks.topics import MACROS, Format, Topic
from loaders.names import PUBLIC_FOLDER
from loaders.simulator.tree import write_query

ORGANIZATION_ID = "3925b293-d3a3-42bb-ad6f-ff866141c8c4"
SNAPSHOT_AT = datetime(2026, 6, 1, 0, 10, tzinfo=UTC)
_FIRST_HOUR = datetime(2026, 6, 1, 1, 0, tzinfo=UTC)
_WITHIN = timedelta(minutes=45)  # changes fall in the last so many minutes before their file is cut
_ROWS_AT_ONCE = 400_000


@dataclass(frozen=True)
class Pool:
    """Everything that one size may ever be delivered. ``parts`` cuts each file of the past into so many."""

    folder: Path
    size: Size
    form: Format = "csv"
    parts: int = 1

    def of(self, topic: str) -> Path:
        """A topic's files, written if they are not there yet."""
        place = self.folder / f"exported_{topic}"
        if not (place / "whole").exists():
            place.mkdir(parents=True, exist_ok=True)
            of_others = self.size.of("units").rows * 8 // 10 // 16 * 16
            _write(place, Topic(topic, self.size.of(topic), of_others), self.form, self.parts if topic == BUSY_TOPIC else 1)
            (place / "whole").touch()
        return place

    def past(self, topic: str) -> list[Path]:
        """The first snapshot and the change files of the first load."""
        files = self._files(topic)
        return [self.of(topic) / f"LOAD.{self.form}", *files[: len(files) - HOURS]]

    def hour(self, topic: str, number: int) -> Path:
        """The change file of one more hour, counted from 0."""
        return self._files(topic)[number - HOURS]

    def _files(self, topic: str) -> list[Path]:
        return sorted(self.of(topic).glob(f"2*.{self.form}"))


@dataclass(frozen=True)
class Exports:
    """A folder as the vendor's server has it."""

    root: Path
    pool: Pool

    def folder(self, topic: str = BUSY_TOPIC) -> Path:
        """Where a topic's files stand."""
        return self.root / ORGANIZATION_ID / PUBLIC_FOLDER / f"exported_{topic}"

    def deliver_past(self, *topics: str) -> None:
        """The first load of some topics."""
        for topic in topics:
            for path in self.pool.past(topic):
                self._deliver(topic, path)

    def deliver_hour(self, number: int, *topics: str) -> None:
        """One more change file of each of some topics."""
        for topic in topics:
            self._deliver(topic, self.pool.hour(topic, number))

    def _deliver(self, topic: str, path: Path) -> None:
        self.folder(topic).mkdir(parents=True, exist_ok=True)
        target = self.folder(topic) / path.name
        if not target.exists():
            os.link(path, target)


def all_topics() -> tuple[str, ...]:
    """The busy topic and the others."""
    return (BUSY_TOPIC, *OTHER_TOPICS)


def _write(place: Path, topic: Topic, form: Format, parts: int) -> None:
    """All files of a topic."""
    past, total = topic.size.files, topic.size.files + HOURS
    at_once = max(1, _ROWS_AT_ONCE // topic.size.changes)
    with duckdb.connect(config={"memory_limit": "2GB"}) as connection:
        connection.execute("set timezone = 'UTC'")
        for statement in MACROS:
            connection.execute(statement)
        write_query(connection, topic.snapshot(form), place / f"LOAD.{form}", form, SNAPSHOT_AT)
        for first in range(0, total, at_once):
            last = min(first + at_once, total) - 1
            connection.execute(f"create or replace temp table images as {topic.changes(first, last, form)}")
            for batch in range(first, last + 1):
                for cut_at, rows in _files_of(batch, parts if batch < past else 1):
                    name = f"{cut_at:%Y%m%d-%H%M%S}{cut_at.microsecond // 1000:03d}.{form}"
                    write_query(connection, rows, place / name, form, cut_at + timedelta(seconds=20))


def _files_of(batch: int, parts: int) -> Iterator[tuple[datetime, str]]:
    """A batch's files: the time each is cut, and the query for its rows. A record's rows of one change stay together."""
    place = "place // 2 - min(place // 2) over ()"
    share = f"({place}) * {parts} // (max(place // 2) over () - min(place // 2) over () + 1)"
    rows = f"select * exclude (batch), {share} as part from images where batch = {batch}"
    for part in range(parts):
        cut_at = _FIRST_HOUR + timedelta(hours=batch) - _WITHIN * (parts - 1 - part) / parts
        yield cut_at, f"select * exclude (place, part) from ({rows}) where part = {part} order by place"
