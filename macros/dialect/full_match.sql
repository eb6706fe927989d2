{#
    Whether a text matches a regular expression from its first character to its last.

    Arguments: value, an SQL expression of type text; pattern. Example: `{{ full_match('id', '\\d+') }}` -> `regexp_full_match(id, '\d+')`.
#}
{% macro full_match(value, pattern) -%}
    {{ adapter.dispatch('full_match')(value, pattern) }}
{%- endmacro %}


{% macro default__full_match(value, pattern) -%}
    regexp_full_match({{ value }}, '{{ pattern }}')
{%- endmacro %}
