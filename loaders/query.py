"""A first look at the published tables, without any other tool."""

import re
from collections.abc import Iterator
from typing import Any

import duckdb

from loaders.errors import LoaderError, SettingsError
from loaders.registry import topics
from loaders.settings import Settings
from loaders.warehouse import open_build, table_columns, topic_tables

MOST_ROWS = 50

Answer = tuple[list[str], list[tuple[Any, ...]], bool]

_NO_TABLE = re.compile(r"Table with name \"?(.+?)\"? does not exist")
_NO_COLUMN = re.compile(r"(?:Referenced column|does not have a column named) \"(.+?)\"")


class QueryRefused(LoaderError):
    """DuckDB could not run the query."""


def query_published(settings: Settings, sql: str, most: int | None = MOST_ROWS) -> Answer:
    """Column names and the first ``most`` rows (None: all) of a query on the published file; whether there are more.

    QueryRefused in DuckDB's words, and in ours where what was asked for is withheld, or not built.
    """
    if not settings.published.exists():
        raise SettingsError(f"{settings.published} does not exist yet: `python -m loaders run` makes it.")
    try:
        with duckdb.connect(str(settings.published), read_only=True) as connection:
            return _answer(settings, connection, sql, most)
    except duckdb.Error as error:
        raise QueryRefused(str(error)) from None


def _answer(settings: Settings, connection: duckdb.DuckDBPyConnection, sql: str, most: int | None) -> Answer:
    try:
        result = connection.execute(sql)
    except (duckdb.CatalogException, duckdb.BinderException) as error:
        raise QueryRefused("\n  ".join([str(error), *_hints(settings, connection, str(error))])) from None
    if result is None or result.description is None:
        raise QueryRefused("there is no query in this text")
    rows = result.fetchall() if most is None else result.fetchmany(most)
    return [name for name, *_ in result.description], rows, bool(most and result.fetchone())


def _hints(settings: Settings, connection: duckdb.DuckDBPyConnection, said: str) -> Iterator[str]:
    """Why what is looked for in vain is not there, if that is known."""
    table, column = _NO_TABLE.search(said), _NO_COLUMN.search(said)
    if table:
        name = table[1].rpartition(".")[2].lower()
        yield from _withheld(settings, connection, "column_name is null and split_part(table_name, '.', 2) = ?", name)
        yield from _unbuilt(settings, name.removesuffix("_history").removesuffix("_changes"))
    elif column:
        yield from _withheld(settings, connection, "column_name = ?", column[1].lower())


def _withheld(settings: Settings, connection: duckdb.DuckDBPyConnection, condition: str, name: str) -> Iterator[str]:
    if not table_columns(connection, "audit", "withheld"):
        return
    query = f"select distinct table_name from audit.withheld where treatment = 'left out' and {condition} order by 1 limit 3"
    if found := [table for (table,) in connection.execute(query, [name]).fetchall()]:
        yield (
            f"{name} is left out of the published file ({', '.join(found)}), because it may name a person or open a door: "
            f"`from audit.withheld`. FORTRESS_PII decides; {settings.build} has it."
        )


def _unbuilt(settings: Settings, topic: str) -> Iterator[str]:
    """A topic that was delivered and has no marts; nothing where the build cannot be looked into just now."""
    if topic in topics():
        return
    try:
        with open_build(settings.build, read_only=True) as connection:
            delivered = topic in topic_tables(connection)
    except LoaderError:
        return
    if delivered:
        yield f"{topic} was delivered, and is in raw alone so far: `python -m loaders scaffold {topic}` gives it tables."
