"""When DuckDB moves what was written from its log into the file, and when it gives back the places of rows that are gone.

By itself it does both at once, when a database is closed: now and then it then writes a large part of a table together, which takes
longer than all the rest of an hour's work. So it does not where ``NOTHING_TOGETHER`` was said, until enough has gone.
"""

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

import duckdb

NOTHING_TOGETHER = "set max_vacuum_tasks = 0"

_MOST_GONE = 0.5  # of a table's places


@contextmanager
def checkpoint_meanwhile(connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """Within: a thread moves what was written to ``connection``'s database from its log into the file."""
    with ThreadPoolExecutor(1, thread_name_prefix="checkpoint") as thread:
        done = thread.submit(_checkpoint, connection.cursor())
        yield
        done.result()


class PutAway:
    """The same, in the time between two rounds of a process that works again and again: a context, in which a database that is given
    stays open for as long as that takes, though its user has closed it."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="checkpoint")
        self._given: list[duckdb.DuckDBPyConnection] = []

    def __enter__(self) -> "PutAway":
        return self

    def __exit__(self, *_: object) -> None:
        self.begin()
        self._thread.shutdown()

    def give(self, database: Path) -> None:
        """Keep a database open that this process has open, until ``begin`` and until what was written to it is in the file."""
        self._given.append(duckdb.connect(str(database)))  # a connection of its own: cursors are closed with theirs

    def begin(self) -> None:
        """Now nobody waits."""
        while self._given:
            self._thread.submit(_checkpoint, self._given.pop())


def _checkpoint(cursor: duckdb.DuckDBPyConnection) -> None:
    with cursor, suppress(duckdb.TransactionException):  # somebody writes already: it is done when the database is closed
        cursor.execute("checkpoint")


def give_back_places(connection: duckdb.DuckDBPyConnection, database: str, rows: Mapping[str, int]) -> None:
    """Write those tables together that are mostly places of rows that are gone, by the ``rows`` that each has, by ``schema.table``; outside
    of a transaction."""
    # What DuckDB calls an estimate is the number of places; to look for the last one would read a column of each table.
    query = "select schema_name || '.' || table_name, estimated_size from duckdb_tables() where database_name = ?"
    places = dict(connection.execute(query, [database]).fetchall())
    if any(0 < number < places[table] * (1 - _MOST_GONE) for table, number in rows.items()):
        connection.execute("reset max_vacuum_tasks")
        connection.execute(f"checkpoint {database}")
        connection.execute(NOTHING_TOGETHER)
