"""A first look at the published tables, without any other tool."""

from typing import Any

import duckdb

from loaders.errors import LoaderError, SettingsError
from loaders.settings import Settings

MOST_ROWS = 50


class QueryRefused(LoaderError):
    """DuckDB could not run the query."""


def query_published(settings: Settings, sql: str, most: int | None = MOST_ROWS) -> tuple[list[str], list[tuple[Any, ...]], bool]:
    """Column names and the first ``most`` rows (None: all) of a query on the published file; whether there are more."""
    if not settings.published.exists():
        raise SettingsError(f"{settings.published} does not exist yet: `python -m loaders run` makes it.")
    try:
        with duckdb.connect(str(settings.published), read_only=True) as connection:
            result = connection.execute(sql)
            if result is None or result.description is None:
                raise QueryRefused("there is no query in this text")
            rows = result.fetchall() if most is None else result.fetchmany(most)
            return [name for name, *_ in result.description], rows, bool(most and result.fetchone())
    except duckdb.Error as error:
        raise QueryRefused(str(error)) from None
