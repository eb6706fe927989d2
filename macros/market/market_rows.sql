{#
    Every delivered row of a market report, typed, its shares as fractions: the whole body of a staging model.

    Adapts to what was delivered, as typed_rows does: expected columns are always there, unexpected ones follow, and without any market
    data there are no rows. `_delivered_as_percent` lists the columns of the row that were divided by 100; a share beyond 1.5, or below
    0, is null here and in `_cast_failures`.

    Arguments: report, literal; relation, its source; jobs, the staging model of the ledger.
#}
{% macro market_rows(report, relation, jobs) -%}
    {%- set columns = market_columns(report) -%}
    {%- set is_there = columns | selectattr('delivered') | list | length > 0 -%}
    {%- set shares = columns | selectattr('share') | list -%}
    {%- set typed = columns | rejectattr('data_type', 'eq', 'text') | list -%}
    with scales as (
        select _job_id, list(distinct column_name order by column_name) filter (scale = 'percent') as percent_columns
        from ({{ market_scales(report, relation) }})
        group by _job_id
    ),

    delivered as (
        select
            {%- for column in columns %}
            {{ delivered_text(column) if is_there else 'null::varchar' }} as {{ adapter.quote('text of ' ~ column.name) }},
            {%- endfor %}
            _job_id,
            _row_number
        from {{ relation if is_there else '(select null::varchar as _job_id, null::bigint as _row_number where false)' }}
    ),

    typed as (
        select
            {%- for column in columns %}
            {{ market_value(adapter.quote('text of ' ~ column.name), column.data_type) }} as {{ adapter.quote(column.name) }},
            {%- endfor %}
            delivered.*,
            coalesce(scales.percent_columns, []::varchar[]) as _delivered_as_percent
        from delivered
        left join scales using (_job_id)
    ),

    scaled as (
        select
            {%- if shares %}
            typed.* replace (
                {%- for column in shares %}
                {{ market_share(column.name) }} as {{ adapter.quote(column.name) }}{{ ',' if not loop.last }}
                {%- endfor %}
            )
            {%- else %}
            typed.*
            {%- endif %}
        from typed
    ),

    checked as (
        select *, {{ failed_casts(typed) }} as _cast_failures from scaled
    )

    select
        checked.* exclude (_job_id, _row_number, _delivered_as_percent, _cast_failures
            {%- for column in columns %}, {{ adapter.quote('text of ' ~ column.name) }}{% endfor %})
        replace (
            coalesce(checked.property_id, case when len(jobs.property_ids) = 1 then jobs.property_ids[1] end) as property_id,
            coalesce(checked.report_generation_date, case when jobs.start_date = jobs.end_date then jobs.start_date end) as report_generation_date
        ),
        checked._job_id,
        checked._row_number,
        jobs.asked_at as _asked_at,
        jobs.load_number as _load_number,
        jobs.end_date as _job_end_date,
        checked._delivered_as_percent,
        checked._cast_failures
    from checked
    inner join {{ jobs }} as jobs on checked._job_id = jobs.job_id
{%- endmacro %}


{# A share as a fraction, null where it can be none. #}
{% macro market_share(name) -%}
    {%- set fraction = 'case when list_contains(_delivered_as_percent, ' ~ market_literal(name) ~ ') then ' ~ adapter.quote(name) ~ ' / 100 else ' ~ adapter.quote(name) ~ ' end' -%}
    case when {{ fraction }} between 0 and 1.5 then {{ fraction }} end
{%- endmacro %}
