{#
    Makes the lake that `python -m loaders sync --lake` wrote known to Spark: the ledger, and a table for each topic with the columns that
    the loader has seen. Folders of loads are found when they are read. Nothing is published from Spark, so that nothing is noted for it.
#}
{% macro spark__ensure_ledger() -%}
    {%- set raw = env_var('FORTRESS_LAKE_URL') ~ '/raw' -%}
    {%- do run_query('create schema if not exists raw') -%}
    {%- for table in ['files', 'api_reconciliation'] -%}
        {%- do run_query('create or replace view raw._' ~ table ~ ' as select * from parquet.`' ~ raw ~ '/' ~ table ~ '.parquet`') -%}
    {%- endfor -%}
    {%- set topics = {} -%}
    {%- for row in run_query('select topic, column_name, data_type from parquet.`' ~ raw ~ '/columns.parquet` order by topic, position').rows -%}
        {%- do topics.setdefault(row['topic'], []).append(quoted(row['column_name']) ~ ' ' ~ row['data_type']) -%}
    {%- endfor -%}
    {%- for topic, columns in topics.items() -%}
        {%- do run_query('drop table if exists raw.' ~ quoted(topic)) -%}
        {%- do run_query('create table raw.' ~ quoted(topic) ~ ' (' ~ columns | join(', ') ~ ") using parquet partitioned by (_load) location '" ~ raw ~ '/' ~ topic ~ "'") -%}
    {%- endfor -%}
{%- endmacro %}
