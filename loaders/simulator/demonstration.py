"""The demonstration's export tree, one simulated step at a time: the snapshots, then a day of change files per step."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any

import duckdb

from loaders.simulator import story
from loaders.simulator.changes import change_files, patched
from loaders.simulator.columns import Format, Topic, image
from loaders.simulator.plan import SNAPSHOT_AT, Batch, Event, base, make_batch, plan, state
from loaders.simulator.scale import Scale
from loaders.simulator.sql import identifier
from loaders.simulator.topics import all_topics
from loaders.simulator.tree import Delivery, connect, folder, write_query, write_text

_HOURS: dict[str, Sequence[int]] = {
    "workorders": range(1, 24),
    "activities": range(1, 24),
    "transactions": (6, 12, 18),
    "customers": (12, 20),
    "units": (12,),
    "leases": (18,),
    "parkingspaces": (15,),
}


def simulate(
    out: Path, *, organizations: int = 2, rows: int = 200, seed: int = 7, step: int, formats: Sequence[Format] = ("csv", "parquet")
) -> list[Delivery]:
    """Write what reaches the server in simulated time step ``step`` (from 1), and say what it was.

    Step 1 is the snapshots, step 2 a day of change files, step 3 the next day with all that goes wrong in a feed, later
    steps a day of ordinary changes each. ``rows`` is the number of work orders; the other topics follow, none smaller
    than 24. Organizations take the ``formats`` in turn. Only this step's files are written and nothing is read, so steps 1 to N written one
    after the other always give the same tree, to the byte and to the second.
    """
    if step < 1 or organizations < 1 or not formats:
        raise ValueError("step and organizations count from 1, and at least one format is needed")
    deliveries: list[Delivery] = []
    for number in range(organizations):
        organization_id = identifier(seed, "", "organizations", number + 1)
        with connect(seed, organization_id) as connection:
            told = number == 0
            writer = _Writer(out, connection, organization_id, formats[number % len(formats)], Scale(rows), seed, step, told)
            deliveries += [delivery for topic in all_topics(writer.scale) for delivery in writer.topic(topic)]
    return deliveries


def source_records(name: str, *, seed: int = 7, rows: int = 200, step: int) -> list[dict[str, Any]]:
    """A topic's records in the first organization as they are at the source an hour after the last file of a step; not deleted ones."""
    organization_id = identifier(seed, "", "organizations", 1)
    with connect(seed, organization_id) as connection:
        writer = _Writer(Path(), connection, organization_id, "parquet", Scale(rows), seed, step + 1, told=True)
        topic = next(one for one in all_topics(writer.scale) if one.name == name)
        told = len(replace(writer, step=step)._batches(topic))
        plan(connection, topic, writer._batches(topic), max(4, topic.rows // 400), writer._events(topic))
        found = connection.execute(image(topic, state(topic, told + 1), "parquet"))
        names = [column for column, *_ in found.description or ()]
        records = [dict(zip(names, values, strict=True)) for values in found.fetchall()]
    return [record for record in records if record["deletedAt"] is None]


@dataclass(frozen=True, slots=True)
class _Writer:
    """One organization's part of one step; ``told`` when the story takes place in it."""

    out: Path
    connection: duckdb.DuckDBPyConnection
    organization_id: str
    form: Format
    scale: Scale
    seed: int
    step: int
    told: bool

    def topic(self, topic: Topic) -> Iterator[Delivery]:
        if self.step == 1:
            yield self._file(topic, "LOAD", image(topic, base(topic), self.form), SNAPSHOT_AT, "full snapshot")
            return
        if self.told and self.step > 2 and topic.name == story.NEW_COLUMN_TOPIC:
            topic = replace(topic, columns=(*topic.columns, story.NEW_COLUMN))
        batches, per_batch = self._batches(topic), max(4, topic.rows // 400)
        plan(self.connection, topic, batches, per_batch, self._events(topic))
        due = self._due(topic, batches)
        for batch, query in change_files(self.connection, topic, list(due), per_batch, self.form):
            yield self._change(topic, batch, query, due[batch])
        if self.told and self.step == 3:
            yield from self._besides(topic)

    def _batches(self, topic: Topic) -> list[Batch]:
        midnight = SNAPSHOT_AT.replace(minute=0)
        times = [midnight + timedelta(days=day, hours=hour) for day in range(self.step - 1) for hour in _HOURS[topic.name]]
        return [make_batch(number, at, self.seed) for number, at in enumerate(times)]

    def _scenes(self, topic: Topic) -> list[tuple[int, story.Scene]]:
        """The story's scenes in a topic so far, each with its batch's number."""
        hours = list(_HOURS[topic.name])
        mine = [scene for scene in story.scenes(self.step) if self.told and scene.topic == topic.name]
        return [((scene.step - 2) * len(hours) + hours.index(scene.hour), scene) for scene in mine]

    def _events(self, topic: Topic) -> list[Event]:
        return [Event(number, scene.kind, scene.number(topic.rows)) for number, scene in self._scenes(topic)]

    def _due(self, topic: Topic, batches: list[Batch]) -> dict[Batch, datetime]:
        """The change files that this step brings, and when each of them reaches the server."""
        hours = len(_HOURS[topic.name])
        due = {batch: batch.delivered_at for batch in batches[(self.step - 2) * hours :]}
        first_day = {batch.batch_at.hour: batch for batch in batches[:hours]}
        if self.told and self.step == 2 and topic.name == story.LATE_TOPIC:
            del due[first_day[story.LATE_HOUR]]
        if self.told and self.step == 3 and topic.name == story.LATE_TOPIC:
            due[first_day[story.LATE_HOUR]] = _second_day(story.LATE_ARRIVES)
        if self.told and self.step == 3 and topic.name == story.REVISED_TOPIC:
            due[first_day[story.REVISED_HOUR]] = _second_day(story.REVISED_ARRIVES)
        return due

    def _besides(self, topic: Topic) -> Iterator[Delivery]:
        """What step 3 brings that is no change file."""
        if topic.name == story.SNAPSHOT_TOPIC:
            yield self._second_snapshot(topic, len(_HOURS[topic.name]))
        if topic.name == story.STRAY_TOPIC:
            path = folder(self.out, self.organization_id, topic.folder) / story.STRAY_NAME
            write_text(story.STRAY_TEXT, path, _second_day("00:00:00"))
            yield Delivery(self.organization_id, topic.name, story.STRAY_NAME, 0, "no export: to be left alone")

    def _second_snapshot(self, topic: Topic, before_batch: int) -> Delivery:
        gone, unheard = story.missing_unit(self.scale), story.unheard_unit(self.scale)
        query = image(topic, state(topic, before_batch, missing=gone, unheard=[unheard]), self.form)
        note = f"snapshot delivered again: holds {self._id(topic, unheard)}, which the feed missed, and lacks {self._id(topic, gone)}"
        return self._file(topic, "LOAD", query, _second_day(story.SNAPSHOT_ARRIVES), note)

    def _change(self, topic: Topic, batch: Batch, query: str, modified_at: datetime) -> Delivery:
        scenes = [scene for number, scene in self._scenes(topic) if number == batch.number]
        patches = [scene.patch(self.step) for scene in scenes]
        query = patched(query, [patch for patch in patches if patch])
        notes = [f"{scene.note_in(self.step)} ({self._id(topic, scene.number(topic.rows))})" for scene in scenes if scene.note]
        return self._file(topic, batch.stem, query, modified_at, "; ".join(notes))

    def _file(self, topic: Topic, stem: str, query: str, modified_at: datetime, note: str) -> Delivery:
        name = f"{stem}.{self.form}"
        path = folder(self.out, self.organization_id, topic.folder) / name
        rows = write_query(self.connection, query, path, self.form, modified_at)
        return Delivery(self.organization_id, topic.name, name, rows, note)

    def _id(self, topic: Topic, number: int) -> str:
        return identifier(self.seed, self.organization_id, topic.name, number)


def _second_day(at: str) -> datetime:
    return datetime.combine(SNAPSHOT_AT.date() + timedelta(days=1), time.fromisoformat(at), tzinfo=UTC)
