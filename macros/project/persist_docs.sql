{#
    A model's descriptions as comments in the database, where `describe`, BI tools and whoever copies the tables find them.

    Overrides dbt-duckdb's own, which sets every comment on every build, one statement a column, and leaves the names
    unquoted: an hourly build would alter the change log inside the transaction that writes its rows, and a column named
    `order` would stop it. Here only what differs is set; of a table that a build merely adds to, that is nothing.

    Arguments: relation, what was built; model, its node; for_relation and for_columns, what is wanted of the two.
#}
{% macro duckdb__persist_docs(relation, model, for_relation, for_columns) -%}
    {%- set wanted = {} -%}
    {%- if for_relation and config.persist_relation_docs() -%}
        {%- do wanted.update({none: model.description}) -%}
    {%- endif -%}
    {%- if for_columns and config.persist_column_docs() -%}
        {%- for column in model.columns.values() -%}{%- do wanted.update({column.name: column.description}) -%}{%- endfor -%}
    {%- endif -%}
    {%- set statements = [] -%}
    {%- for row in run_query(present_comments(relation)).rows -%}
        {%- set text = wanted.get(row['column_name']) -%}
        {%- if text and text != row['comment'] -%}
            {%- set what = relation.type if row['column_name'] is none else 'column' -%}
            {%- set name = relation ~ '' if row['column_name'] is none else relation ~ '.' ~ adapter.quote(row['column_name']) -%}
            {%- do statements.append('comment on ' ~ what ~ ' ' ~ name ~ " is '" ~ text | replace("'", "''") ~ "'") -%}
        {%- endif -%}
    {%- endfor -%}
    {%- if statements -%}{%- do run_query(statements | join(';\n')) -%}{%- endif -%}
{%- endmacro %}


{#
    A relation's comments as they are: of itself (column_name null) and of each column. A view was created this moment and has
    none, so that its columns are enough: asking DuckDB for comments looks through the whole catalog.
#}
{% macro present_comments(relation) -%}
    {%- if relation.is_view -%}
    select null::varchar as column_name, null::varchar as comment
    union all
    select name, null from pragma_table_info('{{ relation | replace("'", "''") }}')
    {%- else -%}
    {%- set place = "database_name = '" ~ relation.database ~ "' and schema_name = '" ~ relation.schema ~ "'" -%}
    select null::varchar as column_name, comment from duckdb_tables() where {{ place }} and table_name = '{{ relation.identifier }}'
    union all
    select column_name, comment from duckdb_columns() where {{ place }} and table_name = '{{ relation.identifier }}'
    {%- endif -%}
{%- endmacro %}
