{#
    Whether a job's shares came as fractions or in percent: one row per job and share column that it filled, with what decided.

    Decided per file and column (docs/decisions/0025-fractions-and-percents.md), by the median of the values that are not zero:
    over 1.5, percent. Else a `level` (occupancy, leased) is a fraction. Else, below 0.2, a fraction. In between, as the file's levels; without
    any, by the header's form: `%` is percent, `_pct` a fraction. A `%` behind the values themselves decides at once.

    Arguments: report, literal; relation, its source.
#}
{% macro market_scales(report, relation) -%}
    {%- set shares = market_columns(report) | selectattr('share') | selectattr('delivered') | list -%}
    {%- if not shares -%}
    select null::varchar as _job_id, null::varchar as column_name, null::varchar as header, null::double as median, null::varchar as scale, null::varchar as reason
    where false
    {%- else -%}
    with looked_at as (
        {%- for column in shares %}
        {%- for raw_name in column.delivered %}
        select
            _job_id,
            '{{ column.name }}' as column_name,
            {{ market_literal(raw_name) }} as header,
            {{ (column.share == 'level') | string | lower }} as is_level,
            median(nullif(abs({{ market_value(market_identifier(raw_name), 'double') }}), 0)) as median,
            coalesce(bool_or({{ market_identifier(raw_name) }} like '%\%%' escape '\'), false) as has_signs
        from {{ relation }}
        where {{ market_identifier(raw_name) }} is not null
        group by _job_id
        {%- if not loop.last %} union all {% endif -%}
        {%- endfor %}
        {%- if not loop.last %}
        union all
        {%- endif %}
        {%- endfor %}
    ),

    levels as (
        select _job_id, max(median) filter (is_level) > 1.5 as levels_are_percent from looked_at group by _job_id
    ),

    decided as (
        select
            *,
            case
                when has_signs then 'percent: the values bear the sign'
                when median > 1.5 then 'percent: the median is over 1.5'
                when median is null then 'fraction: nothing but zeros'
                when is_level then 'fraction: the median is at most 1.5'
                when median < 0.2 then 'fraction: the median is below 0.2'
                when levels_are_percent then 'percent: as the occupancy of the same file'
                when not levels_are_percent then 'fraction: as the occupancy of the same file'
                when contains(header, '%') then 'percent: by the header'
                else 'fraction: by the header'
            end as reason
        from looked_at
        inner join levels using (_job_id)
    )

    select _job_id, column_name, header, median, split_part(reason, ':', 1) as scale, reason from decided
    {%- endif -%}
{%- endmacro %}


{# A name from a file as an SQL text. #}
{% macro market_literal(text) -%}
    '{{ text | replace("'", "''") }}'
{%- endmacro %}


{# A name from a file as an SQL identifier. #}
{% macro market_identifier(name) -%}
    "{{ name | replace('"', '""') }}"
{%- endmacro %}
