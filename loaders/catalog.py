"""What a database says of its relations, as one mark by which two states of it are told apart."""

from collections.abc import Sequence

import duckdb


def catalog_of(connection: duckdb.DuckDBPyConnection, schemas: Sequence[str] = ()) -> str:
    """A mark of the relations of the database in use, or of some of its schemas: while it is the same, they have the same names, columns,
    types, comments, keys and indexes. It says nothing of rows, nor of how a view is defined."""
    here = "database_name = current_database() and (len($schemas::varchar[]) = 0 or list_contains($schemas::varchar[], schema_name))"
    query = f"""
        with catalog as (
            select hash('table', schema_name, table_name, comment, has_primary_key, index_count, check_constraint_count) as one
            from duckdb_tables() where {here}
            union all
            select hash('column', schema_name, table_name, column_index, column_name, data_type, is_nullable, column_default, comment)
            from duckdb_columns() where {here}
            union all
            select hash('view', schema_name, view_name, comment) from duckdb_views() where {here}
            union all
            select hash('constraint', schema_name, table_name, constraint_text) from duckdb_constraints() where {here}
        )
        select count(*), sum(one)::varchar from catalog
    """
    return repr(connection.execute(query, {"schemas": [*schemas]}).fetchone())
