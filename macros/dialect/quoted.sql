{#
    A column's name as a statement quotes it, whatever characters a file gave it. `adapter.quote` is for names in snake_case, which hold
    no quotation mark.

    Arguments: name. Example: `{{ quoted('unitId') }}` -> `"unitId"`.
#}
{% macro quoted(name) -%}
    {{ adapter.dispatch('quoted')(name) }}
{%- endmacro %}


{% macro default__quoted(name) -%}
    "{{ name | replace('"', '""') }}"
{%- endmacro %}
