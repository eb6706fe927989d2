{#
    Of a staging model, the rows that a daily table has to look at: all of them when it is built anew; else those of every property and
    day that an export speaks of which the table has not seen, from whichever export they are.

    Arguments: rows, the staging model; day, its column with the day; existing, the table itself (`this`).
    Example: `{{ market_news(ref('stg_market__property'), 'report_generation_date', this) }}`
#}
{% macro market_news(rows, day, existing) -%}
    select * from {{ rows }}
    where
        property_id is not null
        and {{ day }} is not null
        {%- if is_incremental() %}
        and (property_id, {{ day }}) in (
            select (property_id, {{ day }}) from {{ rows }} where _load_number > (select coalesce(max(_load_number), 0) from {{ existing }})
        )
        {%- endif %}
{%- endmacro %}
