{{ config(unique_key=['property_id', 'unit', 'change_date']) }}
with dated as (
    select * replace (coalesce(last_change_date, report_generation_date, _job_end_date) as last_change_date)
    from {{ ref('stg_market__units') }}
    where unit is not null
),

delivered as (
    {{ market_news(rows='dated', day='last_change_date', existing=this) }}
)

-- Of several exports of one change, the one that was asked for last; of several rows in it, the last.
select
    property_id,
    unit,
    last_change_date as change_date,
    * exclude (property_id, unit, last_change_date, _job_end_date),
    coalesce(date_available > last_change_date + interval 2 year, false) as is_date_available_odd
from delivered
qualify row_number() over (partition by property_id, unit, last_change_date order by _asked_at desc, _load_number desc, _row_number desc) = 1
