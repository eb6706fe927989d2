{#
    The common table expressions `later_snapshots` (one row per snapshot after the first, with its high-water mark) and
    `absences` (one row per record and later snapshot that has no row of it, though the record was known before).

    A part of a snapshot that was not delivered again still stands: a record it holds is not absent. docs/contract.md,
    section 1 (parts; what vanishes deletes nothing) and section 4 (later snapshots).

    Expects the expressions files, placed, survivors and snapshot_rows.
#}
{% macro absences() -%}
    later_snapshots as (
        select
            files._organization_id,
            files.batch_order,
            files._batch_at,
            files.is_part,
            coalesce(max(snapshot_rows.updated_at), files._batch_at) as high_water_mark
        from files
        left join snapshot_rows using (_file_id)
        where files.is_counting and files.kind = 'snapshot' and not files.is_first_snapshot {{- worked_out_once('and') }}
        group by files._organization_id, files.batch_order, files._batch_at, files.is_part
    ),

    standing_files as (
        select
            later_snapshots._organization_id,
            later_snapshots.batch_order,
            files._file_id
        from later_snapshots
        inner join files
            on later_snapshots._organization_id = files._organization_id
            and files.is_counting
            and files.kind = 'snapshot'
            and (
                later_snapshots.batch_order = files.batch_order
                or (
                    later_snapshots.is_part
                    and files.is_part
                    and files._batch_at <= later_snapshots._batch_at
                    and files.part_stands_until > later_snapshots._batch_at
                )
            )
    ),

    absences as (
        select
            records._organization_id,
            records.id,
            later_snapshots._batch_at,
            later_snapshots.batch_order
        from (
            select _organization_id, id, min(batch_order) as first_batch from survivors group by _organization_id, id
        ) as records
        inner join later_snapshots
            on records._organization_id = later_snapshots._organization_id
            and records.first_batch < later_snapshots.batch_order
        anti join (
            select placed._organization_id, placed.id, standing_files.batch_order
            from placed
            inner join standing_files using (_file_id)
        ) as present
            on records._organization_id = present._organization_id
            and records.id = present.id
            and later_snapshots.batch_order = present.batch_order
    )
{%- endmacro %}
