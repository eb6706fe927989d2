"""What a run met that nobody asked for and somebody may want to know: columns that are new, values that do not fit their type.

Neither stops anything: new columns come along, such values are null and listed. Said in a few lines, once, by the run that met them.
"""

import json
from collections.abc import Iterator

import duckdb

from loaders.news import LEDGER, News
from loaders.progress import Line
from loaders.registry import modelled_topics, topics
from loaders.seam import shown
from loaders.status import unknown_columns
from loaders.warehouse import table_columns
from loaders.words import counted

_MOST_NAMED = 5
_MOST_LINES = 10


def new_columns(connection: duckdb.DuckDBPyConnection, news: News) -> Iterator[Line]:
    """A line for each topic that has columns which the registry does not expect and no build has seen; ``status`` names them all."""
    built = {topic: json.loads(columns) for topic, columns in connection.execute("from raw._staged").fetchall()}
    known = sorted(topics().keys() & news.columns.keys())
    fresh = {topic: [name for name in unknown_columns(connection, topic) if name not in built.get(topic, ())] for topic in known}
    found = [(topic, names) for topic, names in fresh.items() if names]
    for topic, names in found[:_MOST_LINES]:
        named = ", ".join(shown(name[:60]) for name in names[:_MOST_NAMED]) + (", ..." if len(names) > _MOST_NAMED else "")
        text = f"{topic}: {counted(len(names), 'column')} that the registry does not know: {named}"
        yield Line(f"{text}. Loaded all the same, typed by the vendor's naming rules", topic=topic, columns=len(names))
    yield from _rest(len(found), "topic", "`python -m loaders status` names all unknown columns")


def newest_built(connection: duckdb.DuckDBPyConnection) -> int:
    """The newest file that a build has seen; 0 before the first one."""
    return connection.execute("select coalesce(max(_file_id), 0) from raw._built where topic = ?", [LEDGER]).fetchone()[0]


def failed_casts(connection: duckdb.DuckDBPyConnection, since: int) -> Iterator[Line]:
    """A line for each column with values, in files after the id ``since``, that did not fit its type."""
    if not table_columns(connection, "audit", "cast_failures"):
        return
    query = "select topic, column_name, count(*) from audit.cast_failures where _file_id > ? group by all order by 3 desc, 1, 2"
    found = [row for row in connection.execute(query, [since]).fetchall() if row[0] in modelled_topics()]
    for topic, column, values in found[:_MOST_LINES]:
        text = f"{topic}.{shown(column)}: {counted(values, 'value')} did not fit the type: null in the marts, listed in audit.cast_failures"
        yield Line(text, level="warning", topic=topic, cast_failures=values)
    yield from _rest(len(found), "column", "`from audit.cast_failures` lists every value")


def _rest(number: int, thing: str, where: str) -> Iterator[Line]:
    if number > _MOST_LINES:
        yield Line(f"and {counted(number - _MOST_LINES, thing)} more: {where}", level="warning")
