{#
    The aggregate of what the greatest row says, by several keys: null is less than any value, and no reason to pass a row over.

    Arguments: value, an SQL expression; keys, a list of SQL expressions, as survivor_keys gives them.
    Example: `{{ first_by('_op', ['_row_number']) }}` -> `first(_op order by _row_number desc nulls last)`.
#}
{% macro first_by(value, keys) -%}
    {{ adapter.dispatch('first_by')(value, keys) }}
{%- endmacro %}


{% macro default__first_by(value, keys) -%}
    first({{ value }} order by {{ keys | join(' desc nulls last, ') }} desc nulls last)
{%- endmacro %}
