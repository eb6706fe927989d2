{{ config(unique_key=['property_id', 'report_date']) }}
with delivered as (
    {{ market_news(rows=ref('stg_market__floorplans'), day='report_generation_date', existing=this) }}
),

-- Of several exports of one day, the one that was asked for last, whole: a plan that it does not have is not there any more.
newest as (
    select
        property_id,
        report_generation_date as report_date,
        concat_ws(' / ', coalesce(floor_plan_name, '-'), coalesce(beds::varchar, '-'), coalesce(baths::varchar, '-'), coalesce(avg_sq_ft::varchar, '-')) as plan_key,
        * exclude (property_id, report_generation_date, _job_end_date)
    from delivered
    qualify rank() over (partition by property_id, report_generation_date order by _asked_at desc, _load_number desc) = 1
)

-- The vendor repeats rows.
select * from newest
qualify row_number() over (partition by property_id, report_date, plan_key order by _row_number desc) = 1
