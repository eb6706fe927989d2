{{ config(materialized='table', schema='audit') }}
{% for report in ['property', 'units', 'floorplans'] -%}
select '{{ report }}' as report, _job_id, column_name, header, median, scale, reason from {{ ref('stg_market__' ~ report ~ '_scales') }}
{{ 'union all' if not loop.last }}
{% endfor %}
