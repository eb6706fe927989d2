with versions as (
    select
        *,
        status = 'loaded' as is_counting,
        kind = 'snapshot' and regexp_matches(file_name, '^LOAD[0-9A-Fa-f]+[.]') as is_part
    from {{ source('fortress', '_files') }}
    where status in ('loaded', 'superseded') and row_count is not null
),

batches as (
    select
        *,
        case
            when is_part then min(_file_id) over (partition by organization_id, topic, is_counting, is_part, batch_at)
            else _file_id
        end as batch_id
    from versions
),

placed as (
    select
        *,
        kind = 'snapshot' and batch_id = first(batch_id) over (
            partition by organization_id, topic, is_counting, kind order by batch_at, batch_id
        ) as is_first_snapshot,
        coalesce(
            lead(batch_at) over (partition by organization_id, topic, is_counting, is_part, split_part(file_name, '.', 1) order by batch_at, _file_id),
            'infinity'::timestamp
        ) as part_stands_until
    from batches
)

select
    _file_id,
    organization_id as _organization_id,
    topic,
    file_name,
    kind,
    batch_at as _batch_at,
    is_counting,
    is_part,
    is_first_snapshot,
    part_stands_until,
    -- The order of docs/contract.md, section 2: the first snapshot; then by time, a snapshot before a change file of its instant.
    dense_rank() over (
        partition by organization_id, topic, is_counting
        order by is_first_snapshot desc, batch_at, kind desc, case when kind = 'change' then file_name end, batch_id
    ) as batch_order
from placed
