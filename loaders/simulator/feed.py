"""A feed for benchmarks: one topic of one organization, as large as asked, with nothing but ordinary changes."""

from datetime import timedelta
from pathlib import Path

from loaders.simulator.changes import change_files
from loaders.simulator.columns import Format, image
from loaders.simulator.plan import SNAPSHOT_AT, base, make_batch, plan
from loaders.simulator.scale import Scale
from loaders.simulator.sql import identifier
from loaders.simulator.topics import all_topics
from loaders.simulator.tree import Delivery, connect, folder, write_query

_SHARES = {topic.name: topic.rows / 1_000_000 for topic in all_topics(Scale(1_000_000))}


def simulate_feed(
    out: Path,
    *,
    topic: str = "workorders",
    rows: int = 100_000,
    files: int = 24,
    changes_per_file: int = 2_000,
    format: Format = "csv",
    seed: int = 7,
) -> list[Delivery]:
    """Write one snapshot of ``rows`` records and ``files`` hourly change files of one topic, and say what was written.

    A change is one row, save reloads and duplicates, which are two: a file holds about six rows in a hundred more
    than ``changes_per_file``. The same arguments give the same bytes.
    """
    if topic not in _SHARES:
        raise ValueError(f"no simulated topic {topic!r}; there are {', '.join(_SHARES)}")
    made = next(each for each in all_topics(Scale(round(rows / _SHARES[topic]))) if each.name == topic)
    organization_id = identifier(seed, "", "organizations", 1)
    place = folder(out, organization_id, made.folder)
    batches = [make_batch(n, SNAPSHOT_AT.replace(minute=0) + timedelta(hours=n + 1), seed) for n in range(files)]
    with connect(seed, organization_id) as connection:
        name = f"LOAD.{format}"
        written = write_query(connection, image(made, base(made), format), place / name, format, SNAPSHOT_AT)
        deliveries = [Delivery(organization_id, topic, name, written, "full snapshot")]
        if batches:
            plan(connection, made, batches, changes_per_file)
        for batch, query in change_files(connection, made, batches, changes_per_file, format):
            name = f"{batch.stem}.{format}"
            written = write_query(connection, query, place / name, format, batch.delivered_at)
            deliveries.append(Delivery(organization_id, topic, name, written))
    return deliveries
