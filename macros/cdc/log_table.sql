{#
    The table that a change log is. What was delivered is stored; a column that is expected, and that nobody has delivered yet, is there as a
    virtual one, which is null and costs nothing. They were half of the columns that a first load wrote. On DuckDB: Spark's formats
    write next to nothing for a column of nulls. JSON is stored all the same: DuckDB looks for that type's extension where it reads of
    a change to such a table in its log, after a crash, and has not loaded it by then.

    create_log       the statement that makes an empty log. relation, the log; columns, of topic_columns
    is_stored        whether a column of a log is stored. column, of topic_columns
    store_delivered  the statements by which columns are stored from now on that have been delivered since the log was made. log, a relation
                     in the database; columns, of topic_columns
#}
{% macro create_log(relation, columns) -%}
    create or replace table {{ relation }} (
        {%- for column in columns %}
        {%- set data_type = catalog_type(column.data_type) %}
        {{ adapter.quote(column.name) }} {{ data_type }} {{- '' if is_stored(column) else ' generated always as (null::' ~ data_type ~ ') virtual' }},
        {%- endfor %}
        _organization_id varchar,
        _file_id bigint,
        _row_number bigint,
        _op varchar,
        _batch_at timestamp,
        outcome varchar,
        valid_from timestamp,
        valid_to timestamp,
        is_current boolean,
        is_deleted boolean,
        change_type varchar,
        version_number bigint,
        _rules_disagree boolean,
        _cast_failures struct(column_name varchar, value varchar)[],
        _resolution varchar,
        _newest_file_id bigint,
        _image ubigint,
        _bucket uinteger
    )
{%- endmacro %}


{% macro is_stored(column) -%}
    {%- do return(column.delivered | length > 0 or column.data_type == 'json' or target.type != 'duckdb') -%}
{%- endmacro %}


{% macro store_delivered(log, columns) -%}
    {%- set query -%}
        select column_name from duckdb_columns()
        where database_name = current_database() and schema_name = '{{ log.schema }}' and table_name = '{{ log.identifier }}' and is_generated
    {%- endset -%}
    {%- set virtual = run_query(query).columns[0].values() -%}
    {%- for column in columns if column.name in virtual and is_stored(column) %}
    alter table {{ log }} drop column {{ adapter.quote(column.name) }};
    alter table {{ log }} add column {{ adapter.quote(column.name) }} {{ catalog_type(column.data_type) }};
    {% endfor -%}
{%- endmacro %}
