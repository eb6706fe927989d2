with versions as (
    select
        *,
        status = 'loaded' as is_counting,
        snapshot_number is not null as is_part,
        -- One batch, one id, in order of arrival: the file itself, or the snapshot whose numbered part it is.
        (coalesce(snapshot_number, 0), case when snapshot_number is null then _file_id else 0 end) as batch_id
    from {{ source('fortress', '_files') }}
    where status in ('loaded', 'superseded') and row_count is not null
),

placed as (
    select
        *,
        kind = 'snapshot' and batch_id = first(batch_id) over (
            partition by organization_id, topic, is_counting, kind order by batch_at, batch_id
        ) as is_first_snapshot,
        coalesce(
            lead(batch_at) over (partition by organization_id, topic, is_counting, is_part, split_part(file_name, '.', 1) order by batch_at, _file_id),
            {{ end_of_time() }}
        ) as part_stands_until
    from versions
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
