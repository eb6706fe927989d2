{#
    Where a later snapshot and the record before it differ: one row per record and column (`different`), or per record that the
    feed had never delivered (`missing_in_feed`) or had deleted (`deleted_in_feed`) and the snapshot holds, or that the snapshot
    lacks (`missing_in_snapshot`). What the snapshot cannot have seen is left out, as docs/contract.md, section 4, leaves it alone.

    All of it stands in the change log: a snapshot's row that made a version is one that the feed did not agree with.

    Arguments: topic, literal; changes, `ref` of its change log; snapshots, a relation of `later_snapshots`.
    Example: `{{ snapshot_drift(topic='units', changes=ref('units_changes'), snapshots='later_snapshots') }}`
#}
{% macro snapshot_drift(topic, changes, snapshots='later_snapshots') -%}
    {%- set names = topic_columns(topic) | map(attribute='name') | list -%}
    {%- set nothing = struct_of({'column_name': 'null::string', 'feed_value': 'null::string', 'snapshot_value': 'null::string'}) -%}
    {%- set compared = [] -%}
    {%- for name in names -%}
        {%- set fields = {'column_name': "'" ~ name | replace("'", "''") ~ "'"} -%}
        {%- do fields.update({'feed_value': 'known.' ~ adapter.quote(name) ~ '::string', 'snapshot_value': 'shown.' ~ adapter.quote(name) ~ '::string'}) -%}
        {%- do compared.append(struct_of(fields)) -%}
    {%- endfor -%}
    with snapshots as (
        select * from {{ snapshots }} where topic = '{{ topic }}'
    ),

    taken_over as (
        select
            shown._organization_id,
            shown.id,
            case
                when known.id is null then 'missing_in_feed'
                when known.valid_to < shown.valid_from then 'deleted_in_feed'
                else 'different'
            end as kind,
            {{ column_or_null('updated_at', names, 'shown.') }} as updated_at,
            shown._file_id,
            shown._row_number,
            shown._batch_at,
            case when known.valid_to = shown.valid_from then {{ list_of(compared) }} else {{ list_of([nothing]) }} end as columns
        from {{ changes }} as shown
        semi join snapshots using (_file_id)
        left join {{ changes }} as known
            on shown._organization_id = known._organization_id
            and shown.id = known.id
            and shown.version_number = known.version_number + 1
        where shown.version_number is not null
    ),

    lacking as (
        select
            known._organization_id,
            known.id,
            min(snapshots._file_id) as _file_id,
            known.valid_to as _batch_at
        from {{ changes }} as known
        inner join snapshots on known._organization_id = snapshots._organization_id and known.valid_to = snapshots._batch_at
        anti join {{ changes }} as next_version
            on known._organization_id = next_version._organization_id
            and known.id = next_version.id
            and known.valid_to = next_version.valid_from
        -- A D that took effect at that very moment is the feed's own word.
        anti join (
            select _organization_id, id, _batch_at as deleted_at from {{ changes }} where _op = 'D' and outcome = 'applied'
            union all
            select _organization_id, id, {{ column_or_null('deleted_at', names) }} from {{ changes }} where _op = 'D' and outcome = 'applied'
        ) as deletes
            on known._organization_id = deletes._organization_id and known.id = deletes.id and known.valid_to = deletes.deleted_at
        where not known.is_deleted
        group by known._organization_id, known.id, known.valid_to
    ),

    drift as (
        select _organization_id, id, kind, updated_at, _file_id, _row_number, _batch_at, {{ rows_of('columns') }} from taken_over
        union all
        select _organization_id, id, 'missing_in_snapshot', null, _file_id, null, _batch_at, null, null, null from lacking
    ),

    brought_later as (
        select distinct drift._organization_id, drift.id, drift.kind, drift._file_id, drift._batch_at
        from drift
        inner join {{ changes }} as later
            on drift._organization_id = later._organization_id
            and drift.id = later.id
            and drift._batch_at <= later._batch_at
        where
            later.outcome <> 'revised'
            and later._file_id not in (select _file_id from snapshots)
            and case
                when drift.kind = 'missing_in_snapshot' then later._op = 'D'
                else later._op <> 'D' and {{ column_or_null('updated_at', names, 'later.') }} = drift.updated_at
            end
    )

    select
        '{{ topic }}' as topic,
        drift._organization_id,
        drift.id,
        drift.kind,
        drift.column_name,
        drift.feed_value,
        drift.snapshot_value,
        brought_later.id is not null as is_brought_later,
        drift._file_id,
        drift._row_number,
        drift._batch_at
    from drift
    left join brought_later using (_organization_id, id, kind, _file_id, _batch_at)
    where drift.kind <> 'different' or drift.feed_value is distinct from drift.snapshot_value
{%- endmacro %}
