{#
    The aggregate, or window function, of the middle value; of two in the middle the lesser.

    Arguments: value, an SQL expression. Example: `{{ median_of('since_last') }} over (partition by topic)`
#}
{% macro median_of(value) -%}
    {{ adapter.dispatch('median_of')(value) }}
{%- endmacro %}


{% macro default__median_of(value) -%}
    quantile_disc({{ value }}, 0.5)
{%- endmacro %}
