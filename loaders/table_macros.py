"""Table macros of the published file: ``marts.<topic>_as_of(moment)`` and ``marts.<topic>_changes_between(since, before)``.

Their SQL is that of dbt's macros, read from ``macros/analysis/``, so that an analyst with and one without dbt are told the
same. It names no column of a topic: whatever the published file holds, and leaves out, the macros go along with it.

DuckDB looks a macro's tables up in the session's catalog, not in the macro's own. A file that is attached has to be in use
(``use name``, or in the search path); else the macros would silently read another file's tables, so they refuse that.
"""

from functools import cache
from typing import Any
from uuid import uuid4

import duckdb
from jinja2 import Environment

from loaders.settings import PROJECT
from loaders.warehouse import quote, quote_text

_MACROS = PROJECT / "macros" / "analysis"
_HISTORY_COLUMNS = ["_organization_id", "id", "valid_from", "valid_to", "is_deleted", "change_type", "version_number"]
_AS_OF = "The rows of {topic} as they were at a moment: text, date or timestamp, UTC unless it says otherwise."
_CHANGES = "What became of {topic} since a moment and before another: one row per step and changed column, with its old and new value."


def create_table_macros(connection: duckdb.DuckDBPyConnection) -> None:
    """Two macros for each history in the schema ``marts`` of the database in use; in one transaction, each by itself costs as much."""
    connection.execute("begin")
    publication = uuid4().hex
    connection.execute(f"create or replace macro marts.publication_id() as '{publication}'")
    for topic in _topics_with_history(connection):
        history = f"marts.{quote(topic + '_history')}"
        as_of = as_of_sql(history, "moment")
        changes = changes_between_sql(history, "since", "before")
        _create(connection, f"{topic}_as_of", "moment", _guarded(as_of, publication), _AS_OF.format(topic=topic))
        _create(connection, f"{topic}_changes_between", "since, before", _guarded(changes, publication), _CHANGES.format(topic=topic))
    connection.execute("commit")


def as_of_sql(history: str, moment: str) -> str:
    """The select of dbt's ``as_of``; ``history`` and ``moment`` are SQL."""
    return str(_macros().versions_as_of(history, moment))


def changes_between_sql(history: str, since: str, before: str) -> str:
    """The select of dbt's ``changes_between``; all three are SQL."""
    return str(_macros().steps_between(history, since, before))


def _create(connection: duckdb.DuckDBPyConnection, name: str, parameters: str, body: str, comment: str) -> None:
    connection.execute(f"create or replace macro marts.{quote(name)}({parameters}) as table {body}")
    connection.execute(f"comment on macro table marts.{quote(name)} is {quote_text(comment)}")


def _guarded(body: str, publication: str) -> str:
    """``marts.publication_id()`` is looked up as the tables are: another file's answer means that they are another file's, too."""
    refusal = "this macro belongs to an attached file that is not in use: use it first, or put it in the search path"
    return f"from ({body}) where case when marts.publication_id() = '{publication}' then true else error('{refusal}') end"


def _topics_with_history(connection: duckdb.DuckDBPyConnection) -> list[str]:
    """Topics whose ``<topic>_history`` is in the file and has what a history has; something else may bear such a name."""
    query = """
        select table_name[:-len('_history') - 1] from duckdb_columns()
        where database_name = current_database() and schema_name = 'marts' and ends_with(table_name, '_history')
        group by table_name having list_has_all(list(column_name), ?)
        order by table_name
    """
    return [topic for (topic,) in connection.execute(query, [_HISTORY_COLUMNS]).fetchall()]


@cache
def _macros() -> Any:
    """dbt's macros as functions; only those that ask nothing of dbt can be called."""
    text = "".join(path.read_text(encoding="utf-8") for path in sorted(_MACROS.glob("*.sql")))
    return Environment().from_string(text).module
