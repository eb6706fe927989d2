{# A timestamp after every other. #}
{% macro end_of_time() -%}
    {{ adapter.dispatch('end_of_time')() }}
{%- endmacro %}


{% macro default__end_of_time() -%}
    'infinity'::timestamp
{%- endmacro %}
