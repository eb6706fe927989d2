{#
    A text that was found to be written as a type demands, as a value of that type; null where there is no such value (February the 30th).

    Arguments: value, an SQL expression of type text; data_type, as in cast_delivered, or `timestamptz`: a timestamp with an offset, which
    becomes UTC. Example: `{{ cast_text('"isPaid"', 'boolean') }}` -> `try_cast(trim("isPaid") as boolean)`.
#}
{% macro cast_text(value, data_type) -%}
    {{ adapter.dispatch('cast_text')(value, data_type) }}
{%- endmacro %}


{% macro default__cast_text(value, data_type) -%}
    {%- if data_type == 'timestamptz' -%}
        try_cast({{ value }} as timestamptz) at time zone 'UTC'
    {%- elif data_type == 'boolean' -%}
        try_cast(trim({{ value }}) as boolean)
    {%- elif data_type == 'json' -%}
        case when json_valid({{ value }}) then json({{ value }}) end {#- without the blanks between: how it was laid out is no change -#}
    {%- else -%}
        try_cast({{ value }} as {{ data_type }})
    {%- endif -%}
{%- endmacro %}
