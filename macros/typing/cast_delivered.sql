{#
    One delivered text as a typed value; null where it does not cast exactly.

    Exactly: DuckDB's own casts ignore a timestamp's offset, round decimals and turn 12.5 into the integer 13. A value that
    would have to change to fit is no value of that type; the audit of casts lists it.

    Arguments: value, an SQL expression of type text; data_type, one of the types below.
    Example: `cast_delivered('"dueDate"', 'date')` -> `try_cast("dueDate" as date)`.
#}
{% macro cast_delivered(value, data_type) -%}
    {%- if data_type == 'text' -%}
        {{ value }}
    {%- elif data_type == 'timestamp' -%}
        case
            when regexp_matches({{ value }}, ':\d\d(\.\d+)?\s*[+-]\d\d(:?\d\d)?$') then try_cast({{ value }} as timestamptz) at time zone 'UTC'
            else try_cast({{ value }} as timestamp)
        end
    {%- elif data_type.startswith('decimal') -%}
        {%- set scale = data_type.split(',')[1].rstrip(') ') | int -%}
        case when rtrim({{ value }}, '0') not like '%.{{ '_' * (scale + 1) }}%' then try_cast({{ value }} as {{ data_type }}) end
    {%- elif data_type == 'bigint' -%}
        case when try_cast({{ value }} as decimal(38, 6)) = try_cast({{ value }} as bigint) then try_cast({{ value }} as bigint) end
    {%- elif data_type in ('date', 'boolean', 'json') -%}
        try_cast({{ value }} as {{ data_type }})
    {%- else -%}
        {{ exceptions.raise_compiler_error("cast_delivered: unknown data_type '" ~ data_type ~ "'. Use text, timestamp, date, boolean, bigint, json or decimal(p,s).") }}
    {%- endif -%}
{%- endmacro %}
