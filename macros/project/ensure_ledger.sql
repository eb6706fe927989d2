{#
    Creates the loader's ledger, empty, where nothing was ever loaded: the project builds on its first day, without exports.

    Its columns come from the registry's entry `_files`, which a test holds equal to the loader's own definition.
#}
{% macro ensure_ledger() -%}
    {%- if execute -%}
    create schema if not exists raw;
    create table if not exists raw._files (
        {%- for column in registry_columns('_files') %}
        {{ adapter.quote(column.name) }} {{ column.data_type }}{{ ',' if not loop.last }}
        {%- endfor %}
    );
    create table if not exists raw._seen (topic varchar, _file_id bigint)
    {%- endif -%}
{%- endmacro %}
