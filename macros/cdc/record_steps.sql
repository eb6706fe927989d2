{#
    The common table expressions that end in `steps`: what is left of a record's results when those that change nothing are
    dropped, each with the time it took effect and the version it made. docs/contract.md, sections 4 and 5.

    Expects the expression judged. A step is a put or a delete; only puts have a version.
#}
{% macro record_steps() -%}
    compared as (
        select
            *,
            lag(is_put) over record as was_put,
            lag(image) over record as previous_image
        from judged
        where not is_stale
        window record as (partition by _organization_id, id order by batch_order)
    ),

    -- The first snapshot may be written after the change files it precedes: it took place before the next step.
    dated as (
        select
            *,
            case
                when is_first_snapshot then least(_batch_at, lead(_batch_at) over record - interval 1 millisecond)
                else _batch_at
            end as happened_at
        from compared
        where case when is_put then not coalesce(was_put, false) or image <> previous_image else coalesce(was_put, false) end
        window record as (partition by _organization_id, id order by batch_order)
    ),

    -- The row's own time is believed when it lies after the record's previous batch and not after its own.
    timed as (
        select
            *,
            case
                when event_at <= happened_at and (lag(happened_at) over record is null or event_at > lag(happened_at) over record) then event_at
                else happened_at
            end as took_effect_at
        from dated
        window record as (partition by _organization_id, id order by batch_order)
    ),

    steps as (
        select
            _file_id,
            _row_number,
            is_put,
            case when is_put then took_effect_at end as valid_from,
            case when is_put then lead(took_effect_at) over record end as valid_to,
            case when is_put then is_soft_deleted end as is_soft_deleted,
            case
                when not is_put then null
                when kind = 'snapshot' then 'snapshot'
                when not coalesce(was_put, false) then 'insert'
                when batch_has_delete then 'replace'
                else 'update'
            end as change_type,
            case
                when is_put then count(case when is_put then 1 end) over (
                    partition by _organization_id, id order by batch_order rows unbounded preceding
                )
            end as version_number
        from timed
        window record as (partition by _organization_id, id order by batch_order)
    )
{%- endmacro %}
