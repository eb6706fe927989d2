"""What a published file holds: the build's marts and audit, less what the policy on personal data withholds.

Tables are written column by column into an empty file, so that no byte of what is left out was ever in it. Views are created
again over what is there; a topic's current state, a view in the build, is written out as a table, as most questions are asked of it.
What the next version takes over from this one: loaders/published_updates.py.
"""

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb

from loaders.privacy import NESTED_PERSON, Policy, Treatment, hashed, restricted_topics
from loaders.published_relations import PUBLISHED_SCHEMAS, Comment, Relation, comments_of, in_force, read_relations
from loaders.published_views import Lost, Name, parse_view, without
from loaders.table_macros import create_table_macros
from loaders.warehouse import quote, quote_text

READABLE_FROM = "v1.2.0"  # what analysts open the file with has an older DuckDB inside for months after a new one is out
# Without a log: what is not finished is thrown away.
_OPTIONS = f"storage_version '{READABLE_FROM}', recovery_mode no_wal_writes"
_CAST_FAILURES = "_cast_failures"
_WITHHELD_COMMENT = (
    "One row per column that is left out of this file, or hashed, because it may name a person or open a door; "
    "column_name is null where a whole table is left out."
)


def write_published(connection: duckdb.DuckDBPyConnection, target: Path, policy: Policy) -> dict[str, int]:
    """Write ``target``, which must not exist, from the build that ``connection`` has open. The tables' rows by ``schema.table``."""
    build, comments, rows = read_relations(connection), comments_of(connection), {}
    with attached(connection, target), _in_any_order(connection):
        for schema in PUBLISHED_SCHEMAS:
            connection.execute(f"create schema published.{schema}")
        for table in build:
            if table.kind == "table":
                rows |= _copied(connection, table, policy)
        connection.execute("use published")
        published = {one.key: _names(one) for one in read_relations(connection)}
        published |= _create_views(connection, build, published)
        rows |= {f"marts.{one.name}": in_force(connection, one) for one in build if one.is_current_state and one.key in published}
        create_table_macros(connection)
        _tell_withheld(connection, build, published, policy)
        _comment(connection, comments, published, {one.key for one in build if one.is_current_state})
    return rows


def _copied(connection: duckdb.DuckDBPyConnection, table: Relation, policy: Policy) -> dict[str, int]:
    """One table without what is withheld; its rows by name, nothing where nothing is left."""
    if not (found := selected(connection, table, policy)):
        return {}
    return {f"{table.schema}.{table.name}": _write_table(connection, f"published.{table.quoted}", *found, table.virtual)}


def _write_table(connection: duckdb.DuckDBPyConnection, name: str, select: str, given: dict[str, Any], virtual: Collection[str]) -> int:
    """Write what a select gives as a table, in which those columns are ``virtual``; its rows."""
    query = f"create table {name} as {select}"
    if virtual:
        kinds = {column: str(kind) for column, kind, *_ in connection.execute(f"from ({select}) limit 0", given).description}
        null = {column: f" generated always as (null::{kinds[column]}) virtual" for column in virtual if column in kinds}
        items = ", ".join(f"{quote(column)} {kind}{null.get(column, '')}" for column, kind in kinds.items())
        connection.execute(f"create table {name} ({items})")
        query = f"insert into {name} by name select {', '.join(quote(column) for column in kinds if column not in null)} from ({select})"
    (rows,) = connection.execute(query, given).fetchone()
    return rows


