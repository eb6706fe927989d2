{#
    How far each topic of each organization is: one row for each that was ever delivered, with its last file and the time up to
    which its tables are complete. docs/decisions/0015-freshness.md.

    A file that waits (quarantined or held) leaves a hole at its place in the order, and nothing from there on is complete. A
    snapshot, or a part of one, that waits with none of its name loaded before it stands before every change file.

    Arguments: files, `ref` of audit.files, or the loader's own ledger.
    Example: `select organization_id, topic, complete_until from ({{ watermarks(files=ref('files')) }})`
#}
{% macro watermarks(files) -%}
    with placed as (
        select
            *,
            status = 'loaded' as is_counting,
            status in ('quarantined', 'held') as is_waiting,
            kind = 'snapshot' and batch_at = min(batch_at) filter (where kind = 'snapshot' and status = 'loaded') over topics as is_first_snapshot,
            kind = 'snapshot' and batch_at < coalesce(min(batch_at) filter (where status = 'loaded') over stems, {{ end_of_time() }}) as precedes_all
        from {{ files }}
        window
            topics as (partition by organization_id, topic),
            stems as (partition by organization_id, topic, kind, split_part(file_name, '.', 1))
    ),

    holes as (
        select
            organization_id,
            topic,
            bool_or(precedes_all) as is_from_the_start,
            min(batch_at) as begins_at
        from placed
        where is_waiting
        group by organization_id, topic
    ),

    reached as (
        select
            placed.organization_id,
            placed.topic,
            any_value(holes.is_from_the_start) as is_from_the_start,
            any_value(holes.begins_at) as hole_at,
            count(*) filter (where is_counting) as files,
            count(*) filter (where is_waiting) as waiting_files,
            max_by(file_name, (not is_first_snapshot, batch_at, _file_id)) filter (where is_counting) as last_file,
            max(batch_at) filter (where is_counting and is_first_snapshot) as first_snapshot_at,
            max(batch_at) filter (where is_counting and not is_first_snapshot) as last_change_at,
            max(batch_at) filter (where is_counting and not is_first_snapshot and batch_at < holes.begins_at) as last_before_hole_at
        from placed
        left join holes using (organization_id, topic)
        group by placed.organization_id, placed.topic
    )

    -- The first snapshot comes before every change file, whenever it was written: its time counts where it stands alone.
    select
        organization_id,
        topic,
        files,
        waiting_files,
        last_file,
        coalesce(last_change_at, first_snapshot_at) as last_batch_at,
        case
            when hole_at is null then coalesce(last_change_at, first_snapshot_at)
            when is_from_the_start then null
            when last_before_hole_at is not null or first_snapshot_at < hole_at then coalesce(last_before_hole_at, first_snapshot_at)
            when first_snapshot_at is not null then hole_at - interval 1 millisecond
        end as complete_until
    from reached
{%- endmacro %}
