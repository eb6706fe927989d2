{#
    A model's descriptions as comments in the database, where `describe`, BI tools and whoever copies the tables find them.

    Overrides dbt-duckdb's own, which sets every comment on every build, one statement a column, and leaves the names
    unquoted: an hourly build would alter the change log inside the transaction that writes its rows, and a column named
    `order` would stop it. Here only what differs is set; of a table that a build merely adds to, that is nothing.

    Arguments: relation, what was built; model, its node; for_relation and for_columns, what is wanted of the two.
#}
{% macro duckdb__persist_docs(relation, model, for_relation, for_columns) -%}
    {%- do set_comments(relation, model, for_relation and config.persist_relation_docs(), for_columns and config.persist_column_docs()) -%}
{%- endmacro %}


{# The same, whatever the model in hand is configured to. #}
{% macro set_comments(relation, model, for_relation, for_columns) -%}
    {%- set wanted = {} -%}
    {%- if for_relation -%}{%- do wanted.update({none: model.description}) -%}{%- endif -%}
    {%- if for_columns -%}
        {%- for column in model.columns.values() -%}{%- do wanted.update({column.name: column.description}) -%}{%- endfor -%}
    {%- endif -%}
    {%- set statements = [] -%}
    {%- for name, comment in (present_comments(relation) if wanted else []) -%}
        {%- set text = wanted.pop(name, none) -%}
        {%- if text and text != comment -%}
            {%- set what = (relation.type ~ ' ' ~ relation) if name is none else ('column ' ~ relation ~ '.' ~ adapter.quote(name)) -%}
            {%- do statements.append('comment on ' ~ what ~ " is '" ~ text | replace("'", "''") ~ "'") -%}
        {%- endif -%}
    {%- endfor -%}
    {%- if statements -%}{%- do run_query(statements | join(';\n')) -%}{%- endif -%}
{%- endmacro %}


{#
    A relation's comments as they are: a list of (name, comment), of itself (name none) and of each column. A view was created this moment
    and has none, so that its columns are enough: asking DuckDB for comments looks through the whole catalog, and a result that
    dbt makes a table of takes longer than the view. A struct is told by its fields; the column is what stands before the dot.
#}
{% macro present_comments(relation) -%}
    {%- set found = [(none, none)] if relation.is_view else [] -%}
    {%- if relation.is_view -%}
        {%- for column in adapter.get_column_schema_from_query('from ' ~ relation) -%}
            {%- do found.append((column.name.split('.')[0], none)) -%}
        {%- endfor -%}
    {%- else -%}
        {%- set place = "database_name = '" ~ relation.database ~ "' and schema_name = '" ~ relation.schema ~ "'" -%}
        {%- set query -%}
            select null::varchar as column_name, comment from duckdb_tables() where {{ place }} and table_name = '{{ relation.identifier }}'
            union all
            select column_name, comment from duckdb_columns() where {{ place }} and table_name = '{{ relation.identifier }}'
        {%- endset -%}
        {%- for row in run_query(query).rows -%}{%- do found.append((row['column_name'], row['comment'])) -%}{%- endfor -%}
    {%- endif -%}
    {%- do return(found) -%}
{%- endmacro %}
