{{ config(materialized='table', schema='audit') }}
-- A change of a unit without a day of its own has its job's last one.
{% for report, column, reason in [('property', 'report_generation_date', 'no day'), ('floorplans', 'report_generation_date', 'no day'), ('units', 'unit', 'no unit')] -%}
select
    '{{ report }}' as report,
    _job_id,
    case when property_id is null then 'no property' else '{{ reason }}' end as reason,
    count(*) as row_count,
    min(_row_number) as first_row
from {{ ref('stg_market__' ~ report) }}
where property_id is null or {{ column }} is null
group by all
{{ 'union all' if not loop.last }}
{% endfor %}
