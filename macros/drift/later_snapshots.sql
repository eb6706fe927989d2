{#
    One row per file of a snapshot that arrived on top of a feed: not a topic's first, and change files had come before it.

    In full-load mode there are none: a snapshot is then the news itself, and nothing is to be compared with it.

    Arguments: files, `ref` of audit.files.
    Example: `{{ later_snapshots(files=ref('files')) }}`
#}
{% macro later_snapshots(files) -%}
    select
        topic,
        organization_id as _organization_id,
        _file_id,
        batch_at as _batch_at
    from (
        select
            *,
            -- One id for one snapshot, as the staged ledger has it: the file itself, or the snapshot whose numbered part it is.
            (coalesce(snapshot_number, 0), case when snapshot_number is null then _file_id else 0 end) as batch_id
        from {{ files }}
        where status = 'loaded' and row_count is not null and kind = 'snapshot'
        qualify batch_id <> first(batch_id) over (partition by organization_id, topic order by batch_at, batch_id)
    ) as snapshots
    semi join (
        select organization_id, topic, min(batch_at) as feeds_since from {{ files }}
        where status = 'loaded' and kind = 'change'
        group by organization_id, topic
    ) as feeds
        on snapshots.organization_id = feeds.organization_id
        and snapshots.topic = feeds.topic
        and snapshots.batch_at > feeds.feeds_since
{%- endmacro %}
