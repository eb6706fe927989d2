{{ config(unique_key=['property_id', 'report_date']) }}
with delivered as (
    {{ market_news(rows=ref('stg_market__property'), day='report_generation_date', existing=this) }}
)

-- Of several exports of one day, the one that was asked for last; of several rows in it, the last.
select property_id, report_generation_date as report_date, * exclude (property_id, report_generation_date, _job_end_date)
from delivered
qualify row_number() over (partition by property_id, report_generation_date order by _asked_at desc, _load_number desc, _row_number desc) = 1
