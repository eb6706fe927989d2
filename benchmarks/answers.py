"""Whether a contestant's tables are the right ones."""

from dataclasses import dataclass

import duckdb

from benchmarks.contestants import Answer
from loaders.warehouse import quote_text

COLUMNS = (
    *("id", "readable_id", "property_id", "unit_id", "assigned_user_id", "status", "priority", "description", "entry_notes"),
    *("has_pet_alert", "due_date", "completed_at", "total_amount_owed_by_resident", "created_at", "updated_at", "deleted_at"),
)
HISTORY_COLUMNS = ("valid_from", "valid_to", "is_current", "is_deleted", "change_type", "version_number")


@dataclass(frozen=True, slots=True)
class Verdict:
    """How many rows a contestant lacks and has too many, in each table; None for a table that it does not make."""

    current: tuple[int, int]
    history: tuple[int, int] | None

    @property
    def is_right(self) -> bool:
        """Whether all that it makes is right."""
        return self.current == (0, 0) and self.history in (None, (0, 0))


def judge(right: Answer, given: Answer) -> Verdict:
    """Compare every column of every row. A database must be closed by whoever wrote it."""
    with duckdb.connect(config={"memory_limit": "3GB"}) as connection:
        connection.execute("set timezone = 'UTC'")
        for name, answer in (("right", right), ("given", given)):
            connection.execute(f"attach {quote_text(str(answer.database))} as {name}_database (read_only)")
        current = _difference(connection, right.current, given.current)
        history = None
        if right.history and given.history:
            compared = ", ".join(given.history_columns) or "*"
            history = _difference(connection, f"select {compared} from ({right.history})", given.history)
    return Verdict(current, history)


def _difference(connection: duckdb.DuckDBPyConnection, right: str, given: str) -> tuple[int, int]:
    """Rows missing and rows too many. Fingerprints are compared first; only where they differ are the rows held side by side."""
    for name, query in (("right", right), ("given", given)):
        connection.execute(f"use {name}_database")
        connection.execute(f"create or replace temp table {name}_rows as select hash(row) as print from ({query}) as row")
    connection.execute("use memory")
    lacking, surplus = (
        connection.execute(f"select count(*) from (select print from {one}_rows except all select print from {other}_rows)").fetchone()
        for one, other in (("right", "given"), ("given", "right"))
    )
    return lacking[0], surplus[0]
