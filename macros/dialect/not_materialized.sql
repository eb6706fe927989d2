{#
    What stands before the brackets of a common table expression that is to be worked out anew wherever it is read, for a few of its columns.
#}
{% macro not_materialized() -%}
    {{ adapter.dispatch('not_materialized')() }}
{%- endmacro %}


{% macro default__not_materialized() -%}
    not materialized
{%- endmacro %}
