{#
    A moment as a UTC timestamp, the same in every session. DuckDB's cast of a text ignores its offset, and that of a `timestamptz`
    such as `now()` gives the time on the session's own wall clock.

    Arguments: expression, SQL of type text, date, timestamp or timestamptz.
    Example: `where valid_from < {{ utc_moment('now()') }}`
#}
{% macro utc_moment(expression) -%}
    case
        when typeof({{ expression }}) = 'TIMESTAMP WITH TIME ZONE' or regexp_matches({{ expression }}::varchar, ':\d\d.*[+-]\d\d(:?\d\d)?\s*$')
            then make_timestamp(epoch_us({{ expression }}::timestamptz))
        else {{ expression }}::timestamp
    end
{%- endmacro %}


{# What a user of as_of or changes_between wrote: ISO 8601 text becomes a literal, anything else is SQL already. #}
{% macro as_expression(moment) -%}
    {{ "'" ~ moment ~ "'" if modules.re.fullmatch("\\d{4}-\\d{2}-\\d{2}[^']*", moment | string) else moment }}
{%- endmacro %}
