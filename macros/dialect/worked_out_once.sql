{#
    What ends a common table expression that is read several times, and is to be worked out once. DuckDB does so by itself.

    Arguments: before, `and` where the expression has a condition already.
    Example: `select * from delivered {{ worked_out_once() }}`
#}
{% macro worked_out_once(before='where') -%}
    {{ adapter.dispatch('worked_out_once')(before) }}
{%- endmacro %}


{% macro default__worked_out_once(before) -%}{%- endmacro %}
