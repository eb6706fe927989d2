{#
    Lists of structs: how one is written (list_of, struct_of), how it loses the items without a value (those_with), how its items
    become rows and their fields columns (rows_of); and a whole row as JSON (row_as_text).

    Arguments: items, a list of SQL expressions; fields, name -> SQL expression; list, an SQL expression; field, a field of its items;
    alias, of a relation.
    Example: `select {{ rows_of(list_of([struct_of({'column_name': "'a'", 'value': '1'})])) }}`
#}
{% macro list_of(items) -%}
    {{ adapter.dispatch('list_of')(items) }}
{%- endmacro %}


{% macro default__list_of(items) -%}
    [{{ items | join(', ') }}]
{%- endmacro %}


{% macro struct_of(fields) -%}
    {{ adapter.dispatch('struct_of')(fields) }}
{%- endmacro %}


{% macro default__struct_of(fields) -%}
    {% raw %}{{% endraw %}{% for name, value in fields.items() %}'{{ name }}': {{ value }}{{ ', ' if not loop.last }}{% endfor %}}
{%- endmacro %}


{% macro those_with(list, field) -%}
    {{ adapter.dispatch('those_with')(list, field) }}
{%- endmacro %}


{% macro default__those_with(list, field) -%}
    list_filter({{ list }}, lambda item: item.{{ field }} is not null)
{%- endmacro %}


{% macro row_as_text(alias) -%}
    {{ adapter.dispatch('row_as_text')(alias) }}
{%- endmacro %}


{% macro default__row_as_text(alias) -%}
    to_json({{ alias }})::varchar
{%- endmacro %}


{% macro rows_of(list) -%}
    {{ adapter.dispatch('rows_of')(list) }}
{%- endmacro %}


{% macro default__rows_of(list) -%}
    unnest({{ list }}, recursive := true)
{%- endmacro %}
