{#
    What an engine that can only replace whole partitions of a table needs to know of it. DuckDB replaces rows, and needs none of it.

    rewritten_by    list of the columns by which a build replaces what the change log holds: all rows that share them with a new one
    bucket_column   the select's further column, with its comma, that the log is partitioned by; prefix, that of `_organization_id` and `id`
    load_column     the same of the raw rows: the load that a row came in, so that only the folders of new loads are opened; value, of what
                    has no rows
    is_newer        whether a row's file is newer than another; file_id, an SQL expression of that one

    Example: `select *{{ bucket_column() }} from {{ rows }} where {{ is_newer('(select _file_id from log_end)') }}`
#}
{% macro rewritten_by() -%}
    {%- do return(adapter.dispatch('rewritten_by')()) -%}
{%- endmacro %}


{% macro default__rewritten_by() -%}
    {%- do return(['_organization_id', 'id']) -%}
{%- endmacro %}


{% macro bucket_column(prefix='') -%}
    {{ adapter.dispatch('bucket_column')(prefix) }}
{%- endmacro %}


{% macro default__bucket_column(prefix) -%}{%- endmacro %}


{% macro load_column(value='') -%}
    {{ adapter.dispatch('load_column')(value) }}
{%- endmacro %}


{% macro default__load_column(value) -%}{%- endmacro %}


{% macro is_newer(file_id) -%}
    {{ adapter.dispatch('is_newer')(file_id) }}
{%- endmacro %}


{% macro default__is_newer(file_id) -%}
    _file_id > {{ file_id }}
{%- endmacro %}
