with watermarks as (
    {{ watermarks(files=ref('files').include(database=false)) }}
),

cadences as (
    {{ cadences(files=ref('files').include(database=false)) }}
),

topics as (
    select
        *,
        max(last_batch_at) over (partition by organization_id) as organization_last_batch_at,
        max(last_batch_at) over (partition by organization_id) > last_delivery_at + cadence * 1.5 as is_overdue
    from watermarks
    inner join cadences using (organization_id, topic)
),

-- A topic that is not overdue may just have nothing to say.
reaches as (
    select
        *,
        case when waiting_files > 0 or is_overdue then complete_until else organization_last_batch_at end as complete_if_quiet_until
    from topics
)

select
    organization_id,
    topic,
    files,
    last_file,
    last_batch_at,
    organization_last_batch_at - last_batch_at as lag,
    cadence,
    last_delivery_at + cadence as next_expected_at,
    is_overdue,
    gaps,
    missing_deliveries,
    latest_gap_from,
    latest_gap_to,
    waiting_files,
    complete_until,
    -- Null, if one of them is: min leaves nulls out.
    case when count(*) over organization = count(complete_until) over organization
        then min(complete_until) over organization end as organization_complete_until,
    case when count(*) over organization = count(complete_if_quiet_until) over organization
        then min(complete_if_quiet_until) over organization end as organization_complete_if_quiet_until
from reaches
window organization as (partition by organization_id)
