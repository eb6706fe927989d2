"""Files that wait for somebody: quarantined or held. Why, since when, and what in them offends.

The reason stands in the ledger and is published with it, so it quotes nothing of the file. The offending text, which may
be a person's data, stays in ``raw._offending``: ``status`` and ``quarantine`` show it, on this machine, while the file waits.
"""

from dataclasses import dataclass
from datetime import datetime

import duckdb

from loaders.seam import shown
from loaders.warehouse import table_columns

WAITING = ("quarantined", "held")
_LONGEST_TEXT = 300


@dataclass(frozen=True, slots=True)
class SetAside:
    """A file that waits for somebody. ``file`` names it to ``release`` and ``discard``; ``since`` is UTC."""

    file: str
    organization_id: str
    topic: str
    file_name: str
    status: str
    reason: str
    offending_text: str | None
    since: datetime
    sha256: str


def set_aside(connection: duckdb.DuckDBPyConnection) -> list[SetAside]:
    """The files that no run will apply before somebody acts, oldest first."""
    has_texts = bool(table_columns(connection, "raw", "_offending"))  # a warehouse of an older version, opened to be read, has none
    query = f"""
        select
            organization_id || '/' || topic || '/' || file_name, organization_id, topic, file_name, status, reason,
            {"offending_text" if has_texts else "null"}, loaded_at, sha256
        from raw._files {"left join raw._offending using (_file_id)" if has_texts else ""}
        where status in {WAITING} order by loaded_at, _file_id
    """
    return [SetAside(*row) for row in connection.execute(query).fetchall()]


def keep_text(connection: duckdb.DuckDBPyConnection, file_id: int, text: str | None) -> None:
    """Keep what offends in a file, cut and made printable; within the transaction that writes its ledger row."""
    if text:
        connection.execute("insert into raw._offending values (?, ?)", [file_id, shown(text[:_LONGEST_TEXT])])


def forget_texts(connection: duckdb.DuckDBPyConnection) -> None:
    """Drop the texts of files that wait no more; the landing folder has the files themselves."""
    waiting = f"select _file_id from raw._files where status in {WAITING}"
    connection.execute(f"delete from raw._offending where _file_id not in ({waiting})")
