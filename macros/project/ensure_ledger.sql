{#
    Creates the loader's ledger, empty, where nothing was ever loaded: the project builds on its first day, without exports. So with what
    the API said.

    Their columns come from the registry's entries `_files` and `_api_reconciliation`, which a test holds equal to the loader's own definitions.
#}
{% macro ensure_ledger() -%}
    {%- if execute -%}{{ adapter.dispatch('ensure_ledger')() }}{%- endif -%}
{%- endmacro %}


{% macro default__ensure_ledger() -%}
    create schema if not exists raw;
    {%- for table in ['_files', '_api_reconciliation'] %}
    create table if not exists raw.{{ table }} (
        {%- for column in registry_columns(table) %}
        {{ adapter.quote(column.name) }} {{ column.data_type }}{{ ',' if not loop.last }}
        {%- endfor %}
    );
    {%- endfor %}
    create table if not exists raw._seen (topic varchar, _file_id bigint);
    create table if not exists raw._built (topic varchar, _file_id bigint, project_fingerprint varchar, built_at timestamp)
{%- endmacro %}
