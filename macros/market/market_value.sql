{#
    One delivered text of a market report as a typed value; null where it is none of that type.

    Kinder than cast_delivered, for nobody says how these files are written: `$1,850`, `93.5%` and `10/31/2026` are understood. A date
    is the day at the beginning of the text, whatever time and zone follow it. Numbers are estimates, and floating-point.

    Arguments: value, an SQL expression of type text; data_type: text, double, bigint or date. Example: `market_value('"Rent"', 'double')`
#}
{% macro market_value(value, data_type) -%}
    {%- if data_type == 'text' -%}
        {{ value }}
    {%- elif data_type == 'double' -%}
        case
            when regexp_full_match({{ value }}, '\s*[-+]?[$]?(\d{1,3}(,\d{3})+|\d+)?([.]\d*)?([eE][-+]?\d{1,2})?\s*%?\s*')
                then try_cast(regexp_replace({{ value }}, '[$,%\s]', '', 'g') as double)
        end
    {%- elif data_type == 'bigint' -%}
        case
            when regexp_full_match({{ value }}, '\s*\d{1,18}\s*') then try_cast(trim({{ value }}) as bigint)
            when {{ market_value(value, 'double') }} = floor({{ market_value(value, 'double') }}) then try_cast({{ market_value(value, 'double') }} as bigint)
        end
    {%- elif data_type == 'date' -%}
        coalesce(
            try_cast(regexp_extract({{ value }}, '^\s*(\d{4}-\d{2}-\d{2})([T ].*)?$', 1) as date),
            try_strptime(regexp_extract({{ value }}, '^\s*(\d{1,2}/\d{1,2}/\d{4}|\d{4}/\d{2}/\d{2})([ ,].*)?$', 1), ['%m/%d/%Y', '%Y/%m/%d'])::date
        )
    {%- else -%}
        {{ exceptions.raise_compiler_error("market_value: unknown data_type '" ~ data_type ~ "'. Use text, double, bigint or date.") }}
    {%- endif -%}
{%- endmacro %}