def selected(
    connection: duckdb.DuckDBPyConnection, table: Relation, policy: Policy, source: str | None = None
) -> tuple[str, dict[str, Any]] | None:
    """What may be published of a table, or of those of its rows that ``source`` gives, as a select with its parameters; None when
    that is nothing.

    The key is a parameter: no statement, plan or message holds it.
    """
    treated = {name: policy.treat(table.name, name, kind) for name, kind in table.columns}
    left = [(name, kind) for name, kind in table.columns if treated[name] != Treatment.LEAVE_OUT]
    if not left or policy.withholds(table.name):
        return None
    source = source or table.quoted
    copies = _copies(connection, table.name, [one for one in left if treated[one[0]] == Treatment.KEEP], policy, source)
    columns = [_published(name, treated[name], policy, name in copies) for name, _ in left]
    select = f"select {', '.join(columns)} from {source}{_rows_of_open_topics(table, policy)}"
    given: dict[str, Any] = policy.pads() if Treatment.HASH in treated.values() else {}
    if policy.mode != "include":
        given |= {"nested_person": NESTED_PERSON, "withheld": [name for name, what in treated.items() if what != Treatment.KEEP]}
        given["restricted"] = sorted(restricted_topics())
    return select, {name: value for name, value in given.items() if f"${name}" in select}


def _copies(
    connection: duckdb.DuckDBPyConnection, relation: str, columns: Sequence[tuple[str, str]], policy: Policy, source: str
) -> frozenset[str]:
    """Those of the columns that may hold copies of records in JSON, by how their texts begin.

    To look into all of them costs an hour's few rows four times what it costs to write them: DuckDB reads the pattern anew for each.
    """
    texts = [name for name, kind in columns if kind == "JSON" or (kind == "VARCHAR" and policy.may_be_nested(relation, name))]
    if policy.mode == "include" or not texts:
        return frozenset()
    begun = ", ".join(f"bool_or({_begins_as_json(quote(name))})" for name in texts)
    found = connection.execute(f"select {begun} from {source}").fetchone()
    return frozenset(name for name, has_begun in zip(texts, found, strict=True) if has_begun)


def _published(name: str, treatment: Treatment, policy: Policy, may_be_copy: bool) -> str:
    """A column's item in the select list."""
    column = quote(name)
    if treatment == Treatment.HASH:
        return f"{hashed(column)} as {column}"
    if policy.mode != "include" and name == _CAST_FAILURES:
        return f"{_CAST_FAILURES_WITHOUT_PERSONS} as {column}"
    if may_be_copy:
        return f"case when {_holds_person(column)} then null else {column} end as {column}"
    return column


def _holds_person(text: str) -> str:
    """Whether a JSON text holds a copy of somebody's record, in SQL."""
    return f"coalesce({_begins_as_json(text)} and regexp_matches({text}::varchar, $nested_person), false)"


def _begins_as_json(text: str) -> str:
    """Whether a text may be JSON that has keys or texts in it, in SQL."""
    return f"left({text}::varchar, 1) in ('{{', '[', ' ', '\"')"


_CAST_FAILURES_WITHOUT_PERSONS = """
    list_transform(_cast_failures, lambda failure: {
        'column_name': failure.column_name,
        'value': case
            when list_contains($withheld::varchar[], failure.column_name) or regexp_matches(failure.value, $nested_person) then null
            else failure.value
        end
    })
"""


def _rows_of_open_topics(table: Relation, policy: Policy) -> str:
    """A table of several topics' records loses those of restricted topics; a table of files has no ``id`` and keeps its rows."""
    names = {name for name, _ in table.columns}
    return (
        " where list_contains($restricted::varchar[], topic) is not true" if {"topic", "id"} <= names and policy.mode != "include" else ""
    )


def _names(relation: Relation) -> frozenset[str]:
    return frozenset(name.lower() for name, _ in relation.columns)


def _create_views(
    connection: duckdb.DuckDBPyConnection, build: list[Relation], tables: dict[Name, frozenset[str]]
) -> dict[Name, frozenset[str]]:
    """The columns of the views that there are now, over these tables.

    Views may stand on views: each is created when what it reads is there. One that cannot do without what is lost is lost too.
    """
    queries = {one: parse_view(connection, one.definition) for one in build if one.kind == "view"}
    gone = {one.key for one in build if one.kind == "table" and one.key not in tables}
    lost = {one.key: _names(one) - tables[one.key] for one in build if one.key in tables}
    found: dict[Name, frozenset[str]] = {}
    waiting = list(queries)
    while waiting:
        names = {view.key for view in waiting}
        ready = [view for view in waiting if not queries[view].reads & names] or waiting  # views in a circle there are none
        for view in ready:
            columns = _created(connection, view, without(connection, queries[view], Lost(frozenset(gone), lost)))
            if columns is None:
                gone.add(view.key)
            else:
                found[view.key] = columns
                lost[view.key] = _names(view) - columns
        waiting = [view for view in waiting if view not in ready]
    return found


