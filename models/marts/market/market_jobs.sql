{{ config(materialized='table', schema='audit') }}
select
    job_id,
    report,
    format,
    start_date,
    end_date,
    len(property_ids) as properties,
    state,
    message,
    asked_at,
    created_at,
    loaded_at,
    load_number,
    size_bytes,
    sha256,
    row_count
from {{ ref('stg_market__jobs') }}
