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
        {{ create_log(changes, topic_columns(topic)) }};
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
