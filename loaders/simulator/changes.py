"""The rows of change files, computed for many files at once: planning the wide query costs far more than a small file's rows."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import duckdb

from loaders.simulator.columns import Format, Topic, image
from loaders.simulator.plan import Batch

_ROWS_AT_ONCE = 200_000


@dataclass(frozen=True, slots=True)
class Patch:
    """A text that stands in a file in place of a record's true value; the column is text then, in any format."""

    column: str
    index: int
    text: str


def change_files(
    connection: duckdb.DuckDBPyConnection, topic: Topic, batches: Sequence[Batch], per_batch: int, form: Format
) -> Iterator[tuple[Batch, str]]:
    """Each of the planned ``batches``, with the query for its rows. A query holds until the next one is asked for."""
    at_once = max(1, _ROWS_AT_ONCE // per_batch)
    for start in range(0, len(batches), at_once):
        group = batches[start : start + at_once]
        numbers = ", ".join(str(batch.number) for batch in group)
        query = image(topic, f"select * from planned where batch in ({numbers})", form, operations=True)
        connection.execute(f"create or replace temp table images as {query}")
        for batch in group:
            yield batch, f"select * exclude (_batch, _place, _i) from images where _batch = {batch.number} order by _place"


def patched(query: str, patches: Sequence[Patch]) -> str:
    """A change file's query with some values replaced."""
    if not patches:
        return query
    cells = [f"case when _i = {p.index} and OP <> 'D' then '{p.text}' else {p.column}::varchar end as {p.column}" for p in patches]
    return query.replace("from images", f"replace ({', '.join(cells)}) from images", 1)
