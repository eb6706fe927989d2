{#
    A relation, or no rows with the columns that are wanted of it, where it was not built yet: a single topic can be built on an empty
    warehouse, with all that stands on it.

    Arguments: relation, a model or seed; columns, types by name. Example: `from {{ rows_or_none(ref('properties'), {'id': 'varchar'}) }} as own`
#}
{% macro rows_or_none(relation, columns) -%}
    {%- if not execute or load_relation(relation) -%}
        {{ relation.include(database=false) }}
    {%- else -%}
        (select {% for name, data_type in columns.items() %}null::{{ data_type }} as {{ name }}{{ ', ' if not loop.last }}{% endfor %} where false)
    {%- endif -%}
{%- endmacro %}
