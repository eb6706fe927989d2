"""What a database has of the published schemas: relations with their columns, rows and comments."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

import duckdb

from loaders.published_views import Name
from loaders.warehouse import quote

Comment = tuple[str, str, str, str | None, str]  # kind, schema, relation, column (None: the relation itself), text

PUBLISHED_SCHEMAS = ("marts", "audit")
NEWEST_FILE = "_newest_file_id"  # when a build wrote a row: true of one warehouse, and not of what its files say
IN_FORCE = "(is_current AND (NOT is_deleted))"  # macros/cdc/current_state.sql, as DuckDB writes it down
_IS_PUBLISHED = f"relations.schema_name in {PUBLISHED_SCHEMAS} and not contains(name, '__dbt_')"  # dbt's working copies are not
_NULL = "CAST(CAST(NULL AS "  # how DuckDB writes down that a virtual column is null: macros/cdc/log_table.sql
_BUILDS_OWN = (NEWEST_FILE, "_image", "_bucket")  # by a row's hash, who knows a person knows which is theirs


@dataclass(frozen=True, slots=True)
class Relation:
    """A table or view of the build; ``columns`` are (name, DuckDB's type), ``definition`` is a view's statement.

    ``virtual`` are the names of a change log's, or a current state's, columns that nobody has delivered: null, and not stored
    (macros/cdc/log_table.sql).
    """

    schema: str
    name: str
    kind: str
    definition: str
    columns: tuple[tuple[str, str], ...]
    virtual: tuple[str, ...] = ()

    @property
    def key(self) -> Name:
        """What tells it from every other."""
        return self.schema, self.name

    @property
    def quoted(self) -> str:
        """The name as SQL may hold it."""
        return f"{self.schema}.{quote(self.name)}"

    @property
    def is_current_state(self) -> bool:
        """Whether it is a topic's current state as the project defines it. One that somebody defined otherwise stays a view."""
        return self.kind == "view" and self.definition.rstrip("; \n").endswith(f" FROM marts.{self.name}_history WHERE {IN_FORCE}")

    @property
    def stored(self) -> "Relation":
        """The same without what is virtual."""
        return replace(self, columns=tuple(column for column in self.columns if column[0] not in self.virtual))

    def shows(self, other: str) -> bool:
        """Whether it is a view of columns of ``other``, a mart, as they are: none is worked out, or has another name there."""
        items, reads, _ = self.definition.partition(" AS SELECT ")[2].partition(f" FROM marts.{other} WHERE ")
        return bool(reads) and [item.strip('"') for item in items.split(", ")] == [name for name, _ in self.columns]


def read_relations(connection: duckdb.DuckDBPyConnection) -> list[Relation]:
    """What the database in use has of the published schemas, less dbt's working copies and what is a build's own business."""
    query = f"""
        with relations as (
            select schema_name, table_name as name, 'table' as kind, sql from duckdb_tables() where database_name = current_database()
            union all
            select schema_name, view_name, 'view', sql from duckdb_views() where database_name = current_database()
        )
        select
            any_value(kind),
            any_value(sql),
            relations.schema_name,
            name,
            list((column_name, data_type) order by column_index),
            coalesce(list(column_name order by column_index) filter (where starts_with(generation_expression, '{_NULL}')), [])
        from relations
        inner join duckdb_columns() as columns
            on columns.database_name = current_database() and columns.schema_name = relations.schema_name and table_name = name
            and column_name not in {_BUILDS_OWN}
        where {_IS_PUBLISHED}
        group by relations.schema_name, name
        order by relations.schema_name, name
    """
    rows = connection.execute(query).fetchall()
    found = [Relation(schema, name, kind, sql, tuple(columns), tuple(virtual)) for kind, sql, schema, name, columns, virtual in rows]
    by_key = {one.key: one for one in found}
    return [replace(one, virtual=_virtual_in_current(one, by_key)) if one.is_current_state else one for one in found]


def _virtual_in_current(current: Relation, relations: Mapping[Name, Relation]) -> tuple[str, ...]:
    """What is virtual in the change log that a current state shows; none where a view between them was edited, and may fill it."""
    history, log = (relations.get((current.schema, current.name + kind)) for kind in ("_history", "_changes"))
    if not history or not log or not current.shows(history.name) or not history.shows(log.name):
        return ()
    return tuple(name for name, _ in current.columns if name in log.virtual)


def count_rows(connection: duckdb.DuckDBPyConnection, known: Mapping[str, int] = MappingProxyType({})) -> dict[str, int]:
    """Rows by ``schema.table`` of the database in use: of tables, and of the views of the marts. What is ``known`` is not counted again.

    The audit's views are not run: they read every topic whole, and cost more than all that is published.
    """
    query = f"""
        with relations as (
            select schema_name, table_name as name from duckdb_tables() where database_name = current_database()
            union all
            select schema_name, view_name from duckdb_views() where database_name = current_database() and schema_name = 'marts'
        )
        from relations where {_IS_PUBLISHED} order by all
    """
    found = {f"{schema}.{name}": f"{schema}.{quote(name)}" for schema, name in connection.execute(query).fetchall()}
    return {
        name: known[name] if name in known else connection.execute(f"select count(*) from {quoted}").fetchone()[0]
        for name, quoted in found.items()
    }


def in_force(connection: duckdb.DuckDBPyConnection, current: Relation) -> int:
    """How many rows a topic's current state has, by its history in the published file: the table that was written must have as many."""
    query = f"select count(*) from published.marts.{quote(current.name + '_history')} where {IN_FORCE}"
    (rows,) = connection.execute(query).fetchone()
    return rows


def comments_of(connection: duckdb.DuckDBPyConnection) -> list[Comment]:
    """Every comment of the published schemas."""
    here = f"database_name = current_database() and schema_name in {PUBLISHED_SCHEMAS} and comment is not null"
    return connection.execute(f"""
        select 'table', schema_name, table_name, null, comment from duckdb_tables() where {here}
        union all
        select 'view', schema_name, view_name, null, comment from duckdb_views() where {here}
        union all
        select 'column', schema_name, table_name, column_name, comment from duckdb_columns() where {here}
    """).fetchall()
