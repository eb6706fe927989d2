{#
    Times as whole microseconds, and back: of a timestamp since 1970, and as an interval.

    Arguments: timestamp, number: SQL expressions. Example: `{{ interval_of('usual') }}` -> `to_microseconds(usual)`.
#}
{% macro microseconds_of(timestamp) -%}
    {{ adapter.dispatch('microseconds_of')(timestamp) }}
{%- endmacro %}


{% macro default__microseconds_of(timestamp) -%}
    epoch_us({{ timestamp }})
{%- endmacro %}


{% macro interval_of(number) -%}
    {{ adapter.dispatch('interval_of')(number) }}
{%- endmacro %}


{% macro default__interval_of(number) -%}
    to_microseconds({{ number }})
{%- endmacro %}
