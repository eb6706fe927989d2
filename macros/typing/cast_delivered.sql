{#
    One delivered text as a typed value; null where it does not cast exactly.

    Exactly: DuckDB's own casts ignore a timestamp's offset, read `infinity` and `epoch` as times, round decimals and turn 12.5
    into the integer 13. A value that would have to change to fit is no value of that type; the audit of casts lists it. Blanks
    around a value are ignored. docs/decisions/0008-typing.md.

    Arguments: value, an SQL expression of type text; data_type, one of the types below.
    Example: `cast_delivered('"isPaid"', 'boolean')` -> `try_cast(trim("isPaid") as boolean)`.
#}
{% macro cast_delivered(value, data_type) -%}
    {%- set iso_day = '\\s*\\d{4}-\\d{2}-\\d{2}' -%}
    {%- set iso_time = '[T ]([01]\\d|2[0-3]):\\d{2}(:\\d{2}([.]\\d+)?)?' -%}
    {%- set iso_offset = '[+-]([01]\\d|2[0-3])(:?[0-5]\\d)?' -%}
    {%- if data_type == 'text' -%}
        {{ value }}
    {%- elif data_type == 'timestamp' -%}
        case
            when {{ full_match(value, iso_day ~ '(' ~ iso_time ~ 'Z?)?\\s*') }} then {{ cast_text(value, 'timestamp') }}
            when {{ full_match(value, iso_day ~ iso_time ~ iso_offset ~ '\\s*') }} then {{ cast_text(value, 'timestamptz') }}
        end
    {%- elif data_type == 'date' -%}
        case
            when {{ full_match(value, iso_day ~ '(' ~ iso_time ~ '(Z|' ~ iso_offset ~ ')?)?\\s*') }} then try_cast(left(ltrim({{ value }}), 10) as date)
        end
    {%- elif data_type == 'bigint' or data_type.startswith('decimal') -%}
        case when {{ is_number_that_fits(value, data_type) }} then {{ cast_text(value, data_type) }} end
    {%- elif data_type in ('boolean', 'json') -%}
        {{ cast_text(value, data_type) }}
    {%- else -%}
        {{ exceptions.raise_compiler_error("cast_delivered: unknown data_type '" ~ data_type ~ "'. Use text, timestamp, date, boolean, bigint, json or decimal(p,s).") }}
    {%- endif -%}
{%- endmacro %}


{#
    Whether a text is a decimal number that the type holds without rounding. A billionth off is let pass: that is the noise of
    a binary fraction (0.30000000000000004), not a digit that somebody wrote.
#}
{% macro is_number_that_fits(value, data_type) -%}
    {{ full_match(value, '\\s*[+-]?(\\d+[.]?\\d*|[.]\\d+)([eE][+-]?\\d+)?\\s*') }}
    and abs({{ cast_text(value, data_type) }} - try_cast({{ value }} as decimal(38, 15))) < 0.000000001
{%- endmacro %}
