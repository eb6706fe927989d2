{#
    Spark's casts of text. A number with an exponent or a point is no bigint to it, and a word between any blanks a boolean; what follows a
    whole JSON document it does not read, hence the two brackets.
#}
{% macro spark__cast_text(value, data_type) -%}
    {%- if data_type == 'timestamptz' -%}
        cast(try_cast({{ value }} as timestamp_ltz) as timestamp_ntz)
    {%- elif data_type == 'boolean' -%}
        case when trim({{ value }}) rlike r'^\w+\z' then try_cast({{ value }} as boolean) end
    {%- elif data_type == 'bigint' -%}
        try_cast(round(try_cast({{ value }} as decimal(38, 15))) as bigint)
    {%- elif data_type == 'json' -%}
        case
            when try_parse_json('[' || {{ value }} || ']') is not null and try_parse_json('{"a":' || {{ value }} || '}') is not null
                then regexp_replace({{ value }}, r'("[^"\\]*+(?:\\.[^"\\]*+)*+")|\s+', '$1')
        end
    {%- else -%}
        try_cast({{ value }} as {{ data_type }})
    {%- endif -%}
{%- endmacro %}
