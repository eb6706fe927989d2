{#
    The tables of topics of which nothing was delivered yet: empty, as their four models would make them, by the same macros. To build a model
    takes dbt a tenth of a second whatever it holds, and on the first day nearly all of them hold nothing.

    In `on-run-start`, for the loader, which leaves these models out of what it asks of dbt (loaders/blank.py) and has the ledger's tables.
    Whoever runs dbt by hand has the models built. On DuckDB only.

    Arguments: topics, list of names. Example: `{{ lay_out(var('laid_out', [])) }}`
#}
{% macro lay_out(topics) -%}
    {%- for topic in topics if execute -%}
        {%- set rows = relation_of('stg_fortress__' ~ topic, 'view') -%}
        {%- set changes, versions, current = relation_of(topic ~ '_changes', 'table'), relation_of(topic ~ '_history', 'view'), relation_of(topic, 'view') -%}
        {%- for relation in [rows, changes, versions, current] -%}
            {%- set present = load_cached_relation(relation) -%}
            {%- if present is not none and present.type != relation.type -%}{%- do adapter.drop_relation(present) -%}{%- endif -%}
        {%- endfor -%}
        {%- call statement(auto_begin=true) -%}
        create or replace view {{ rows }} as ({{ typed_rows(topic, source('fortress', topic)) }});
        create or replace table {{ changes }} as ({{ blank_change_log(topic, rows) }});
        create or replace view {{ versions }} as ({{ history(topic, changes) }});
        create or replace view {{ current }} as ({{ current_state(topic, versions) }});
        {{ note_seen(changes) }}
        {%- endcall -%}
        {%- for relation in [rows, changes, versions, current] -%}
            {%- set model = graph.nodes['model.' ~ project_name ~ '.' ~ relation.identifier] -%}
            {%- set wanted = model.config.persist_docs or {} -%}
            {%- do set_comments(relation, model, wanted.get('relation'), wanted.get('columns')) -%}
            {%- do adapter.cache_added(relation) -%}
        {%- endfor -%}
        {%- do adapter.commit() -%}
    {%- endfor -%}
{%- endmacro %}


{# Where a model's relation stands. #}
{% macro relation_of(name, type) -%}
    {%- set model = graph.nodes['model.' ~ project_name ~ '.' ~ name] -%}
    {%- do return(api.Relation.create(database=model.database, schema=model.schema, identifier=model.alias, type=type)) -%}
{%- endmacro %}


{# A change log of nothing, with the columns and types of change_log. Arguments: topic, literal; rows, its staging view. #}
{% macro blank_change_log(topic, rows) -%}
    {%- set columns = topic_columns(topic) -%}
    select
        {%- for column in columns %}
        {{ adapter.quote(column.name) }},
        {%- endfor %}
        _organization_id,
        _file_id,
        _row_number,
        _op,
        null::timestamp as _batch_at,
        null::varchar as outcome,
        null::timestamp as valid_from,
        null::timestamp as valid_to,
        null::boolean as is_current,
        null::boolean as is_deleted,
        null::varchar as change_type,
        null::bigint as version_number,
        null::boolean as _rules_disagree,
        _cast_failures,
        null::varchar as _resolution,
        null::bigint as _newest_file_id,
        {{ image_of(columns) }} as _image
        {{- bucket_column() }}
    from {{ rows }}
    where false
{%- endmacro %}