def _created(connection: duckdb.DuckDBPyConnection, view: Relation, select: str | None) -> frozenset[str] | None:
    """The columns that the view, or the table in its place, has now; None when it cannot be."""
    if select is None:
        return None
    kind = "table" if view.is_current_state else "view"
    try:
        if view.is_current_state:
            _write_table(connection, view.quoted, select, {}, view.virtual)
        else:
            connection.execute(f"create view {view.quoted} as {select}")
        found = connection.execute(f"describe {view.quoted}").fetchall()
    except (duckdb.BinderException, duckdb.CatalogException):
        connection.execute(f"drop {kind} if exists {view.quoted}")
        return None
    return frozenset(name.lower() for name, *_ in found)


def _tell_withheld(
    connection: duckdb.DuckDBPyConnection, build: list[Relation], published: dict[Name, frozenset[str]], policy: Policy
) -> None:
    """``audit.withheld``: what an analyst looks for in vain, and what is hashed. Column null: the whole relation."""
    rows = [row for one in build for row in _withheld(one, published.get(one.key), policy)]
    connection.execute("create table audit.withheld (table_name varchar, column_name varchar, treatment varchar)")
    columns = [list(column) for column in zip(*rows, strict=True)] or [[], [], []]
    connection.execute("insert into audit.withheld select unnest(?::varchar[]), unnest(?::varchar[]), unnest(?::varchar[])", columns)
    connection.execute(f"comment on table audit.withheld is '{_WITHHELD_COMMENT}'")


def _withheld(one: Relation, published: frozenset[str] | None, policy: Policy) -> list[tuple[str, str | None, str]]:
    name = f"{one.schema}.{one.name}"
    if published is None:
        return [(name, None, Treatment.LEAVE_OUT)]
    gone = [(name, column, Treatment.LEAVE_OUT) for column, _ in one.columns if column.lower() not in published]
    changed = [(name, column, policy.treat(one.name, column, kind)) for column, kind in one.columns if column.lower() in published]
    return gone + [row for row in changed if row[2] != Treatment.KEEP]


def _comment(
    connection: duckdb.DuckDBPyConnection, comments: list[Comment], published: dict[Name, frozenset[str]], written_out: set[Name]
) -> None:
    """The build's comments on all that is there: one transaction, in which thousands cost a fraction of a second.

    Views that were ``written_out`` are tables by now.
    """
    connection.execute("begin")
    for kind, schema, name, column, text in comments:
        if (schema, name) in published and (column is None or column.lower() in published[schema, name]):
            place = f"{schema}.{quote(name)}" + (f".{quote(column)}" if column else "")
            what = "table" if kind == "view" and (schema, name) in written_out else kind
            connection.execute(f"comment on {what} {place} is {quote_text(text)}")
    connection.execute("commit")


@contextmanager
def _in_any_order(connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """Within: rows may be written in another order than they were read. To keep it, one thread writes where memory is limited, and the
    others wait."""
    connection.execute("set preserve_insertion_order = false")
    try:
        yield
    finally:
        connection.execute("reset preserve_insertion_order")


@contextmanager
def attached(connection: duckdb.DuckDBPyConnection, target: Path) -> Iterator[None]:
    """``target``, made if there is none, as the database ``published`` beside the build."""
    (build,) = connection.execute("select current_database()").fetchone()
    connection.execute(f"attach {quote_text(str(target))} as published ({_OPTIONS})")
    try:
        yield
    finally:
        connection.execute(f"use {quote(build)}")
        connection.execute("detach published")
